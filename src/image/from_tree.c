/* from_tree: file systems that are no images: a directory, a tarball, this host. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "image/source.h"

static int open_root(struct image *img, const char *path, struct err *e)
{
	img->root_fd = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	return img->root_fd < 0 ? err_errno(e, img->root_fd, "%s", path) : 0;
}

int from_rootfs(struct image *img, struct str target, const struct image_options *o unused_arg, struct err *e)
{
	return open_root(img, target.p, e);
}

int from_host(struct image *img, struct str target unused_arg, const struct image_options *o unused_arg, struct err *e)
{
	return open_root(img, "/", e);
}

int from_tar(struct image *img, struct str target, const struct image_options *o unused_arg, struct err *e)
{
	struct blob_source source = { .place = BLOB_FILE, .file_identity = true };
	struct digest none = { 0 };
	struct stat st;
	int fd = fd_open(AT_FDCWD, target.p, O_RDONLY);

	if (fd < 0)
		return err_errno(e, fd, STR_FMT, STR_ARG(target));
	source.fd = image_keep_fd(img, fd);
	if (fstat(fd, &st) < 0)
		return err_errno(e, -errno, STR_FMT, STR_ARG(target));
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, STR_FMT ": not a plain file", STR_ARG(target));
	source.size = (uint64_t)st.st_size;
	image_add_layer(img, &none, &source);
	return 0;
}
