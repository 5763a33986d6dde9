/* image: a root file system as a read-only image, and an empty file system of limited size. See tier.h. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "fs/ext4.h"
#include "runtime/tier/parts.h"
#include "sandbox/run.h"

#define MAKE_MS 600000 /* for one image */

/* The machine opens it as whom it runs as; the read-only one it cannot even open for writing (R19). */
static int hand_over(const struct machine_build *m, const char *image, mode_t mode, struct err *e)
{
	if (fchmodat(m->dir, image, mode, 0) < 0 ||
	    fchownat(m->dir, image, m->request->host_uid, m->request->host_gid, 0) < 0)
		return err_errno(e, -errno, "%s", image);
	return 0;
}

static int make(const char *const *argv, const struct machine_build *m, const char *image, struct err *e)
{
	const struct run run = { .argv = argv, .timeout_ms = MAKE_MS };
	int status, r = run_program(&run, &status, e);

	if (r == 0 && status)
		r = err_set(e, -EIO, "%s ended with %d", argv[0], status);
	return r < 0 ? r : hand_over(m, image, 0400, e);
}

int image_root(const struct machine_build *m, struct err *e)
{
	const char *path = arena_fmt(m->arena, "%s/" ROOT_IMAGE, m->request->dir).p;
	const char *const argv[] = { "mkfs.erofs", "-T0", path, m->request->rootfs, NULL };

	return make(argv, m, ROOT_IMAGE, e);
}

/* Times and all: programs look at them. */
int image_volume(const struct machine_build *m, const char *directory, const char *name, struct err *e)
{
	const char *path = arena_fmt(m->arena, "%s/%s", m->request->dir, name).p;
	const char *const argv[] = { "mkfs.erofs", path, directory, NULL };

	return make(argv, m, name, e);
}

/* Without a journal: it lives no longer than the machine. What is not written takes no place. */
int image_layer(const struct machine_build *m, uint64_t bytes, struct err *e)
{
	struct ext4_make make = { .root_mode = 0755, .scratch = true };
	auto_close int fd = openat(m->dir, LAYER_IMAGE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
		return err_errno(e, -errno, "a writable layer of %llu bytes", (unsigned long long)bytes);
	r = ext4_identify(&make);
	r = r < 0 ? err_errno(e, r, "no random numbers") : ext4_make(fd, bytes, &make, e);
	return r < 0 ? err_wrap(e, r, "a writable layer") : hand_over(m, LAYER_IMAGE, 0600, e);
}
