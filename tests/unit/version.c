/* The order of versions: published vectors beside the checkout, and tables of our own. */
#include "vuln/version/version.h"

#include <fcntl.h>

#include "base/fd.h"
#include "draw.h"
#include "tap.h"

#define FILE_BYTES_MAX (16u << 20)

static int sign(int r)
{
	return (r > 0) - (r < 0);
}

static const char sign_text[] = "<=>";

/* "A < B": both directions are asked. */
static bool line_holds(const struct version_scheme *s, struct str line, const char *file)
{
	struct str a, b, op;
	int want, got, back;

	if (!str_cut(&line, ' ', &a) || !str_cut(&line, ' ', &op) || op.n != 1 || !strchr(sign_text, *op.p))
		return tap_check(false, __FILE__, __LINE__, "%s: not \"A < B\"", file);
	b = str_trim(line);
	want = (int)(strchr(sign_text, *op.p) - sign_text) - 1;
	got = sign(s->compare(a, b));
	back = sign(s->compare(b, a));
	return tap_check(got == want && back == -want, __FILE__, __LINE__, "%s: " STR_FMT " %c " STR_FMT ", but %d, %d",
			 s->name, STR_ARG(a), *op.p, STR_ARG(b), got, back);
}

static void vector_file(const char *file, const char *scheme)
{
	const struct version_scheme *s = version_scheme_named(str_c(scheme));
	const char *shared = getenv("YAGURA_SHARED");
	unsigned int lines = 0, held = 0;
	char path[512];
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	snprintf(path, sizeof(path), "%s/vectors/%s.txt", shared ? shared : "", file);
	if (file_read(AT_FDCWD, path, FILE_BYTES_MAX, &b, &e) < 0) {
		row("%s", file);
		tap_skip("../shared is not here");
		return;
	}
	for (int pass = 0; pass < 2; pass++) {
		if (pass)
			row("%s: %u lines by %s", file, lines, scheme);
		for (struct str rest = buf_all(&b), line; str_cut(&rest, '\n', &line);) {
			line = str_trim(line);
			if (!line.n || str_starts(line, STR("#")) || str_starts(line, STR("//")))
				continue;
			if (pass)
				held += line_holds(s, line, file);
			else
				lines++;
		}
	}
	EQ_INT(held, lines);
	OK(lines > 0);
}

TEST(vectors)
{
	static const char *const files[][2] = {
		{ "debian-versions", "dpkg" },
		{ "debian-versions-generated", "dpkg" },
		{ "redhat-versions", "rpm" },
		{ "alpine-versions", "apk" },
		{ "alpine-versions-generated", "apk" },
		{ "pypi-versions", "pep440" },
		{ "pypi-versions-generated", "pep440" },
		{ "semver-versions", "npm" },
		{ "semver-versions", "go" },
		{ "maven-versions", "maven" },
		{ "maven-versions-generated", "maven" },
		{ "rubygems-versions", "gem" },
		{ "rubygems-versions-generated", "gem" },
		{ "nuget-versions", "nuget" },
		{ "packagist-versions", "packagist" },
		{ "packagist-versions-generated", "packagist" },
		{ "cran-versions", "cran" },
		{ "cran-versions-generated", "cran" },
		{ "hackage-versions", "hackage" },
		{ "pub-versions", "pub" },
	};

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		vector_file(files[i][0], files[i][1]);
}

/* Each scheme from old to new; '=' in front of one that equals the one before. Every pair is compared. */
struct chain {
	const char *scheme;
	const char *versions[48];
};

/* clang-format off */
static const struct chain chains[] = {
	/* Debian Policy 5.6.12, deb-version(7) */
	{ "dpkg",
	  { "0", "=0-0", "=0:0", "1.0~~", "1.0~~a", "1.0~", "1.0~rc1-1", "1.0", "=1.0-0", "=1.00-0", "1.0-0.1",
	    "1.0-1~bpo12+1", "1.0-1", "1.0-1ubuntu1", "1.0-1+b1", "1.0-1+deb12u1", "1.0-1.1", "1.0-10",
	    "1.0a-1", "1.0+dfsg-1", "1.0-rc1-1", "1.0.0-1", "1.1-1", "1.9-1", "1.10-1", "10-1", "1:0.1-1",
	    "=01:0.1-1", "1:0.1:1-1", "2:0-1", "10:0-1" } },
	{ "rpm",
	  { "0.1~a-1", "0.1-1", "1.0~beta^git-1", "1.0~beta1-1", "1.0~beta.1.1-1", "1.0", "1.0-1~a", "1.0-1",
	    "=1.0-1.", "1.0-1^x", "1.0-1.el9", "=1.0-1_el9", "1.0-1.1", "1.0-2.el8", "1.0-10.el8", "1.0^git1-1",
	    "1.0^1-1", "1.0.a-1", "1.0.1-1", "1.1-1", "1.10-1", "2a-1", "2.0-1", "1:0-1", "=01:0-1", "2:0-1" } },
	{ "apk",
	  { "0", "0.1_alpha", "0.1_alpha1", "0.1_beta", "0.1_pre", "0.1_rc_pre1", "0.1_rc1", "0.1", "0.1-r0",
	    "0.1-r1", "0.1~abc", "0.1_cvs", "0.1_svn", "0.1_git", "0.1_git20200101", "0.1_hg", "0.1_p",
	    "0.1_p1", "0.1_p1-r1", "0.1a_rc1", "0.1a", "0.1b", "0.1.0", "0.1.05", "0.1.1", "0.1.9", "0.1.10",
	    "1.0", "1.02", "1.1", "1.9", "1.10-r10", "2", "10", "=010" } },
	{ "alpm",
	  { "1.0a-1", "1.0alpha-1", "1.0b-1", "1.0beta-1", "1.0p-1", "1.0pre-1", "1.0rc-1", "1.0-1", "=1_0-1",
	    "1.0-1.1", "1.0-2", "1.0-10", "1.0.a-1", "1.0.1-1", "1.0..0-1", "1.1-1", "1.10-1", "2-1", "1:1-1",
	    "2:0-1" } },
	/* PEP 440, "Summary of permitted suffixes and relative ordering" */
	{ "pep440",
	  { "1.dev0", "1.0.dev456", "1.0a1", "=1.0-ALPHA_1", "=v1.0.a.1", "=1.0-a-1", "1.0a2.dev456", "1.0a12.dev456",
	    "1.0a12", "1.0b1.dev456", "1.0b2", "1.0b2.post345.dev456", "1.0b2.post345", "1.0rc1.dev456",
	    "1.0rc1", "=1.0c1", "=1.0-preview1", "1.0", "=1.0.0", "=1", "1.0+abc.5", "1.0+abc.7", "1.0+5",
	    "1.0+5.1", "1.0.post456.dev34", "1.0.post456", "=1.0-456", "=1.0.r456", "1.0.15", "1.1.dev1", "1.1",
	    "1.10", "2013.10", "1!0.1", "2!0" } },
	/* semver.org section 11 */
	{ "npm",
	  { "0.0.0-0", "0.0.0", "1.0.0--", "1.0.0-A", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
	    "1.0.0-alpha-1", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0",
	    "=1.0.0+build", "=v1.0.0", "=1.0", "1.0.1-0", "1.0.1", "1.2.0", "1.10.0", "2.0.0-rc.1+build.123",
	    "2.0.0" } },
	{ "go",
	  { "v0.0.0-20190101000000-abcdefabcdef", "v0.0.0-20200101000000-000000000000", "v0.0.0", "go1",
	    "=go1.0", "go1.9rc2", "go1.9", "=1.9.0", "=v1.9", "go1.9.1", "=go1.9.1 X:boringcrypto",
	    "=go1.9.1-custom", "go1.20rc1", "=1.20rc1", "go1.20", "=v1.20.0+incompatible", "go1.21",
	    "v1.21.0-0", "go1.21rc1", "=1.21.0-rc.1", "go1.21rc2", "go1.21rc10", "go1.21.0", "=1.21",
	    "go1.21.3", "v1.21.4-0.20231010101010-abcdefabcdef", "v1.21.4", "=v1.21.4+dirty", "v2.0.0-rc.1",
	    "v2.0.0+incompatible" } },
	/* the table of Maven's POM reference, and its issues MNG-5568, 6572, 6964, 7644 */
	{ "maven",
	  { "1.rc5", "1-a1", "=1-alpha-1", "=1alpha1", "1-alpha2-snapshot", "1-alpha2", "1-alpha10",
	    "1-beta-2", "1-beta123", "1-m2", "1-m11", "1-rc", "=1-cr", "1-rc1", "1-cr2", "1-rc123",
	    "1-SNAPSHOT", "1", "=1.0.Final", "=1-ga", "=1.0.0-0", "1.sec10", "1-sp", "1-sp2", "1_x", "1-abc",
	    "1-def", "1-pom-1", "1-1-snapshot", "1-1", "=1-ga-1", "1-2", "1-123", "1.0.1", "1.1", "1.10" } },
	{ "gem",
	  { "0.a.1", "0", "=0.0", "1.0.a.2", "=1.a2", "1.0.b1", "1.0-1", "=1.0.pre.1", "1.0.rc1", "1", "=1.0.0",
	    "1.0.0.1", "1.0.1.a", "1.0.1", "1.9", "1.10.beta", "1.10", "2.0.A", "2.0.a", "2.0" } },
	{ "nuget",
	  { "1.0.0-1", "1.0.0-alpha", "=1.0.0-ALPHA", "1.0.0-alpha.1", "1.0.0-alpha.Beta", "1.0.0-beta", "1.0",
	    "=1.0.0.0", "=1.0.0+x", "=01.0", "1.0.0.1-rc", "1.0.0.1", "1.0.1", "1.10", "2" } },
	{ "packagist",
	  { "1.0-foo", "=1.0-BETA", "1.0-BETA2", "1.0-dev", "1.0a1", "=1.0-alpha.1", "1.0b1", "=1.0beta1",
	    "1.0RC1", "=1.0-rc1", "1.0", "=v1.0", "=1.0-stable", "1.0.0-dev", "1.0.0", "1.0.1", "1.0pl1",
	    "=1.0-p1", "=1.0-patch1", "1.1", "1.10" } },
	/* R: ?package_version */
	{ "cran", { "0.1", "=0.01", "0.1.0", "=0.1-0", "0.1-1", "0.1.10", "0.2", "=00.2", "1.0", "1.0.0", "10-1" } },
	{ "hackage", { "0", "0.1", "0.1.0", "0.1.26.0", "0.11.3.0", "1", "1.0", "1.0.0", "1.10", "2" } },
	{ "pub",
	  { "0.0.0-foo", "0.0.0", "1.2.3-a.5", "1.2.3-a.10", "1.2.3-a.b", "1.2.3", "1.2.3+1", "1.2.3+2", "1.2.3+900",
	    "1.2.3+a", "1.2.3+a.1", "1.2.3+a1", "1.2.4-0", "1.2.4-0+x" } },
};
/* clang-format on */

TEST(chains)
{
	for (size_t c = 0; c < ARRAY_LEN(chains); c++) {
		const struct chain *chain = &chains[c];
		const struct version_scheme *s = version_scheme_named(str_c(chain->scheme));
		int rank[48] = { 0 };

		for (size_t i = 0; chain->versions[i]; i++) {
			struct str v = str_c(chain->versions[i]);

			v = str_from(v, *v.p == '=');
			rank[i] = i == 0 ? 0 : rank[i - 1] + (*chain->versions[i] != '=');
			row("%s: " STR_FMT, chain->scheme, STR_ARG(v));
			OK(s->valid(v));
			EQ_INT(s->compare(v, v), 0);
			for (size_t j = 0; j < i; j++) {
				struct str w = str_c(chain->versions[j]);

				w = str_from(w, *w.p == '=');
				tap_check(sign(s->compare(w, v)) == sign(rank[j] - rank[i]) &&
						  sign(s->compare(v, w)) == sign(rank[i] - rank[j]),
					  __FILE__, __LINE__, "against " STR_FMT ": %d and %d", STR_ARG(w),
					  s->compare(w, v), s->compare(v, w));
			}
		}
	}
}

TEST(not_versions)
{
	static const char *const rows[][2] = {
		{ "dpkg", "" },
		{ "dpkg", "a:1" },
		{ "dpkg", "1 0" },
		{ "dpkg", "1-" },
		{ "dpkg", "-1" },
		{ "dpkg", "1.0:1-1" },
		{ "dpkg", "1:" },
		{ "dpkg", "1_0" },
		{ "rpm", "" },
		{ "rpm", "-1" },
		{ "rpm", "1:" },
		{ "rpm", "1 0" },
		{ "apk", "" },
		{ "apk", "a" },
		{ "apk", "1.0_foo" },
		{ "apk", "20.10.11.r0" },
		{ "apk", "1-r" },
		{ "apk", "1.0A" },
		{ "apk", "1..2" },
		{ "apk", "1-1" },
		{ "alpm", "1.0" },
		{ "alpm", "1.0.-1" },
		{ "alpm", "-1" },
		{ "alpm", "1.0-a" },
		{ "pep440", "" },
		{ "pep440", "1.0-foo" },
		{ "pep440", "unknown" },
		{ "pep440", "1.0+" },
		{ "pep440", "1.0+a..b" },
		{ "pep440", "1..0" },
		{ "pep440", "1.0a1b" },
		{ "pep440", "2004d.1x" },
		{ "npm", "" },
		{ "npm", "latest" },
		{ "npm", "1.2.3.4" },
		{ "npm", "1.2.3-" },
		{ "npm", "1.2.3-a..b" },
		{ "npm", "1.2.3+" },
		{ "npm", "*" },
		{ "npm", "file:../x" },
		{ "go", "" },
		{ "go", "(devel)" },
		{ "go", "devel +abc" },
		{ "go", "go1.21beta" },
		{ "go", "v1.2.3.4" },
		{ "go", "go1.21.3rc1" },
		{ "go", "unknown" },
		{ "go", "v1.2.3 x" },
		{ "maven", "" },
		{ "maven", "${project.version}" },
		{ "maven", "[1,2)" },
		{ "maven", "unspecified" },
		{ "gem", "" },
		{ "gem", "1..2" },
		{ "gem", "a.1" },
		{ "gem", "1.0 x" },
		{ "gem", "1a" },
		{ "nuget", "" },
		{ "nuget", "1.0.0.0.0" },
		{ "nuget", "1.*" },
		{ "packagist", "" },
		{ "packagist", "dev-master" },
		{ "packagist", "1.x-dev" },
		{ "packagist", "1.0.#" },
		{ "packagist", "1.0-" },
		{ "cran", "" },
		{ "cran", "1.a" },
		{ "cran", "1." },
		{ "hackage", "1-2" },
		{ "hackage", ".1" },
		{ "pub", "1.2.3+" },
		{ "pub", "any" },
	};
	char longer[VERSION_BYTES_MAX + 2];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s: \"%s\"", rows[i][0], rows[i][1]);
		OK(!version_scheme_named(str_c(rows[i][0]))->valid(str_c(rows[i][1])));
	}
	memset(longer, '1', sizeof(longer));
	for (enum pkg_type t = PKG_DEB; t < PKG_TYPE_COUNT; t++) {
		row("%s: %zu bytes", version_scheme_for(t)->name, sizeof(longer));
		OK(!version_scheme_for(t)->valid(str_n(longer, sizeof(longer))));
	}
}

TEST(table)
{
	OK(version_scheme_for(PKG_UNKNOWN) == NULL);
	OK(version_scheme_for(PKG_TYPE_COUNT) == NULL);
	OK(version_scheme_named(STR("cpan")) == NULL);
	for (enum pkg_type t = PKG_DEB; t < PKG_TYPE_COUNT; t++)
		OK(version_scheme_named(str_c(version_scheme_for(t)->name)) == version_scheme_for(t));
}

/* Maven's order is none once a qualifier follows a dot (maven.c). */
static bool may_be_ordered(const struct version_scheme *s, struct str v)
{
	for (size_t i = 0; i + 1 < v.n && str_is(str_c(s->name), "maven"); i++)
		if (v.p[i] == '.' && !is_digit(v.p[i + 1]) && v.p[i + 1] != '.' && v.p[i + 1] != '-')
			return false;
	return s->valid(v);
}

static size_t intransitive(const struct version_scheme *s, const struct str *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			int ij = s->compare(v[i], v[j]);

			for (size_t k = 0; k < n && ij <= 0; k++) {
				int jk = s->compare(v[j], v[k]);

				if (jk > 0 || sign(s->compare(v[i], v[k])) == (ij || jk ? -1 : 0))
					continue;
				printf("# " STR_FMT ", " STR_FMT ", " STR_FMT "\n", STR_ARG(v[i]), STR_ARG(v[j]),
				       STR_ARG(v[k]));
				return 1;
			}
		}
	return 0;
}

/* Short texts of the letters that matter to a scheme: any three must be in one order. */
TEST(total_order)
{
	static const char pieces[][8] = { "0", "1", "10", "a", "rc", "final", ".", "-", "~", "^", "_", "+", "p" };
	enum { POOL = 220 };
	char text[POOL][32];

	for (size_t i = 0; i < POOL; i++) {
		size_t n = 1 + i % 6;

		snprintf(text[i], sizeof(text[i]), "%s", i % 3 ? "1" : "");
		for (size_t k = 0; k < n; k++) {
			size_t used = strlen(text[i]);

			snprintf(text[i] + used, sizeof(text[i]) - used, "%s", pieces[draw(ARRAY_LEN(pieces))]);
		}
	}
	for (enum pkg_type t = PKG_DEB; t < PKG_TYPE_COUNT; t++) {
		const struct version_scheme *s = version_scheme_for(t);
		struct str v[POOL];
		size_t n = 0;

		row("%s", s->name);
		for (size_t i = 0; i < POOL; i++) {
			if (t == PKG_ALPM) /* is none without a pkgrel */
				memcpy(text[i] + strlen(text[i]), "-1", 3);
			if (may_be_ordered(s, str_c(text[i])))
				v[n++] = str_c(text[i]);
			if (t == PKG_ALPM)
				text[i][strlen(text[i]) - 2] = 0;
		}
		EQ_INT(intransitive(s, v, n), 0);
		OK(n > 10);
	}
}

/* dpkg's short way, by the first number, against the long one, which it goes with the same letter in front of both:
 * strings drawn by a fixed generator from what is in versions. */

#define DRAWN_MAX 8

/* Behind `head`; without ':', which would end an epoch in one and not in the other. */
static struct str draw_version(char text[2 + DRAWN_MAX], const char *head)
{
	static const char from[] = "0011239aZ.+~--";
	struct str s = { text, strlen(head) + draw(DRAWN_MAX) };

	memcpy(text, head, strlen(head));
	for (size_t i = strlen(head); i < s.n; i++)
		text[i] = from[draw(sizeof(from) - 1)];
	return s;
}

TEST(dpkg_by_the_first_number)
{
	const struct version_scheme *s = version_scheme_for(PKG_DEB);
	char a[2 + DRAWN_MAX], b[2 + DRAWN_MAX];
	unsigned int same = 0, rounds = 200000;

	for (unsigned int i = 0; i < rounds; i++) {
		struct str x = draw_version(a, "a"), y = draw_version(b, "a");
		int whole = sign(s->compare(x, y)), short_way = sign(s->compare(str_from(x, 1), str_from(y, 1)));

		if (!tap_check(whole == short_way, __FILE__, __LINE__, STR_FMT " and " STR_FMT ": %d, but %d",
			       STR_ARG(x), STR_ARG(y), whole, short_way))
			return;
		same += whole == 0;
	}
	OK(same > 1000 && same < rounds / 2);
}
