/* apt: what a package repository says of itself. See apt.h. */
#include "vuln/update/apt.h"

#include "base/date.h"
#include "base/deb822.h"
#include "base/num.h"
#include "base/path.h"

static bool has_word(struct str text, const char *a, const char *b)
{
	return str_has_word(text, str_c(a)) || str_has_word(text, str_c(b));
}

/* -------- the machine's repositories -------- */

void apt_entries_done(struct apt_entries *l)
{
	vec_done(&l->all);
	vec_done(&l->notes);
}

static void note(struct apt_entries *l, struct arena *a, struct str name, const char *what, struct str text)
{
	if (l->notes.n < APT_NOTES_MAX)
		vec_push(&l->notes,
			 arena_fmt(a, STR_FMT ": %s: " STR_FMT, STR_ARG(name), what, STR_ARG(str_head(text, 200))));
}

static bool uri_usable(struct str uri)
{
	return str_starts(uri, STR("http://")) || str_starts(uri, STR("https://"));
}

/* A suite is a path below dists/: nothing of it may lead elsewhere. */
static bool suite_usable(struct str suite)
{
	char room[PATH_BYTES_MAX];
	struct str normal;

	return suite.n && suite.n < 200 && suite.p[suite.n - 1] != '/' && str_find(suite, '$') < 0 &&
	       path_normal(suite, room, &normal) == 0 && str_eq(normal, suite);
}

static void entry_add(struct apt_entries *l, struct arena *a, struct str name, struct apt_entry *t)
{
	while (t->uri.n && t->uri.p[t->uri.n - 1] == '/')
		t->uri.n--;
	if (!uri_usable(t->uri))
		note(l, a, name, "only http and https repositories are read", t->uri);
	else if (!suite_usable(t->suite))
		note(l, a, name, "flat repositories and variables are not read", t->suite);
	else if (l->all.n >= APT_ENTRIES_MAX)
		note(l, a, name, "too many repositories", t->uri);
	else
		vec_push(&l->all, *t);
}

static void components_take(struct apt_entries *l, struct arena *a, struct str name, struct str words,
			    struct apt_entry *t)
{
	struct str word;

	while (str_word(&words, &word)) {
		if (t->component_count == APT_COMPONENTS_MAX) {
			note(l, a, name, "too many components", t->uri);
			return;
		}
		t->component[t->component_count++] = word;
	}
}

/* deb [ option=value ... ] uri suite component ... */
static void list_line(struct str line, struct str name, struct arena *a, struct apt_entries *ret)
{
	struct apt_entry t = { 0 };
	struct str whole = line, word, options = STR_NONE;

	if (!str_word(&line, &word) || (!str_is(word, "deb") && !str_is(word, "deb-src"))) {
		note(ret, a, name, "not understood", whole);
		return;
	}
	line = str_trim(line);
	if (line.n && line.p[0] == '[' && !str_split(str_from(line, 1), ']', &options, &line)) {
		note(ret, a, name, "options without an end", whole);
		return;
	}
	while (str_word(&options, &word)) {
		struct str key, value;

		if (str_split(word, '=', &key, &value) && str_eq_nocase(key, STR("signed-by")))
			t.signed_by = value;
	}
	if (!str_word(&line, &t.uri) || !str_word(&line, &t.suite)) {
		note(ret, a, name, "no suite", whole);
		return;
	}
	components_take(ret, a, name, line, &t);
	entry_add(ret, a, name, &t);
}

void apt_list_parse(struct str text, struct str name, struct arena *a, struct apt_entries *ret)
{
	for (struct str line; str_cut(&text, '\n', &line);) {
		ptrdiff_t comment = str_find(line, '#');

		line = str_trim(comment < 0 ? line : str_head(line, (size_t)comment));
		if (line.n)
			list_line(line, name, a, ret);
	}
}

struct stanza {
	struct str types, uris, suites, components, signed_by;
	bool off;
};

static void stanza_read(struct str paragraph, struct stanza *s)
{
	struct str enabled = STR_NONE;
	const struct deb822_want want[] = { { "Types", &s->types },	    { "URIs", &s->uris },
					    { "Suites", &s->suites },	    { "Components", &s->components },
					    { "Signed-By", &s->signed_by }, { "Enabled", &enabled } };

	deb822_take(paragraph, want, ARRAY_LEN(want));
	s->off = has_word(enabled, "no", "false") || has_word(enabled, "0", "off");
}

/* An embedded key as it was before it was indented: one space less, a lone "." for an empty line. */
static struct str key_unfold(struct str value, struct arena *a)
{
	char *to = arena_alloc(a, value.n + 1);
	size_t n = 0;

	for (struct str line; str_cut(&value, '\n', &line);) {
		line = str_trim(line);
		if (str_is(line, "."))
			line.n = 0;
		if (line.n)
			memcpy(to + n, line.p, line.n);
		n += line.n;
		to[n++] = '\n';
	}
	return str_n(to, n - (n > 0));
}

void apt_deb822_parse(struct str text, struct str name, struct arena *a, struct apt_entries *ret)
{
	for (struct str paragraph; deb822_paragraph(&text, &paragraph);) {
		struct stanza s = { 0 };

		stanza_read(paragraph, &s);
		if (s.off || !has_word(s.types, "deb", "deb-src"))
			continue;
		if (!s.uris.n || !s.suites.n) {
			note(ret, a, name, "a stanza without URIs or Suites", str_head(paragraph, 60));
			continue;
		}
		struct apt_entry t = { .signed_by = s.signed_by };

		if (str_find_str(s.signed_by, STR("BEGIN PGP PUBLIC KEY")) >= 0) {
			t.key = key_unfold(s.signed_by, a);
			t.signed_by = STR_NONE;
		}
		components_take(ret, a, name, s.components, &t);
		for (struct str uris = s.uris, uri; str_word(&uris, &uri);) {
			for (struct str suites = s.suites, suite; str_word(&suites, &suite);) {
				t.uri = uri;
				t.suite = suite;
				entry_add(ret, a, name, &t);
			}
		}
	}
}

enum apt_suite_kind apt_suite_kind(struct str suite, struct str *ret_release)
{
	static const struct {
		struct str tail;
		enum apt_suite_kind kind;
	} tails[] = {
		{ STR("-security"), APT_SUITE_SECURITY },
		{ STR("/updates"), APT_SUITE_SECURITY },
		{ STR("-updates"), APT_SUITE_UPDATES },
	};

	*ret_release = suite;
	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		if (!str_ends(suite, tails[i].tail))
			continue;
		*ret_release = str_head(suite, suite.n - tails[i].tail.n);
		/* "bookworm-proposed-updates" is for testers */
		return str_find(*ret_release, '-') < 0 ? tails[i].kind : APT_SUITE_OTHER;
	}
	return str_find(suite, '-') < 0 && str_find(suite, '/') < 0 ? APT_SUITE_RELEASE : APT_SUITE_OTHER;
}

/* -------- dates -------- */

static bool two_digits(struct str s, uint32_t max, uint32_t *ret)
{
	return s.n >= 1 && s.n <= 2 && num_u32(s, ret) && *ret <= max;
}

struct calendar {
	uint32_t year, month, day, hour, minute, second;
};

static bool day_read(struct str day, struct str month, struct str year, struct calendar *c)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	ptrdiff_t at = month.n == 3 ? str_find_str(str_c(months), month) : -1;

	if (at < 0 || at % 3 || year.n != 4 || !num_u32(year, &c->year) || c->year < 1970)
		return false;
	c->month = (uint32_t)at / 3 + 1;
	return two_digits(day, 31, &c->day) && c->day;
}

static bool clock_read(struct str clock, struct calendar *c)
{
	struct str hour, minute, second;

	return str_split(clock, ':', &hour, &minute) && str_split(minute, ':', &minute, &second) &&
	       two_digits(hour, 23, &c->hour) && two_digits(minute, 59, &c->minute) &&
	       two_digits(second, 60, &c->second);
}

static bool is_utc(struct str zone)
{
	return str_is(zone, "UTC") || str_is(zone, "GMT") || str_is(zone, "+0000") || str_is(zone, "Z");
}

/* "Sat, 22 Nov 2025 10:11:12 UTC" */
bool apt_date_parse(struct str text, int64_t *ret)
{
	enum { WEEKDAY, DAY, MONTH, YEAR, CLOCK, ZONE, WORDS };
	struct calendar c = { 0 };
	struct str word[WORDS];
	char rfc3339[64];
	uint64_t seconds;

	for (size_t i = 0; i < WORDS; i++)
		if (!str_word(&text, &word[i]))
			return false;
	if (str_trim(text).n || !is_utc(word[ZONE]) || !day_read(word[DAY], word[MONTH], word[YEAR], &c) ||
	    !clock_read(word[CLOCK], &c))
		return false;
	snprintf(rfc3339, sizeof(rfc3339), "%04u-%02u-%02uT%02u:%02u:%02uZ", c.year, c.month, c.day, c.hour, c.minute,
		 c.second == 60 ? 59 : c.second);
	if (!date_parse(str_c(rfc3339), &seconds) || seconds > INT64_MAX)
		return false;
	*ret = (int64_t)seconds;
	return true;
}

/* -------- Release -------- */

void apt_release_done(struct apt_release *r)
{
	vec_done(&r->indexes);
}

/* The rows "hash size path" that are about packages. */
static int release_indexes(struct str rows, struct apt_release *ret, struct err *e)
{
	char room[PATH_BYTES_MAX];

	for (struct str line; str_cut(&rows, '\n', &line);) {
		struct str hash, size, path, normal;
		struct apt_index t = { 0 };

		if (!str_word(&line, &hash) || !str_word(&line, &size) || !str_word(&line, &path) ||
		    (str_find_str(path, STR("/source/Sources")) < 0 && str_find_str(path, STR("/Packages")) < 0))
			continue;
		if (!digest_parse_hex(hash, &t.digest) || !num_u64(size, 10, &t.size) ||
		    path_normal(path, room, &normal) < 0 || !str_eq(path, normal))
			return err_set(e, -EBADMSG, "Release: bad line for " STR_FMT, STR_ARG(str_head(path, 200)));
		t.path = path;
		vec_push(&ret->indexes, t);
	}
	return 0;
}

static int release_date(struct str text, const char *what, int64_t *ret, struct err *e)
{
	return apt_date_parse(text, ret)
		       ? 0
		       : err_set(e, -EBADMSG, "Release: %s is no date: " STR_FMT, what, STR_ARG(str_head(text, 60)));
}

int apt_release_parse(struct str text, struct arena *a unused_arg, struct apt_release *ret, struct err *e)
{
	struct apt_release t = { 0 };
	struct str by_hash = STR_NONE, date = STR_NONE, valid_until = STR_NONE, rows = STR_NONE;
	const struct deb822_want want[] = { { "Origin", &t.origin },	     { "Suite", &t.suite },
					    { "Codename", &t.codename },     { "Version", &t.version },
					    { "Acquire-By-Hash", &by_hash }, { "Date", &date },
					    { "Valid-Until", &valid_until }, { "SHA256", &rows } };
	int r = 0;

	deb822_take(text, want, ARRAY_LEN(want));
	t.by_hash = str_is(by_hash, "yes");
	if (date.n)
		r = release_date(date, "Date", &t.date, e);
	if (r == 0 && valid_until.n)
		r = release_date(valid_until, "Valid-Until", &t.valid_until, e);
	if (r == 0)
		r = release_indexes(rows, &t, e);
	if (r == 0 && (!t.origin.n || !t.date))
		r = err_set(e, -EBADMSG, "Release: no Origin or no Date");
	if (r < 0) {
		apt_release_done(&t);
		return r;
	}
	*ret = t;
	return 0;
}

struct str apt_release_namespace(const struct apt_release *r, struct arena *a)
{
	bool debian = str_is(r->origin, "Debian");
	size_t n = 0;

	if (!debian && !str_is(r->origin, "Ubuntu"))
		return STR_NONE;
	/* Debian numbers its releases by the part before the point ("12.11", "12-updates"), Ubuntu by both parts. */
	while (n < r->version.n && (is_digit(r->version.p[n]) || (!debian && r->version.p[n] == '.')))
		n++;
	return n ? arena_fmt(a, "%s:" STR_FMT, debian ? "debian" : "ubuntu", STR_ARG(str_head(r->version, n)))
		 : STR_NONE;
}

static const struct apt_index *index_find(const struct apt_release *r, struct str component, struct str middle)
{
	static const struct str tails[] = { STR(".xz"), STR(".gz"), STR(".bz2"), STR("") };

	for (size_t k = 0; k < ARRAY_LEN(tails); k++) {
		for (size_t i = 0; i < r->indexes.n; i++) {
			struct str p = r->indexes.v[i].path;

			if (str_starts(p, component) && str_starts(str_from(p, component.n), middle) &&
			    str_eq(str_from(p, component.n + middle.n), tails[k]))
				return &r->indexes.v[i];
		}
	}
	return NULL;
}

const struct apt_index *apt_release_sources(const struct apt_release *r, struct str component)
{
	return index_find(r, component, STR("/source/Sources"));
}

const struct apt_index *apt_release_binaries(const struct apt_release *r, struct str component, struct str arch)
{
	char middle[64];

	if (snprintf(middle, sizeof(middle), "/binary-" STR_FMT "/Packages", STR_ARG(arch)) >= (int)sizeof(middle))
		return NULL;
	return index_find(r, component, str_c(middle));
}

/* -------- Sources -------- */

void apt_packages_done(struct apt_packages *p)
{
	vec_done(&p->all);
}

/* How likely a file of a source package has its changelog; 0 not at all. Format 3.0 (quilt) has it in the debian.tar,
 * 1.0 in the diff, native packages in their only tar (dpkg-source(1)). */
static int changelog_rank(struct str file, enum apt_packing *ret)
{
	*ret = APT_TAR;
	if (str_ends(file, STR(".asc")) || str_ends(file, STR(".sig")))
		return 0;
	if (str_find_str(file, STR(".debian.tar.")) >= 0)
		return 3;
	if (str_ends(file, STR(".diff.gz"))) {
		*ret = APT_DIFF;
		return 2;
	}
	return str_find_str(file, STR(".tar.")) >= 0 && str_find_str(file, STR(".orig")) < 0;
}

static void package_file(struct str rows, struct arena *a, struct str directory, struct apt_package *p)
{
	int best = 0;

	for (struct str line; str_cut(&rows, '\n', &line);) {
		struct str hash, size, file;
		enum apt_packing packing;
		struct apt_package t = *p;
		int rank;

		if (!str_word(&line, &hash) || !str_word(&line, &size) || !str_word(&line, &file) ||
		    str_find(file, '/') >= 0 || (rank = changelog_rank(file, &packing)) <= best ||
		    !digest_parse_hex(hash, &t.digest) || !num_u64(size, 10, &t.size))
			continue;
		t.packing = packing;
		t.path = directory.n ? arena_fmt(a, STR_FMT "/" STR_FMT, STR_ARG(directory), STR_ARG(file)) : file;
		*p = t;
		best = rank;
	}
}

static bool package_read(struct str paragraph, struct arena *a, struct apt_package *ret)
{
	struct apt_package p = { 0 };
	struct str directory = STR_NONE, rows = STR_NONE, normal;
	const struct deb822_want want[] = { { "Package", &p.name },
					    { "Version", &p.version },
					    { "Directory", &directory },
					    { "Checksums-Sha256", &rows } };
	char room[PATH_BYTES_MAX];

	deb822_take(paragraph, want, ARRAY_LEN(want));
	if (!p.name.n || !p.version.n || p.name.n + p.version.n + directory.n > 1000 || str_find(p.name, '\n') >= 0 ||
	    str_find(p.name, '\t') >= 0 || str_find(p.version, '\n') >= 0 || str_find(p.version, '\t') >= 0)
		return false;
	package_file(rows, a, directory, &p);
	if (!p.path.n || path_normal(p.path, room, &normal) < 0 || !str_eq(normal, p.path))
		return false;
	*ret = p;
	return true;
}

int apt_packages_parse(struct str text, struct arena *a, struct apt_packages *ret, struct err *e)
{
	for (struct str paragraph; deb822_paragraph(&text, &paragraph);) {
		struct apt_package p;

		if (!package_read(paragraph, a, &p)) {
			ret->skipped++;
			continue;
		}
		if (ret->all.n >= APT_PACKAGES_MAX)
			return err_set(e, -E2BIG, "Sources: more than %d packages", APT_PACKAGES_MAX);
		vec_push(&ret->all, p);
	}
	return 0;
}

/* -------- dpkg's status -------- */

void apt_installed_parse(struct str text, struct apt_installed *ret)
{
	for (struct str paragraph; deb822_paragraph(&text, &paragraph);) {
		struct str package = STR_NONE, source = STR_NONE, status = STR_NONE, word;
		const struct deb822_want want[] = { { "Package", &package },
						    { "Source",
						      &source }, /* "glibc (2.36-9)" when the versions differ */
						    { "Status", &status } };

		deb822_take(paragraph, want, ARRAY_LEN(want));
		if (str_ends(status, STR(" installed")) && str_word(source.n ? &source : &package, &word))
			vec_push(&ret->names, word);
	}
}
