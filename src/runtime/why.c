/* why: what was refused to a container. See why.h. */
#include "runtime/why.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/num.h"
#include "runtime/container-part.h"

/* Counters of the kernel; the key NULL: the file is one number. Those of the other cgroup version are not there. */
static const struct counter {
	enum cgroup_controller controller;
	const char *file, *key, *what, *meaning;
} counters[] = {
	{ CG_PIDS, "pids.events", "max", "processes", "fork or clone refused" },
	{ CG_MEMORY, "memory.events", "oom_kill", "memory", "process killed" },
	{ CG_MEMORY, "memory.oom_control", "oom_kill", "memory", "process killed" },
	{ CG_MEMORY, "memory.events", "max", "memory", "at the limit, reclaimed" },
	{ CG_MEMORY, "memory.failcnt", NULL, "memory", "at the limit, reclaimed" },
	{ CG_MEMORY, "memory.events", "high", "memory", "above high, slowed down" },
	{ CG_MEMORY, "memory.swap.events", "fail", "swap", "page not swapped out" },
	{ CG_CPU, "cpu.stat", "nr_throttled", "CPU", "periods throttled" },
};

/* "KEY N" in lines, or all of it. */
static bool value_of(struct str text, const char *key, uint64_t *ret)
{
	if (!key)
		return num_u64(str_trim(text), 10, ret);
	for (struct str line; str_cut(&text, '\n', &line);) {
		struct str name, value;

		if (str_split(line, ' ', &name, &value) && str_is(name, key))
			return num_u64(str_trim(value), 10, ret);
	}
	return false;
}

static void collect_limits(struct container *c, struct why *ret)
{
	struct why_limit *all = arena_array(&c->arena, struct why_limit, ARRAY_LEN(counters));

	ret->limits = all;
	for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
		const struct counter *n = &counters[i];
		char text[CGROUP_VALUE_MAX];
		uint64_t v;

		if (cgroup_read(&c->cgroup, n->controller, n->file, text) < 0 || !value_of(str_c(text), n->key, &v) ||
		    !v)
			continue;
		all[ret->limit_count++] = (struct why_limit){
			n->what, n->meaning,
			arena_fmt(&c->arena, "%s%s%s", n->file, n->key ? " " : "", n->key ? n->key : "").p, v
		};
	}
}

static void look_at(int root, const char *path, struct why *ret)
{
	auto_close int fd = fd_open_inside(root, str_c(path), O_RDONLY);
	struct statvfs s;
	bool bytes, inodes;

	/* Read-only ones are full by nature; file systems without a size say 0 of everything. */
	if (fd < 0 || fstatvfs(fd, &s) < 0 || (s.f_flag & ST_RDONLY))
		return;
	bytes = s.f_blocks && !s.f_bavail;
	inodes = s.f_files && !s.f_favail;
	if (bytes || inodes)
		ret->full[ret->full_count++] = (struct why_full){ path, bytes, inodes };
}

static void collect_full(struct container *c, struct why *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root", c->state.pid);
	auto_close int root = fd_open(AT_FDCWD, path, O_PATH | O_DIRECTORY);
	ret->full = arena_array(&c->arena, struct why_full, c->config.mount_count + 1);
	if (root < 0)
		return;
	look_at(root, "/", ret);
	for (size_t i = 0; i < c->config.mount_count; i++)
		look_at(root, c->config.mounts[i].destination, ret);
}

int why_collect(struct container *c, struct why *ret, struct err *e)
{
	enum status s = container_status(c);
	int r = container_config(c, e);

	*ret = (struct why){ .watched = c->state.watched };
	if (r >= 0)
		r = denials_read(c->dir_fd, &c->arena, &ret->calls, &ret->call_count, e);
	if (r >= 0)
		r = container_cgroup(c, e);
	if (r == -ENOENT) /* a stopped container's groups may be gone */
		r = 0;
	if (r < 0)
		return r;
	if (c->has_cgroup)
		collect_limits(c, ret);
	if (s == STATUS_RUNNING || s == STATUS_PAUSED)
		collect_full(c, ret);
	return 0;
}
