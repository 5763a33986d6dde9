/* oval-ubuntu: how Canonical's OVAL says what others have elements for. See oval-tables.h.
 *
 * There are files of notices (usn), of CVEs (cve) and of source packages (pkg), each also for images (oci), where the
 * packages are lines of a manifest: "libssh-4:amd64 0.9.6-2". What is not repaired is told by the criterion's comment,
 * beside a test that the package is there. https://ubuntu.com/security/oval */
#include "vuln/feed/oval-tables.h"

#include "vuln/feed/ns.h"

/* The first that fits: "ignored" has its reason in the note behind it. */
static const struct {
	struct str words;
	enum advisory_status status;
} unfixed[] = {
	{ STR("is affected and needs fixing"), ADV_AFFECTED },
	{ STR("is affected and may need fixing"), ADV_INVESTIGATING },
	{ STR("is pending evaluation"), ADV_INVESTIGATING },
	{ STR("a decision has been made to defer"), ADV_DEFERRED },
	{ STR("to ignore this issue (note: 'end of"), ADV_END_OF_LIFE },
	{ STR("to ignore this issue (note: 'out of standard support"), ADV_END_OF_LIFE },
	{ STR("a decision has been made to ignore"), ADV_WONT_FIX },
	{ STR("is pending publication"), ADV_AFFECTED },
	{ STR("but no release version available"), ADV_AFFECTED },
};

bool oval_ubuntu_unfixed(struct str comment, enum advisory_status *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(unfixed); i++) {
		if (str_find_str(comment, unfixed[i].words) < 0)
			continue;
		*ret = unfixed[i].status;
		return true;
	}
	return false;
}

bool oval_ubuntu_for_subscribers(struct str comment)
{
	return str_starts(comment, STR("Available with Ubuntu"));
}

/* Files of CVEs mark what subscribers get by nothing else: "2.5.0-1ubuntu0.1~esm1". */
bool oval_ubuntu_esm_version(struct str version)
{
	return str_find_str(version, STR("~esm")) >= 0 || str_find_str(version, STR("+esm")) >= 0;
}

/* "(CVE-2023-48795) libssh package in jammy ..." */
struct str oval_ubuntu_cve(struct str comment)
{
	struct str id, rest;

	if (!str_starts(comment, STR("(CVE-")) || !str_split(str_from(comment, 1), ')', &id, &rest))
		return STR_NONE;
	return feed_is_cve(id) ? id : STR_NONE;
}

struct str oval_ubuntu_release(struct arena *a, struct str id)
{
	struct str head = STR("oval:com.ubuntu."), codename, rest;

	if (!str_starts(id, head) || !str_split(str_from(id, head.n), ':', &codename, &rest))
		return STR_NONE;
	codename = ns_ubuntu_release(codename);
	return codename.n ? ns_join(a, STR("ubuntu:"), codename) : STR_NONE;
}

/* "Ubuntu Pro FIPS-updates 22.04 LTS", "Ubuntu 14.04 ESM" */
struct str oval_ubuntu_channel(struct arena *a, struct str platform)
{
	struct str head = STR("Ubuntu Pro "), word, rest;
	char *p;

	if (str_starts(platform, STR("Ubuntu ")) && str_ends(platform, STR(" ESM")))
		return STR("esm");
	if (!str_starts(platform, head))
		return STR_NONE;
	if (!str_split(str_from(platform, head.n), ' ', &word, &rest) || !word.n || is_digit(word.p[0]))
		return STR("esm");
	p = arena_alloc(a, word.n);
	for (size_t i = 0; i < word.n; i++)
		p[i] = to_lower(word.p[i]);
	return str_n(p, word.n);
}

/* "^libstdc\+\+6(?::\w+|)\s+(.*)$": a line of a manifest, whose package has the name before "(?:". */
struct str oval_ubuntu_package(struct arena *a, struct str value)
{
	ptrdiff_t end = str_find_str(value, STR("(?:"));
	size_t n = 0;
	char *p;

	if (!str_starts(value, STR("^")))
		return value;
	if (end < 2 || !str_starts(str_from(value, (size_t)end), STR("(?::\\w+|)\\s+")))
		return STR_NONE;
	p = arena_alloc(a, (size_t)end);
	for (size_t i = 1; i < (size_t)end; i++) {
		if (value.p[i] == '\\' && i + 1 < (size_t)end && !is_alpha(value.p[i + 1]) && !is_digit(value.p[i + 1]))
			continue;
		if (strchr("\\()[]|*?", value.p[i]))
			return STR_NONE; /* names of kernels, which are patterns themselves */
		p[n++] = value.p[i];
	}
	return str_n(p, n);
}
