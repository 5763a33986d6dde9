/* changelog: which CVE which version fixed. See changelog.h. */
#include "vuln/update/changelog.h"

#include "base/map.h"
#include "base/num.h"
#include "codec/inflate.h"
#include "layer/tar.h"

#define WINDOW_BYTES (64u << 10)
#define VERSION_MAX 256 /* bytes of a version in an entry's head */
#define CVE_DIGITS_MAX 10
#define SETTLED (1u << 31) /* in the index: older entries no longer count for this CVE */
#define DIFF_LINE_MAX (1u << 20)

/* -------- plain bytes of the archive -------- */

struct stream {
	struct inflate *z;
	struct str in;
	bool end;
	uint64_t given;
	uint8_t window[WINDOW_BYTES];
	size_t at, have;
};

/* Makes at least one more byte available; 0 at the end. */
static int stream_fill(struct stream *s, struct err *e)
{
	ssize_t r = 0;

	while (!r && !s->end) {
		r = inflate_step(s->z, &s->in, true, s->window, sizeof(s->window), &s->end, e);
		if (r < 0)
			return (int)r;
		if (!r && !s->end)
			return err_set(e, -EBADMSG, "cut short");
	}
	s->at = 0;
	s->have = (size_t)r;
	s->given += (uint64_t)r;
	if (s->given > CHANGELOG_ARCHIVE_MAX)
		return err_set(e, -E2BIG, "more than %llu bytes unpacked", CHANGELOG_ARCHIVE_MAX);
	return r > 0;
}

/* One line without its end, cut at DIFF_LINE_MAX; 0 at the end of the stream. */
static int stream_line(struct stream *s, struct buf *line, struct err *e)
{
	buf_clear(line);
	for (;;) {
		const uint8_t *from = s->window + s->at, *nl;
		size_t part = s->have - s->at;

		if (!part) {
			int r = stream_fill(s, e);

			if (r <= 0)
				return r < 0 ? r : line->n > 0;
			continue;
		}
		nl = memchr(from, '\n', part);
		if (nl)
			part = (size_t)(nl - from);
		buf_add(line, from, line->n + part <= DIFF_LINE_MAX ? part : 0);
		s->at += part + (nl != NULL);
		if (nl)
			return 1;
	}
}

/* -------- tar and diff -------- */

static bool is_changelog(struct str path)
{
	static const struct str name = STR("debian/changelog");
	struct str top;

	if (str_starts(path, STR("./")))
		path = str_from(path, 2);
	if (!str_ends(path, name))
		return false;
	top = str_head(path, path.n - name.n);
	/* "debian/changelog", or below the one directory of a native package */
	return !top.n || str_find(top, '/') == (ptrdiff_t)top.n - 1;
}

static bool wanted(const struct tar_entry *t)
{
	return t->type == TAR_FILE && is_changelog(t->path);
}

static int tar_find(struct stream *s, struct buf *ret, struct err *e)
{
	auto_tar struct tar t;
	struct str in = STR_NONE;
	int r;

	tar_init(&t);
	while ((r = tar_step(&t, &in, e)) >= 0 && r != TAR_END) {
		if (r == TAR_MORE) {
			r = stream_fill(s, e);
			if (r <= 0)
				return r ? r : err_set(e, -EBADMSG, "cut short");
			in = str_n((const char *)s->window, s->have);
		} else if (r == TAR_ENTRY && !wanted(&t.entry)) {
			tar_skip(&t);
		} else if (r == TAR_ENTRY && t.entry.size > CHANGELOG_BYTES_MAX) {
			return err_set(e, -E2BIG, "a changelog of %llu bytes", (unsigned long long)t.entry.size);
		} else if (r == TAR_DATA) {
			buf_add(ret, t.data.p, t.data.n);
		} else if (r == TAR_ENTRY_END && wanted(&t.entry)) {
			return 0;
		}
	}
	return r < 0 ? r : err_set(e, -ENOENT, "no debian/changelog");
}

/* The file is new in the diff, so all of it stands there as added lines. */
static int diff_find(struct stream *s, struct buf *ret, struct err *e)
{
	auto_buf struct buf line;
	bool inside = false;
	int r;

	buf_init(&line, DIFF_LINE_MAX);
	while ((r = stream_line(s, &line, e)) > 0) {
		struct str l = buf_all(&line);

		if (inside && l.n && l.p[0] == '+') {
			buf_str(ret, str_from(l, 1));
			buf_char(ret, '\n');
		} else if (inside && !str_starts(l, STR("@@"))) {
			return 0;
		} else if (str_starts(l, STR("+++ "))) {
			struct str path = str_from(l, 4);
			ptrdiff_t tab = str_find(path, '\t');

			inside = is_changelog(str_trim(tab < 0 ? path : str_head(path, (size_t)tab)));
		}
	}
	return r < 0 || inside ? r : err_set(e, -ENOENT, "no debian/changelog");
}

int changelog_extract(struct str archive, enum apt_packing packing, struct buf *ret, struct err *e)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	struct buf b;
	int r;

	buf_init(&b, CHANGELOG_BYTES_MAX);
	s->in = archive;
	r = inflate_new(&s->z, inflate_probe(str_head(archive, INFLATE_PROBE_BYTES)), e);
	if (r == 0)
		r = packing == APT_DIFF ? diff_find(s, &b, e) : tar_find(s, &b, e);
	inflate_free(s->z);
	free(s);
	if (r == 0 && buf_finish(&b) < 0)
		r = err_set(e, -E2BIG, "a changelog of more than %u bytes", CHANGELOG_BYTES_MAX);
	if (r < 0) {
		buf_done(&b);
		return r;
	}
	*ret = b;
	return 0;
}

/* -------- the text -------- */

/* "name (version) distributions; urgency=..." at the head of an entry. */
static bool entry_head(struct str line, struct str *ret_version)
{
	struct str name, rest, version;

	if (!line.n || is_space(line.p[0]) || !str_split(line, '(', &name, &rest) ||
	    !str_split(rest, ')', &version, &rest))
		return false;
	version = str_trim(version);
	if (!version.n || version.n > VERSION_MAX || str_find(version, ' ') >= 0 || str_find(version, '\t') >= 0 ||
	    !is_digit(version.p[0]) || str_find(str_trim(name), ' ') >= 0)
		return false;
	*ret_version = version;
	return true;
}

/* Whether a line begins a new item: "  * ", "    - ", "   + ". */
static bool item_head(struct str line, struct str *ret_text)
{
	struct str t = str_trim(line);

	if (t.n < 2 || !memchr("*-+", t.p[0], 3) || !is_space(t.p[1]))
		return false;
	*ret_text = str_trim(str_from(t, 1));
	return true;
}

static bool contains_nocase(struct str s, struct str needle_lower)
{
	for (size_t i = 0; i + needle_lower.n <= s.n; i++) {
		size_t k = 0;

		while (k < needle_lower.n && to_lower(s.p[i + k]) == needle_lower.p[k])
			k++;
		if (k == needle_lower.n)
			return true;
	}
	return false;
}

static bool item_reverts(struct str item)
{
	static const struct str heads[] = { STR("revert"), STR("back out"), STR("backed out") };
	struct str text;

	if (!item_head(item, &text))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		if (str_eq_nocase(str_head(text, heads[i].n), heads[i]))
			return !contains_nocase(text, STR("introduc")) && !contains_nocase(text, STR("fixes")) &&
			       !contains_nocase(text, STR("closes"));
	return false;
}

/* Bytes of the CVE id at p ("CVE-", year, at least four digits), 0 when it is none. An id that goes on as a pattern
 * ("CVE-2017-922[4-9]") is none: which ones it means cannot be said. */
static size_t cve_at(const char *p, size_t left)
{
	size_t n = 9, digits = 0;

	if (left < 13 || !str_eq_nocase(str_n(p, 4), STR("CVE-")) || p[8] != '-')
		return 0;
	for (size_t i = 4; i < 8; i++)
		if (!is_digit(p[i]))
			return 0;
	while (n < left && is_digit(p[n])) {
		n++;
		digits++;
	}
	if (digits < 4 || digits > CVE_DIGITS_MAX || (n < left && memchr("[{?xX*", p[n], 6)))
		return 0;
	return n;
}

struct reading {
	struct changelog_fixes *ret;
	struct map index; /* CVE -> its place in ret */
	struct arena *arena;
	int (*compare)(struct str a, struct str b);
	struct str current;
	bool full;
};

static void mention(struct reading *r, struct str found, struct str version, bool reverts)
{
	char id[16 + CVE_DIGITS_MAX];
	struct changelog_fix *f;
	uint32_t *place;

	for (size_t i = 0; i < found.n; i++)
		id[i] = i < 3 ? "CVE"[i] : found.p[i];
	place = map_get(&r->index, str_n(id, found.n));
	if (!place) {
		struct str cve = arena_str(r->arena, str_n(id, found.n));

		r->full |= r->ret->all.n >= CHANGELOG_CVES_MAX;
		if (r->full)
			return;
		map_put(&r->index, cve, (uint32_t)r->ret->all.n, NULL);
		vec_push(&r->ret->all, ((struct changelog_fix){ cve, version, reverts }));
		return;
	}
	/* Entries come newest first: what stands above a revert stays, what stands below it does not count. */
	f = &r->ret->all.v[*place & ~SETTLED];
	if (reverts || f->open)
		*place |= SETTLED;
	if (!(*place & SETTLED) && r->compare(version, f->version) < 0)
		f->version = version;
}

static void item_read(struct reading *r, struct str item, struct str version)
{
	bool reverts;

	if (!version.n || r->compare(version, r->current) > 0 || !contains_nocase(item, STR("cve-")))
		return;
	reverts = item_reverts(item);
	for (size_t i = 0; i + 4 < item.n; i++) {
		size_t n;

		if ((item.p[i] | 0x20) != 'c' || (i && (is_alpha(item.p[i - 1]) || is_digit(item.p[i - 1]))))
			continue;
		n = cve_at(item.p + i, item.n - i);
		if (n) {
			mention(r, str_n(item.p + i, n), version, reverts);
			i += n - 1;
		}
	}
}

int changelog_parse(struct str text, struct str current, int (*compare)(struct str a, struct str b), struct arena *a,
		    struct changelog_fixes *ret, struct err *e)
{
	struct reading r = { .ret = ret, .arena = a, .compare = compare, .current = current };
	struct str version = STR_NONE, unused;
	const char *item = text.p;
	size_t entries = 0;

	for (struct str line; str_cut(&text, '\n', &line);) {
		struct str next;
		bool head = entry_head(line, &next);

		if (head || item_head(line, &unused) || !str_trim(line).n) {
			item_read(&r, str_n(item, (size_t)(line.p - item)), version);
			item = line.p;
		}
		if (head) {
			version = next;
			entries++;
		}
		if (!text.p || !text.n)
			item_read(&r, str_n(item, (size_t)(line.p + line.n - item)), version);
	}
	map_done(&r.index);
	if (!entries)
		return err_set(e, -EBADMSG, "no changelog entry");
	return r.full ? err_set(e, -E2BIG, "more than %d CVE ids", CHANGELOG_CVES_MAX) : 0;
}
