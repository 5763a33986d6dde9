/* from_archive: images in one file: docker-archive ("docker save", "podman save", skopeo) and oci-archive, plain or
 * compressed as a whole. The target is PATH, PATH:TAG, or PATH:@N for the N-th image. docs/formats/docker-archive.md.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "codec/sha256.h"
#include "image/archive_manifest.h"
#include "image/config.h"
#include "image/members.h"
#include "image/reference.h"
#include "image/scratch.h"
#include "image/source.h"

#define DETECT_HEAD_BYTES (1u << 20) /* plain bytes looked at in a compressed file */

struct archive {
	struct image *img;
	struct members *members;
	int fd;
	bool own;
	const struct image_options *options;
};

static struct blob_source source_of(const struct archive *a, const struct member *member)
{
	return (struct blob_source){
		.place = BLOB_FILE, .fd = a->fd, .offset = member->offset, .size = member->size, .file_identity = a->own
	};
}

/* -------- docker-archive -------- */

/* Names such as blobs/sha256/HEX and HEX.json claim a digest. */
static bool claimed_digest(struct str name, struct digest *ret)
{
	struct str base = path_base(name);

	if (str_starts(name, STR("blobs/sha256/")))
		return digest_parse_hex(base, ret);
	return str_ends(base, STR(".json")) && digest_parse_hex(str_head(base, base.n - 5), ret);
}

static int docker_config(struct archive *a, const struct archive_image *image, const struct platform *want,
			 struct err *e)
{
	struct image_info *info = &a->img->info;
	auto_buf struct buf text = { 0 };
	struct digest claimed;
	int r = members_load(a->members, image->config, IMAGE_CONFIG_MAX, &text, e);

	if (r < 0)
		return r;
	sha256_of(buf_all(&text), &info->config);
	if (claimed_digest(image->config, &claimed) && !digest_eq(&claimed, &info->config))
		return err_set(e, -EBADMSG, "config " STR_FMT ": the bytes are another's", STR_ARG(image->config));
	return config_take(buf_all(&text), want, info, e);
}

static int docker_layers(struct archive *a, const struct archive_image *image, struct err *e)
{
	for (size_t i = 0; i < image->layers.n; i++) {
		const struct member *member;
		struct blob_source source;
		struct digest claimed = { 0 };
		int r = members_find(a->members, image->layers.v[i], &member, e);

		if (r < 0)
			return err_wrap(e, r, "layer %zu", i);
		if (!str_starts(member->name, STR("blobs/sha256/")) || !claimed_digest(member->name, &claimed))
			claimed = (struct digest){ 0 };
		source = source_of(a, member);
		image_add_layer(a->img, &claimed, &source);
	}
	return 0;
}

static int open_docker(struct archive *a, struct str tag, struct err *e)
{
	auto_archive_manifest struct archive_manifest m = { 0 };
	auto_arena struct arena scratch = { 0 };
	auto_buf struct buf text = { 0 };
	const struct archive_image *image;
	struct platform want;
	int r = platform_parse(a->options->platform, &want, e);

	if (r >= 0)
		r = members_load(a->members, STR("manifest.json"), IMAGE_MANIFEST_MAX, &text, e);
	if (r >= 0)
		r = archive_manifest_parse(buf_all(&text), &scratch, &m, e);
	if (r >= 0)
		r = archive_manifest_choose(&m, tag, &image, e);
	if (r < 0)
		return r;
	if (image->tags.n)
		a->img->info.reference = arena_str(&a->img->info.arena, image->tags.v[0]);
	for (size_t i = 0; i < image->tags.n; i++)
		if (reference_name_fits(image->tags.v[i], tag))
			a->img->info.reference = arena_str(&a->img->info.arena, image->tags.v[i]);
	r = docker_layers(a, image, e);
	return r < 0 ? r : docker_config(a, image, &want, e);
}

/* -------- oci-archive -------- */

static struct str blob_name(struct arena *a, const struct descriptor *d)
{
	char text[DIGEST_TEXT_MAX];

	return arena_fmt(a, "blobs/sha256/%s", digest_text(&d->digest, text) + strlen("sha256:"));
}

static int oci_member_read(void *ctx, const struct descriptor *d, enum blob_role role unused_arg, size_t max,
			   struct buf *ret, struct err *e)
{
	struct archive *a = ctx;

	return members_load(a->members, blob_name(&a->members->arena, d), max, ret, e);
}

static int oci_member_layer(void *ctx, const struct descriptor *d, struct blob_source *ret, struct err *e)
{
	struct archive *a = ctx;
	const struct member *member;
	int r = members_find(a->members, blob_name(&a->members->arena, d), &member, e);

	if (r < 0)
		return r;
	*ret = source_of(a, member);
	return 0;
}

static int open_oci(struct archive *a, struct str tag, struct err *e)
{
	struct blob_reader reader = { .ctx = a, .read = oci_member_read, .layer = oci_member_layer };
	auto_buf struct buf top = { 0 };
	struct descriptor d = { 0 };
	int r;

	if (tag.n && tag.p[0] == '@' && digest_parse(str_from(tag, 1), &d.digest)) {
		r = oci_read(&reader, &d, ROLE_MANIFEST, &top, e);
		return r < 0 ? r : oci_assemble(a->img, &reader, buf_all(&top), STR_NONE, a->options, e);
	}
	a->img->info.reference = arena_str(&a->img->info.arena, tag);
	r = members_load(a->members, STR("index.json"), IMAGE_MANIFEST_MAX, &top, e);
	return r < 0 ? r : oci_assemble(a->img, &reader, buf_all(&top), tag, a->options, e);
}

/* -------- the file -------- */

static int file_look(int fd, uint64_t *ret_size, enum codec *ret_codec, struct err *e)
{
	char head[INFLATE_PROBE_BYTES];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return err_errno(e, -errno, "stat");
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "not a plain file");
	*ret_size = (uint64_t)st.st_size;
	n = fd_pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return err_errno(e, (int)n, "reading");
	*ret_codec = inflate_probe(str_n(head, (size_t)n));
	return 0;
}

/* The members of the archive in fd, unpacked to a temporary file first when it is compressed as a whole. Takes fd. */
static int read_contents(struct archive *a, int fd, enum codec codec, uint64_t size, struct err *e)
{
	int r;

	a->fd = image_keep_fd(a->img, fd);
	if (codec != CODEC_NONE) {
		r = scratch_inflate(fd, codec, a->options->scratch_dir, a->options->progress, &size, e);
		if (r < 0)
			return r;
		a->own = false;
		a->fd = image_keep_fd(a->img, r);
	}
	return members_read(a->members, a->fd, size, MEMBERS_MAX, e);
}

int archive_open_fd(struct image *img, int fd, bool own, struct str tag, const struct image_options *o, struct err *e)
{
	auto_members struct members members = { 0 };
	struct archive a = { .img = img, .members = &members, .own = own, .options = o };
	enum codec codec;
	uint64_t size;
	int r = file_look(fd, &size, &codec, e);

	if (r < 0) {
		close(fd);
		return r;
	}
	r = read_contents(&a, fd, codec, size, e);
	if (r < 0)
		return r;
	/* An archive may be both kinds at once (docker 25 and later): the kind says which one is meant. */
	if (img->info.kind != IMAGE_OCI_ARCHIVE)
		return open_docker(&a, tag, e);
	return open_oci(&a, tag, e);
}

/* Opens PATH[:TAG]; *ret_tag is without its ':', but "@sha256:..." keeps its '@'. */
static int open_target(struct image *img, struct str target, struct str *ret_path, struct str *ret_tag, struct err *e)
{
	int fd, r = target_split(target, &img->info.arena, ret_path, ret_tag);

	if (r < 0)
		return err_errno(e, r, STR_FMT, STR_ARG(target));
	if (ret_tag->n && ret_tag->p[0] == ':')
		*ret_tag = str_from(*ret_tag, 1);
	fd = fd_open(AT_FDCWD, ret_path->p, O_RDONLY);
	return fd < 0 ? err_errno(e, fd, STR_FMT, STR_ARG(*ret_path)) : fd;
}

int from_archive(struct image *img, struct str target, const struct image_options *o, struct err *e)
{
	struct str path, tag;
	int r, fd = open_target(img, target, &path, &tag, e);

	if (fd < 0)
		return fd;
	r = archive_open_fd(img, fd, true, tag, o, e);
	return r < 0 ? err_wrap(e, r, STR_FMT, STR_ARG(path)) : 0;
}

/* -------- detection -------- */

static bool hex_name(struct str s)
{
	struct digest d;

	return digest_parse_hex(str_head(s, 64), &d) && (s.n == 64 || s.p[64] == '.' || s.p[64] == '/');
}

/* Could a member of this name be part of an archive of images? */
static bool image_like(struct str name)
{
	static const char *const top[] = { "manifest.json", "index.json", "oci-layout", "repositories", "blobs" };
	static const char *const below[] = { "VERSION", "json", "layer.tar" }; /* docker before 25: HEX/VERSION ... */
	bool nested = str_find(name, '/') >= 0;

	for (size_t i = 0; i < ARRAY_LEN(top); i++)
		if (str_is(name, top[i]))
			return true;
	for (size_t i = 0; nested && i < ARRAY_LEN(below); i++)
		if (str_is(path_base(name), below[i]))
			return true;
	if (str_starts(name, STR("blobs/")) || str_starts(name, STR("sha256:")) || hex_name(name))
		return true;
	return !nested &&
	       (str_ends(name, STR(".json")) || str_ends(name, STR(".tar")) || str_find_str(name, STR(".tar.")) >= 0);
}

/* What a table of contents says; `cut` is why it ends early, or 0. */
static int kind_of(const struct members *m, int cut, enum image_kind *ret)
{
	*ret = IMAGE_TAR;
	if (members_have(m, "manifest.json"))
		*ret = IMAGE_DOCKER_ARCHIVE;
	else if (members_have(m, "oci-layout") && members_have(m, "index.json"))
		*ret = IMAGE_OCI_ARCHIVE;
	/* An archive of images of which the end is missing must not pass for a file system. */
	if (cut < 0 && (*ret != IMAGE_TAR || !m->list.n || (cut == -EBADMSG && image_like(m->list.v[0].name))))
		return cut;
	return 0;
}

/* The first plain bytes of a compressed file: is its first member something an archive of images begins with? */
static int first_member_image_like(int fd, enum codec codec, bool *ret, struct err *e)
{
	auto_free char *in = xmalloc(DETECT_HEAD_BYTES), *out = xmalloc(DETECT_HEAD_BYTES);
	ssize_t n = fd_pread(fd, in, DETECT_HEAD_BYTES, 0);
	struct str rest = str_n(in, n > 0 ? (size_t)n : 0);
	auto_tar struct tar tar;
	struct inflate *z;
	bool end = false;
	int r;

	if (n < 0)
		return err_errno(e, (int)n, "reading");
	tar_init(&tar);
	r = inflate_new(&z, codec, e);
	if (r < 0)
		return r;
	n = inflate_step(z, &rest, (size_t)n < DETECT_HEAD_BYTES, out, DETECT_HEAD_BYTES, &end, e);
	inflate_free(z);
	if (n < 0)
		return (int)n;
	*ret = false;
	rest = str_n(out, (size_t)n);
	do {
		r = tar_step(&tar, &rest, e);
	} while (r >= 0 && r != TAR_ENTRY && r != TAR_END && r != TAR_MORE);
	if (r == TAR_ENTRY)
		*ret = image_like(tar.entry.path);
	return r < 0 ? r : 0;
}

/* A tarball of a file system after all: the descriptors kept so far are of no more use. */
static int open_tar(struct image *img, struct str path, struct str tag, const struct image_options *o, struct err *e)
{
	if (tag.n)
		return err_set(e, -ENOENT, "a tarball of a file system, and no archive of images: it has no " STR_FMT,
			       STR_ARG(tag));
	while (img->fds.n)
		fd_close(&img->fds.v[--img->fds.n]);
	img->info.kind = IMAGE_TAR;
	return from_tar(img, path, o, e);
}

/* The kind is written to img when it is known; -errno, or 1 when it is a tarball. */
static int look_and_open(struct archive *a, int fd, struct str tag, struct err *e)
{
	enum codec codec;
	uint64_t size;
	bool like = true;
	int r = file_look(fd, &size, &codec, e);

	if (r >= 0 && codec != CODEC_NONE)
		r = first_member_image_like(fd, codec, &like, e);
	if (r < 0 || !like) {
		close(fd);
		return r < 0 ? r : 1;
	}
	r = kind_of(a->members, read_contents(a, fd, codec, size, e), &a->img->info.kind);
	if (r < 0)
		return r;
	if (a->img->info.kind == IMAGE_DOCKER_ARCHIVE)
		return open_docker(a, tag, e);
	return a->img->info.kind == IMAGE_OCI_ARCHIVE ? open_oci(a, tag, e) : 1;
}

int from_file(struct image *img, struct str target, const struct image_options *o, struct err *e)
{
	auto_members struct members members = { 0 };
	struct archive a = { .img = img, .members = &members, .own = true, .options = o };
	struct str path, tag;
	int r, fd = open_target(img, target, &path, &tag, e);

	if (fd < 0)
		return fd;
	r = look_and_open(&a, fd, tag, e);
	if (r > 0)
		r = open_tar(img, path, tag, o, e);
	return r < 0 ? err_wrap(e, r, STR_FMT, STR_ARG(path)) : 0;
}
