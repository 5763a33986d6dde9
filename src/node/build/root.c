/* root: what lies on the verified root, as one file system image with its tree behind it. See part.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "codec/sha256.h"
#include "layer/erofs.h"
#include "node/build/part.h"
#include "node/verity.h"

#define PROGRAM_MODE 0555u
#define STRIP_MS 60000

/* ---- our own files ---- */

/* Programs of this project: where they are on the node, and where they are built or installed. */
static const struct {
	const char *name, *path;
} programs[] = {
	{ "yagura-init", "sbin/yagura-init" },
	{ "yagura-run", "usr/bin/yagura-run" },
	{ "yagura-agent", "usr/bin/yagura-agent" },
};

/* Without an API and pods there is nothing for it to do. */
static bool needs_agent(const struct spec *s)
{
	return s->agent.vsock || s->agent.tcp || s->pods.n;
}

static const char *const program_places[] = { "../libexec/yagura", ".", "../node/init", "../node/agent" };

/* Directories that are mounted over, or that programs expect. The root's own /etc is what the node's begins with. */
static const struct {
	const char *path;
	unsigned int mode;
} directories[] = {
	{ "data", 0755 }, { "dev", 0755 },     { "etc", 0755 }, { "home", 0755 },    { "proc", 0755 },
	{ "run", 0755 },  { "sys", 0755 },     { "tmp", 0755 }, { "var/log", 0755 }, { "usr/lib/yagura", 0755 },
	{ "mnt", 0755 },  { "var/lib", 0755 },
};

/* Texts of every node. The IMA policy is the first file that the kernel loads, which pins LoadPin to the root: what is
 * executed, mapped for execution or loaded is measured and written to the audit log with its digest
 * (Documentation/ABI/testing/ima_policy). */
static const struct {
	const char *path, *text;
} texts[] = {
	{ "usr/lib/yagura/ima-policy", "dont_measure fsmagic=0x9fa0\n"
				       "dont_measure fsmagic=0x62656572\n"
				       "dont_measure fsmagic=0x64626720\n"
				       "dont_measure fsmagic=0x01021994\n"
				       "dont_measure fsmagic=0x858458f6\n"
				       "dont_measure fsmagic=0x1cd1\n"
				       "dont_measure fsmagic=0x73636673\n"
				       "measure func=BPRM_CHECK mask=MAY_EXEC\n"
				       "measure func=MMAP_CHECK mask=MAY_EXEC\n"
				       "measure func=POLICY_CHECK\n"
				       "audit func=BPRM_CHECK mask=MAY_EXEC\n"
				       "audit func=MMAP_CHECK mask=MAY_EXEC\n" },
	{ "etc/passwd", "root:x:0:0:root:/home/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n" },
	{ "etc/group", "root:x:0:\nnogroup:x:65534:\n" },
	{ "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n" },
	/* What capabilities.add of a pod may name: those over a container's own files, users and ports. A file of the
	 * specification that is read later (docs/formats/policy.md) can say otherwise. */
	{ "etc/yagura/run.d/00-node.conf",
	  "strict.capabilities = CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETGID SETPCAP SETUID\n" },
};

static const char *program_find(struct build *b, const char *name)
{
	char self[PATH_BYTES_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));

	for (size_t i = 0; n > 0 && i < ARRAY_LEN(program_places); i++) {
		struct str dir = path_dir(str_n(self, (size_t)n));
		const char *path = arena_fmt(&b->arena, STR_FMT "/%s/%s", STR_ARG(dir), program_places[i], name).p;

		if (access(path, R_OK) == 0)
			return path;
	}
	return NULL;
}

static int put_program(struct build *b, const char *name, const char *path, struct err *e)
{
	struct root_file f = { .path = str_c(path),
			       .mode = PROGRAM_MODE,
			       .origin = { "yagura", name, YAGURA_VERSION, "", "" } };
	const char *from = program_find(b, name), *stripped = part_path(b, name);
	const char *const strip[] = { "strip", "--strip-all", "-o", stripped, from, NULL };
	int r;

	if (!from)
		return err_set(e, -ENOENT, "%s is not installed", name);
	r = run_tool(b, "strip.log", strip, STRIP_MS, e);
	r = r < 0 ? r : build_map(b, stripped, &f.bytes, e);
	if (r < 0)
		return r;
	if (str_find_str(str_head(f.bytes, 4096), STR("/ld-linux")) >= 0)
		return err_set(e, -ENOTSUP, "%s: not a static program, there is no other kind on a node", from);
	input_add(b, "program", name, YAGURA_VERSION, f.bytes);
	return root_put(b, &f, e);
}

static int put_os_release(struct build *b, struct err *e)
{
	const struct spec *s = &b->spec;
	struct str text = arena_fmt(
		&b->arena,
		"ID=yagura\nNAME=\"yagura node\"\nPRETTY_NAME=\"yagura node %s %s\"\nIMAGE_ID=%s\nIMAGE_VERSION=%s\n"
		"VERSION_ID=" YAGURA_VERSION "\n",
		s->name, s->release, s->name, s->release);
	const struct root_file f = { .path = STR("usr/lib/os-release"),
				     .mode = 0444,
				     .bytes = text,
				     .origin = { "yagura", "os-release", YAGURA_VERSION, "", "" } };
	const struct root_file link = { .path = STR("etc/os-release"),
					.mode = 0777,
					.link = STR("../usr/lib/os-release"),
					.origin = { "yagura", "os-release", YAGURA_VERSION, "", "" } };
	int r = root_put(b, &f, e);

	return r < 0 ? r : root_put(b, &link, e);
}

int build_programs(struct build *b, struct err *e)
{
	int r = put_os_release(b, e);

	for (size_t i = 0; i < ARRAY_LEN(directories) && r == 0; i++)
		r = root_put(b,
			     &(struct root_file){ .path = str_c(directories[i].path),
						  .mode = directories[i].mode,
						  .directory = true,
						  .origin = { "yagura", "directory", YAGURA_VERSION, "", "" } },
			     e);
	for (size_t i = 0; i < ARRAY_LEN(texts) && r == 0; i++)
		r = root_put(b,
			     &(struct root_file){ .path = str_c(texts[i].path),
						  .mode = 0444,
						  .bytes = str_c(texts[i].text),
						  .origin = { "yagura", texts[i].path, YAGURA_VERSION, "", "" } },
			     e);
	for (size_t i = 0; i < ARRAY_LEN(programs) && r == 0; i++)
		if (strcmp(programs[i].name, "yagura-agent") != 0 || needs_agent(&b->spec))
			r = put_program(b, programs[i].name, programs[i].path, e);
	return r;
}

/* ---- the image ---- */

static int by_path(const void *x, const void *y)
{
	return str_cmp(((const struct root_file *)x)->path, ((const struct root_file *)y)->path);
}

static int sink_write(void *ctx, uint64_t offset, const void *p, size_t n, struct err *e)
{
	const int *fd = ctx;

	for (size_t done = 0; done < n;) {
		ssize_t w = pwrite(*fd, (const char *)p + done, n - done, (off_t)(offset + done));

		if (w < 0 && errno != EINTR)
			return err_errno(e, -errno, "root.img");
		done += w > 0 ? (size_t)w : 0;
	}
	return 0;
}

static int add_entry(struct erofs *w, const struct build *b, const struct root_file *f, struct err *e)
{
	const struct tar_entry t = {
		.type = f->directory ? TAR_DIR
			: f->link.p  ? TAR_SYMLINK
				     : TAR_FILE,
		.path = f->path,
		.link = f->link,
		.mode = f->mode,
		.size = f->bytes.n,
		.mtime = (int64_t)b->time,
	};
	int r = erofs_entry(w, &t, e);

	if (r <= 0)
		return r;
	r = f->bytes.n ? erofs_data(w, 0, (const uint8_t *)f->bytes.p, f->bytes.n, e) : 0;
	return r < 0 ? r : erofs_end(w, e);
}

static int write_files(struct build *b, int fd, uint64_t *ret_bytes, struct err *e)
{
	const struct erofs_sink sink = { &fd, sink_write };
	const struct root_file top = { .mode = 0755, .directory = true };
	struct erofs *w = erofs_new(&sink);
	int r = add_entry(w, b, &top, e);

	for (size_t i = 0; i < b->files.n && r == 0; i++)
		r = add_entry(w, b, &b->files.v[i], e);
	r = r < 0 ? r : erofs_finish(w, ret_bytes, e);
	erofs_free(w);
	if (r == 0 && ftruncate(fd, (off_t)*ret_bytes) < 0)
		r = err_errno(e, -errno, "root.img");
	return r;
}

int build_root(struct build *b, struct err *e)
{
	auto_close int fd = openat(b->part_fd, "root.img", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	char uuid[GPT_UUID_TEXT];
	struct output data;
	int r = fd < 0 ? err_errno(e, -errno, "root.img") : 0;

	say(b, "writing the root");
	qsort(b->files.v, b->files.n, sizeof(*b->files.v), by_path);
	r = r < 0 ? r : write_files(b, fd, &b->root.data_bytes, e);
	r = r < 0 ? r : part_digest(b, "root.img", &data, e);
	if (r < 0)
		return r;
	b->root.salt = data.digest; /* says nothing that the image does not, and differs where it does */
	r = verity_write(fd, b->root.data_bytes, b->root.data_bytes, &b->root.salt, &b->root.hash, e);
	r = r < 0 ? r : part_digest(b, "root.img", &b->root.image, e);
	if (r < 0)
		return r;
	memcpy(b->root.uuid.byte, b->root.hash.byte, sizeof(b->root.uuid.byte));
	b->root.uuid_text = arena_str(&b->arena, str_c(gpt_uuid_text(&b->root.uuid, uuid))).p;
	b->report->root_bytes = b->root.image.size;
	b->report->root_data_bytes = b->root.data_bytes;
	digest_text(&b->root.hash, b->report->root_hash);
	return 0;
}
