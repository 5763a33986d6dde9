/* Manifests, indexes and the choice of a platform; manifest.json of docker-archives. */
#include "image/archive_manifest.h"
#include "image/image.h"
#include "image/manifest.h"

#include "base/buf.h"
#include "tap.h"

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define D3 "sha256:3333333333333333333333333333333333333333333333333333333333333333"
#define CONFIG "\"config\":{\"digest\":\"" D1 "\",\"size\":7}"
#define LAYER(d) "{\"digest\":\"" d "\",\"size\":9}"

static const struct {
	const char *name, *text;
	int result;
	size_t entries;
	bool index;
	char first; /* hex digit of the first entry's digest, 0 none */
} rows[] = {
	{ "image", "{" CONFIG ",\"layers\":[" LAYER(D2) "," LAYER(D3) "]}", 0, 2, false, '2' },
	{ "the same layer twice", "{" CONFIG ",\"layers\":[" LAYER(D2) "," LAYER(D2) "]}", 0, 2, false, '2' },
	{ "no layers at all", "{" CONFIG ",\"layers\":[]}", 0, 0, false, 0 },
	{ "duplicate keys: the last wins", "{" CONFIG ",\"layers\":[" LAYER(D2) "],\"layers\":[" LAYER(D3) "]}", 0, 1,
	  false, '3' },
	{ "keys without regard to case", "{" CONFIG ",\"layers\":[" LAYER(D2) "],\"LAYERS\":[" LAYER(D3) "]}", 0, 1,
	  false, '3' },
	{ "long s folds to s", "{" CONFIG ",\"layers\":[" LAYER(D2) "],\"layer\xc5\xbf\":[" LAYER(D3) "]}", 0, 1, false,
	  '3' },
	{ "null is nothing", "{" CONFIG ",\"layers\":[" LAYER(D2) "],\"layers\":null,\"manifests\":null}", 0, 1, false,
	  '2' },
	{ "index", "{\"manifests\":[" LAYER(D2) "]}", 0, 1, true, '2' },
	{ "empty index", "{\"manifests\":[]}", 0, 0, true, 0 },
	{ "index with a foreign digest", "{\"manifests\":[{\"digest\":\"md5:00\"}," LAYER(D2) "]}", 0, 2, true, 0 },
	{ "both layers and manifests", "{" CONFIG ",\"layers\":[],\"manifests\":[]}", -EBADMSG, 0, false, 0 },
	{ "neither", "{\"schemaVersion\":2}", -EBADMSG, 0, false, 0 },
	{ "config without layers", "{" CONFIG "}", -EBADMSG, 0, false, 0 },
	{ "layers without config", "{\"layers\":[]}", -EBADMSG, 0, false, 0 },
	{ "config without digest", "{\"config\":{},\"layers\":[]}", -EBADMSG, 0, false, 0 },
	{ "layer without digest", "{" CONFIG ",\"layers\":[{\"size\":3}]}", -EBADMSG, 0, false, 0 },
	{ "layer with sha512", "{" CONFIG ",\"layers\":[{\"digest\":\"sha512:00\"}]}", -EBADMSG, 0, false, 0 },
	{ "a layer that is a number", "{" CONFIG ",\"layers\":[7]}", -EBADMSG, 0, false, 0 },
	{ "layers that are a text", "{" CONFIG ",\"layers\":\"x\"}", -EBADMSG, 0, false, 0 },
	{ "negative size", "{" CONFIG ",\"layers\":[{\"digest\":\"" D2 "\",\"size\":-1}]}", -EBADMSG, 0, false, 0 },
	{ "size past 64 bits", "{" CONFIG ",\"layers\":[{\"digest\":\"" D2 "\",\"size\":99999999999999999999}]}",
	  -EBADMSG, 0, false, 0 },
	{ "schema 1", "{\"schemaVersion\":1,\"fsLayers\":[]}", -ENOTSUP, 0, false, 0 },
	{ "cut short", "{" CONFIG ",\"layers\":[" LAYER(D2), -EBADMSG, 0, false, 0 },
	{ "something behind", "{" CONFIG ",\"layers\":[]}{}", -EBADMSG, 0, false, 0 },
	{ "an array", "[]", -EBADMSG, 0, false, 0 },
	{ "nothing", "", -EBADMSG, 0, false, 0 },
	{ "a web page", "<html>", -EBADMSG, 0, false, 0 },
};

static char first_digit(const struct manifest *m)
{
	char text[DIGEST_TEXT_MAX];

	return m->entries.n ? digest_text(&m->entries.v[0].digest, text)[text[0] ? strlen("sha256:") : 0] : 0;
}

TEST(manifests)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_arena struct arena a = { 0 };
		auto_manifest struct manifest m = { 0 };
		struct err e = { 0 };

		row("%s", rows[i].name);
		EQ_INT(manifest_parse(str_c(rows[i].text), &a, &m, &e), rows[i].result);
		EQ_INT(m.entries.n, rows[i].entries);
		EQ_INT(m.index, rows[i].index);
		EQ_INT(first_digit(&m), rows[i].first);
		OK(rows[i].result == 0 || e.msg[0]);
	}
}

TEST(limits)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = { 0 };
	struct manifest m;

	buf_init(&b, IMAGE_MANIFEST_MAX);
	buf_str(&b, STR("{" CONFIG ",\"layers\":["));
	for (int i = 0; i <= IMAGE_LAYERS_MAX; i++)
		buf_fmt(&b, "%s" LAYER(D2), i ? "," : "");
	buf_str(&b, STR("]}"));
	EQ_INT(manifest_parse(buf_all(&b), &a, &m, NULL), -E2BIG);
}

#define ENTRY(d, os, arch, variant)                                                                                  \
	"{\"digest\":\"" d "\",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\",\"variant\":\"" variant \
	"\"}}"
#define NAMED(d, name) "{\"digest\":\"" d "\",\"annotations\":{\"org.opencontainers.image.ref.name\":\"" name "\"}}"
#define ATTESTATION                                                                              \
	"{\"digest\":\"" D3 "\",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}," \
	"\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}}"
#define AMD ENTRY(D1, "linux", "amd64", "")
#define ARM64 ENTRY(D2, "linux", "arm64", "v8")

static const struct {
	const char *entries, *platform, *name;
	char chosen; /* first digit of the digest, 0: -ENOENT */
} choices[] = {
	{ AMD "," ARM64, "linux/amd64", "", '1' },
	{ AMD "," ARM64, "linux/arm64", "", '2' },
	{ AMD "," ARM64, "linux/arm64/v8", "", '2' },
	{ AMD "," ARM64, "linux/aarch64", "", '2' },
	{ AMD "," ARM64, "linux/x86_64", "", '1' },
	{ AMD "," ARM64, "linux/arm64/v9", "", 0 },
	{ AMD "," ARM64, "linux/s390x", "", 0 },
	{ AMD "," ARM64, "windows/amd64", "", 0 },
	{ ENTRY(D1, "linux", "arm", "v6") "," ENTRY(D2, "linux", "arm", "v7"), "linux/arm", "", '2' },
	{ ENTRY(D1, "linux", "arm", "v6") "," ENTRY(D2, "linux", "arm", "v7"), "linux/arm/v6", "", '1' },
	{ ENTRY(D1, "linux", "arm", "v6") "," ENTRY(D2, "linux", "arm", "v7"), "linux/armel", "", '1' },
	{ ENTRY(D1, "linux", "arm64", ""), "linux/arm64/v8", "", '1' },
	{ ATTESTATION "," AMD, "linux/amd64", "", '1' },
	{ ATTESTATION, "linux/amd64", "", 0 },
	{ ENTRY(D2, "linux", "s390x", ""), "", "", '2' }, /* a lone one, and nobody asked for another */
	{ ENTRY(D2, "linux", "s390x", ""), "linux/amd64", "", 0 },
	{ NAMED(D1, "a") "," NAMED(D2, "x:b"), "linux/amd64", "x:b", '2' },
	{ NAMED(D1, "a") "," NAMED(D2, "x:b"), "linux/amd64", "b", '2' },
	{ NAMED(D1, "a") "," NAMED(D2, "x:b"), "linux/amd64", "c", 0 },
	{ NAMED(D1, "a") "," NAMED(D2, "x:b"), "linux/amd64", "", 0 }, /* which of the two? */
	{ NAMED(D1, "a") "," NAMED(D2, "xb"), "linux/amd64", "b", 0 },
	{ "{\"digest\":\"bad\"}," NAMED(D2, "a"), "linux/amd64", "", '2' },
	{ "", "linux/amd64", "", 0 },
};

TEST(platforms)
{
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		auto_arena struct arena a = { 0 };
		auto_manifest struct manifest m = { 0 };
		const struct descriptor *d = NULL;
		struct platform want = { 0 };
		struct err e = { 0 };
		char text[DIGEST_TEXT_MAX];
		struct str json = arena_fmt(&a, "{\"manifests\":[%s]}", choices[i].entries);

		row("%zu: %s %s", i, choices[i].platform, choices[i].name);
		OK_ERR(manifest_parse(json, &a, &m, &e), &e);
		OK_ERR(platform_parse(str_c(choices[i].platform), &want, &e), &e);
		EQ_INT(manifest_choose(&m, &want, str_c(choices[i].name), &d, &e), choices[i].chosen ? 0 : -ENOENT);
		EQ_INT(d ? digest_text(&d->digest, text)[7] : 0, choices[i].chosen);
	}
}

TEST(platform_texts)
{
	static const struct {
		const char *text;
		int result;
	} texts[] = { { "", 0 },
		      { "linux/amd64", 0 },
		      { "linux/arm/v7", 0 },
		      { "linux", -EINVAL },
		      { "linux/", -EINVAL },
		      { "/amd64", -EINVAL },
		      { "a/b/c/d", -EINVAL } };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct platform p;

		row("\"%s\"", texts[i].text);
		EQ_INT(platform_parse(str_c(texts[i].text), &p, NULL), texts[i].result);
	}
}

#define TWO                                                                                          \
	"[{\"Config\":\"c1\",\"RepoTags\":[\"docker.io/library/x:1\",\"y:2\"],\"Layers\":[\"l1\"]}," \
	"{\"Config\":\"c2\",\"RepoTags\":[\"z:1.36\"],\"Layers\":[\"l1\",\"l2\",\"l1\"]}]"

static const struct {
	const char *text, *tag, *config;
	int result;
} archives[] = {
	{ "[{\"Config\":\"c1\",\"RepoTags\":null,\"Layers\":[\"l\"]}]", "", "c1", 0 },
	{ TWO, "x:1", "c1", 0 },
	{ TWO, "library/x:1", "c1", 0 },
	{ TWO, "docker.io/library/x:1", "c1", 0 },
	{ TWO, "y:2", "c1", 0 },
	{ TWO, "1.36", "c2", 0 },
	{ TWO, "36", NULL, -ENOENT },
	{ TWO, "@1", "c2", 0 },
	{ TWO, "@2", NULL, -ENOENT },
	{ TWO, "@x", NULL, -ENOENT },
	{ TWO, "", NULL, -ENOENT },
	{ "[]", "", NULL, -EBADMSG },
	{ "{}", "", NULL, -EBADMSG },
	{ "[7]", "", NULL, -EBADMSG },
	{ "[{\"Config\":7}]", "", NULL, -EBADMSG },
	{ "[{\"Layers\":[7]}]", "", NULL, -EBADMSG },
	{ "[{\"Config\":\"c\"", "", NULL, -EBADMSG },
};

TEST(archive_manifests)
{
	for (size_t i = 0; i < ARRAY_LEN(archives); i++) {
		auto_arena struct arena a = { 0 };
		auto_archive_manifest struct archive_manifest m = { 0 };
		const struct archive_image *image = NULL;
		struct err e = { 0 };
		int r;

		row("%zu: \"%s\"", i, archives[i].tag);
		r = archive_manifest_parse(str_c(archives[i].text), &a, &m, &e);
		if (r >= 0)
			r = archive_manifest_choose(&m, str_c(archives[i].tag), &image, &e);
		EQ_INT(r, archives[i].result);
		EQ_STR(image ? image->config : STR_NONE, str_c(archives[i].config));
	}
}
