/* build: a base image from its lock. See build.h. */
#include "node/image/build.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/date.h"
#include "codec/deflate.h"
#include "codec/sha256.h"
#include "image/scratch.h"
#include "node/image/attest.h"
#include "node/image/bootstrap.h"
#include "node/image/layout.h"
#include "node/image/resolve.h"
#include "node/image/static.h"
#include "node/image/store.h"
#include "node/image/tree.h"
#include "vuln/update/machine.h"

#define NAME_BYTES 128

struct building {
	const struct lock *l;
	const struct build_image_options *o;
	struct build_image_report *report;
	struct layout layout;
	struct tree tree;
	struct arena arena;
	struct oci_blob layer, config, manifest;
	struct digest lock_digest;
	char name[NAME_BYTES], created[DATE_TEXT_MAX];
};

/* -------- packages -------- */

static int packages_fetch(struct building *b, struct err *e)
{
	const struct lock *l = b->l;
	struct store_want *wants = xcalloc(l->packages.n + 1, sizeof(*wants));
	int r;

	for (size_t i = 0; i < l->packages.n; i++) {
		const struct lock_package *p = &l->packages.v[i];

		wants[i] = (struct store_want){ .digest = p->digest,
						.size = p->size,
						.name = p->path,
						.url = { machine_url(&b->arena, l->suites.v[p->suite].uri, p->path) } };
		if (b->o->mirror)
			wants[i].url[1] = machine_url(&b->arena, str_c(b->o->mirror), p->path);
	}
	r = store_fetch(b->o->store, wants, l->packages.n, b->o->progress, &b->report->fetched_bytes, e);
	free(wants);
	return r;
}

/* -------- the layer -------- */

struct packing {
	struct deflate *z;
	struct sha256 plain, packed;
	uint64_t plain_bytes, packed_bytes;
	int fd;
};

static int plain_take(void *ctx, const void *p, size_t n, struct err *e)
{
	struct packing *k = ctx;

	sha256_add(&k->plain, p, n);
	k->plain_bytes += n;
	return deflate_add(k->z, p, n, e);
}

static int packed_take(void *ctx, const void *p, size_t n, struct err *e)
{
	struct packing *k = ctx;
	int r = fd_write(k->fd, p, n);

	sha256_add(&k->packed, p, n);
	k->packed_bytes += n;
	return r < 0 ? err_errno(e, r, "writing the layer") : 0;
}

static int layer_write(struct building *b, struct err *e)
{
	struct packing k = { .fd = layout_blob_open(&b->layout, e) };
	struct deflate_sink packed = { &k, packed_take };
	struct tree_sink plain = { &k, plain_take };
	int r;

	if (k.fd < 0)
		return k.fd;
	k.z = deflate_new(&packed);
	sha256_init(&k.plain);
	sha256_init(&k.packed);
	progress_at(b->o->progress, STR("layer"), 0, 0);
	r = tree_write(&b->tree, b->l->date, &plain, e);
	if (r == 0)
		r = deflate_end(k.z, e);
	deflate_free(k.z);
	sha256_end(&k.plain, &b->report->diff_id);
	sha256_end(&k.packed, &b->layer.digest);
	b->layer.size = b->report->layer_bytes = k.packed_bytes;
	b->report->plain_bytes = k.plain_bytes;
	b->layer.media_type = STR(OCI_LAYER_TYPE);
	if (r < 0) {
		fd_close(&k.fd);
		return r;
	}
	return layout_blob_close(&b->layout, k.fd, &b->layer.digest, e);
}

/* -------- config and manifest -------- */

static const struct {
	const char *command, *user, *directory;
} starts[VARIANT_COUNT] = {
	[VARIANT_FULL] = { "/bin/bash", NULL, NULL },
	[VARIANT_MINIMAL] = { "/bin/sh", NULL, NULL },
	[VARIANT_STATIC] = { NULL, "65532:65532", "/home/nonroot" },
};

static void labels_write(struct building *b, struct json_out *w)
{
	char version[NAME_BYTES];

	snprintf(version, sizeof(version), "%s:%s", b->l->release->id, b->l->release->version);
	json_out_key_str(w, "org.opencontainers.image.created", str_c(b->created));
	json_out_key_str(w, "org.opencontainers.image.title", str_c(b->name));
	json_out_key_str(w, "org.opencontainers.image.version", str_c(version));
	json_out_key_digest(w, "yagura.image.lock", &b->lock_digest);
}

static void start_write(struct building *b, struct json_out *w)
{
	json_out_object(w);
	json_out_key_array(w, "Env");
	json_out_str(w, STR("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	if (b->l->variant == VARIANT_STATIC)
		json_out_str(w, STR("SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"));
	json_out_end_array(w);
	if (starts[b->l->variant].command) {
		json_out_key_array(w, "Cmd");
		json_out_str(w, str_c(starts[b->l->variant].command));
		json_out_end_array(w);
	}
	json_out_key_opt(w, "User", str_c(starts[b->l->variant].user));
	json_out_key_opt(w, "WorkingDir", str_c(starts[b->l->variant].directory));
	json_out_key_object(w, "Labels");
	labels_write(b, w);
	json_out_end_object(w);
	json_out_end_object(w);
}

static void config_write(struct building *b, struct json_out *w)
{
	char text[DIGEST_TEXT_MAX];
	struct str variant, arch = arch_oci(b->l->arch, &variant);

	json_out_object(w);
	json_out_key_str(w, "architecture", arch);
	json_out_key_opt(w, "variant", variant);
	json_out_key_str(w, "os", STR("linux"));
	json_out_key_str(w, "created", str_c(b->created));
	json_out_key(w, "config");
	start_write(b, w);
	json_out_key_object(w, "rootfs");
	json_out_key_str(w, "type", STR("layers"));
	json_out_key_array(w, "diff_ids");
	json_out_str(w, str_c(digest_text(&b->report->diff_id, text)));
	json_out_end_array(w);
	json_out_end_object(w);
	json_out_key_array(w, "history");
	json_out_object(w);
	json_out_key_str(w, "created", str_c(b->created));
	json_out_key_str(w, "created_by", arena_fmt(&b->arena, "yagura image build %s", b->name));
	json_out_end_object(w);
	json_out_end_array(w);
	json_out_end_object(w);
}

static void manifest_write(struct building *b, struct json_out *w)
{
	json_out_object(w);
	json_out_key_u64(w, "schemaVersion", 2);
	json_out_key_str(w, "mediaType", STR(OCI_MANIFEST_TYPE));
	json_out_key(w, "config");
	oci_blob_write(w, &b->config);
	json_out_key_array(w, "layers");
	oci_blob_write(w, &b->layer);
	json_out_end_array(w);
	json_out_key_object(w, "annotations");
	labels_write(b, w);
	json_out_end_object(w);
	json_out_end_object(w);
}

/* What a writer writes, as bytes in the arena. */
static struct str written(struct building *b, void (*write)(struct building *b, struct json_out *w))
{
	struct json_out w;
	struct out out;
	struct str s;

	out_init(&out, -1);
	json_out_init(&w, &out);
	write(b, &w);
	s = arena_str(&b->arena, buf_all(&out.b));
	buf_done(&out.b);
	return s;
}

/* The image and what is said about it: an SBOM that anybody could have put there says nothing. */
static int all_sign(struct building *b, struct err *e)
{
	size_t n = b->layout.manifests.n;
	int r = n > ATTEST_STATEMENTS_MAX + 1 ? err_set(e, -E2BIG, "too many statements") : 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct oci_blob subject = b->layout.manifests.v[i]; /* the list grows */
		struct attest_text t = { .manifest = subject.digest,
					 .name = b->o->identity.n ? b->o->identity : str_c(b->name) };

		if (digest_eq(&subject.digest, &b->manifest.digest))
			for (size_t k = 0; k < n; k++)
				if (k != i)
					t.statements[t.statement_count++] = b->layout.manifests.v[k].digest;
		r = attest_sign(&b->layout, &subject, &t, b->o->key, e);
	}
	return r;
}

static int image_write(struct building *b, struct err *e)
{
	struct oci_pair ref = { STR(LAYOUT_REF_NAME), str_c(b->name) };
	struct oci_blob about = { .annotations = &ref, .annotation_count = 1 };
	int r = layout_put(&b->layout, written(b, config_write), OCI_CONFIG_TYPE, &b->config, e);

	about.arch = arch_oci(b->l->arch, &about.variant);
	if (r == 0)
		r = layout_manifest(&b->layout, written(b, manifest_write), &about, &b->manifest, e);
	b->report->manifest = b->manifest.digest;
	if (r == 0)
		r = attest_add(&b->layout, b->l, &b->lock_digest, &b->manifest, e);
	return r < 0 || !b->o->key ? r : all_sign(b, e);
}

static int lock_keep(struct building *b, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = lock_text(b->l, &text, &b->lock_digest, e);

	return r < 0 ? r : layout_file(&b->layout, IMAGE_LOCK_NAME, buf_all(&text), e);
}

static const char *scratch_place(const struct build_image_options *o)
{
	const char *tmp = getenv("TMPDIR");

	return o->scratch ? o->scratch : tmp && *tmp ? tmp : "/var/tmp";
}

static int tree_fill(struct building *b, struct err *e)
{
	if (b->l->variant == VARIANT_STATIC)
		return static_fill(&b->tree, b->l, b->o->store, e);
	return bootstrap_fill(&b->tree, b->l, b->o->store, scratch_place(b->o), e);
}

static int scratch_make(const struct build_image_options *o, struct err *e)
{
	const char *place = scratch_place(o);
	auto_close int dir = fd_open(AT_FDCWD, place, O_RDONLY | O_DIRECTORY);

	return dir < 0 ? err_errno(e, dir, "%s", place) : scratch_open(dir, e);
}

int image_build(const struct lock *l, const struct build_image_options *o, struct build_image_report *ret,
		struct err *e)
{
	struct building b = { .l = l, .o = o, .report = ret, .layout = { .dir = -1 } };
	int scratch = scratch_make(o, e);
	int r = scratch;

	if (r < 0)
		return r;
	*ret = (struct build_image_report){ .packages = l->packages.n };
	tree_init(&b.tree, scratch);
	lock_name(l, b.name, sizeof(b.name));
	date_time_text((uint64_t)l->date, b.created);
	r = packages_fetch(&b, e);
	if (r == 0)
		r = layout_begin(&b.layout, o->place, e);
	if (r == 0)
		r = lock_keep(&b, e);
	if (r == 0)
		r = tree_fill(&b, e);
	if (r == 0)
		r = layer_write(&b, e);
	if (r == 0)
		r = image_write(&b, e);
	if (r == 0)
		r = layout_commit(&b.layout, e);
	layout_done(&b.layout);
	tree_done(&b.tree);
	arena_done(&b.arena);
	return r;
}
