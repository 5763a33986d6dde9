/* layout: an OCI image layout being written. See layout.h. */
#include "node/image/layout.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/remove.h"
#include "codec/sha256.h"

#define OPEN_BLOB "blobs/sha256/open"

void oci_blob_write(struct json_out *w, const struct oci_blob *b)
{
	json_out_object(w);
	json_out_key_str(w, "mediaType", b->media_type);
	json_out_key_digest(w, "digest", &b->digest);
	json_out_key_u64(w, "size", b->size);
	json_out_key_opt(w, "artifactType", b->artifact_type);
	if (b->arch.n) {
		json_out_key_object(w, "platform");
		json_out_key_str(w, "architecture", b->arch);
		json_out_key_str(w, "os", STR("linux"));
		json_out_key_opt(w, "variant", b->variant);
		json_out_end_object(w);
	}
	if (b->annotation_count) {
		json_out_key_object(w, "annotations");
		for (size_t i = 0; i < b->annotation_count; i++)
			json_out_key_str(w, b->annotations[i].key.p, b->annotations[i].value);
		json_out_end_object(w);
	}
	json_out_end_object(w);
}

/* A layout is made to be read by others. */
int layout_file(struct layout *l, const char *name, struct str bytes, struct err *e)
{
	int r = file_write(l->dir, name, bytes, true, e);

	if (r == 0 && fchmodat(l->dir, name, 0644, 0) < 0)
		r = err_errno(e, -errno, "%s", name);
	return r;
}

/* -------- the directory -------- */

static int place_check(struct str place, struct err *e)
{
	struct stat st;
	char *inside = NULL;
	int r = 0;

	if (lstat(place.p, &st) < 0)
		return errno == ENOENT ? 0 : err_errno(e, -errno, STR_FMT, STR_ARG(place));
	if (asprintf(&inside, "%s/oci-layout", place.p) < 0)
		return -ENOMEM;
	if (!S_ISDIR(st.st_mode) || (access(inside, F_OK) < 0 && rmdir(place.p) < 0))
		r = err_set(e, -EEXIST, STR_FMT " is there and is no OCI layout: it is not replaced", STR_ARG(place));
	free(inside);
	return r;
}

int layout_begin(struct layout *l, struct str place, struct err *e)
{
	int r;

	*l = (struct layout){ .dir = -1 };
	while (place.n > 1 && place.p[place.n - 1] == '/')
		place.n--;
	l->place = arena_str(&l->arena, place);
	r = place_check(l->place, e);
	if (r == 0 && asprintf(&l->temporary, "%s.tmp-%d", l->place.p, (int)getpid()) < 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	(void)!tree_remove(AT_FDCWD, l->temporary);
	r = mkdir(l->temporary, 0755) < 0 ? -errno : 0;
	if (r == 0)
		r = l->dir = fd_open(AT_FDCWD, l->temporary, O_RDONLY | O_DIRECTORY);
	if (r >= 0 && (mkdirat(l->dir, "blobs", 0755) < 0 || mkdirat(l->dir, "blobs/sha256", 0755) < 0))
		r = -errno;
	if (r < 0)
		return err_errno(e, r, "%s", l->temporary);
	return layout_file(l, "oci-layout", STR("{\"imageLayoutVersion\":\"1.0.0\"}"), e);
}

void layout_done(struct layout *l)
{
	fd_close(&l->dir);
	if (l->temporary)
		(void)!tree_remove(AT_FDCWD, l->temporary);
	free(take_ptr(l->temporary));
	vec_done(&l->manifests);
	arena_done(&l->arena);
}

void oci_index_begin(struct json_out *w)
{
	json_out_object(w);
	json_out_key_u64(w, "schemaVersion", 2);
	json_out_key_str(w, "mediaType", STR(OCI_INDEX_TYPE));
	json_out_key_array(w, "manifests");
}

void oci_index_end(struct json_out *w)
{
	json_out_end_array(w);
	json_out_end_object(w);
}

static int index_write(struct layout *l, struct err *e)
{
	struct json_out w;
	struct out out;
	int r;

	out_init(&out, -1);
	json_out_init(&w, &out);
	oci_index_begin(&w);
	for (size_t i = 0; i < l->manifests.n; i++)
		oci_blob_write(&w, &l->manifests.v[i]);
	oci_index_end(&w);
	r = layout_file(l, "index.json", buf_all(&out.b), e);
	buf_done(&out.b);
	return r;
}

int layout_commit(struct layout *l, struct err *e)
{
	int r = index_write(l, e);

	if (r < 0)
		return r;
	if (renameat2(AT_FDCWD, l->temporary, AT_FDCWD, l->place.p, RENAME_EXCHANGE) == 0)
		return 0; /* what was there goes with layout_done() */
	if (errno == ENOENT && rename(l->temporary, l->place.p) == 0) {
		free(take_ptr(l->temporary));
		return 0;
	}
	return err_errno(e, -errno, "%s", l->place.p);
}

/* -------- blobs -------- */

static const char *blob_name(const struct digest *d, char *name, size_t size)
{
	char text[DIGEST_TEXT_MAX];

	snprintf(name, size, "blobs/sha256/%s", digest_text(d, text) + strlen("sha256:"));
	return name;
}

int layout_put(struct layout *l, struct str bytes, const char *media_type, struct oci_blob *ret, struct err *e)
{
	char name[128];

	*ret = (struct oci_blob){ .size = bytes.n, .media_type = arena_str(&l->arena, str_c(media_type)) };
	sha256_of(bytes, &ret->digest);
	return layout_file(l, blob_name(&ret->digest, name, sizeof(name)), bytes, e);
}

int layout_blob_open(struct layout *l, struct err *e)
{
	int fd = openat(l->dir, OPEN_BLOB, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	return fd < 0 ? err_errno(e, -errno, "%s", OPEN_BLOB) : fd;
}

int layout_blob_close(struct layout *l, int fd, const struct digest *d, struct err *e)
{
	char name[128];
	int r = fsync(fd) < 0 ? -errno : 0;

	fd_close(&fd);
	if (r < 0)
		return err_errno(e, r, "%s", OPEN_BLOB);
	return renameat(l->dir, OPEN_BLOB, l->dir, blob_name(d, name, sizeof(name))) < 0
		       ? err_errno(e, -errno, "%s", name)
		       : 0;
}

int layout_manifest(struct layout *l, struct str bytes, const struct oci_blob *about, struct oci_blob *ret,
		    struct err *e)
{
	struct oci_pair *annotations = arena_array(&l->arena, struct oci_pair, about->annotation_count + 1);
	struct oci_blob blob;
	int r = layout_put(l, bytes, OCI_MANIFEST_TYPE, &blob, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < about->annotation_count; i++)
		annotations[i] = (struct oci_pair){ arena_str(&l->arena, about->annotations[i].key),
						    arena_str(&l->arena, about->annotations[i].value) };
	blob.artifact_type = arena_str(&l->arena, about->artifact_type);
	blob.arch = arena_str(&l->arena, about->arch);
	blob.variant = arena_str(&l->arena, about->variant);
	blob.annotations = annotations;
	blob.annotation_count = about->annotation_count;
	vec_push(&l->manifests, blob);
	*ret = blob;
	return 0;
}
