/* loop: a file as a block device. See loop.h. */
#include "runtime/loop.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "base/fd.h"

static int configure(int device, int file, bool read_only)
{
	struct loop_config c = { .fd = (uint32_t)file,
				 .info = { .lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO } };

	if (read_only)
		c.info.lo_flags |= LO_FLAGS_READ_ONLY;
	if (ioctl(device, LOOP_CONFIGURE, &c) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	c.info.lo_flags &= ~(uint32_t)LO_FLAGS_DIRECT_IO;
	return ioctl(device, LOOP_CONFIGURE, &c) < 0 ? -errno : 0;
}

int loop_attach(int file, bool read_only, char *path, size_t path_size)
{
	auto_close int control = fd_open(AT_FDCWD, "/dev/loop-control", O_RDWR);

	if (control < 0)
		return control;
	for (int try = 0; try < LOOP_TRIES_MAX; try++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE), r;
		auto_close int device = -1;

		if (number < 0)
			return -errno;
		snprintf(path, path_size, "/dev/loop%d", number);
		device = fd_open(AT_FDCWD, path, read_only ? O_RDONLY : O_RDWR);
		if (device < 0)
			return device;
		r = configure(device, file, read_only);
		if (r == 0 && !read_only)
			return fd_open(AT_FDCWD, path, O_RDONLY);
		if (r == 0)
			return take_fd(&device);
		if (r != -EBUSY)
			return r;
	}
	return -EBUSY;
}
