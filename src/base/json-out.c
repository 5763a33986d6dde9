/* json-out: writer. See json.h. */
#include "base/json.h"

#include <assert.h>
#include <string.h>

#include "base/num.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Length of the valid UTF-8 sequence of several bytes at p, 0 when there is none (RFC 3629). */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first, last, second_min, second_max;
		size_t n;
	} rows[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (p[0] < rows[i].first || p[0] > rows[i].last)
			continue;
		if (left < rows[i].n)
			return 0;
		if (p[1] < rows[i].second_min || p[1] > rows[i].second_max)
			return 0;
		for (size_t k = 2; k < rows[i].n; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return rows[i].n;
	}
	return 0;
}

static void quote_byte(struct buf *b, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t";
	static const char to[] = "\"\\bfnrt";
	const char *at = c ? strchr(from, c) : NULL;

	if (at) {
		buf_char(b, '\\');
		buf_char(b, to[at - from]);
	} else {
		buf_fmt(b, "\\u%04x", c);
	}
}

#ifdef __SSE2__
static bool plain_sixteen(__m128i v)
{
	__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));

	/* Below a blank, signed: controls, and all that is not ASCII. */
	hit = _mm_or_si128(hit, _mm_cmplt_epi8(v, _mm_set1_epi8(' ')));
	return !_mm_movemask_epi8(hit);
}

static __m128i two_words(const char *p, size_t n)
{
	uint64_t low, high;

	memcpy(&low, p, sizeof(low));
	memcpy(&high, p + n - sizeof(high), sizeof(high));
	return _mm_set_epi64x((long long)high, (long long)low);
}
#endif

/* Nothing to escape and nothing to check: a report consists of such texts. The last bytes may be looked at twice. */
static bool is_plain(struct str s)
{
	size_t i = 0;

#ifdef __SSE2__
	if (s.n >= 16) {
		for (; i + 16 <= s.n; i += 16)
			if (!plain_sixteen(_mm_loadu_si128((const __m128i *)(const void *)(s.p + i))))
				return false;
		return plain_sixteen(_mm_loadu_si128((const __m128i *)(const void *)(s.p + s.n - 16)));
	}
	if (s.n >= 8)
		return plain_sixteen(two_words(s.p, s.n));
#endif
	for (; i < s.n; i++)
		if ((signed char)s.p[i] < ' ' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return true;
}

/* How many bytes from the first on need no look: ASCII without quotes, backslashes and controls. */
static size_t plain_run(struct str s)
{
	size_t n = 0;

#ifdef __SSE2__
	while (n + 16 <= s.n && plain_sixteen(_mm_loadu_si128((const __m128i *)(const void *)(s.p + n))))
		n += 16;
#endif
	while (n < s.n && (signed char)s.p[n] >= ' ' && s.p[n] != '"' && s.p[n] != '\\')
		n++;
	return n;
}

static void quote_slowly(struct buf *b, struct str s)
{
	while (s.n) {
		size_t n = plain_run(s);

		buf_add(b, s.p, n);
		s = str_from(s, n);
		if (!s.n)
			break;
		n = utf8_length((const unsigned char *)s.p, s.n);
		if (n)
			buf_add(b, s.p, n);
		else if ((unsigned char)s.p[0] >= 0x80)
			buf_str(b, STR("\xef\xbf\xbd"));
		else
			quote_byte(b, (unsigned char)s.p[0]);
		s = str_from(s, n ? n : 1);
	}
}

void json_quote(struct buf *b, struct str s)
{
	char *to = is_plain(s) ? buf_room(b, s.n + 2) : NULL;

	if (to) {
		to[0] = '"';
		if (s.n)
			memcpy(to + 1, s.p, s.n);
		to[s.n + 1] = '"';
		return;
	}
	buf_char(b, '"');
	quote_slowly(b, s);
	buf_char(b, '"');
}

void json_out_init(struct json_out *w, struct out *out)
{
	*w = (struct json_out){ .out = out, .first = true };
}

static void put(struct json_out *w, struct str s)
{
	buf_str(&w->out->b, s);
}

/* A line break and two blanks for each level. */
static void indent(struct json_out *w)
{
	static const struct str some = STR("\n                                ");
	size_t n = 2 * (size_t)w->depth + 1;

	put(w, str_head(some, n));
	for (n -= str_head(some, n).n; n; n -= 2)
		put(w, STR("  "));
}

/* What stands between two values; nothing behind a key. */
static void separate(struct json_out *w)
{
	if (w->keyed) {
		w->keyed = false;
		return;
	}
	if (!w->first)
		put(w, STR(","));
	if (w->depth)
		indent(w);
	w->first = false;
}

static void open_with(struct json_out *w, struct str bracket)
{
	separate(w);
	put(w, bracket);
	w->depth++;
	w->first = true;
}

static void close_with(struct json_out *w, struct str bracket)
{
	w->depth--;
	if (!w->first) /* something stands between the brackets */
		indent(w);
	put(w, bracket);
	w->first = false;
	if (!w->depth)
		put(w, STR("\n"));
	out_check(w->out);
}

void json_out_object(struct json_out *w)
{
	open_with(w, STR("{"));
}

void json_out_array(struct json_out *w)
{
	open_with(w, STR("["));
}

void json_out_end_object(struct json_out *w)
{
	close_with(w, STR("}"));
}

void json_out_end_array(struct json_out *w)
{
	close_with(w, STR("]"));
}

void json_out_key(struct json_out *w, const char *key)
{
	separate(w);
	json_quote(&w->out->b, str_c(key));
	put(w, STR(": "));
	w->keyed = true;
}

void json_out_str(struct json_out *w, struct str s)
{
	separate(w);
	json_quote(&w->out->b, s);
	out_check(w->out);
}

void json_out_raw(struct json_out *w, struct str value)
{
	separate(w);
	put(w, value);
	out_check(w->out);
}

void json_out_document(struct json_out *w, struct str value)
{
	struct str line;

	separate(w);
	for (bool more = str_cut(&value, '\n', &line); more;) {
		put(w, line);
		more = str_cut(&value, '\n', &line);
		if (more)
			indent(w);
	}
	out_check(w->out);
}

void json_out_u64(struct json_out *w, uint64_t v)
{
	char room[NUM_DIGITS_MAX];

	separate(w);
	put(w, num_digits(v, room));
}

void json_out_double(struct json_out *w, double v, int decimals)
{
	separate(w);
	out_fmt(w->out, "%.*f", decimals, v);
}

void json_out_bool(struct json_out *w, bool v)
{
	separate(w);
	put(w, v ? STR("true") : STR("false"));
}

void json_out_null(struct json_out *w)
{
	separate(w);
	put(w, STR("null"));
}

void json_out_key_str(struct json_out *w, const char *key, struct str s)
{
	json_out_key(w, key);
	json_out_str(w, s);
}

void json_out_key_opt(struct json_out *w, const char *key, struct str s)
{
	if (s.n)
		json_out_key_str(w, key, s);
}

void json_out_or_null(struct json_out *w, struct str s)
{
	if (s.n)
		json_out_str(w, s);
	else
		json_out_null(w);
}

void json_out_key_or_null(struct json_out *w, const char *key, struct str s)
{
	json_out_key(w, key);
	json_out_or_null(w, s);
}

void json_out_key_u64(struct json_out *w, const char *key, uint64_t v)
{
	json_out_key(w, key);
	json_out_u64(w, v);
}

void json_out_key_bool(struct json_out *w, const char *key, bool v)
{
	json_out_key(w, key);
	json_out_bool(w, v);
}

void json_out_key_digest(struct json_out *w, const char *key, const struct digest *d)
{
	char text[DIGEST_TEXT_MAX];

	json_out_key_or_null(w, key, str_c(digest_text(d, text)));
}

void json_out_key_object(struct json_out *w, const char *key)
{
	json_out_key(w, key);
	json_out_object(w);
}

void json_out_key_array(struct json_out *w, const char *key)
{
	json_out_key(w, key);
	json_out_array(w);
}

#define BLANK '\1' /* in no other place: texts are escaped */

void json_out_blank(struct json_out *w)
{
	char blank = BLANK;

	json_out_raw(w, str_n(&blank, 1));
}

void json_form_init(struct json_form *f, const struct json_out *array, void (*write)(struct json_out *w))
{
	struct json_out w;
	struct out out;

	*f = (struct json_form){ 0 };
	out_init(&out, -1);
	json_out_init(&w, &out);
	w.depth = array->depth;
	w.keyed = true; /* nothing in front of it */
	write(&w);
	f->text = out.b;
	for (size_t i = 0; i < f->text.n; i++) {
		if (f->text.p[i] != BLANK)
			continue;
		assert(f->n < JSON_FORM_VALUES_MAX);
		f->end[f->n++] = i;
	}
	f->end[f->n++] = f->text.n;
}

void json_form_done(struct json_form *f)
{
	buf_done(&f->text);
}

void json_form_next(struct json_form *f, struct json_out *w)
{
	size_t begin = f->at ? f->end[f->at - 1] + 1 : 0;

	if (f->at == 0)
		separate(w);
	put(w, str_n(f->text.p + begin, f->end[f->at] - begin));
	w->keyed = ++f->at < f->n;
	if (!w->keyed)
		f->at = 0;
}
