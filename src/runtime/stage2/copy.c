/* stage 2: what stands at a place goes into the tmpfs that is about to hide it (tmpcopyup). The tree is the
 * container's: nothing in it is followed, depth and time are bounded by what the tmpfs holds. */
#include "runtime/stage2/stage2.h"

#include <linux/openat2.h>

#define DEPTH_MAX 64
#define ENTRIES_BYTES 2048
#define STEP_BYTES (1u << 20)

struct entry {
	uint64_t inode;
	int64_t next;
	unsigned short size;
	unsigned char type;
	char name[];
};

static long copy_directory(long from, long to, unsigned int depth);

/* Owner first: a change of owner takes the set-id bits away. */
static long take_owner(long to, const char *name, const struct statx *st)
{
	long r = sys(__NR_fchownat, to, name, st->stx_uid, st->stx_gid, AT_SYMLINK_NOFOLLOW);

	if (r < 0 || (st->stx_mode & S_IFMT) == S_IFLNK)
		return r;
	return sys(__NR_fchmodat, to, name, st->stx_mode & 07777);
}

static long copy_file(long from, long to, const char *name)
{
	long in = sys(__NR_openat, from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), out, r = 1;

	if (in < 0)
		return in;
	out = sys(__NR_openat, to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	while (out >= 0 && r > 0)
		r = sys(__NR_sendfile, out, in, NULL, STEP_BYTES);
	sys(__NR_close, in);
	if (out < 0)
		return out;
	sys(__NR_close, out);
	return r;
}

static long copy_link(long from, long to, const char *name)
{
	char target[PATH_BYTES];
	long n = sys(__NR_readlinkat, from, name, target, sizeof(target) - 1);

	if (n < 0)
		return n;
	target[n] = 0;
	return sys(__NR_symlinkat, target, to, name);
}

static long open_directory(long at, const char *name)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

	return sys(__NR_openat2, at, name, &how, sizeof(how));
}

static long copy_below(long from, long to, const char *name, unsigned int depth)
{
	long in = open_directory(from, name), out, r;

	if (in < 0)
		return in;
	r = sys(__NR_mkdirat, to, name, 0700);
	out = r < 0 ? r : open_directory(to, name);
	r = out < 0 ? out : copy_directory(in, out, depth + 1);
	if (out >= 0)
		sys(__NR_close, out);
	sys(__NR_close, in);
	return r;
}

/* As mknod(2) takes it: 12 bits of the major number between 8 and 12 of the minor one. */
static uint32_t device_number(const struct statx *st)
{
	return (st->stx_rdev_minor & 0xff) | st->stx_rdev_major << 8 | (st->stx_rdev_minor & ~0xffu) << 12;
}

static long copy_entry(long from, long to, const char *name, unsigned int depth)
{
	struct statx st;
	long r = sys(__NR_statx, from, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st);

	if (r < 0)
		return r;
	switch (st.stx_mode & S_IFMT) {
	case S_IFREG:
		r = copy_file(from, to, name);
		break;
	case S_IFDIR:
		r = copy_below(from, to, name, depth);
		break;
	case S_IFLNK:
		r = copy_link(from, to, name);
		break;
	default:
		r = sys(__NR_mknodat, to, name, st.stx_mode, device_number(&st));
		break;
	}
	return r < 0 ? r : take_owner(to, name, &st);
}

static long copy_directory(long from, long to, unsigned int depth)
{
	uint64_t entries[ENTRIES_BYTES / 8];
	long n;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	while ((n = sys(__NR_getdents64, from, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < n;) {
			const struct entry *e = (const struct entry *)(const void *)((const char *)entries + at);
			long r = 0;

			if (!text_eq(e->name, ".") && !text_eq(e->name, ".."))
				r = copy_entry(from, to, e->name, depth);
			if (r < 0)
				return r;
			at += e->size;
		}
	}
	return n;
}

long step_copy_up(const struct plan_step *s)
{
	long from = inside_open(plan_text(s, 1), O_RDONLY | O_DIRECTORY), r;
	struct statx st;

	if (from < 0)
		return from == -ENOENT || from == -ENOTDIR ? 0 : fail(from, "open");
	r = copy_directory(from, slots[s->slot], 0);
	if (r >= 0)
		r = fd_stat(from, &st);
	if (r >= 0)
		r = take_owner(slots[s->slot], ".", &st);
	sys(__NR_close, from);
	return fail(r, "tmpcopyup");
}

long step_take_mode(const struct plan_step *s)
{
	long from = inside_open(plan_text(s, 1), O_PATH | O_DIRECTORY), r;
	struct statx st;

	if (from < 0)
		return 0; /* where it is to be mounted is found out when it is mounted */
	r = fd_stat(from, &st);
	if (r >= 0)
		r = sys(__NR_fchmodat, slots[s->slot], ".", st.stx_mode & 07777);
	sys(__NR_close, from);
	return fail(r, "chmod");
}
