/* image: opens a target and prints what was found as JSON: `e2e-image [OPTIONS] TARGET`. With --fetch the bytes of each
 * layer are read as well (in full, from where blob_source says) and their digest is held against the claimed one.
 * Exit 0, or 3 with one line on stderr. */
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "codec/sha256.h"
#include "image/image.h"

#define CHUNK_BYTES 16384

static int add_bytes(void *ctx, const void *p, size_t n)
{
	sha256_add(ctx, p, n);
	return 0;
}

static int read_file_blob(const struct blob_source *b, struct sha256 *sha, struct err *e)
{
	char chunk[CHUNK_BYTES];

	for (uint64_t done = 0; done < b->size;) {
		uint64_t left = b->size - done;
		ssize_t n =
			fd_pread(b->fd, chunk, left < sizeof(chunk) ? (size_t)left : sizeof(chunk), b->offset + done);

		if (n <= 0)
			return err_set(e, n < 0 ? (int)n : -EBADMSG, "layer: cut short");
		sha256_add(sha, chunk, (size_t)n);
		done += (uint64_t)n;
	}
	return 0;
}

static int read_layer(struct image *img, size_t i, struct digest *ret, struct err *e)
{
	const struct blob_source *b = &img->blobs.v[i];
	struct sha256 sha;
	struct http_sink sink = { .ctx = &sha, .body = add_bytes };
	char claimed[DIGEST_TEXT_MAX], found[DIGEST_TEXT_MAX];
	int r;

	sha256_init(&sha);
	r = b->place == BLOB_URL ? image_blob_get(img, i, &sink, e) : read_file_blob(b, &sha, e);
	sha256_end(&sha, ret);
	if (r >= 0 && img->info.layers.v[i].blob.set && !digest_eq(ret, &img->info.layers.v[i].blob))
		return err_set(e, -EBADMSG, "layer %zu: digest is %s, not %s", i + 1, digest_text(ret, found),
			       digest_text(&img->info.layers.v[i].blob, claimed));
	return r;
}

static void print_digest(struct json_out *w, const char *key, const struct digest *d)
{
	char text[DIGEST_TEXT_MAX];

	json_out_key_opt(w, key, str_c(digest_text(d, text)));
}

static int print_layer(struct json_out *w, struct image *img, size_t i, bool fetch, struct err *e)
{
	const struct layer_info *l = &img->info.layers.v[i];
	struct digest bytes = { 0 };
	int r = fetch ? read_layer(img, i, &bytes, e) : 0;

	if (r < 0)
		return r;
	json_out_object(w);
	print_digest(w, "blob", &l->blob);
	print_digest(w, "diff_id", &l->diff_id);
	print_digest(w, "bytes", &bytes);
	json_out_key(w, "size");
	json_out_u64(w, l->size_bytes);
	json_out_key_opt(w, "created_by", l->created_by);
	json_out_key(w, "base");
	json_out_bool(w, l->base);
	json_out_key_opt(w, "url", img->blobs.v[i].url);
	json_out_end_object(w);
	return 0;
}

static int print_image(struct image *img, bool fetch, struct err *e)
{
	struct out out;
	struct json_out w;
	int r = 0, finished;

	out_init(&out, STDOUT_FILENO);
	json_out_init(&w, &out);
	json_out_object(&w);
	json_out_key_str(&w, "kind", str_c(image_kind_name(img->info.kind)));
	json_out_key_opt(&w, "reference", img->info.reference);
	print_digest(&w, "manifest", &img->info.manifest);
	print_digest(&w, "config", &img->info.config);
	json_out_key_opt(&w, "os", img->info.os);
	json_out_key_opt(&w, "arch", img->info.arch);
	json_out_key_opt(&w, "variant", img->info.variant);
	json_out_key_opt(&w, "base_name", img->info.base_name);
	json_out_key(&w, "root");
	json_out_bool(&w, img->root_fd >= 0);
	json_out_key(&w, "layers");
	json_out_array(&w);
	for (size_t i = 0; r >= 0 && i < img->info.layers.n; i++)
		r = print_layer(&w, img, i, fetch, e);
	json_out_end_array(&w);
	json_out_end_object(&w);
	finished = out_finish(&out);
	return r < 0 ? r : finished;
}

int main(int argc, char **argv)
{
	struct image_options o = { .scratch_dir = AT_FDCWD };
	struct image img;
	struct err e = { 0 };
	bool fetch = false;
	int i, r;

	sha256_setup();
	for (i = 1; i < argc - 1; i++) {
		struct str name = str_c(argv[i]);

		if (str_is(name, "--fetch"))
			fetch = true;
		else if (str_is(name, "--insecure"))
			o.insecure_tls = true;
		else if (str_is(name, "--plain-http"))
			o.plain_http = true;
		else if (str_is(name, "--platform"))
			o.platform = str_c(argv[++i]);
		else if (str_is(name, "--ca-file"))
			o.ca_file = argv[++i];
		else if (str_is(name, "--auth-file"))
			o.auth_file = argv[++i];
		else if (str_is(name, "--user"))
			o.user = str_c(argv[++i]);
		else if (str_is(name, "--password"))
			o.password = str_c(argv[++i]);
		else
			break;
	}
	if (i != argc - 1) {
		fprintf(stderr, "usage: %s [OPTIONS] TARGET\n", argv[0]);
		return 2;
	}
	r = image_open(&img, str_c(argv[i]), &o, &e);
	if (r >= 0) {
		r = print_image(&img, fetch, &e);
		image_close(&img);
	}
	if (r < 0)
		fprintf(stderr, "%s\n", e.msg);
	return r < 0 ? 3 : 0;
}
