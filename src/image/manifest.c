/* manifest: image manifests and indexes, OCI and Docker. See manifest.h. */
#include "image/manifest.h"

#include "base/buf.h"
#include "image/field.h"
#include "image/image.h"
#include "image/reference.h"

#define LIST_TEXT_MAX 200 /* bytes of a list of names in a message */

static void read_annotations(struct fields *f, struct descriptor *d)
{
	while (field_next(f)) {
		struct str type = STR_NONE;

		/* Map keys, unlike struct fields, are compared with their case. */
		if (str_is(f->key, "org.opencontainers.image.ref.name"))
			(void)json_str(f->json, &d->ref_name);
		else if (str_is(f->key, "vnd.docker.reference.type") && json_str(f->json, &type))
			d->attestation = str_is(type, "attestation-manifest");
	}
}

static void read_platform(struct fields *f, struct descriptor *d)
{
	while (field_next(f)) {
		if (field_str(f, "os", &d->os) || field_str(f, "architecture", &d->arch))
			continue;
		(void)field_str(f, "variant", &d->variant);
	}
}

static void read_descriptor(struct fields *f, struct descriptor *d)
{
	struct str digest;

	while (field_next(f)) {
		digest = STR_NONE;
		if (field_str(f, "mediaType", &d->media_type) || field_u64(f, "size", &d->size_bytes))
			continue;
		if (field_str(f, "digest", &digest)) {
			if (!digest_parse(digest, &d->digest))
				d->digest = (struct digest){ 0 };
		} else if (field_object(f, "platform")) {
			read_platform(f, d);
		} else if (field_object(f, "annotations")) {
			read_annotations(f, d);
		}
	}
}

/* An array of descriptors, in place of what an earlier key of the same name gave. */
static int read_entries(struct fields *f, struct manifest *m, size_t max, const char *what, struct err *e)
{
	m->entries.n = 0;
	while (json_next(f->json)) {
		struct descriptor *d;

		if (m->entries.n == max)
			return err_set(e, -E2BIG, "more than %zu %s", max, what);
		d = vec_add(&m->entries);
		if (json_object(f->json))
			read_descriptor(f, d);
		else
			field_bad(f, what);
	}
	return 0;
}

struct seen {
	bool layers, manifests, config, schema1;
};

static int read_member(struct fields *f, struct manifest *m, struct seen *seen, struct err *e)
{
	uint64_t version = 0;

	if (field_array(f, "layers")) {
		seen->layers = true;
		return read_entries(f, m, IMAGE_LAYERS_MAX, "layers", e);
	}
	if (field_array(f, "manifests")) {
		seen->manifests = true;
		return read_entries(f, m, IMAGE_INDEX_MAX, "manifests", e);
	}
	if (field_object(f, "config")) {
		seen->config = true;
		read_descriptor(f, &m->config);
	} else if (field_is(f, "fsLayers")) {
		seen->schema1 = true;
	} else if (field_u64(f, "schemaVersion", &version)) {
		seen->schema1 |= version == 1;
	} else if (field_object(f, "annotations")) {
		while (field_next(f))
			if (str_is(f->key, "org.opencontainers.image.base.name"))
				(void)json_str(f->json, &m->base_name);
	}
	return 0;
}

static int check_layers(const struct manifest *m, struct err *e)
{
	if (!m->config.digest.set)
		return err_set(e, -EBADMSG, "the manifest's config has no sha256 digest");
	for (size_t i = 0; i < m->entries.n; i++)
		if (!m->entries.v[i].digest.set)
			return err_set(e, -EBADMSG, "layer %zu of the manifest has no sha256 digest", i);
	return 0;
}

static int check_shape(struct manifest *m, const struct seen *seen, struct err *e)
{
	if (seen->layers && seen->manifests)
		return err_set(e, -EBADMSG, "the manifest lists both layers and manifests: it is two images in one");
	if (seen->manifests) {
		m->index = true;
		return 0;
	}
	if (seen->schema1)
		return err_set(e, -ENOTSUP,
			       "the manifest is of Docker's old schema 1: push the image again, or ask "
			       "for it with a newer tool");
	if (!seen->config)
		return err_set(e, -EBADMSG, "this is no image manifest: no config and no list of manifests");
	if (!seen->layers)
		return err_set(e, -EBADMSG, "the manifest has no list of layers");
	return check_layers(m, e);
}

int manifest_parse(struct str text, struct arena *a, struct manifest *ret, struct err *e)
{
	struct manifest m = { 0 };
	struct seen seen = { 0 };
	struct json j;
	struct fields f = { .json = &j };
	int r = 0;

	json_init(&j, text, a);
	if (json_peek(&j) != JSON_OBJECT)
		return err_set(e, -EBADMSG, "a manifest is a JSON object, and this is none");
	json_object(&j);
	while (r >= 0 && field_next(&f))
		r = read_member(&f, &m, &seen, e);
	if (r >= 0) {
		r = fields_finish(&f, e);
		r = r < 0 ? err_wrap(e, r, "manifest") : r;
	}
	if (r >= 0)
		r = check_shape(&m, &seen, e);
	if (r < 0) {
		manifest_done(&m);
		return r;
	}
	*ret = m;
	return 0;
}

void manifest_done(struct manifest *m)
{
	vec_done(&m->entries);
}

/* The names of GOARCH, and what else people and tools write. */
static const struct {
	const char *name, *arch, *variant;
} arch_rows[] = {
	{ "x86_64", "amd64", "" }, { "x86-64", "amd64", "" },  { "i386", "386", "" },
	{ "i686", "386", "" },	   { "aarch64", "arm64", "" }, { "armhf", "arm", "v7" },
	{ "armel", "arm", "v6" },  { "armv7l", "arm", "v7" },  { "powerpc64le", "ppc64le", "" },
};

#if defined(__x86_64__)
#define THIS_ARCH "amd64"
#elif defined(__aarch64__)
#define THIS_ARCH "arm64"
#elif defined(__arm__)
#define THIS_ARCH "arm"
#elif defined(__i386__)
#define THIS_ARCH "386"
#elif defined(__riscv)
#define THIS_ARCH "riscv64"
#elif defined(__powerpc64__)
#define THIS_ARCH "ppc64le"
#elif defined(__s390x__)
#define THIS_ARCH "s390x"
#else
#error "name this architecture as Go does"
#endif

static void arch_normal(struct platform *p)
{
	for (size_t i = 0; i < ARRAY_LEN(arch_rows); i++) {
		if (!str_eq_nocase(p->arch, str_c(arch_rows[i].name)))
			continue;
		p->arch = str_c(arch_rows[i].arch);
		if (!p->variant.n)
			p->variant = str_c(arch_rows[i].variant);
		return;
	}
}

/* The variant that is meant where none is said. */
static struct str default_variant(struct str arch)
{
	if (str_is(arch, "arm64"))
		return STR("v8");
	return str_is(arch, "arm") ? STR("v7") : STR_NONE;
}

int platform_parse(struct str text, struct platform *ret, struct err *e)
{
	struct platform p = { .os = STR("linux"), .arch = STR(THIS_ARCH), .given = text.n > 0 };
	struct str rest = text;

	if (text.n) {
		if (!str_split(text, '/', &p.os, &rest))
			return err_set(e, -EINVAL, "platform \"" STR_FMT "\": os/architecture[/variant] is wanted",
				       STR_ARG(text));
		p.arch = rest;
		(void)str_split(rest, '/', &p.arch, &p.variant);
		if (!p.os.n || !p.arch.n || str_find(p.variant, '/') >= 0)
			return err_set(e, -EINVAL, "platform \"" STR_FMT "\": os/architecture[/variant] is wanted",
				       STR_ARG(text));
		arch_normal(&p);
	}
	*ret = p;
	return 0;
}

/* How well an entry fits: 0 not at all, the higher the better. An entry that does not name its platform fits least. */
static int platform_score(const struct platform *want, struct str os, struct str arch, struct str variant)
{
	struct str usual = default_variant(want->arch);
	struct platform have = { .os = os, .arch = arch, .variant = variant };

	arch_normal(&have);
	if ((have.os.n && !str_eq_nocase(have.os, want->os)) || (have.arch.n && !str_eq(have.arch, want->arch)))
		return 0;
	if (!have.os.n && !have.arch.n)
		return 1;
	if (!have.variant.n)
		have.variant = usual;
	if (str_eq(have.variant, want->variant.n ? want->variant : usual))
		return 4;
	/* x86-64-v2 and friends, v6 where v7 was meant: better than nothing, unless the user was exact. */
	return want->variant.n ? 0 : 2;
}

bool platform_fits(const struct platform *want, struct str os, struct str arch, struct str variant)
{
	return platform_score(want, os, arch, variant) > 0;
}

static bool usable(const struct descriptor *d)
{
	return d->digest.set && !d->attestation && !(str_is(d->os, "unknown") && str_is(d->arch, "unknown"));
}

static void list_entries(const struct manifest *index, struct buf *list)
{
	for (size_t i = 0; i < index->entries.n && list->n < LIST_TEXT_MAX; i++) {
		const struct descriptor *d = &index->entries.v[i];

		if (!usable(d))
			continue;
		buf_fmt(list, "%s" STR_FMT, list->n ? ", " : "", STR_ARG(str_head(d->ref_name, LIST_TEXT_MAX)));
		if (!d->os.n && !d->arch.n && d->ref_name.n)
			continue; /* the name is all that is known */
		buf_fmt(list, "%s" STR_FMT "/" STR_FMT "%s" STR_FMT, d->ref_name.n ? " " : "",
			STR_ARG(str_head(d->os.n ? d->os : STR("?"), 32)),
			STR_ARG(str_head(d->arch.n ? d->arch : STR("?"), 32)), d->variant.n ? "/" : "",
			STR_ARG(str_head(d->variant, 32)));
	}
}

static int none_fits(const struct manifest *index, const struct platform *want, struct str ref_name, const char *why,
		     struct err *e)
{
	auto_buf struct buf list = { 0 };

	buf_init(&list, 4u * LIST_TEXT_MAX);
	list_entries(index, &list);
	return err_set(e, -ENOENT, "%s for " STR_FMT "/" STR_FMT "%s" STR_FMT "%s" STR_FMT "; there is: " STR_FMT, why,
		       STR_ARG(want->os), STR_ARG(want->arch), want->variant.n ? "/" : "", STR_ARG(want->variant),
		       ref_name.n ? " named " : "", STR_ARG(ref_name),
		       STR_ARG(list.n ? str_head(buf_all(&list), LIST_TEXT_MAX) : STR("nothing usable")));
}

int manifest_choose(const struct manifest *index, const struct platform *want, struct str ref_name,
		    const struct descriptor **ret, struct err *e)
{
	const struct descriptor *best = NULL, *lone = NULL;
	int best_score = 0;
	size_t usable_count = 0, nameless = 0;

	for (size_t i = 0; i < index->entries.n; i++) {
		const struct descriptor *d = &index->entries.v[i];
		int score;

		if (!usable(d) || (ref_name.n && !reference_name_fits(d->ref_name, ref_name)))
			continue;
		lone = d;
		usable_count++;
		score = platform_score(want, d->os, d->arch, d->variant);
		nameless += score == 1;
		if (score > best_score) {
			best_score = score;
			best = d;
		}
	}
	if (usable_count == 1 && (best || !want->given))
		best = lone;
	else if (best_score == 1 && nameless > 1)
		return none_fits(index, want, ref_name, "several images, and the index does not tell which is", e);
	if (!best)
		return none_fits(index, want, ref_name, "no image", e);
	*ret = best;
	return 0;
}
