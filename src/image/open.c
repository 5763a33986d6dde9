/* open: a target opened, whatever it is. See image.h. */
#include "image/detect.h"
#include "image/source.h"

static int (*const openers[IMAGE_KIND_COUNT])(struct image *img, struct str target, const struct image_options *o,
					      struct err *e) = {
	[IMAGE_DOCKER_ARCHIVE] = from_archive, [IMAGE_OCI_DIR] = from_layout, [IMAGE_OCI_ARCHIVE] = from_archive,
	[IMAGE_REGISTRY] = from_registry,      [IMAGE_PODMAN] = from_daemon,  [IMAGE_DOCKER] = from_daemon,
	[IMAGE_ROOTFS] = from_rootfs,	       [IMAGE_TAR] = from_tar,	      [IMAGE_HOST] = from_host,
};

int image_open(struct image *ret, struct str target, const struct image_options *options, struct err *e)
{
	struct str name;
	bool look;
	int r;

	*ret = (struct image){ .root_fd = -1 };
	if (!target.n || memchr(target.p, 0, target.n))
		return err_set(e, -EINVAL, "the name of a target is empty or has a NUL in it");
	r = detect(target, &ret->info.kind, &name, &look, e);
	if (r < 0)
		return r;
	ret->info.target = arena_str(&ret->info.arena, name);
	r = (look ? from_file : openers[ret->info.kind])(ret, ret->info.target, options, e);
	if (r < 0 && ret->info.kind == IMAGE_REGISTRY && name.n == target.n) /* nobody said so: it was the last guess */
		err_wrap(e, r, "no file or directory here has that name; as an image of a registry");
	if (r < 0)
		image_close(ret);
	return r;
}
