/* boot: from a bare kernel to a channel and a root. See init.h. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/module.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "netlink/netlink.h"
#include "node/init/init.h"

#define MODULES_MAX 64	  /* beside init */
#define WAIT_STEP_US 5000 /* for a device to appear */
#define WAIT_STEPS 2000	  /* 10 s */
#define PORTS_MAX 16	  /* of virtio-serial, looked at */

int knob_write(const char *path, const char *value, struct err *e)
{
	auto_close int fd = fd_open(AT_FDCWD, path, O_WRONLY);
	int r = fd < 0 ? fd : fd_write(fd, value, strlen(value));

	return r < 0 ? err_errno(e, r, "%s", path) : 0;
}

static int mount_on(const char *source, const char *target, const char *type, unsigned long flags, const char *data,
		    struct err *e)
{
	if (mkdir(target, 0755) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "mkdir %s", target);
	if (mount(source, target, type, flags, data) < 0)
		return err_errno(e, -errno, "mount %s", target);
	return 0;
}

int boot_loopback(struct err *e)
{
	auto_close int fd = netlink_open(-1, e);
	int r;

	if (fd < 0)
		return fd;
	r = netlink_link_index(fd, "lo");
	r = r < 0 ? r : netlink_link_up(fd, r);
	return r < 0 ? err_errno(e, r, "interface lo") : 0;
}

/* The initramfs cannot be pivoted away from: a tmpfs takes its place, so that a container can leave nothing of it in
 * sight. */
static int leave_initramfs(struct err *e)
{
	int r = mount_on("tmpfs", "/root", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755", e);

	if (r < 0)
		return r;
	if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_errno(e, -errno, "cannot leave the initramfs");
	return 0;
}

int boot_mounts(struct err *e)
{
	static const struct {
		const char *source, *target, *type;
		unsigned long flags;
		const char *data;
		bool optional;
	} rows[] = {
		{ "proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, false },
		{ "sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, false },
		{ "devtmpfs", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755", false },
		{ "devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666,gid=5", false },
		{ "cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, true },
	};
	int r = leave_initramfs(e);

	for (size_t i = 0; i < ARRAY_LEN(rows) && r == 0; i++) {
		r = mount_on(rows[i].source, rows[i].target, rows[i].type, rows[i].flags, rows[i].data, e);
		if (r < 0 && rows[i].optional)
			r = 0;
	}
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "02-overlay.ko", or compressed as the distribution has it, "02-overlay.ko.xz": then the kernel unpacks it, with its
 * CONFIG_MODULE_DECOMPRESS. */
static bool is_module(struct str name)
{
	return str_ends(name, STR(".ko")) || str_find_str(name, STR(".ko.")) >= 0;
}

static int load_module(int dir, const char *name, struct err *e)
{
	auto_close int fd = fd_open(dir, name, O_RDONLY);
	int flags = str_ends(str_c(name), STR(".ko")) ? 0 : MODULE_INIT_COMPRESSED_FILE;

	if (fd < 0)
		return err_errno(e, fd, "module %s", name);
	if (syscall(SYS_finit_module, fd, "", flags) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "module %s", name);
	return 0;
}

int boot_modules(const char *path, struct err *e)
{
	DIR *dir = opendir(path);
	char *names[MODULES_MAX];
	size_t n = 0;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_errno(e, -errno, "%s", path);
	for (struct dirent *d; n < MODULES_MAX && (d = readdir(dir));)
		if (is_module(str_c(d->d_name)))
			names[n++] = xstrdup(str_c(d->d_name));
	qsort(names, n, sizeof(names[0]), by_name);
	for (size_t i = 0; i < n; i++) {
		r = r < 0 ? r : load_module(dirfd(dir), names[i], e);
		free(names[i]);
	}
	closedir(dir);
	return r;
}

static int open_when_there(const char *path, int flags)
{
	int fd;

	for (int i = 0; (fd = fd_open(AT_FDCWD, path, flags)) < 0 && i < WAIT_STEPS; i++)
		usleep(WAIT_STEP_US);
	return fd;
}

/* The port of virtio-serial that QEMU was told to name so. */
static int open_port(struct err *e)
{
	for (int round = 0; round < WAIT_STEPS; round++) {
		for (int i = 0; i < PORTS_MAX; i++) {
			char path[64];
			auto_buf struct buf name = { 0 };

			snprintf(path, sizeof(path), "/sys/class/virtio-ports/vport%dp%d/name", i / 4, i % 4);
			if (file_read(AT_FDCWD, path, 64, &name, NULL) < 0 ||
			    !str_is(str_trim(buf_all(&name)), "yagura"))
				continue;
			snprintf(path, sizeof(path), "/dev/vport%dp%d", i / 4, i % 4);
			return open_when_there(path, O_RDWR);
		}
		usleep(WAIT_STEP_US);
	}
	return err_set(e, -ENOENT, "there is no port of virtio-serial named yagura");
}

int boot_channel(const char *name, struct err *e)
{
	char path[64];
	struct termios t;
	int fd;

	if (str_is(str_c(name), "virtio"))
		return open_port(e);
	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open_when_there(path, O_RDWR | O_NOCTTY);
	if (fd < 0)
		return err_errno(e, fd, "%s", path);
	if (tcgetattr(fd, &t) == 0) {
		cfmakeraw(&t);
		t.c_cflag |= CLOCAL;
		(void)tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

/* What the image is shows by trying: the host makes what this kernel can read. */
static int mount_image(const char *device, struct err *e)
{
	static const char *const types[] = { "erofs", "squashfs", "ext4", "iso9660" };
	auto_close int fd = open_when_there(device, O_RDONLY);

	if (fd < 0)
		return err_errno(e, fd, "%s", device);
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (mount(device, "/lower", types[i], MS_RDONLY | MS_NODEV, NULL) == 0)
			return 0;
	return err_errno(e, -errno, "%s: no file system that this kernel reads", device);
}

static char disk_name[16]; /* without its letter */

static void device_path(unsigned int number, char ret[64])
{
	snprintf(ret, 64, "/dev/%s%c", disk_name, 'a' + (char)number);
}

int boot_volume(const struct plan_volume *v, size_t index, struct err *e)
{
	char device[64], path[64];
	auto_close int fd = -1;

	device_path(v->disk, device);
	snprintf(path, sizeof(path), VOLUMES "/%zu", index);
	fd = open_when_there(device, O_RDONLY);
	if (fd < 0)
		return err_errno(e, fd, "volume %s: %s", v->path, device);
	if ((mkdir(VOLUMES, 0700) < 0 && errno != EEXIST) || (mkdir(path, 0700) < 0 && errno != EEXIST) ||
	    mount(device, path, v->type, v->flags, v->data) < 0)
		return err_errno(e, -errno, "volume %s: it cannot be mounted as %s", v->path, v->type);
	snprintf(path, sizeof(path), VOLUMES "/%zu/lost+found", index);
	if (v->bare) /* but for what was found */
		(void)rmdir(path);
	return 0;
}

void boot_volumes_end(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char path[64];
		auto_close int fd = -1;

		snprintf(path, sizeof(path), VOLUMES "/%zu", i);
		fd = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
		if (fd >= 0)
			(void)syncfs(fd);
		(void)mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL);
	}
}

int boot_root(const char *disk, bool has_layer, struct err *e)
{
	char image[64], layer[64];
	int r;

	snprintf(disk_name, sizeof(disk_name), "%s", disk);
	device_path(0, image);
	device_path(1, layer);
	if (mkdir("/lower", 0755) < 0 || mkdir("/layer", 0755) < 0 || mkdir(CONTAINER_ROOT, 0755) < 0)
		return err_errno(e, -errno, "mkdir");
	r = mount_image(image, e);
	if (r < 0)
		return r;
	/* Without a layer the root will be read-only; until then mount points can be made in it. */
	if (!has_layer)
		r = mount_on("tmpfs", "/layer", "tmpfs", MS_NODEV, "size=1m,nr_inodes=4096,mode=0755", e);
	else /* it lives as long as the machine: nothing is gained by barriers */
		r = mount_on(layer, "/layer", "ext4", MS_NODEV | MS_NOATIME, "nobarrier,noauto_da_alloc", e);
	if (r < 0)
		return r;
	if ((mkdir("/layer/upper", 0755) < 0 && errno != EEXIST) || (mkdir("/layer/work", 0700) < 0 && errno != EEXIST))
		return err_errno(e, -errno, "mkdir in the writable layer");
	return mount_on("overlay", CONTAINER_ROOT, "overlay", MS_NODEV | MS_NOATIME,
			"lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work", e);
}
