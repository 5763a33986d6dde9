/* bootstrap: the tree of a `full` or `minimal` image, by mmdebstrap. See bootstrap.h. */
#include "node/image/bootstrap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/remove.h"
#include "node/image/deb.h"
#include "node/image/documents.h"
#include "node/image/resolve.h"
#include "node/image/store.h"
#include "sandbox/run.h"

#define TIMEOUT_MS (30u * 60 * 1000)
#define INDEX_MAX (64u << 20)
#define WORDS_MAX (1u << 20)
#define COPY_BYTES (256u << 10)
#define NAME_BYTES 512

struct bootstrap {
	const struct lock *l;
	int store;
	char *place; /* a directory of ours, removed at the end */
	int dir;
	struct buf index, includes;
};

/* -------- the repository -------- */

static int file_copy(int from, int dir, const char *name)
{
	auto_close int to = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	auto_free uint8_t *room = xmalloc(COPY_BYTES);
	ssize_t n = 0;
	int r = to < 0 ? -errno : 0;

	while (r == 0 && (n = fd_read(from, room, COPY_BYTES)) > 0)
		r = fd_write(to, room, (size_t)n);
	return n < 0 ? (int)n : r;
}

/* The package's own paragraph, and what an index adds to it. */
static void paragraph_add(struct bootstrap *b, const struct lock_package *p, struct str control, const char *name)
{
	char text[DIGEST_TEXT_MAX];

	buf_str(&b->index, str_trim(control));
	buf_fmt(&b->index, "\nFilename: ./%s\nSize: %llu\nSHA256: %s\n\n", name, (unsigned long long)p->size,
		digest_text(&p->digest, text) + strlen("sha256:"));
}

static int package_add(struct bootstrap *b, const struct lock_package *p, size_t i, struct err *e)
{
	auto_close int fd = store_take(b->store, &p->digest, p->size);
	auto_deb_control struct deb_control control = { 0 };
	char name[64];
	struct deb deb;
	int r;

	if (fd < 0)
		return err_set(e, -ENOENT, "it is not in the store");
	r = deb_open(fd, &(struct deb_name){ p->name, p->version, p->arch }, &deb, &control, e);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "repository/%zu.deb", i);
	paragraph_add(b, p, buf_all(&control.control), name + strlen("repository/"));
	if (!p->essential)
		buf_fmt(&b->includes, "%s" STR_FMT, b->includes.n ? "," : "", STR_ARG(p->name));
	r = file_copy(fd, b->dir, name);
	return r < 0 ? err_errno(e, r, "copying it") : 0;
}

static int repository_make(struct bootstrap *b, struct err *e)
{
	int r = mkdirat(b->dir, "repository", 0755) < 0 ? err_errno(e, -errno, "%s/repository", b->place) : 0;

	buf_init(&b->index, INDEX_MAX);
	buf_init(&b->includes, WORDS_MAX);
	for (size_t i = 0; i < b->l->packages.n && r == 0; i++) {
		const struct lock_package *p = &b->l->packages.v[i];

		r = package_add(b, p, i, e);
		if (r < 0)
			err_wrap(e, r, STR_FMT " " STR_FMT, STR_ARG(p->name), STR_ARG(p->version));
	}
	if (r == 0 && (buf_finish(&b->index) < 0 || buf_finish(&b->includes) < 0))
		r = err_set(e, -E2BIG, "too many packages");
	if (r == 0)
		r = file_write(b->dir, "repository/Packages", buf_all(&b->index), false, e);
	if (r == 0 && fchmodat(b->dir, "repository/Packages", 0644, 0) < 0)
		r = err_errno(e, -errno, "%s/repository", b->place);
	return r;
}

/* -------- mmdebstrap -------- */

/* Debian 12 is merged by whoever installs it: its packages still bring files below /bin, /sbin and /lib. */
static const char merge_hook[] =
	"for d in bin sbin lib lib64; do mkdir -p \"$1/usr/$d\"; ln -s \"usr/$d\" \"$1/$d\"; done";

/* As root it mounts where it runs: there that is nowhere, and goes with its first process, however that ends. */
static const char *const own_namespaces[] = { "unshare",      "--mount",      "--pid", "--fork",
					      "--kill-child", "--mount-proc", NULL };
static const char *const mmdebstrap_words[] = {
	"mmdebstrap", "--quiet", "--variant=essential", "--format=tar", "--dpkgopt=force-unsafe-io", NULL
};

static size_t words_add(const char **argv, size_t n, const char *const *words)
{
	for (; words && *words; words++)
		argv[n++] = *words;
	return n;
}

/* The last line of what a program said. */
static struct str last_words(int log, struct buf *text)
{
	struct str line, last = STR_NONE, rest;

	if (lseek(log, 0, SEEK_SET) < 0 || fd_read_all(log, WORDS_MAX, text, NULL) < 0)
		return last;
	for (rest = buf_all(text); str_cut(&rest, '\n', &line);)
		if (str_starts(line, STR("E: ")) || !last.n)
			last = str_trim(line).n ? line : last;
	return last;
}

static int mmdebstrap_run(struct bootstrap *b, struct err *e)
{
	auto_close int log = memfd_create("yagura", MFD_CLOEXEC);
	auto_buf struct buf text = { 0 };
	char epoch[64], tmp[NAME_BYTES], to[NAME_BYTES], from[NAME_BYTES], hook[sizeof(merge_hook) + 32];
	char *include = NULL;
	const char *argv[24] = { 0 };
	const int fds[] = { -1, log, log };
	struct run run = { .argv = argv, .fds = fds, .fd_count = ARRAY_LEN(fds), .timeout_ms = TIMEOUT_MS };
	size_t n = words_add(argv, 0, geteuid() ? NULL : own_namespaces);
	int status = 0, r;

	if (log < 0)
		return err_errno(e, -errno, "memory");
	snprintf(epoch, sizeof(epoch), "SOURCE_DATE_EPOCH=%lld", (long long)b->l->date);
	snprintf(tmp, sizeof(tmp), "TMPDIR=%s", b->place);
	snprintf(to, sizeof(to), "%s/root.tar", b->place);
	snprintf(from, sizeof(from), "deb [trusted=yes] copy:%s/repository ./", b->place);
	snprintf(hook, sizeof(hook), "--setup-hook=%s", merge_hook);
	argv[n++] = "env";
	argv[n++] = epoch;
	argv[n++] = tmp;
	n = words_add(argv, n, mmdebstrap_words);
	argv[n++] = geteuid() ? "--mode=unshare" : "--mode=root";
	if (b->includes.n) {
		if (asprintf(&include, "--include=" STR_FMT, STR_ARG(buf_all(&b->includes))) < 0)
			return -ENOMEM;
		argv[n++] = include;
	}
	if (b->l->release->merge)
		argv[n++] = hook;
	argv[n++] = ""; /* no suite: the repository is flat */
	argv[n++] = to;
	argv[n++] = from;
	r = run_program(&run, &status, e);
	free(include);
	if (r == 0 && status)
		r = err_set(e, -EIO, "mmdebstrap ended with %d: " STR_FMT, status,
			    STR_ARG(str_head(last_words(log, &text), 250)));
	return r;
}

static int tar_take(struct bootstrap *b, struct tree *t, struct err *e)
{
	struct layer_events events = tree_events(t);
	auto_close int fd = fd_open(b->dir, "root.tar", O_RDONLY);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, fd < 0 ? fd : -errno, "%s/root.tar", b->place);
	t->owner = STR("mmdebstrap");
	r = deb_walk(fd, &(struct deb_member){ 0, (uint64_t)st.st_size }, &events, e);
	t->owner = STR_NONE;
	return r;
}

/* -------- what a machine or a moment left -------- */

static const struct str left_behind[] = {
	STR("dev/*"),
	STR("run/*"),
	STR("tmp/*"),
	STR("proc/*"),
	STR("sys/*"),
	STR("etc/.pwd.lock"),
	STR("etc/*-"), /* passwd-, shadow-: as they were a moment before */
	STR("etc/hostname"),
	STR("etc/machine-id"),
	STR("etc/resolv.conf"),
	STR("etc/apt/sources.list"),
	STR("etc/apt/sources.list.d/*"),
	STR("etc/apt/apt.conf.d/*mmdebstrap"),
	STR("etc/dpkg/dpkg.cfg.d/*mmdebstrap"),
	STR("var/cache/apt/**"),
	STR("var/cache/debconf/*-old"),
	STR("var/cache/ldconfig/*"),
	STR("var/lib/apt/extended_states"),
	STR("var/lib/apt/lists/*"),
	STR("var/lib/dbus/machine-id"),
	STR("var/lib/dpkg/*-old"),
	STR("var/lib/dpkg/lock*"),
	STR("var/lib/dpkg/triggers/Lock"),
	STR("var/lib/systemd/catalog/database"),
	STR("var/log/*.log"),
	STR("var/log/apt/*"),
};

/* sources.list(5) in deb822 style: where the image's own apt finds updates. */
static int sources_put(struct tree *t, const struct lock *l, struct err *e)
{
	auto_buf struct buf b;
	char name[NAME_BYTES];

	buf_init(&b, WORDS_MAX);
	for (size_t i = 0; i < l->suites.n; i++)
		buf_fmt(&b,
			"%sTypes: deb\nURIs: " STR_FMT "\nSuites: " STR_FMT "\nComponents: " STR_FMT
			"\nSigned-By: %s\n",
			i ? "\n" : "", STR_ARG(l->suites.v[i].uri), STR_ARG(l->suites.v[i].suite),
			STR_ARG(l->suites.v[i].components), l->release->keyring);
	snprintf(name, sizeof(name), "etc/apt/sources.list.d/%s.sources", l->release->id);
	return tree_put_file(t, str_c(name), 0644, buf_all(&b), e);
}

static int clean(struct tree *t, const struct lock *l, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(left_behind); i++)
		tree_drop(t, left_behind[i]);
	if (l->variant == VARIANT_MINIMAL)
		documents_drop(t);
	return l->variant == VARIANT_FULL ? sources_put(t, l, e) : 0;
}

static int place_make(struct bootstrap *b, const char *scratch, struct err *e)
{
	if (asprintf(&b->place, "%s/yagura-image-XXXXXX", scratch) < 0)
		return -ENOMEM;
	if (strlen(b->place) > NAME_BYTES / 2 || strchr(b->place, ' '))
		return err_set(e, -ENAMETOOLONG, "%s: too long, or with a space: set TMPDIR", scratch);
	if (!mkdtemp(b->place)) {
		int r = err_errno(e, -errno, "%s", b->place);

		free(take_ptr(b->place));
		return r;
	}
	b->dir = fd_open(AT_FDCWD, b->place, O_RDONLY | O_DIRECTORY);
	/* apt reads the repository as a user of its own, mmdebstrap's namespace has another root */
	if (b->dir < 0 || fchmod(b->dir, 0755) < 0)
		return err_errno(e, b->dir < 0 ? b->dir : -errno, "%s", b->place);
	return 0;
}

int bootstrap_fill(struct tree *t, const struct lock *l, int store, const char *scratch, struct err *e)
{
	struct bootstrap b = { .l = l, .store = store, .dir = -1 };
	int r;

	if (!str_is(l->arch, machine_arch()))
		return err_set(e, -ENOTSUP,
			       "maintainer scripts of " STR_FMT " do not run here: static images can be built",
			       STR_ARG(l->arch));
	r = place_make(&b, scratch, e);
	if (r == 0)
		r = repository_make(&b, e);
	if (r == 0)
		r = mmdebstrap_run(&b, e);
	if (r == 0)
		r = tar_take(&b, t, e);
	if (r == 0)
		r = clean(t, l, e);
	fd_close(&b.dir);
	if (b.place)
		(void)!tree_remove(AT_FDCWD, b.place);
	free(b.place);
	buf_done(&b.index);
	buf_done(&b.includes);
	return r;
}
