/* packages: files of Debian packages, fetched and verified by the machine's own apt, unpacked by this program: no
 * maintainer script is run. See part.h. */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/path.h"
#include "node/build/part.h"
#include "node/image/deb.h"

#define APT_MS 600000
#define PACKAGE_DIR "packages"
#define COPY_MAX (64u << 20) /* bytes of one file of a package */

/* One package under way. */
struct unpack {
	struct build *b;
	struct origin origin;
	struct buf bytes; /* of the file that comes */
	struct root_file file;
	bool wanted;
	struct err *e;
};

/* Documentation has no reader on a node. */
static bool left_out(struct str path)
{
	return path_under(path, STR("usr/share/doc")) || path_under(path, STR("usr/share/man")) ||
	       path_under(path, STR("usr/share/lintian")) || path_under(path, STR("usr/share/locale")) ||
	       path_under(path, STR("usr/share/info"));
}

static int take_entry(void *ctx, const struct tar_entry *t, struct err *e)
{
	struct unpack *u = ctx;

	u->wanted = false;
	if (t->bad_name)
		return err_set(e, -EBADMSG, "a name that cannot be");
	if (!t->path.n || left_out(t->path))
		return 0;
	if (t->mode & 07000 && t->type != TAR_DIR)
		return err_set(e, -EPERM, "/" STR_FMT ": a set-user-id file, there are none on a node",
			       STR_ARG(t->path));
	u->file = (struct root_file){ .path = arena_str(&u->b->arena, t->path),
				      .mode = t->mode & 0777,
				      .origin = u->origin };
	switch (t->type) {
	case TAR_DIR:
		u->file.directory = true;
		return root_put(u->b, &u->file, e);
	case TAR_SYMLINK:
		u->file.link = arena_str(&u->b->arena, t->link);
		return root_put(u->b, &u->file, e);
	case TAR_FILE:
		if (t->size > COPY_MAX)
			return err_set(e, -E2BIG, "/" STR_FMT ": larger than %u bytes", STR_ARG(t->path), COPY_MAX);
		buf_init(&u->bytes, COPY_MAX);
		u->wanted = true;
		return 1;
	case TAR_HARDLINK:
	case TAR_CHAR:
	case TAR_BLOCK_DEVICE:
	case TAR_FIFO:
	case TAR_OTHER:
		break;
	}
	return err_set(e, -ENOTSUP, "/" STR_FMT ": a device, a fifo or a hard link", STR_ARG(t->path));
}

static int take_data(void *ctx, uint64_t offset, const uint8_t *p, size_t n, struct err *e)
{
	struct unpack *u = ctx;
	static const char zero[4096];

	while (u->bytes.n < offset && !u->bytes.full)
		buf_add(&u->bytes, zero,
			offset - u->bytes.n < sizeof(zero) ? (size_t)(offset - u->bytes.n) : sizeof(zero));
	buf_add(&u->bytes, p, n);
	return buf_finish(&u->bytes) < 0 ? err_set(e, -E2BIG, "a file of more than %u bytes", COPY_MAX) : 1;
}

static int take_end(void *ctx, struct err *e)
{
	struct unpack *u = ctx;
	int r;

	if (!u->wanted)
		return 0;
	u->file.bytes = arena_str(&u->b->arena, buf_all(&u->bytes));
	buf_done(&u->bytes);
	r = root_put(u->b, &u->file, e);
	return r;
}

/* "Name: value" of the control paragraph. */
static const char *field(struct build *b, struct str control, const char *name)
{
	for (struct str line; str_cut(&control, '\n', &line);) {
		struct str key, value;

		if (str_split(line, ':', &key, &value) && str_is(key, name))
			return arena_str(&b->arena, str_trim(value)).p;
	}
	return "";
}

static int read_control(struct build *b, int fd, const struct deb *d, struct node_package *ret, struct err *e)
{
	auto_deb_control struct deb_control c = { 0 };
	int r = deb_control_read(fd, d, &c, e);

	if (r < 0)
		return r;
	*ret = (struct node_package){
		.name = field(b, buf_all(&c.control), "Package"),
		.version = field(b, buf_all(&c.control), "Version"),
		.arch = field(b, buf_all(&c.control), "Architecture"),
		.maintainer = field(b, buf_all(&c.control), "Maintainer"),
	};
	return *ret->name && *ret->version ? 0 : err_set(e, -EBADMSG, "has no name or version");
}

static int unpack(struct build *b, const char *path, struct err *e)
{
	auto_close int fd = fd_open(AT_FDCWD, path, O_RDONLY);
	struct unpack u = { .b = b, .e = e };
	const struct layer_events events = { .ctx = &u, .entry = take_entry, .data = take_data, .end = take_end };
	struct node_package p;
	struct str bytes;
	struct deb d;
	int r = fd < 0 ? err_errno(e, fd, "%s", path) : build_map(b, path, &bytes, e);

	r = r < 0 ? r : deb_parse(bytes, &d, e);
	r = r < 0 ? r : read_control(b, fd, &d, &p, e);
	if (r < 0)
		return r;
	u.origin = (struct origin){ "package", p.name, p.version, p.maintainer, "verified by apt" };
	input_add(b, "package", p.name, p.version, bytes);
	vec_push(&b->packages, p);
	r = deb_walk(fd, &d.data, &events, e);
	buf_done(&u.bytes);
	return r;
}

static int by_name(const struct dirent **x, const struct dirent **y)
{
	return strcmp((*x)->d_name, (*y)->d_name);
}

static int is_package(const struct dirent *d)
{
	return str_ends(str_c(d->d_name), STR(".deb"));
}

static int unpack_all(struct build *b, const char *dir, struct err *e)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_package, by_name), r = n < 0 ? err_errno(e, -errno, "%s", dir) : 0;

	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = unpack(b, arena_fmt(&b->arena, "%s/%s", dir, list[i]->d_name).p, e);
		if (r < 0 && e && !str_starts(str_c(e->msg), str_c(list[i]->d_name)))
			r = err_wrap(e, r, "%s", list[i]->d_name);
		free(list[i]);
		if (r < 0) {
			for (int k = i + 1; k < n; k++)
				free(list[k]);
			break;
		}
	}
	free(list);
	return r;
}

/* apt-get leaves them where it is; it verifies what it fetches against the signed lists. */
static int fetch(struct build *b, const char *dir, struct err *e)
{
	VEC(const char *) argv = { 0 };
	const char *const head[] = { "env",	"--chdir", dir, "apt-get", "-qq", "-o", "APT::Sandbox::User=root",
				     "download" };
	int r;

	for (size_t i = 0; i < ARRAY_LEN(head); i++)
		vec_push(&argv, head[i]);
	for (size_t i = 0; i < b->spec.packages.n; i++)
		vec_push(&argv, b->spec.packages.v[i]);
	vec_push(&argv, NULL);
	r = run_tool(b, "apt.log", argv.v, APT_MS, e);
	vec_done(&argv);
	return r;
}

int build_packages(struct build *b, struct err *e)
{
	const char *dir = part_path(b, PACKAGE_DIR);
	int r;

	if (!b->spec.packages.n)
		return 0;
	say(b, "fetching packages");
	r = dir_make(AT_FDCWD, dir);
	r = r < 0 ? err_errno(e, r, "%s", dir) : fetch(b, dir, e);
	r = r < 0 ? r : unpack_all(b, dir, e);
	return r < 0 ? err_wrap(e, r, "packages") : 0;
}
