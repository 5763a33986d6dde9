/* disk: a writable layer of its own size, and rates for its device. See disk.h. */
#include "runtime/disk.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/num.h"
#include "base/path.h"
#include "fs/ext4.h"
#include "runtime/cgroup-part.h"
#include "runtime/loop.h"
#include "runtime/newfs.h"

#define BLOCK_BYTES 4096
#define MOUNTINFO_MAX (4u << 20)
#define RULES_MAX 65536 /* bytes of a throttle file */
#define LOOP_MAJOR 7

/* -- the layer -- */

static int make_fs(int file, const struct disk_want *w, uint64_t size, struct err *e)
{
	struct ext4_make m = { .root_mode = 0755, .inodes = w->inodes, .scratch = true };
	int r = ext4_identify(&m);

	if (r < 0)
		return err_errno(e, r, "limit disk: no random numbers");
	r = ext4_make(file, size, &m, e);
	return r < 0 ? err_wrap(e, r, "limit disk") : 0;
}

/* Without a lazy initialiser in the background, giving back to the file what is deleted, and without a flush of the
 * disk beneath: it has no name, so nobody comes back to it after a crash. */
static int mount_layer(const char *device, struct err *e)
{
	const struct newfs_option options[] = { { "source", device },
						{ "noinit_itable", NULL },
						{ "discard", NULL },
						{ "nobarrier", NULL },
						{ NULL, NULL } };
	int r = newfs_make("ext4", options, MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODEV);

	return r < 0 ? err_errno(e, r, "limit disk.size: cannot mount %s", device) : r;
}

static int open_nameless(const char *dir, uint64_t size, struct err *e)
{
	auto_close int file = -1;
	int r = dir_make(AT_FDCWD, dir);

	if (r < 0)
		return err_errno(e, r, "limit disk.size: %s", dir);
	file = fd_open(AT_FDCWD, dir, O_RDWR | O_TMPFILE);
	if (file < 0)
		return err_errno(e, file, "limit disk.size: no file in %s", dir);
	if (ftruncate(file, (off_t)size) < 0)
		return err_errno(e, -errno, "limit disk.size: %s", dir);
	return take_fd(&file);
}

int disk_layer_make(const char *dir, const struct disk_want *w, struct disk_layer *ret, struct err *e)
{
	uint64_t size = w->size_bytes / BLOCK_BYTES * BLOCK_BYTES;
	auto_close int file = -1, device = -1, mount = -1;
	struct statfs fs;
	struct stat st;
	char path[64];
	int r;

	if (size < DISK_SIZE_MIN)
		return err_set(e, -ENOTSUP, "limit disk.size: less than %llu bytes", DISK_SIZE_MIN);
	file = open_nameless(dir, size, e);
	if (file < 0)
		return file;
	r = make_fs(file, w, size, e);
	if (r < 0)
		return r;
	device = loop_attach(file, false, path, sizeof(path));
	if (device < 0)
		return err_errno(e, device, "limit disk.size: no loop device");
	mount = mount_layer(path, e);
	if (mount < 0)
		return mount;
	if (fchownat(mount, "", w->uid, w->gid, AT_EMPTY_PATH) < 0)
		return err_errno(e, -errno, "limit disk.size: the layer's root");
	if (fstat(device, &st) < 0 || fstatfs(mount, &fs) < 0)
		return err_errno(e, -errno, "limit disk.size: %s", path);
	*ret = (struct disk_layer){ take_fd(&mount), major(st.st_rdev), minor(st.st_rdev), fs.f_files,
				    (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize };
	return 0;
}

/* -- which device -- */

/* A value of /proc/self/mountinfo's line for a mount id: the upperdir of an overlay. */
static bool upper_of(struct str text, uint64_t mount_id, struct str *ret)
{
	for (struct str line; str_cut(&text, '\n', &line);) {
		struct str id, options = str_from(line, (size_t)(str_rfind(line, ' ') + 1));
		uint64_t n;

		if (!str_cut(&line, ' ', &id) || !num_u64(id, 10, &n) || n != mount_id)
			continue;
		for (struct str o; str_cut(&options, ',', &o);)
			if (str_starts(o, STR("upperdir="))) {
				*ret = str_from(o, strlen("upperdir="));
				return true;
			}
	}
	return false;
}

static int open_upper(int fd, struct err *e)
{
	auto_buf struct buf text = { 0 };
	char path[PATH_BYTES_MAX];
	struct statx sx;
	struct str upper;
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, e);

	if (r < 0)
		return r;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) < 0)
		return err_errno(e, -errno, "statx");
	if (!upper_of(buf_all(&text), sx.stx_mnt_id, &upper) || !upper.n || upper.n >= sizeof(path) ||
	    upper.p[0] != '/' || str_find(upper, '\\') >= 0)
		return err_set(e, -ENOTSUP, "it is an overlay without an upper directory that can be found");
	snprintf(path, sizeof(path), STR_FMT, STR_ARG(upper));
	r = fd_open(AT_FDCWD, path, O_PATH | O_DIRECTORY);
	return r < 0 ? err_errno(e, r, "%s", path) : r;
}

/* io.max wants the whole disk. */
static int whole_disk(unsigned int *major_, unsigned int *minor_, struct err *e)
{
	char name[96], text[CGROUP_VALUE_MAX];
	struct str a, b;
	uint32_t x, y;

	snprintf(name, sizeof(name), "/sys/dev/block/%u:%u/partition", *major_, *minor_);
	if (faccessat(AT_FDCWD, name, F_OK, 0) < 0)
		return 0;
	snprintf(name, sizeof(name), "/sys/dev/block/%u:%u/../dev", *major_, *minor_);
	if (cgroup_file_read(AT_FDCWD, name, text) < 0 || !str_split(str_c(text), ':', &a, &b) || !num_u32(a, &x) ||
	    !num_u32(b, &y))
		return err_set(e, -ENOTSUP, "the disk of partition %u:%u is not known", *major_, *minor_);
	*major_ = x;
	*minor_ = y;
	return 0;
}

int disk_beneath(int fd, unsigned int *ret_major, unsigned int *ret_minor, struct err *e)
{
	auto_close int at = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	unsigned int x, y;
	struct statfs fs;
	struct stat st;
	int r;

	for (int depth = 0;; depth++) {
		int upper;

		if (at < 0 || fstat(at, &st) < 0 || fstatfs(at, &fs) < 0)
			return err_errno(e, -errno, "fstat");
		if (fs.f_type != OVERLAYFS_SUPER_MAGIC)
			break;
		upper = depth < DISK_STACK_MAX ? open_upper(at, e)
					       : err_set(e, -E2BIG, "more than %d overlays", DISK_STACK_MAX);
		if (upper < 0)
			return upper;
		fd_close(&at);
		at = upper;
	}
	x = major(st.st_dev);
	y = minor(st.st_dev);
	if (!x)
		return err_set(e, -ENOTSUP, "its file system (type %#lx) has no block device of its own",
			       (unsigned long)fs.f_type);
	r = whole_disk(&x, &y, e);
	if (r == 0) {
		*ret_major = x;
		*ret_minor = y;
	}
	return r;
}

/* -- rates -- */

static const struct {
	const char *v1_file;
	size_t rate;	 /* in struct disk_rates */
	size_t throttle; /* in struct oci_resources */
} rate_rows[] = {
	{ "blkio.throttle.read_bps_device", offsetof(struct disk_rates, read_bps),
	  offsetof(struct oci_resources, io.read_bps) },
	{ "blkio.throttle.write_bps_device", offsetof(struct disk_rates, write_bps),
	  offsetof(struct oci_resources, io.write_bps) },
	{ "blkio.throttle.read_iops_device", offsetof(struct disk_rates, read_iops),
	  offsetof(struct oci_resources, io.read_iops) },
	{ "blkio.throttle.write_iops_device", offsetof(struct disk_rates, write_iops),
	  offsetof(struct oci_resources, io.write_iops) },
};

static uint64_t rate_of(const struct disk_rates *r, size_t i)
{
	return *(const uint64_t *)(const void *)((const char *)r + rate_rows[i].rate);
}

/* A rule of the configuration's own for the same device stays when it is the tighter one. */
static void add_throttle(struct oci_throttles *t, unsigned int major_, unsigned int minor_, uint64_t rate,
			 struct arena *a)
{
	struct oci_throttle *v = arena_array(a, struct oci_throttle, t->n + 1);

	if (t->n)
		memcpy(v, t->v, t->n * sizeof(*v));
	t->v = v;
	for (size_t i = 0; i < t->n; i++)
		if (v[i].major == major_ && v[i].minor == minor_) {
			if (!v[i].rate || v[i].rate > rate)
				v[i].rate = rate;
			return;
		}
	v[t->n++] = (struct oci_throttle){ major_, minor_, rate };
}

void disk_rates_to_config(const struct disk_rates *rates, unsigned int major_, unsigned int minor_, struct arena *a,
			  struct oci_resources *r)
{
	for (size_t i = 0; i < ARRAY_LEN(rate_rows); i++)
		if (rate_of(rates, i))
			add_throttle((struct oci_throttles *)(void *)((char *)r + rate_rows[i].throttle), major_,
				     minor_, rate_of(rates, i), a);
}

static int blkio_root(const struct cgroup_host *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (!h->h[i].v2 && h->h[i].controllers >> CG_IO & 1)
			return h->h[i].fd;
	return -1;
}

int disk_throttle(const struct cgroup_host *h, const struct disk_rates *rates, unsigned int major_, unsigned int minor_,
		  struct err *e)
{
	int root = blkio_root(h);

	if (root < 0)
		return err_set(e, -ENOTSUP, "limit disk: this host has no blkio controller");
	for (size_t i = 0; i < ARRAY_LEN(rate_rows); i++) {
		char rule[64];
		int r;

		snprintf(rule, sizeof(rule), "%u:%u %llu", major_, minor_, (unsigned long long)rate_of(rates, i));
		r = cgroup_file_write(root, rate_rows[i].v1_file, rule);
		if (r < 0)
			return err_errno(e, r, "limit disk: '%s' written to the root's %s", rule, rate_rows[i].v1_file);
	}
	return 0;
}

void disk_unthrottle(const struct cgroup_host *h, unsigned int major_, unsigned int minor_)
{
	const struct disk_rates none = { 0 };

	(void)!disk_throttle(h, &none, major_, minor_, NULL);
}

/* "7:0 5000000", a line a device. */
static uint64_t rule_for(struct str text, unsigned int major_, unsigned int minor_)
{
	char key[32];
	struct str k, v;
	uint64_t n;

	snprintf(key, sizeof(key), "%u:%u", major_, minor_);
	for (struct str line; str_cut(&text, '\n', &line);)
		if (str_split(line, ' ', &k, &v) && str_is(k, key) && num_u64(v, 10, &n))
			return n;
	return 0;
}

int disk_throttled(const struct cgroup_host *h, unsigned int major_, unsigned int minor_, struct disk_rates *ret)
{
	int root = blkio_root(h);

	if (root < 0)
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_LEN(rate_rows); i++) {
		auto_buf struct buf text = { 0 };
		int r = file_read(root, rate_rows[i].v1_file, RULES_MAX, &text, NULL);

		if (r < 0)
			return r;
		*(uint64_t *)(void *)((char *)ret + rate_rows[i].rate) = rule_for(buf_all(&text), major_, minor_);
	}
	return 0;
}

/* A loop device that nothing is bound to; one that cannot be asked is left alone. */
static bool loop_is_free(uint32_t number)
{
	struct loop_info64 info;
	char path[32];
	auto_close int fd = -1;

	snprintf(path, sizeof(path), "/dev/loop%u", number);
	fd = fd_open(AT_FDCWD, path, O_RDONLY);
	return fd == -ENXIO || fd == -ENOENT || (fd >= 0 && ioctl(fd, LOOP_GET_STATUS64, &info) < 0 && errno == ENXIO);
}

void disk_reap(const struct cgroup_host *h)
{
	int root = blkio_root(h);

	for (size_t i = 0; root >= 0 && i < ARRAY_LEN(rate_rows); i++) {
		auto_buf struct buf text = { 0 };
		struct str rest, device, major_, minor_;
		uint32_t x, y;

		if (file_read(root, rate_rows[i].v1_file, RULES_MAX, &text, NULL) < 0)
			continue;
		rest = buf_all(&text);
		for (struct str line; str_cut(&rest, '\n', &line);)
			if (str_cut(&line, ' ', &device) && str_split(device, ':', &major_, &minor_) &&
			    num_u32(major_, &x) && num_u32(minor_, &y) && x == LOOP_MAJOR && loop_is_free(y))
				disk_unthrottle(h, x, y);
	}
}
