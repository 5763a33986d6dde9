/* detect: what kind of target a name means. See detect.h. */
#include "image/detect.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/source.h"

/* "KIND:" in front; false when there is none. "docker://" is a registry's reference, as skopeo and podman write it. */
static bool named_kind(struct str target, enum image_kind *ret, struct str *ret_name)
{
	static const struct str skopeo = STR("docker://");
	struct str head, tail;

	if (str_starts(target, skopeo)) {
		*ret = IMAGE_REGISTRY;
		*ret_name = str_from(target, skopeo.n);
		return true;
	}
	if (!str_split(target, ':', &head, &tail))
		return false;
	for (int kind = 0; kind < IMAGE_KIND_COUNT; kind++) {
		if (!str_is(head, image_kind_name((enum image_kind)kind)))
			continue;
		*ret = (enum image_kind)kind;
		*ret_name = tail;
		return true;
	}
	return false;
}

int target_split(struct str target, struct arena *a, struct str *ret_path, struct str *ret_suffix)
{
	struct stat st;

	*ret_path = arena_str(a, target);
	*ret_suffix = STR_NONE;
	if (stat(ret_path->p, &st) == 0)
		return 0;
	if (errno != ENOENT && errno != ENOTDIR)
		return -errno;
	for (size_t i = 1; i < target.n && i < PATH_BYTES_MAX; i++) {
		if (target.p[i] != ':' && target.p[i] != '@')
			continue;
		*ret_path = arena_str(a, str_head(target, i));
		*ret_suffix = str_from(target, i);
		if (stat(ret_path->p, &st) == 0)
			return 0;
	}
	return -ENOENT;
}

static bool is_layout(const char *path)
{
	auto_close int dir = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	struct stat st;

	return dir >= 0 && fstatat(dir, "oci-layout", &st, 0) == 0 && fstatat(dir, "index.json", &st, 0) == 0;
}

/* What stands at an existing path. 1 when it may be it, 0 when the name rather is a reference with a tag. */
static int detect_path(struct str path, struct str suffix, enum image_kind *ret, bool *ret_look, struct err *e)
{
	struct stat st;

	if (stat(path.p, &st) < 0)
		return err_errno(e, -errno, "%s", path.p);
	if (S_ISDIR(st.st_mode)) {
		*ret = is_layout(path.p) ? IMAGE_OCI_DIR : IMAGE_ROOTFS;
		return *ret == IMAGE_OCI_DIR || !suffix.n;
	}
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s is neither a file nor a directory", path.p);
	*ret = IMAGE_TAR;
	*ret_look = true;
	return 1;
}

static bool looks_like_path(struct str target)
{
	return target.p[0] == '/' || target.p[0] == '.' || target.p[0] == '~' || str_ends(target, STR(".tar")) ||
	       str_ends(target, STR(".tar.gz")) || str_ends(target, STR(".tar.zst")) ||
	       str_ends(target, STR(".tar.xz")) || str_ends(target, STR(".tgz"));
}

int detect(struct str target, enum image_kind *ret, struct str *ret_name, bool *ret_look, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct str path, suffix;
	int r;

	*ret_look = false;
	if (named_kind(target, ret, ret_name)) {
		if (!ret_name->n && *ret != IMAGE_HOST)
			return err_set(e, -EINVAL, "nothing stands behind " STR_FMT, STR_ARG(target));
		return 0;
	}
	*ret_name = target;
	*ret = IMAGE_HOST;
	if (str_is(target, "host"))
		return 0;
	r = target_split(target, &a, &path, &suffix);
	if (r >= 0)
		r = detect_path(path, suffix, ret, ret_look, e);
	else if (r != -ENOENT || looks_like_path(target))
		return err_errno(e, r, STR_FMT, STR_ARG(target));
	else
		r = 0;
	if (r)
		return r < 0 ? r : 0;
	*ret = IMAGE_REGISTRY;
	return 0;
}
