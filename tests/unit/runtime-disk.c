/* disk: a layer ends where its limit ends, in bytes and in files; its rate holds for written back pages too; nothing
 * stays behind. */
#include "runtime/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/limits.h"
#include "tap.h"

#define MIB (1ull << 20)

static char dir[] = "/var/tmp/yagura-disk-XXXXXX";

/* False when this cannot be tried here. */
static bool ready(void)
{
	row("as root, with loop devices");
	if (geteuid() || access("/dev/loop-control", R_OK | W_OK) < 0) {
		tap_skip("needs root and loop devices");
		return false;
	}
	snprintf(dir, sizeof(dir), "/var/tmp/yagura-disk-XXXXXX");
	return OK(mkdtemp(dir));
}

static void remove_dir(void)
{
	OK(rmdir(dir) == 0);
}

static bool loop_bound(unsigned int minor_)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/block/loop%u/loop/backing_file", minor_);
	return access(path, F_OK) == 0;
}

static void expect_unbound(unsigned int minor_)
{
	for (int i = 0; i < 200 && loop_bound(minor_); i++)
		usleep(10000);
	OK(!loop_bound(minor_));
}

/* Bytes that can be written to one file. */
static uint64_t fill(int at)
{
	static char block[1 << 16];
	int fd = openat(at, "fill", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	uint64_t n = 0;
	ssize_t r;

	OK(fd >= 0);
	while ((r = write(fd, block, sizeof(block))) > 0)
		n += (uint64_t)r;
	EQ_INT(errno, ENOSPC);
	close(fd);
	return n;
}

TEST(size)
{
	struct disk_want w = { 32 * MIB, 0, 1000, 1001 };
	struct disk_layer l = { .mount = -1 };
	struct err e = { 0 };
	struct stat st;
	uint64_t n;

	if (!ready())
		return;
	if (!OK_ERR(disk_layer_make(dir, &w, &l, &e), &e))
		return;
	EQ_INT(l.major, 7);
	OK(l.size_bytes <= 32 * MIB);
	OK(fstat(l.mount, &st) == 0 && st.st_uid == 1000 && st.st_gid == 1001);
	n = fill(l.mount);
	OK(n > 24 * MIB && n <= 32 * MIB);
	OK(loop_bound(l.minor));
	close(l.mount);
	expect_unbound(l.minor);
	remove_dir(); /* nothing is there: the file had no name */
}

TEST(inodes)
{
	struct disk_want w = { 300 * MIB, 1000, 0, 0 };
	struct disk_layer l = { .mount = -1 };
	struct err e = { 0 };
	unsigned int made = 0;
	char name[16];

	if (!ready())
		return;
	if (!OK_ERR(disk_layer_make(dir, &w, &l, &e), &e))
		return;
	OK(l.inodes <= 1000 && l.inodes > 900);
	for (int fd; made < 2000; made++) {
		snprintf(name, sizeof(name), "%u", made);
		fd = openat(l.mount, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0)
			break;
		close(fd);
	}
	EQ_INT(errno, ENOSPC);
	OK(made > 900 && made <= 1000);
	close(l.mount);
	expect_unbound(l.minor);
	remove_dir();
}

TEST(refused)
{
	static const struct {
		struct disk_want w;
		const char *error;
	} rows[] = {
		{ { 1 * MIB, 0, 0, 0 }, "less than" },
		{ { 10240 * MIB, 500, 0, 0 }, "too few" },
	};
	struct disk_layer l;

	if (!ready())
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };

		row("%s", rows[i].error);
		EQ_INT(disk_layer_make(dir, &rows[i].w, &l, &e), -ENOTSUP);
		OK(str_find_str(str_c(e.msg), str_c(rows[i].error)) >= 0);
	}
	remove_dir();
}

/* v1's root rule: counted in bytes that had to wait, not in time: 4 MiB at 2 MiB/s are written in one go to the cache,
 * and syncing them takes at least a second. */
TEST(throttle)
{
	struct disk_want w = { 32 * MIB, 0, 0, 0 };
	struct disk_rates rates = { .write_bps = 2 * MIB, .read_iops = 100 }, got = { 0 };
	struct disk_layer l = { .mount = -1 };
	struct cgroup_host h;
	struct err e = { 0 };
	uint64_t from;
	static char block[4 * MIB];
	int fd;

	if (!ready())
		return;
	OK_ERR(cgroup_host(&h, &e), &e);
	if (disk_throttled(&h, 7, 0, &got) == -ENOENT) {
		tap_absent("no v1 blkio controller");
		cgroup_host_done(&h);
		remove_dir();
		return;
	}
	if (!OK_ERR(disk_layer_make(dir, &w, &l, &e), &e))
		return;
	OK_ERR(disk_throttle(&h, &rates, l.major, l.minor, &e), &e);
	EQ_INT(disk_throttled(&h, l.major, l.minor, &got), 0);
	EQ_INT(got.write_bps, rates.write_bps);
	EQ_INT(got.read_iops, 100);
	EQ_INT(got.write_iops, 0);
	fd = openat(l.mount, "x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	from = clock_ms();
	OK(write(fd, block, sizeof(block)) == sizeof(block));
	OK(fsync(fd) == 0);
	OK(clock_ms() - from >= 1000);
	close(fd);
	close(l.mount);
	expect_unbound(l.minor);
	disk_reap(&h);
	EQ_INT(disk_throttled(&h, l.major, l.minor, &got), 0);
	EQ_INT(got.write_bps, 0);
	EQ_INT(got.read_iops, 0);
	cgroup_host_done(&h);
	remove_dir();
}

TEST(device)
{
	unsigned int major_, minor_;
	int fd = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	    root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = { 0 };
	struct statfs fs;

	row("tmpfs has none");
	EQ_INT(disk_beneath(fd, &major_, &minor_, &e), -ENOTSUP);
	OK(str_find_str(str_c(e.msg), STR("no block device")) >= 0);
	row("the root's");
	OK(fstatfs(root, &fs) == 0);
	if (fs.f_type == 0xef53) /* ext4 */
		OK_ERR(disk_beneath(root, &major_, &minor_, &e), &e);
	else
		tap_absent("the root is not ext4");
	close(fd);
	close(root);
}

TEST(rates)
{
	static struct oci_throttle own[] = { { 8, 0, 100 }, { 7, 1, 100 } };
	struct oci_resources r = { .io.write_bps = { own, 2 } };
	auto_arena struct arena a = { 0 };
	struct disk_rates rates = { .write_bps = 50, .read_iops = 9 };

	disk_rates_to_config(&rates, 7, 1, &a, &r);
	EQ_INT(r.io.write_bps.n, 2);
	EQ_INT(r.io.write_bps.v[1].rate, 50);
	EQ_INT(own[1].rate, 100);
	rates.write_bps = 500;
	disk_rates_to_config(&rates, 8, 0, &a, &r);
	EQ_INT(r.io.write_bps.v[0].rate, 100);
	EQ_INT(r.io.read_iops.n, 2);
}
