/* machine: what the monitor's root is made of: programs with their libraries, files, mounts. See tier.h. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "runtime/tier/parts.h"
#include "sandbox/run.h"

#define LDD_MS 10000
#define LDD_BYTES_MAX (256u << 10)

void machine_arg(struct machine_build *m, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	vec_push(&m->args, arena_str(m->arena, str_c(text)).p);
}

static int make_directory(int dir, const char *path)
{
	if (mkdirat(dir, path, 0755) < 0 && errno != EEXIST)
		return -errno;
	return fchmodat(dir, path, 0755, 0) < 0 ? -errno : 0;
}

int machine_point(const struct machine_build *m, const char *target, bool directory, struct err *e)
{
	const char *path = arena_fmt(m->arena, SKELETON "%s", target).p;
	auto_close int fd = -1;
	int r = 0;

	for (size_t i = 1; path[i] && r == 0; i++)
		if (path[i] == '/')
			r = make_directory(m->dir, arena_str(m->arena, str_n(path, i)).p);
	if (r == 0 && directory)
		r = make_directory(m->dir, path);
	else if (r == 0 && (fd = openat(m->dir, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444)) < 0)
		r = -errno;
	return r < 0 ? err_errno(e, r, "%s", path) : 0;
}

void machine_mount(struct machine_build *m, const char *target, const char *type, const char *source,
		   const char *const *options, size_t n)
{
	struct oci_mount *mount = vec_add(&m->mounts);

	mount->destination = target;
	mount->type = type;
	mount->source = source;
	mount->options.n = n;
	mount->options.v = arena_array(m->arena, const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		mount->options.v[i] = options[i];
}

int machine_bind(struct machine_build *m, const char *source, const char *target, bool writable, struct err *e)
{
	const char *const options[] = { "bind", "nosuid", "nodev", writable ? "rw" : "ro" };
	struct stat st;
	int r;

	if (stat(source, &st) < 0)
		return err_errno(e, -errno, "%s", source);
	r = machine_point(m, target, S_ISDIR(st.st_mode), e);
	if (r == 0)
		machine_mount(m, arena_str(m->arena, str_c(target)).p, "bind", arena_str(m->arena, str_c(source)).p,
			      options, S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ? 1 : ARRAY_LEN(options));
	return r;
}

static bool has_mount(const struct machine_build *m, const char *target)
{
	for (size_t i = 0; i < m->mounts.n; i++)
		if (str_is(str_c(m->mounts.v[i].destination), target))
			return true;
	return false;
}

/* A line of ldd: "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)" or "\t/lib64/ld-linux-x86-64.so.2 (0x...)".
 */
static int bind_libraries(struct machine_build *m, struct str listing, struct err *e)
{
	int r = 0;

	for (struct str line; r == 0 && str_cut(&listing, '\n', &line);) {
		ptrdiff_t slash = str_find(line, '/');
		struct str path;

		if (slash < 0)
			continue;
		line = str_from(line, (size_t)slash);
		if (!str_split(line, ' ', &path, &line))
			continue;
		path = arena_str(m->arena, path);
		if (!has_mount(m, path.p))
			r = machine_bind(m, path.p, path.p, false, e);
	}
	return r;
}

int machine_program(struct machine_build *m, const char *path, const char *target, struct err *e)
{
	const char *const argv[] = { "ldd", path, NULL };
	auto_close int listing = memfd_create("ldd", MFD_CLOEXEC);
	const int fds[] = { -1, listing, -1 };
	struct run run = { .argv = argv, .fds = fds, .fd_count = 3, .timeout_ms = LDD_MS };
	auto_buf struct buf text = { 0 };
	int status, r;

	if (access(path, R_OK) < 0)
		return err_errno(e, -errno, "%s", path);
	r = run_program(&run, &status, e);
	if (r == 0 && lseek(listing, 0, SEEK_SET) < 0)
		r = err_errno(e, -errno, "ldd");
	r = r < 0 ? r : fd_read_all(listing, LDD_BYTES_MAX, &text, e);
	r = r < 0 ? r : machine_bind(m, path, target, false, e);
	return r < 0 ? r : bind_libraries(m, buf_all(&text), e);
}

int machine_own(struct machine_build *m, const char *name, const char **ret, struct err *e)
{
	static const char *const places[] = { "../libexec/yagura", ".",
					      /* a build directory */
					      "../runtime/monitor", "../node/init", "../runtime/tier",
					      "../src/runtime/monitor", "../src/node/init", "../src/runtime/tier" };
	char self[PATH_BYTES_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));

	for (size_t i = 0; n > 0 && i < ARRAY_LEN(places); i++) {
		struct str dir = str_head(str_n(self, (size_t)n), (size_t)str_rfind(str_n(self, (size_t)n), '/'));
		struct str path = arena_fmt(m->arena, STR_FMT "/%s/%s", STR_ARG(dir), places[i], name);

		if (access(path.p, R_OK) == 0) {
			*ret = path.p;
			return 0;
		}
	}
	return err_set(e, -ENOENT, "%s is not installed", name);
}
