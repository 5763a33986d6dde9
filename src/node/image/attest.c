/* attest: what is said about an image beside it. See attest.h. */
#include "node/image/attest.h"

#include <stdlib.h>

#include "base/date.h"
#include "codec/base64.h"
#include "codec/sha256.h"
#include "image/field.h"
#include "model/facts.h"
#include "model/package.h"
#include "node/image/resolve.h"
#include "report/purl.h"
#include "report/spdx.h"
#include "vuln/update/machine.h"

#define TOOL "yagura-" YAGURA_VERSION
#define BUILD_TYPE "urn:yagura:image-build:1"
#define BUILDER "urn:yagura:builder"
#define PREDICATE "https://slsa.dev/provenance/v1"
#define COSIGN_TYPE "cosign container image signature"
#define NAME_BYTES 128

void attest_tag(const struct digest *d, const char *tail, char *text, size_t size)
{
	char digest[DIGEST_TEXT_MAX];

	snprintf(text, size, "sha256-%s%s", digest_text(d, digest) + strlen("sha256:"), tail);
}

/* -------- a manifest about another -------- */

struct artifact {
	const char *type;     /* of the artifact and of its only layer */
	const char *layer;    /* type of the layer when it is another */
	struct str bytes;     /* of the layer */
	struct oci_pair note; /* of the layer; "" none */
	struct oci_blob subject;
	struct str created; /* "" for none */
	struct str tag;	    /* its name in the layout's index; "" none */
	struct str config;  /* bytes of the config; "" the empty one */
};

static int artifact_add(struct layout *l, const struct artifact *t, struct oci_blob *ret, struct err *e)
{
	struct oci_pair name = { STR(LAYOUT_REF_NAME), t->tag };
	struct oci_blob about = { .artifact_type = str_c(t->type),
				  .annotations = &name,
				  .annotation_count = t->tag.n > 0 };
	struct oci_blob config, layer;
	struct json_out w;
	struct out out;
	int r = layout_put(l, t->config.n ? t->config : STR("{}"), t->config.n ? OCI_CONFIG_TYPE : OCI_EMPTY_TYPE,
			   &config, e);

	if (r == 0)
		r = layout_put(l, t->bytes, t->layer ? t->layer : t->type, &layer, e);
	if (r < 0)
		return r;
	layer.annotations = &t->note;
	layer.annotation_count = t->note.key.n > 0;
	out_init(&out, -1);
	json_out_init(&w, &out);
	json_out_object(&w);
	json_out_key_u64(&w, "schemaVersion", 2);
	json_out_key_str(&w, "mediaType", STR(OCI_MANIFEST_TYPE));
	json_out_key_str(&w, "artifactType", str_c(t->type));
	json_out_key(&w, "config");
	oci_blob_write(&w, &config);
	json_out_key_array(&w, "layers");
	oci_blob_write(&w, &layer);
	json_out_end_array(&w);
	json_out_key(&w, "subject");
	oci_blob_write(&w, &(struct oci_blob){ .digest = t->subject.digest,
					       .size = t->subject.size,
					       .media_type = t->subject.media_type });
	if (t->created.n) {
		json_out_key_object(&w, "annotations");
		json_out_key_str(&w, "org.opencontainers.image.created", t->created);
		json_out_end_object(&w);
	}
	json_out_end_object(&w);
	r = layout_manifest(l, buf_all(&out.b), &about, ret, e);
	buf_done(&out.b);
	return r;
}

/* -------- SBOM -------- */

static struct str purl_of(const struct lock *l, const struct lock_package *p, struct arena *a)
{
	struct package package = { .type = PKG_DEB, .name = p->name, .version = p->version, .arch = p->arch };
	struct release os = { .id = str_c(l->release->id), .version_id = str_c(l->release->version) };
	auto_buf struct buf b;

	buf_init(&b, 4096);
	purl_write(&b, &package, &os);
	return arena_str(a, buf_all(&b));
}

static void sbom_write(const struct lock *l, const struct oci_blob *image, const char *name, const char *created,
		       struct out *out)
{
	struct spdx_package *packages = xcalloc(l->packages.n + 1, sizeof(*packages));
	auto_arena struct arena a = { 0 };
	char digest[DIGEST_TEXT_MAX];

	for (size_t i = 0; i < l->packages.n; i++) {
		const struct lock_package *p = &l->packages.v[i];

		packages[i] = (struct spdx_package){
			.name = p->name,
			.version = p->version,
			.supplier = l->suites.v[p->suite].origin,
			.source = p->source.n ? p->source : p->name,
			.source_version = p->source_version.n ? p->source_version : p->version,
			.download = machine_url(&a, l->suites.v[p->suite].uri, p->path),
			.purl = purl_of(l, p, &a),
			.digest = p->digest,
		};
	}
	struct spdx_document d = {
		.name = str_c(name),
		.ns = arena_fmt(&a, "urn:yagura:sbom:%s", digest_text(&image->digest, digest)),
		.created = str_c(created),
		.tool = STR(TOOL),
		.purpose = STR("CONTAINER"),
		.subject = { .name = str_c(name), .version = str_c(digest), .digest = image->digest },
		.packages = packages,
		.count = l->packages.n,
	};

	spdx_write(&d, out);
	free(packages);
}

/* -------- provenance -------- */

static void digest_write(struct json_out *w, const struct digest *d)
{
	char text[DIGEST_TEXT_MAX];

	json_out_key_object(w, "digest");
	json_out_key_str(w, "sha256", str_c(digest_text(d, text) + strlen("sha256:")));
	json_out_end_object(w);
}

static void inputs_write(const struct lock *l, struct json_out *w)
{
	auto_arena struct arena a = { 0 };

	json_out_key_array(w, "resolvedDependencies");
	for (size_t i = 0; i < l->suites.n; i++) {
		const struct lock_suite *s = &l->suites.v[i];

		json_out_object(w);
		json_out_key_str(w, "name", arena_fmt(&a, "signed text of " STR_FMT, STR_ARG(s->suite)));
		json_out_key_str(
			w, "uri",
			arena_fmt(&a, STR_FMT "/dists/" STR_FMT "/InRelease", STR_ARG(s->uri), STR_ARG(s->suite)));
		digest_write(w, &s->release);
		json_out_end_object(w);
	}
	for (size_t i = 0; i < l->packages.n; i++) {
		const struct lock_package *p = &l->packages.v[i];

		json_out_object(w);
		json_out_key_str(w, "name", p->name);
		json_out_key_str(w, "uri", machine_url(&a, l->suites.v[p->suite].uri, p->path));
		digest_write(w, &p->digest);
		json_out_end_object(w);
	}
	json_out_end_array(w);
}

static void definition_write(const struct lock *l, const struct digest *lock_digest, struct json_out *w)
{
	json_out_key_object(w, "buildDefinition");
	json_out_key_str(w, "buildType", STR(BUILD_TYPE));
	json_out_key_object(w, "externalParameters");
	json_out_key_str(w, "distribution", str_c(l->release->id));
	json_out_key_str(w, "version", str_c(l->release->version));
	json_out_key_str(w, "variant", str_c(image_variants[l->variant].name));
	json_out_key_str(w, "architecture", l->arch);
	json_out_key_digest(w, "lock", lock_digest);
	json_out_end_object(w);
	inputs_write(l, w);
	json_out_end_object(w);
}

static void statement_write(const struct lock *l, const struct digest *lock_digest, const struct oci_blob *image,
			    const char *name, struct out *out)
{
	struct json_out w;

	json_out_init(&w, out);
	json_out_object(&w);
	json_out_key_str(&w, "_type", STR("https://in-toto.io/Statement/v1"));
	json_out_key_array(&w, "subject");
	json_out_object(&w);
	json_out_key_str(&w, "name", str_c(name));
	digest_write(&w, &image->digest);
	json_out_end_object(&w);
	json_out_end_array(&w);
	json_out_key_str(&w, "predicateType", STR(PREDICATE));
	json_out_key_object(&w, "predicate");
	definition_write(l, lock_digest, &w);
	json_out_key_object(&w, "runDetails");
	json_out_key_object(&w, "builder");
	json_out_key_str(&w, "id", STR(BUILDER));
	json_out_key_object(&w, "version");
	json_out_key_str(&w, "yagura", STR(YAGURA_VERSION));
	json_out_end_object(&w);
	json_out_end_object(&w);
	json_out_end_object(&w);
	json_out_end_object(&w);
	json_out_end_object(&w);
	out_str(out, STR("\n"));
}

int attest_add(struct layout *l, const struct lock *lock, const struct digest *lock_digest,
	       const struct oci_blob *image, struct err *e)
{
	char name[NAME_BYTES], created[DATE_TEXT_MAX];
	struct oci_blob ret;
	struct out sbom, statement;
	int r;

	lock_name(lock, name, sizeof(name));
	date_time_text((uint64_t)lock->date, created);
	out_init(&sbom, -1);
	out_init(&statement, -1);
	sbom_write(lock, image, name, created, &sbom);
	statement_write(lock, lock_digest, image, name, &statement);
	r = artifact_add(l,
			 &(struct artifact){ .type = ATTEST_SPDX_TYPE,
					     .bytes = buf_all(&sbom.b),
					     .subject = *image,
					     .created = str_c(created) },
			 &ret, e);
	if (r == 0)
		r = artifact_add(l,
				 &(struct artifact){ .type = ATTEST_STATEMENT_TYPE,
						     .bytes = buf_all(&statement.b),
						     .note = { STR("in-toto.io/predicate-type"), STR(PREDICATE) },
						     .subject = *image,
						     .created = str_c(created) },
				 &ret, e);
	buf_done(&sbom.b);
	buf_done(&statement.b);
	return r;
}

/* -------- signatures -------- */

/* ours: digests with a space between them */
#define STATEMENTS_KEY "yagura.statements"

int attest_payload(const struct attest_text *t, struct buf *ret, struct err *e)
{
	char text[DIGEST_TEXT_MAX];

	buf_init(ret, ATTEST_PAYLOAD_MAX);
	buf_fmt(ret, "{\"critical\":{\"identity\":{\"docker-reference\":");
	json_quote(ret, t->name);
	buf_fmt(ret, "},\"image\":{\"docker-manifest-digest\":\"%s\"},\"type\":\"" COSIGN_TYPE "\"},\"optional\":",
		digest_text(&t->manifest, text));
	for (size_t i = 0; i < t->statement_count; i++)
		buf_fmt(ret, "%s%s", i ? " " : "{\"" STATEMENTS_KEY "\":\"", digest_text(&t->statements[i], text));
	buf_fmt(ret, t->statement_count ? "\"}}" : "null}");
	if (buf_finish(ret) == 0)
		return 0;
	buf_done(ret);
	return err_set(e, -E2BIG, "a name of more than %u bytes", ATTEST_PAYLOAD_MAX);
}

static bool statements_read(struct str list, struct attest_text *ret)
{
	for (struct str one; list.n && str_cut(&list, ' ', &one);)
		if (ret->statement_count == ATTEST_STATEMENTS_MAX ||
		    !digest_parse(one, &ret->statements[ret->statement_count++]))
			return false;
	return true;
}

int attest_payload_read(struct str text, struct attest_text *ret, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct str type = STR_NONE, digest = STR_NONE, statements = STR_NONE;
	struct json j;
	struct fields f = { .json = &j };

	*ret = (struct attest_text){ 0 };
	json_init(&j, text, &a);
	if (!json_object(&j))
		return err_set(e, -EBADMSG, "the signed text is no object");
	while (field_next(&f)) {
		if (field_object(&f, "optional"))
			while (field_next(&f))
				(void)field_str(&f, STATEMENTS_KEY, &statements);
		if (!field_object(&f, "critical"))
			continue;
		while (field_next(&f)) {
			if (field_str(&f, "type", &type) || !field_object(&f, "image"))
				continue;
			while (field_next(&f))
				(void)field_str(&f, "docker-manifest-digest", &digest);
		}
	}
	if (fields_finish(&f, e) < 0)
		return err_wrap(e, -EBADMSG, "the signed text");
	if (!str_is(type, COSIGN_TYPE) || !digest_parse(digest, &ret->manifest))
		return err_set(e, -EBADMSG, "the signed text is not about an image");
	return statements_read(statements, ret) ? 0 : err_set(e, -EBADMSG, "the signed text: " STATEMENTS_KEY);
}

/* cosign's signatures have a config of an image without layers of files: its diff id is that of the payload. */
static struct str signature_config(const struct digest *payload, char *text, size_t size)
{
	char digest[DIGEST_TEXT_MAX];

	snprintf(text, size,
		 "{\"architecture\":\"\",\"created\":\"0001-01-01T00:00:00Z\",\"history\":[{\"created\":"
		 "\"0001-01-01T00:00:00Z\"}],\"os\":\"\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]},"
		 "\"config\":{}}",
		 digest_text(payload, digest));
	return str_c(text);
}

int attest_sign(struct layout *l, const struct oci_blob *subject, const struct attest_text *t,
		const struct ecdsa_key *key, struct err *e)
{
	auto_buf struct buf payload = { 0 }, signature, text;
	char tag[NAME_BYTES], config[512];
	struct digest digest;
	struct oci_blob ret;
	int r = attest_payload(t, &payload, e);

	buf_init(&signature, ECDSA_SIGNATURE_MAX);
	buf_init(&text, 2 * ECDSA_SIGNATURE_MAX);
	if (r == 0)
		r = ecdsa_sign(key, buf_all(&payload), &signature, e);
	if (r < 0)
		return r;
	base64_encode(buf_all(&signature), &text);
	sha256_of(buf_all(&payload), &digest);
	attest_tag(&subject->digest, ".sig", tag, sizeof(tag));
	return artifact_add(l,
			    &(struct artifact){ .type = ATTEST_SIGNATURE_TYPE,
						.layer = ATTEST_PAYLOAD_TYPE,
						.bytes = buf_all(&payload),
						.note = { STR(ATTEST_SIGNATURE_KEY), buf_all(&text) },
						.subject = *subject,
						.tag = str_c(tag),
						.config = signature_config(&digest, config, sizeof(config)) },
			    &ret, e);
}
