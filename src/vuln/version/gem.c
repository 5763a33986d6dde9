/* gem: RubyGems (Gem::Version): segments of digits or of letters; a version with letters is a pre-release.
 *
 * '-' stands for ".pre.". Zeros at the end, and zeros before the first letters, do not count. Where one version has no
 * segment left it has 0; letters are older than numbers. */
#include "vuln/version/scheme.h"

struct walk {
	struct str rest;
	size_t head_end; /* bytes of the first run of numbers, without zeros at its end */
	size_t text_at;	 /* where the first letters (or '-') stand */
	size_t all_end;	 /* bytes of the whole, without zeros at its end */
	size_t at;
	struct str all;
	bool dash; /* a '-' was passed whose "pre" comes next */
};

static inline bool is_segment(char c)
{
	return is_digit(c) || is_alpha(c);
}

static void walk_start(struct walk *w, struct str v)
{
	*w = (struct walk){ .all = v, .text_at = v.n };
	for (size_t i = 0; i < v.n;) {
		size_t digits = digits_span(str_from(v, i));

		if (digits && !digits_zero(str_head(str_from(v, i), digits)))
			w->all_end = i + digits;
		else if (!digits && (is_alpha(v.p[i]) || v.p[i] == '-'))
			w->all_end = i + 1;
		if (w->text_at == v.n && !digits && (is_alpha(v.p[i]) || v.p[i] == '-'))
			w->text_at = i;
		if (w->text_at == v.n)
			w->head_end = w->all_end;
		i += digits ? digits : 1;
	}
}

/* The next segment; empty at the end. */
static struct str walk_next(struct walk *w)
{
	struct str rest;
	size_t n;

	if (w->at >= w->head_end && w->at < w->text_at)
		w->at = w->text_at;
	while (w->at < w->all_end && !is_segment(w->all.p[w->at]))
		if (w->all.p[w->at++] == '-')
			return STR("pre");
	if (w->at >= w->all_end)
		return STR_NONE;
	rest = str_from(w->all, w->at);
	n = digits_span(rest);
	n = n ? n : alphas_span(rest);
	w->at += n;
	return str_head(rest, n);
}

static int gem_compare(struct str a, struct str b)
{
	struct walk x, y;

	walk_start(&x, str_trim(a));
	walk_start(&y, str_trim(b));
	for (;;) {
		struct str i = walk_next(&x), j = walk_next(&y);
		bool i_text = i.n && is_alpha(*i.p), j_text = j.n && is_alpha(*j.p);
		int r;

		if (!i.n && !j.n)
			return 0;
		if (i_text != j_text)
			return i_text ? -1 : 1;
		r = i_text ? str_cmp(i, j) : digits_compare(i, j);
		if (r)
			return r;
	}
}

/* [0-9]+(\.[0-9a-zA-Z]+)*(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)? */
static bool gem_valid(struct str v)
{
	bool dash = false, empty = true;
	size_t first;

	v = str_trim(v);
	first = digits_span(v);
	if (!length_ok(v) || !first || (first < v.n && v.p[first] != '.' && v.p[first] != '-'))
		return false;
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (c == '.' || (c == '-' && !dash)) {
			if (empty)
				return false;
			empty = true;
			dash |= c == '-';
			continue;
		}
		if (!is_segment(c) && c != '-')
			return false;
		empty = false;
	}
	return !empty;
}

const struct version_scheme version_gem = { "gem", gem_valid, gem_compare };
