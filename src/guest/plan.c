/* plan: a process for a guest as flat bytes. See plan.h.
 *
 * Writer and reader are one table of fields, so that they cannot drift apart: `struct io` either appends or reads. */
#include "guest/plan.h"

#include <sys/stat.h>

#include "base/rd.h"

struct io {
	struct buf *out; /* writing, else NULL */
	struct rd in;
	struct arena *arena;
	bool too_many;
};

static void io_u64(struct io *io, uint64_t *v)
{
	if (io->out)
		buf_varint(io->out, *v);
	else
		*v = rd_varint(&io->in);
}

static void io_u32(struct io *io, uint32_t *v)
{
	uint64_t wide = *v;

	io_u64(io, &wide);
	if (wide > UINT32_MAX)
		io->in.bad = true;
	*v = (uint32_t)wide;
}

static void io_i32(struct io *io, int32_t *v)
{
	uint32_t bits = (uint32_t)*v;

	io_u32(io, &bits);
	*v = (int32_t)bits;
}

static void io_bool(struct io *io, bool *v)
{
	uint32_t bit = *v;

	io_u32(io, &bit);
	if (bit > 1)
		io->in.bad = true;
	*v = bit == 1;
}

static void io_bytes(struct io *io, struct str *s)
{
	if (io->out)
		buf_var_str(io->out, *s);
	else
		*s = arena_str(io->arena, rd_var_str(&io->in));
}

static void io_text(struct io *io, const char **z)
{
	struct str s = str_c(*z);

	io_bytes(io, &s);
	if (!io->out && s.n && memchr(s.p, 0, s.n))
		io->in.bad = true;
	if (!io->out)
		*z = s.p ? s.p : "";
}

/* The number of members of a list: false when they cannot be there. */
static bool io_count(struct io *io, size_t *n)
{
	uint64_t count = *n;

	io_u64(io, &count);
	if (io->out)
		return true;
	if (count > PLAN_LIST_MAX)
		io->too_many = true;
	/* Every member takes a byte at least. */
	if (count > PLAN_LIST_MAX || count > rd_left(&io->in))
		io->in.bad = true;
	*n = io->in.bad ? 0 : (size_t)count;
	return !io->in.bad;
}

#define IO_ARRAY(io, p, v, n)                                                     \
	do {                                                                      \
		if (!io_count((io), &(n)))                                        \
			break;                                                    \
		if (!(io)->out)                                                   \
			(v) = arena_alloc((io)->arena, ((n) + 1) * sizeof(*(v))); \
		(p) = (v);                                                        \
	} while (0)

static void io_list(struct io *io, struct plan_list *l)
{
	const char **at = NULL;

	IO_ARRAY(io, at, l->v, l->n);
	for (size_t i = 0; i < l->n && at; i++)
		io_text(io, &at[i]);
}

static void io_process(struct io *io, struct guest_plan *p)
{
	uint32_t *group = NULL;
	struct plan_rlimit *limit = NULL;

	io_bool(io, &p->terminal);
	io_bool(io, &p->no_new_privs);
	io_bool(io, &p->core_off);
	io_u32(io, &p->rows);
	io_u32(io, &p->columns);
	io_u32(io, &p->uid);
	io_u32(io, &p->gid);
	io_u32(io, &p->umask);
	IO_ARRAY(io, group, p->groups, p->group_count);
	for (size_t i = 0; i < p->group_count && group; i++)
		io_u32(io, &group[i]);
	io_u64(io, &p->bounding);
	io_u64(io, &p->effective);
	io_u64(io, &p->inheritable);
	io_u64(io, &p->permitted);
	io_u64(io, &p->ambient);
	IO_ARRAY(io, limit, p->rlimits, p->rlimit_count);
	for (size_t i = 0; i < p->rlimit_count && limit; i++) {
		io_u32(io, &limit[i].resource);
		io_u64(io, &limit[i].soft);
		io_u64(io, &limit[i].hard);
	}
	io_i32(io, &p->oom_score_adj);
	io_text(io, &p->cwd);
	io_list(io, &p->args);
	io_list(io, &p->env);
	io_bytes(io, &p->filter);
}

static void io_mounts(struct io *io, struct guest_plan *p)
{
	struct plan_mount *m = NULL;

	IO_ARRAY(io, m, p->mounts, p->mount_count);
	for (size_t i = 0; i < p->mount_count && m; i++) {
		io_text(io, &m[i].target);
		io_text(io, &m[i].type);
		io_text(io, &m[i].data);
		io_u64(io, &m[i].flags);
	}
}

static void io_devices(struct io *io, struct guest_plan *p)
{
	struct plan_device *d = NULL;

	IO_ARRAY(io, d, p->devices, p->device_count);
	for (size_t i = 0; i < p->device_count && d; i++) {
		io_text(io, &d[i].path);
		io_u32(io, &d[i].type);
		io_u32(io, &d[i].major);
		io_u32(io, &d[i].minor);
		io_u32(io, &d[i].mode);
		io_u32(io, &d[i].uid);
		io_u32(io, &d[i].gid);
	}
}

static void io_files(struct io *io, struct guest_plan *p)
{
	struct plan_file *f = NULL;

	IO_ARRAY(io, f, p->files, p->file_count);
	for (size_t i = 0; i < p->file_count && f; i++) {
		io_text(io, &f[i].path);
		io_bytes(io, &f[i].content);
		io_u32(io, &f[i].mode);
		io_bool(io, &f[i].writable);
	}
}

static void io_volumes(struct io *io, struct guest_plan *p)
{
	struct plan_volume *v = NULL;

	IO_ARRAY(io, v, p->volumes, p->volume_count);
	for (size_t i = 0; i < p->volume_count && v; i++) {
		io_text(io, &v[i].path);
		io_text(io, &v[i].type);
		io_text(io, &v[i].data);
		io_u64(io, &v[i].flags);
		io_u32(io, &v[i].disk);
		io_bool(io, &v[i].bare);
	}
}

static void io_container(struct io *io, struct guest_plan *p)
{
	struct plan_pair *pair = NULL;

	io_bool(io, &p->readonly);
	io_text(io, &p->hostname);
	io_text(io, &p->domainname);
	io_u64(io, &p->pids_max);
	io_u64(io, &p->memory_max);
	io_mounts(io, p);
	io_devices(io, p);
	io_files(io, p);
	io_volumes(io, p);
	IO_ARRAY(io, pair, p->sysctls, p->sysctl_count);
	for (size_t i = 0; i < p->sysctl_count && pair; i++) {
		io_text(io, &pair[i].key);
		io_text(io, &pair[i].value);
	}
	io_list(io, &p->masked);
	io_list(io, &p->readonly_paths);
}

void plan_write(struct buf *out, const struct guest_plan *p)
{
	struct guest_plan copy = *p;
	struct io io = { .out = out };

	io_process(&io, &copy);
	io_container(&io, &copy);
}

static bool is_absolute(const char *path)
{
	return path[0] == '/';
}

static bool all_absolute(const struct plan_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!is_absolute(l->v[i]))
			return false;
	return true;
}

static bool paths_are_absolute(const struct guest_plan *p)
{
	for (size_t i = 0; i < p->mount_count; i++)
		if (!is_absolute(p->mounts[i].target))
			return false;
	for (size_t i = 0; i < p->device_count; i++)
		if (!is_absolute(p->devices[i].path))
			return false;
	for (size_t i = 0; i < p->file_count; i++)
		if (!is_absolute(p->files[i].path))
			return false;
	for (size_t i = 0; i < p->volume_count; i++)
		if (!is_absolute(p->volumes[i].path) || p->volumes[i].disk > PLAN_DISK_MAX)
			return false;
	return is_absolute(p->cwd) && all_absolute(&p->masked) && all_absolute(&p->readonly_paths);
}

static bool device_types_are_known(const struct guest_plan *p)
{
	for (size_t i = 0; i < p->device_count; i++) {
		uint32_t type = p->devices[i].type;

		if (type != S_IFCHR && type != S_IFBLK && type != S_IFIFO)
			return false;
	}
	return true;
}

int plan_parse(struct str bytes, struct arena *a, struct guest_plan *ret, struct err *e)
{
	struct guest_plan p = { 0 };
	struct io io = { .in = rd_of(bytes), .arena = a };
	size_t insn = 8; /* struct sock_filter */

	if (bytes.n > PLAN_BYTES_MAX)
		return err_set(e, -E2BIG, "plan: more than %u bytes", PLAN_BYTES_MAX);
	io_process(&io, &p);
	io_container(&io, &p);
	if (io.too_many)
		return err_set(e, -E2BIG, "plan: a list of more than %d", PLAN_LIST_MAX);
	if (!rd_ok(&io.in))
		return err_set(e, -EBADMSG, "plan: cut short or malformed");
	if (rd_left(&io.in))
		return err_set(e, -EBADMSG, "plan: %zu bytes too many", rd_left(&io.in));
	if (p.args.n == 0 || !paths_are_absolute(&p) || !device_types_are_known(&p))
		return err_set(e, -EBADMSG, "plan: no arguments, a relative path or an unknown device type");
	if (p.filter.n % insn || p.filter.n / insn > PLAN_FILTER_MAX)
		return err_set(e, -EBADMSG, "plan: bad filter");
	*ret = p;
	return 0;
}
