/* Mounts the EROFS images given, lowest first, in mounts of its own, and runs a shell command there: for rootfs.sh.
 * usage: e2e-rootfs WORK TARGET COMMAND IMAGE... */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/rootfs.h"

#define IMAGES_MAX 600

int main(int argc, char **argv)
{
	static int fd[IMAGES_MAX];
	struct rootfs r = { .layers = fd, .userns = -1 };
	struct err e = { 0 };

	if (argc < 5 || argc > IMAGES_MAX)
		return 2;
	r.work = argv[1];
	r.target = argv[2];
	for (int i = 4; i < argc; i++) {
		fd[r.n] = fd_open(AT_FDCWD, argv[i], O_RDONLY);
		if (fd[r.n++] < 0)
			return 2;
	}
	if (rootfs_own_mounts(&e) < 0 || rootfs_mount(&r, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	execl("/bin/sh", "sh", "-ec", argv[3], argv[2], (char *)NULL);
	return 2;
}
