/* table: the partition table, when the disk of the data partition has become larger. See node.h and docs/node.md.
 *
 * The second copy moves to the disk's new end, the partition takes what is there now; a power cut in between leaves one
 * of the two tables (gpt_replace()). */
#include <fcntl.h>
#include <linux/blkpg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/gpt.h"
#include "node/init/node.h"
#include "node/layout.h"

#define HEAD_BYTES ((size_t)GPT_HEAD_SECTORS * GPT_SECTOR)

struct table {
	struct gpt gpt;
	struct gpt_steps steps;
	uint8_t head[HEAD_BYTES];
};

/* The directory of a partition lies in that of its disk. */
static bool disk_of(const char *partition, char ret[64])
{
	char link[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
	struct str rest, name;
	ssize_t n;

	snprintf(link, sizeof(link), "/sys/class/block/%.60s", partition);
	n = readlink(link, path, sizeof(path));
	rest = str_n(path, n < 0 ? 0 : (size_t)n);
	rest = str_head(rest, (size_t)(str_rfind(rest, '/') < 0 ? 0 : str_rfind(rest, '/')));
	name = str_from(rest, (size_t)(str_rfind(rest, '/') + 1));
	return name.n && snprintf(ret, 64, STR_FMT, STR_ARG(name)) < 64;
}

static int put(int fd, const struct gpt_steps *s)
{
	for (size_t i = 0; i < GPT_STEPS; i++) {
		ssize_t n = pwrite(fd, s->v[i].bytes.p, s->v[i].bytes.n, (off_t)(s->v[i].sector * GPT_SECTOR));

		if (n != (ssize_t)s->v[i].bytes.n || fsync(fd) < 0)
			return n < 0 || n == (ssize_t)s->v[i].bytes.n ? -errno : -EIO;
	}
	return 0;
}

static int replace(int fd, struct table *t, struct err *e)
{
	int r = gpt_replace(&t->gpt, &t->steps, e);

	r = r < 0 ? r : put(fd, &t->steps);
	return r < 0 ? err_errno(e, r, "cannot be written") : 0;
}

static int read_table(int fd, struct table *t, struct err *e)
{
	ssize_t n = fd_pread(fd, t->head, HEAD_BYTES, 0);

	if (n != (ssize_t)HEAD_BYTES)
		return err_set(e, -EIO, "cannot be read");
	return gpt_parse(str_n(t->head, HEAD_BYTES), &t->gpt, e);
}

/* 1: it became larger. */
static int grow(int fd, struct table *t, uint64_t sectors, uint64_t number, struct err *e)
{
	struct blkpg_partition size = { .pno = (int)number };
	struct blkpg_ioctl_arg arg = { .op = BLKPG_RESIZE_PARTITION, .datalen = sizeof(size), .data = &size };
	int r = read_table(fd, t, e);

	if (r == 0 && t->gpt.entries_at != GPT_ENTRIES_AT)
		r = replace(fd, t, e);
	if (r < 0 || !gpt_grow(&t->gpt, sectors, NODE_DATA_PARTITION))
		return r;
	r = replace(fd, t, e);
	if (r < 0)
		return r;
	size.start = (long long)(gpt_find(&t->gpt, NODE_DATA_PARTITION)->first * GPT_SECTOR);
	size.length = (long long)(gpt_find(&t->gpt, NODE_DATA_PARTITION)->sectors * GPT_SECTOR);
	return ioctl(fd, BLKPG, &arg) < 0 ? err_errno(e, -errno, "the kernel keeps to the old one until it reboots")
					  : 1;
}

void table_grow(const char *partition)
{
	uint64_t number, sectors;
	char disk[64], path[80];
	auto_close int fd = -1;
	struct err e = { 0 };
	struct table *t;
	int r;

	if (!block_number(partition, "partition", &number) || !disk_of(partition, disk) ||
	    !block_number(disk, "size", &sectors))
		return; /* a whole disk */
	snprintf(path, sizeof(path), "/dev/%s", disk);
	fd = fd_open(AT_FDCWD, path, O_RDWR);
	t = xcalloc(1, sizeof(*t));
	r = fd < 0 ? err_errno(&e, fd, "cannot be opened") : grow(fd, t, sectors, number, &e);
	if (r > 0)
		say("%s is larger than it was: its partition %s now reaches to its end", path, partition);
	else if (r < 0)
		say("the partition table of %s: %s", path, e.msg);
	free(t);
}
