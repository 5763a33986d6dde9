/* initramfs: yagura-init and the kernel modules it needs, as the kernel unpacks them (Documentation/driver-api/
 * early-userspace/buffer-format.rst, "newc"). See parts.h. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/tier/parts.h"

#define DEP_BYTES_MAX (8u << 20)   /* modules.dep */
#define FILE_BYTES_MAX (32u << 20) /* one module, or init */
#define ALL_BYTES_MAX (128u << 20)
#define MODULES_MAX 64

static void add_entry(struct buf *out, const char *name, unsigned int mode, struct str data)
{
	static const char zeros[4];
	size_t length = strlen(name) + 1;
	/* inode, mode, owner, group, links, time, bytes, device twice, name's length, checksum */
	const size_t fields[] = { out->n, mode, 0, 0, 1, 0, data.n, 0, 0, 0, 0, length, 0 };

	buf_fmt(out, "070701");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		buf_fmt(out, "%08zx", fields[i]);
	buf_add(out, name, length);
	buf_add(out, zeros, (4 - out->n % 4) % 4);
	buf_str(out, data);
	buf_add(out, zeros, (4 - out->n % 4) % 4);
}

static int add_file(struct buf *out, const char *path, const char *name, struct err *e)
{
	auto_buf struct buf data = { 0 };
	int r = file_read(AT_FDCWD, path, FILE_BYTES_MAX, &data, e);

	if (r == 0)
		add_entry(out, name, S_IFREG | 0755, buf_all(&data));
	return r;
}

/* "kernel/fs/overlayfs/overlay.ko.xz" -> "overlay"; names use '-' and '_' for the same. */
static bool is_module(struct str path, const char *name)
{
	ptrdiff_t slash = str_rfind(path, '/'), dot;
	struct str base = str_from(path, (size_t)(slash + 1));

	dot = str_find(base, '.');
	base = str_head(base, dot < 0 ? base.n : (size_t)dot);
	if (base.n != strlen(name))
		return false;
	for (size_t i = 0; i < base.n; i++)
		if (base.p[i] != name[i] && !(base.p[i] == '-' && name[i] == '_') &&
		    !(base.p[i] == '_' && name[i] == '-'))
			return false;
	return true;
}

struct module_list {
	struct str path[MODULES_MAX];
	size_t n;
};

static int list_add(struct module_list *l, struct str path, struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->path[i], path))
			return 0;
	if (l->n == MODULES_MAX)
		return err_set(e, -E2BIG, "more than %d kernel modules", MODULES_MAX);
	l->path[l->n++] = path;
	return 0;
}

/* A line of modules.dep is "module: what it needs, nearest first"; they are loaded from the end. One that is not in the
 * table is built in, or not there at all: the guest finds out. */
static int resolve(struct str dep, const char *name, struct module_list *l, struct err *e)
{
	for (struct str rest = dep, line, path, needs; str_cut(&rest, '\n', &line);) {
		if (!str_split(line, ':', &path, &needs) || !is_module(path, name))
			continue;
		for (needs = str_trim(needs); needs.n;) {
			ptrdiff_t space = str_rfind(needs, ' ');
			int r = list_add(l, str_from(needs, (size_t)(space + 1)), e);

			if (r < 0)
				return r;
			needs = str_trim(str_head(needs, space < 0 ? 0 : (size_t)space));
		}
		return list_add(l, path, e);
	}
	return 0;
}

static int add_modules(struct buf *out, const char *modules, const char *const *names, size_t n, struct err *e)
{
	auto_buf struct buf dep = { 0 };
	auto_arena struct arena a = { 0 };
	struct module_list l = { .n = 0 };
	int r = file_read(AT_FDCWD, arena_fmt(&a, "%s/modules.dep", modules).p, DEP_BYTES_MAX, &dep, e);

	for (size_t i = 0; i < n && r == 0; i++)
		r = resolve(buf_all(&dep), names[i], &l, e);
	for (size_t i = 0; i < l.n && r == 0; i++) {
		struct str base = str_from(l.path[i], (size_t)(str_rfind(l.path[i], '/') + 1));
		const char *from = arena_fmt(&a, "%s/" STR_FMT, modules, STR_ARG(l.path[i])).p;

		r = add_file(out, from, arena_fmt(&a, "modules/%02zu-" STR_FMT, i, STR_ARG(base)).p, e);
	}
	return r;
}

int initramfs_write(struct machine_build *m, const char *modules, const char *const *names, size_t n, struct err *e)
{
	auto_buf struct buf out;
	const char *init;
	int r;

	buf_init(&out, ALL_BYTES_MAX);
	r = machine_own(m, "yagura-init", &init, e);
	r = r < 0 ? r : add_file(&out, init, "init", e);
	add_entry(&out, "modules", S_IFDIR | 0755, STR_NONE);
	r = r < 0 ? r : add_modules(&out, modules, names, n, e);
	add_entry(&out, "TRAILER!!!", 0, STR_NONE);
	if (r == 0 && buf_finish(&out) < 0)
		r = err_set(e, -E2BIG, "the initramfs is too large");
	r = r < 0 ? r : file_write(m->dir, INITRAMFS, buf_all(&out), false, e);
	if (r == 0 && (fchmodat(m->dir, INITRAMFS, 0400, 0) < 0 ||
		       fchownat(m->dir, INITRAMFS, m->request->host_uid, m->request->host_gid, 0) < 0))
		r = err_errno(e, -errno, INITRAMFS);
	return r;
}
