/* release: which base images there are. See release.h. */
#include "node/image/release.h"

#include "base/buf.h"

#define LIST_MAX 300

const struct image_variant_row image_variants[VARIANT_COUNT] = {
	[VARIANT_FULL] = { "full", "with apt and all of priority required: for people's own Dockerfiles" },
	[VARIANT_MINIMAL] = { "minimal", "essential packages only, no apt, no documentation" },
	[VARIANT_STATIC] = { "static",
			     "no shell, no package manager: certificates, time zones, users, what is included" },
};

#define DEBIAN_KEYRING "/usr/share/keyrings/debian-archive-keyring.gpg"
#define UBUNTU_KEYRING "/usr/share/keyrings/ubuntu-archive-keyring.gpg"

const struct image_release image_releases[] = {
	{ "debian", "12", "bookworm", "debian", "debian-security", DEBIAN_KEYRING, true },
	{ "debian", "13", "trixie", "debian", "debian-security", DEBIAN_KEYRING, false },
	{ "ubuntu", "24.04", "noble", "ubuntu", "ubuntu", UBUNTU_KEYRING, false },
	{ NULL },
};

void image_suite_name(const struct image_release *r, size_t i, char *text, size_t size)
{
	static const char *const tails[RELEASE_SUITES] = { "", "-updates", "-security" };

	snprintf(text, size, "%s%s", r->codename, tails[i]);
}

static int unknown(struct str text, struct err *e)
{
	auto_buf struct buf list;

	buf_init(&list, LIST_MAX);
	for (const struct image_release *r = image_releases; r->id; r++)
		buf_fmt(&list, "%s%s:%s", list.n ? ", " : "", r->id, r->version);
	buf_fmt(&list, "; variants:");
	for (size_t i = 0; i < VARIANT_COUNT; i++)
		buf_fmt(&list, " %s", image_variants[i].name);
	return err_set(e, -EINVAL, "no base image \"" STR_FMT "\"; there are " STR_FMT, STR_ARG(str_head(text, 100)),
		       STR_ARG(buf_all(&list)));
}

int image_name_parse(struct str text, const struct image_release **ret, enum image_variant *ret_variant, struct err *e)
{
	struct str id, rest, version, variant = STR("full");
	size_t v = 0;

	if (!str_split(text, ':', &id, &rest))
		return unknown(text, e);
	version = rest;
	(void)str_split(rest, ':', &version, &variant);
	while (v < VARIANT_COUNT && !str_is(variant, image_variants[v].name))
		v++;
	for (const struct image_release *r = image_releases; r->id && v < VARIANT_COUNT; r++) {
		if (!str_is(id, r->id) || !str_is(version, r->version))
			continue;
		*ret = r;
		*ret_variant = (enum image_variant)v;
		return 0;
	}
	return unknown(text, e);
}
