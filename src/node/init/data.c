/* data: the partition that is kept. See node.h and docs/node.md.
 *
 * Whatever is wrong with it, the node goes on without it; and what is on it is never made anew unless it is empty or
 * its making was cut short. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "fs/ext4.h"
#include "node/init/node.h"
#include "node/layout.h"

#define SIZE_MIN (16u << 20)
#define SECTOR 512u
#define FULL_BYTES (1u << 20) /* less free: full */
#define GROW_MIN (8u << 20)   /* growing by less is not worth it */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)
#define BLOCK 4096u

static const char *const state_names[] = {
	[DATA_OK] = "ok",
	[DATA_MADE] = "made",
	[DATA_FULL] = "full",
	[DATA_MISSING] = "missing",
	[DATA_SMALL] = "too small",
	[DATA_DAMAGED] = "damaged",
	[DATA_UNUSABLE] = "unusable",
};

const char *data_state_name(enum data_state s)
{
	return state_names[s];
}

/* A partition's name in its table is a line of what the kernel says about it; a disk that is all data has it for a
 * serial number. One that cannot be written (the disk that the root comes on) is not it. */
static bool is_data(const char *name)
{
	auto_buf struct buf about = { 0 }, serial = { 0 };
	uint64_t readonly = 1;
	bool named = block_text(name, "serial", &serial) && str_is(str_trim(buf_all(&serial)), NODE_DATA_PARTITION);

	if (!block_text(name, "uevent", &about))
		return false;
	for (struct str rest = buf_all(&about), line; str_cut(&rest, '\n', &line);)
		named |= str_is(line, "PARTNAME=" NODE_DATA_PARTITION);
	return named && block_number(name, "ro", &readonly) && !readonly;
}

/* The first by name, when there are several: which one must not depend on the order they are found in. */
static bool find(char ret[64])
{
	DIR *dir = opendir("/sys/class/block");

	ret[0] = 0;
	for (struct dirent *d; dir && (d = readdir(dir));)
		if (strlen(d->d_name) < 60 && is_data(d->d_name) && (!ret[0] || strcmp(d->d_name, ret) < 0))
			snprintf(ret, 64, "%.60s", d->d_name);
	if (dir)
		closedir(dir);
	return ret[0];
}

static void fail(struct data *d, enum data_state state, const char *why)
{
	d->state = state;
	d->device[0] = 0;
	snprintf(d->detail, sizeof(d->detail), "%.*s", DETAIL_MAX - 1, why);
}

static void make(struct data *d, int fd)
{
	struct ext4_make m = { .name = "data", .root_mode = 0755 };
	struct err e = { 0 };

	if (ext4_identify(&m) < 0)
		fail(d, DATA_UNUSABLE, "no random numbers");
	else if (ext4_make(fd, d->size_bytes, &m, &e) < 0)
		fail(d, DATA_UNUSABLE, e.msg);
	else
		d->state = DATA_MADE;
}

static void check(struct data *d, int fd)
{
	struct ext4_probe p;
	struct err e = { 0 };

	if (ext4_probe(fd, d->size_bytes, &p, &e) < 0) {
		fail(d, DATA_UNUSABLE, e.msg);
		return;
	}
	switch (p.state) {
	case EXT4_EMPTY:
	case EXT4_CUT:
		make(d, fd);
		break;
	case EXT4_SOUND:
		d->state = DATA_OK;
		if (p.size_bytes > d->size_bytes)
			fail(d, DATA_DAMAGED, "its file system is larger than the partition");
		break;
	case EXT4_ERRORS:
		fail(d, DATA_DAMAGED, "the kernel found errors in its file system");
		break;
	case EXT4_DAMAGED:
		fail(d, DATA_DAMAGED, "what is on it is no sound ext4 file system");
		break;
	}
}

void data_find(struct data *d)
{
	char name[64];
	auto_close int fd = -1;
	uint64_t sectors = 0;

	*d = (struct data){ .state = DATA_MISSING };
	if (!find(name)) {
		fail(d, DATA_MISSING, "no partition or disk that can be written is named " NODE_DATA_PARTITION);
		return;
	}
	table_grow(name);
	snprintf(d->device, sizeof(d->device), "/dev/%.58s", name);
	if (block_number(name, "size", &sectors))
		d->size_bytes = sectors * SECTOR;
	if (d->size_bytes < SIZE_MIN) {
		fail(d, DATA_SMALL, "the partition has less than 16 MiB");
		return;
	}
	fd = fd_open(AT_FDCWD, d->device, O_RDWR | O_EXCL);
	if (fd < 0)
		fail(d, DATA_UNUSABLE, strerror(-fd));
	else
		check(d, fd);
}

void data_look(struct data *d)
{
	struct statvfs v;

	if (statvfs(NODE_DATA, &v) < 0)
		return;
	d->free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
	if (!d->device[0])
		return;
	if (d->free_bytes < FULL_BYTES)
		d->state = DATA_FULL;
	else if (d->state == DATA_FULL)
		d->state = DATA_OK;
	snprintf(d->detail, sizeof(d->detail), "%s", v.f_flag & ST_RDONLY ? "read-only after an error" : "");
	if (v.f_flag & ST_RDONLY)
		d->state = DATA_DAMAGED;
}

void data_grow(struct data *d)
{
	auto_close int fd = fd_open(AT_FDCWD, NODE_DATA, O_RDONLY | O_DIRECTORY);
	struct statvfs v;
	uint64_t blocks = d->size_bytes / BLOCK;

	if (fd < 0 || !d->device[0] || d->state == DATA_MADE || statvfs(NODE_DATA, &v) < 0)
		return;
	/* What statvfs counts is less than the whole by the tables: some percent at most. */
	if (d->size_bytes < (uint64_t)v.f_blocks * v.f_frsize / 100 * 110 + GROW_MIN)
		return;
	if (ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks) < 0)
		say("the file system of %s cannot be grown: %s", d->device, strerror(errno));
	else
		say("the file system of %s has been grown", d->device);
}
