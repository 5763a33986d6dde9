/* part: what the parts of the build share. See part.h. */
#include "node/build/part.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "codec/sha256.h"
#include "sandbox/run.h"

#define LOG_TAIL_BYTES 4096
#define TOOL_TEXT_MAX (1u << 20) /* bytes of what a program says that is read */
#define TOOL_MS 120000		 /* for programs whose text is read */
#define DIR_MODE 0755u

struct input *input_add(struct build *b, const char *kind, const char *name, const char *version, struct str bytes)
{
	struct input *in = vec_add(&b->inputs);

	*in = (struct input){ .kind = kind, .name = name, .version = version, .size = bytes.n };
	sha256_of(bytes, &in->digest);
	return in;
}

int build_map(struct build *b, const char *path, struct str *ret, struct err *e)
{
	auto_close int fd = fd_open(AT_FDCWD, path, O_RDONLY);
	struct mapping m = { 0 };
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, fd < 0 ? fd : -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s: no file", path);
	if ((uint64_t)st.st_size > BUILD_FILE_MAX)
		return err_set(e, -E2BIG, "%s: larger than %llu bytes", path, (unsigned long long)BUILD_FILE_MAX);
	if (!st.st_size) {
		*ret = STR("");
		return 0;
	}
	r = mapping_open(fd, &m, e);
	if (r < 0)
		return err_wrap(e, r, "%s", path);
	vec_push(&b->mappings, m);
	*ret = str_n(m.p, m.n);
	return 0;
}

static struct root_file *root_find(struct build *b, struct str path)
{
	for (size_t i = 0; i < b->files.n; i++)
		if (str_eq(b->files.v[i].path, path))
			return &b->files.v[i];
	return NULL;
}

static int put_parents(struct build *b, struct str path, struct err *e)
{
	for (struct str dir = path_dir(path); dir.n; dir = path_dir(dir)) {
		const struct root_file *f = root_find(b, dir);

		if (f && !f->directory)
			return err_set(e, -ENOTDIR, "/" STR_FMT ": lies below a file", STR_ARG(path));
		if (f)
			return 0;
		vec_push(&b->files,
			 ((struct root_file){ .path = dir,
					      .mode = DIR_MODE,
					      .directory = true,
					      .origin = { "yagura", "directory", YAGURA_VERSION, "", "" } }));
	}
	return 0;
}

int root_put(struct build *b, const struct root_file *f, struct err *e)
{
	struct root_file *there = root_find(b, f->path);
	int r;

	if (there && there->directory && f->directory)
		return 0;
	if (there)
		return err_set(e, -EEXIST, "/" STR_FMT ": both %s and %s bring it", STR_ARG(f->path),
			       there->origin.name, f->origin.name);
	if (b->files.n >= BUILD_FILES_MAX)
		return err_set(e, -E2BIG, "more than %u files", BUILD_FILES_MAX);
	r = put_parents(b, f->path, e);
	if (r < 0)
		return r;
	there = vec_add(&b->files);
	*there = *f;
	there->path = arena_str(&b->arena, f->path);
	there->elf = str_starts(f->bytes, STR("\x7f"
					      "ELF"));
	if (!f->directory && !f->link.p)
		sha256_of(f->bytes, &there->digest);
	return 0;
}

/* ---- programs ---- */

/* The last line that is not empty. */
static void last_line(int fd, char *text, size_t size)
{
	char tail[LOG_TAIL_BYTES];
	off_t end = lseek(fd, 0, SEEK_END);
	ssize_t n = fd_pread(fd, tail, sizeof(tail), (uint64_t)(end > LOG_TAIL_BYTES ? end - LOG_TAIL_BYTES : 0));
	struct str rest = str_trim(str_n(tail, n > 0 ? (size_t)n : 0)), line = STR("");

	while (str_cut(&rest, '\n', &line))
		;
	snprintf(text, size, STR_FMT, STR_ARG(str_head(str_trim(line), 200)));
}

/* `run` lacks its descriptors. */
static int run_with(struct run *run, int out, int errors, struct err *e)
{
	const char *const *argv = run->argv;
	const char *name = strcmp(argv[0], "env") == 0 ? argv[1] : argv[0];
	const int fds[] = { -1, out, errors };
	char line[240];
	int status = 0, r;

	run->fds = fds;
	run->fd_count = ARRAY_LEN(fds);
	r = run_program(run, &status, e);
	if (r < 0 || !status)
		return r;
	for (size_t i = 1; strchr(name, '=') && argv[i + 1]; i++)
		name = argv[i + 1];
	last_line(errors, line, sizeof(line));
	return err_set(e, status == 127 ? -ENOENT : -EIO, "%s: %s", name, *line ? line : "failed");
}

static int open_log(struct build *b, const char *log, struct err *e)
{
	int fd = openat(b->part_fd, log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	return fd < 0 ? err_errno(e, -errno, "%s/%s", b->part, log) : fd;
}

int run_tool(struct build *b, const char *log, const char *const *argv, unsigned int timeout_ms, struct err *e)
{
	auto_close int fd = open_log(b, log, e);
	struct run run = { .argv = argv, .timeout_ms = timeout_ms };

	return fd < 0 ? fd : run_with(&run, fd, fd, e);
}

/* How far a program has come by the lines of its log. */
struct counting {
	const struct progress *progress;
	struct tool_steps steps;
	int log;
	uint64_t read, lines;
};

static void count_lines(void *arg)
{
	struct counting *c = arg;
	char piece[LOG_TAIL_BYTES];
	ssize_t n;

	while ((n = fd_pread(c->log, piece, sizeof(piece), c->read)) > 0) {
		c->read += (uint64_t)n;
		for (ssize_t i = 0; i < n; i++)
			c->lines += piece[i] == '\n';
	}
	/* The number of steps is an estimate: the last ones may take longer than foretold, but none comes behind the
	 * end. */
	progress_at(c->progress, c->steps.what, c->lines < c->steps.about ? c->lines : c->steps.about - 1,
		    c->steps.about);
}

int run_tool_steps(struct build *b, const char *log, const char *const *argv, unsigned int timeout_ms,
		   const struct tool_steps *steps, struct err *e)
{
	auto_close int fd = open_log(b, log, e);
	off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	struct counting c = { b->o->progress, *steps, fd, (uint64_t)end, 0 };
	struct run run = { .argv = argv, .timeout_ms = timeout_ms, .tick = count_lines, .arg = &c };

	return fd < 0 ? fd : run_with(&run, fd, fd, e);
}

int run_tool_text(struct build *b, const char *const *argv, struct str *ret, struct err *e)
{
	auto_close int out = memfd_create("out", MFD_CLOEXEC), errors = memfd_create("errors", MFD_CLOEXEC);
	struct run run = { .argv = argv, .timeout_ms = TOOL_MS };
	auto_buf struct buf text = { 0 };
	int r = out < 0 || errors < 0 ? err_errno(e, -errno, "memfd") : run_with(&run, out, errors, e);

	if (r == 0 && lseek(out, 0, SEEK_SET) < 0)
		r = err_errno(e, -errno, "%s", argv[0]);
	r = r < 0 ? r : fd_read_all(out, TOOL_TEXT_MAX, &text, e);
	if (r >= 0)
		*ret = arena_str(&b->arena, str_trim(buf_all(&text)));
	return r < 0 ? r : 0;
}

/* ---- outputs ---- */

const char *part_path(struct build *b, const char *name)
{
	return arena_fmt(&b->arena, "%s/%s", b->part, name).p;
}

int part_write(struct build *b, const char *name, struct str bytes, struct err *e)
{
	return file_write(b->part_fd, name, bytes, false, e);
}

int part_digest(struct build *b, const char *name, struct output *ret, struct err *e)
{
	auto_close int fd = fd_open(b->part_fd, name, O_RDONLY);
	auto_mapping struct mapping m = { 0 };
	int r = fd < 0 ? err_errno(e, fd, "%s", name) : mapping_open(fd, &m, e);

	if (r < 0)
		return r;
	sha256_of(str_n(m.p, m.n), &ret->digest);
	ret->size = m.n;
	return 0;
}
