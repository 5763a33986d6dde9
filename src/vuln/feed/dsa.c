/* dsa: the Debian security tracker's lists of announcements, data/DSA/list and data/DLA/list.
 * https://security-team.debian.org/security_tracker.html, docs/formats/feeds.md "debian-dsa". */
#include "vuln/feed/feed.h"
#include "vuln/feed/ns.h"

#define CVES_MAX 1024 /* of one announcement; kernel updates name 300 */

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct notice {
	struct str id, date, title;
	struct str cves[CVES_MAX];
	size_t cve_count, fixes;
};

/* "29 Mar 2023" -> "2023-03-29"; empty when it is none. */
static struct str notice_date(struct arena *a, struct str s)
{
	const char *at;

	if (s.n != 11 || !is_digit(s.p[0]) || !is_digit(s.p[1]) || !is_digit(s.p[7]) || !is_digit(s.p[10]))
		return STR_NONE;
	for (at = months; *at; at += 3)
		if (memcmp(at, s.p + 3, 3) == 0)
			return arena_fmt(a, "%.4s-%02u-%.2s", s.p + 7, (unsigned int)((at - months) / 3 + 1), s.p);
	return STR_NONE;
}

/* A notice without a CVE is a vulnerability under its own name, once it is known to fix something. */
static void end_notice(const struct feed_doc *d, const struct notice *x)
{
	struct vuln_info v = VULN_INFO_NONE;

	if (!x->id.n || x->cve_count || !x->fixes)
		return;
	v.id = x->id;
	v.title = feed_title(d->arena, x->title);
	v.published = x->date;
	feed_info(d, &v);
}

/* "[29 Mar 2023] DSA-5380-1 xorg-server - security update" */
static void begin_notice(const struct feed_doc *d, struct notice *x, struct str line)
{
	struct str date, rest, id;

	*x = (struct notice){ 0 };
	if (!str_split(str_from(line, 1), ']', &date, &rest))
		return;
	rest = str_trim(rest);
	if (!str_split(rest, ' ', &id, &x->title))
		id = rest;
	if (!str_starts(id, STR("DSA-")) && !str_starts(id, STR("DLA-"))) {
		feed_skip(d, STR("a notice without a DSA or DLA number"));
		return;
	}
	x->id = id;
	x->date = notice_date(d->arena, date);
}

/* "{CVE-2023-28686 CVE-...}" */
static void add_cves(struct notice *x, struct str line)
{
	struct str rest = str_from(line, 1), id;

	while (str_cut(&rest, ' ', &id)) {
		while (str_ends(id, STR("}")))
			id.n--;
		if (feed_is_cve(id) && x->cve_count < CVES_MAX)
			x->cves[x->cve_count++] = id;
	}
}

static void say_fix(const struct feed_doc *d, struct notice *x, struct advisory *a)
{
	x->fixes++;
	a->bulletin = x->id;
	for (size_t i = 0; i < x->cve_count; i++) {
		a->id = x->cves[i];
		feed_say(d, a);
	}
	if (!x->cve_count) {
		a->id = x->id;
		feed_say(d, a);
	}
}

/* "[bullseye] - dino-im 0.2.0-3+deb11u1", "<not-affected>", "<unfixed>", "<end-of-life>" in place of the version */
static void read_fix(const struct feed_doc *d, struct notice *x, struct str line)
{
	struct advisory a = { .name_kind = ADV_NAME_SOURCE };
	struct adv_range fixed = { 0 };
	struct str codename, rest, release, version, tail;

	if (!x->id.n || !str_split(str_from(line, 1), ']', &codename, &rest))
		return;
	rest = str_trim(rest);
	release = ns_debian_release(codename);
	if (!str_starts(rest, STR("- ")) || !str_split(str_trim(str_from(rest, 2)), ' ', &a.name, &version) ||
	    !release.n) {
		feed_skip(d, STR("a line that names no release, package and version"));
		return;
	}
	if (str_split(str_trim(version), ' ', &version, &tail))
		a.reason = feed_title(d->arena, tail);
	version = str_trim(version);
	a.ns = ns_join(d->arena, STR("debian:"), release);
	if (str_is(version, "<not-affected>")) {
		a.status = ADV_NOT_AFFECTED;
	} else if (str_is(version, "<end-of-life>")) {
		a.status = ADV_END_OF_LIFE;
	} else if (version.n && version.p[0] != '<') {
		fixed.fixed = version;
		a.ranges = &fixed;
		a.range_count = 1;
	} else if (!str_is(version, "<unfixed>")) {
		feed_skip(d, STR("a line with an unknown status"));
		return;
	}
	say_fix(d, x, &a);
}

int feed_debian_dsa(const struct feed_doc *d, struct err *e)
{
	struct notice *x = xcalloc(1, sizeof(*x));
	uint64_t notices = 0;

	for (struct str rest = d->bytes, line; str_cut(&rest, '\n', &line);) {
		bool indented = line.n && is_space(line.p[0]);

		line = str_trim(line);
		if (!indented && str_starts(line, STR("["))) {
			end_notice(d, x);
			begin_notice(d, x, line);
			notices += x->id.n > 0;
		} else if (indented && str_starts(line, STR("{"))) {
			add_cves(x, line);
		} else if (indented && str_starts(line, STR("["))) {
			read_fix(d, x, line);
		}
	}
	end_notice(d, x);
	free(x);
	return notices ? 0 : err_set(e, -EBADMSG, "Debian announcements: none in the list");
}
