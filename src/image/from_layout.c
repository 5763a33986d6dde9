/* from_layout: an OCI image layout in a directory (image-spec image-layout.md): oci-layout, index.json, blobs/. The
 * target is PATH, PATH:NAME (org.opencontainers.image.ref.name) or PATH@sha256:DIGEST. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "image/source.h"

struct layout {
	struct image *img;
	int dir;
};

static int open_blob(const struct layout *l, const struct descriptor *d, struct err *e)
{
	char text[DIGEST_TEXT_MAX], name[DIGEST_TEXT_MAX + 16];
	int fd;

	snprintf(name, sizeof(name), "blobs/sha256/%s", digest_text(&d->digest, text) + strlen("sha256:"));
	/* Links are followed, but not out of the layout. */
	fd = fd_open_inside(l->dir, str_c(name), O_RDONLY);
	return fd < 0 ? err_errno(e, fd, "%s", name) : fd;
}

static int layout_read(void *ctx, const struct descriptor *d, enum blob_role role unused_arg, size_t max,
		       struct buf *ret, struct err *e)
{
	auto_close int fd = open_blob(ctx, d, e);

	return fd < 0 ? fd : fd_read_all(fd, max, ret, e);
}

static int layout_layer(void *ctx, const struct descriptor *d, struct blob_source *ret, struct err *e)
{
	struct layout *l = ctx;
	int fd = open_blob(l, d, e);
	struct stat st;

	if (fd < 0)
		return fd;
	image_keep_fd(l->img, fd);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, -EBADMSG, "the blob is no plain file");
	*ret = (struct blob_source){
		.place = BLOB_FILE, .fd = fd, .size = (uint64_t)st.st_size, .file_identity = true
	};
	return 0;
}

static int assemble(struct layout *l, struct str suffix, const struct image_options *o, struct err *e)
{
	struct blob_reader reader = { .ctx = l, .read = layout_read, .layer = layout_layer };
	auto_buf struct buf top = { 0 };
	struct descriptor d = { 0 };
	int r;

	if (suffix.n && suffix.p[0] == '@') {
		if (!digest_parse(str_from(suffix, 1), &d.digest))
			return err_set(e, -EINVAL, "\"" STR_FMT "\" is no sha256 digest", STR_ARG(suffix));
		r = oci_read(&reader, &d, ROLE_MANIFEST, &top, e);
		return r < 0 ? r : oci_assemble(l->img, &reader, buf_all(&top), STR_NONE, o, e);
	}
	l->img->info.reference = arena_str(&l->img->info.arena, str_from(suffix, 1));
	r = file_read(l->dir, "index.json", IMAGE_MANIFEST_MAX, &top, e);
	return r < 0 ? r : oci_assemble(l->img, &reader, buf_all(&top), str_from(suffix, 1), o, e);
}

int from_layout(struct image *img, struct str target, const struct image_options *o, struct err *e)
{
	struct layout l = { .img = img };
	struct str path, suffix;
	auto_close int dir = -1;
	int r = target_split(target, &img->info.arena, &path, &suffix);

	if (r < 0)
		return err_errno(e, r, STR_FMT, STR_ARG(target));
	l.dir = dir = fd_open(AT_FDCWD, path.p, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return err_errno(e, dir, STR_FMT, STR_ARG(path));
	r = assemble(&l, suffix, o, e);
	return r < 0 ? err_wrap(e, r, STR_FMT, STR_ARG(path)) : 0;
}
