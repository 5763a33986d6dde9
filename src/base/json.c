/* json: pull reader and writer. See json.h. */
#include "base/json.h"

#include <assert.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/num.h"

static void fail(struct json *j, const char *why)
{
	if (!j->why)
		j->why = why;
	j->pending = false;
}

static void skip_space(struct json *j)
{
	while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\r' || *j->at == '\t'))
		j->at++;
}

void json_init(struct json *j, struct str text, struct arena *arena)
{
	*j = (struct json){ .at = text.p, .start = text.p, .end = text.p + text.n, .arena = arena };
	j->pending = true;
	if (!text.n)
		fail(j, "empty");
	/* RFC 8259 section 8.1 lets a reader pass over a byte order mark. */
	if (str_starts(text, STR("\xef\xbb\xbf")))
		j->at += 3;
}

enum json_type json_peek(struct json *j)
{
	if (j->why || !j->pending)
		return JSON_BAD;
	skip_space(j);
	if (j->at == j->end)
		return JSON_BAD;
	switch (*j->at) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return *j->at == '-' || is_digit(*j->at) ? JSON_NUMBER : JSON_BAD;
	}
}

/* The first quote, backslash or control byte at or after p; end when there is none. */
static const char *string_stop(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i slash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1f);

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
		int mask;

		hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_max_epu8(v, control), control));
		mask = _mm_movemask_epi8(hit);
		if (mask)
			return p + __builtin_ctz((unsigned int)mask);
	}
#endif
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p > 0x1f)
		p++;
	return p;
}

/* Moves past the string at `at`; *ret is what stands between the quotes, still escaped. */
static bool scan_string(struct json *j, struct str *ret, bool *ret_escaped)
{
	const char *start = j->at + 1;
	const char *p = start;

	*ret_escaped = false;
	for (;;) {
		p = string_stop(p, j->end);
		if (p >= j->end || (unsigned char)*p <= 0x1f) {
			fail(j, "unfinished string");
			return false;
		}
		if (*p == '"')
			break;
		*ret_escaped = true;
		p += 2;
	}
	*ret = str_n(start, (size_t)(p - start));
	j->at = p + 1;
	return true;
}

static bool hex4(struct str *s, uint32_t *ret)
{
	uint64_t v;

	if (s->n < 4 || !num_u64(str_head(*s, 4), 16, &v))
		return false;
	*s = str_from(*s, 4);
	*ret = (uint32_t)v;
	return true;
}

static size_t put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The code point of a \u escape, *s standing behind the 'u'. A lone surrogate becomes U+FFFD. */
static bool unicode_escape(struct str *s, uint32_t *ret)
{
	uint32_t high, low;

	if (!hex4(s, &high))
		return false;
	if (high < 0xd800 || high > 0xdfff) {
		*ret = high;
		return true;
	}
	*ret = 0xfffd;
	if (high < 0xdc00 && str_starts(*s, STR("\\u"))) {
		struct str rest = str_from(*s, 2);

		if (!hex4(&rest, &low))
			return false;
		if (low >= 0xdc00 && low <= 0xdfff) {
			*ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
			*s = rest;
		}
	}
	return true;
}

static bool unescape(struct json *j, struct str s, struct str *ret)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	char *out = arena_alloc(j->arena, s.n); /* an escape is never shorter than what it stands for */
	size_t n = 0;

	while (s.n) {
		char c = s.p[0];
		const char *plain;
		uint32_t point;

		s = str_from(s, 1);
		if (c != '\\') {
			out[n++] = c;
			continue;
		}
		c = s.n ? s.p[0] : 0;
		s = str_from(s, 1);
		plain = c ? strchr(from, c) : NULL;
		if (plain) {
			out[n++] = to[plain - from];
		} else if (c == 'u' && unicode_escape(&s, &point)) {
			n += put_utf8(out + n, point);
		} else {
			fail(j, "bad escape in a string");
			return false;
		}
	}
	*ret = str_n(out, n);
	return true;
}

static bool read_string(struct json *j, struct str *ret)
{
	bool escaped;
	struct str raw;

	if (!scan_string(j, &raw, &escaped))
		return false;
	if (escaped)
		return unescape(j, raw, ret);
	*ret = raw;
	return true;
}

static struct str scan_number(struct json *j)
{
	const char *start = j->at;
	const char *p = start + (*start == '-');
	const char *digits = p;

	while (p < j->end && is_digit(*p))
		p++;
	if (p == digits || (*digits == '0' && p - digits > 1))
		fail(j, "bad number");
	if (p < j->end && *p == '.') {
		digits = ++p;
		while (p < j->end && is_digit(*p))
			p++;
		if (p == digits)
			fail(j, "bad number");
	}
	if (p < j->end && to_lower(*p) == 'e') {
		p++;
		p += p < j->end && (*p == '+' || *p == '-');
		digits = p;
		while (p < j->end && is_digit(*p))
			p++;
		if (p == digits)
			fail(j, "bad number");
	}
	j->at = p;
	return str_n(start, (size_t)(p - start));
}

static bool scan_word(struct json *j, struct str word)
{
	if (!str_starts(str_n(j->at, (size_t)(j->end - j->at)), word)) {
		fail(j, "unknown word");
		return false;
	}
	j->at += word.n;
	return true;
}

static bool enter(struct json *j, bool object)
{
	if (j->depth >= JSON_DEPTH_MAX) {
		fail(j, "nested too deeply");
		return false;
	}
	j->kind = (j->kind & ~(1ULL << j->depth)) | (uint64_t)object << j->depth;
	j->depth++;
	j->at++;
	j->pending = false;
	j->fresh = true;
	return true;
}

static bool in_object(const struct json *j)
{
	return j->depth && (j->kind >> (j->depth - 1) & 1);
}

static void leave_here(struct json *j)
{
	j->at++;
	j->depth--;
	j->fresh = false;
	j->pending = false;
}

/* Stands before the next member or element: passes over an unread value and the comma. False at the closing
 * bracket, which is then behind us. */
static bool advance(struct json *j, char close)
{
	if (j->pending)
		json_skip(j);
	skip_space(j);
	if (j->why)
		return false;
	if (j->at == j->end) {
		fail(j, "cut short");
		return false;
	}
	if (*j->at == close) {
		leave_here(j);
		return false;
	}
	if (!j->fresh) {
		if (*j->at != ',') {
			fail(j, "expected a comma");
			return false;
		}
		j->at++;
		skip_space(j);
	}
	j->fresh = false;
	return true;
}

bool json_object(struct json *j)
{
	if (json_peek(j) == JSON_OBJECT)
		return enter(j, true);
	json_skip(j);
	return false;
}

bool json_array(struct json *j)
{
	if (json_peek(j) == JSON_ARRAY)
		return enter(j, false);
	json_skip(j);
	return false;
}

bool json_key(struct json *j, struct str *ret)
{
	if (!j->why && !in_object(j))
		fail(j, "not in an object");
	if (!advance(j, '}'))
		return false;
	if (j->at == j->end || *j->at != '"') {
		fail(j, "expected a key");
		return false;
	}
	if (!read_string(j, ret))
		return false;
	skip_space(j);
	if (j->at == j->end || *j->at != ':') {
		fail(j, "expected a colon");
		return false;
	}
	j->at++;
	j->pending = true;
	return true;
}

bool json_next(struct json *j)
{
	if (!j->why && (!j->depth || in_object(j)))
		fail(j, "not in an array");
	if (!advance(j, ']'))
		return false;
	j->pending = true;
	return true;
}

/* Passes over one member or element of the container entered last, or leaves that container. */
static void skip_step(struct json *j)
{
	bool escaped;
	struct str key;

	if (!in_object(j)) {
		if (advance(j, ']'))
			j->pending = true;
		return;
	}
	if (!advance(j, '}'))
		return;
	if (j->at == j->end || *j->at != '"') {
		fail(j, "expected a key");
		return;
	}
	if (!scan_string(j, &key, &escaped))
		return;
	skip_space(j);
	if (j->at == j->end || *j->at != ':') {
		fail(j, "expected a colon");
		return;
	}
	j->at++;
	j->pending = true;
}

static void skip_scalar(struct json *j, enum json_type type)
{
	bool escaped;
	struct str s;

	j->pending = false;
	switch (type) {
	case JSON_STRING:
		(void)scan_string(j, &s, &escaped);
		return;
	case JSON_NUMBER:
		(void)scan_number(j);
		return;
	case JSON_BOOL:
		(void)scan_word(j, *j->at == 't' ? STR("true") : STR("false"));
		return;
	case JSON_NULL:
		(void)scan_word(j, STR("null"));
		return;
	case JSON_BAD:
	case JSON_ARRAY:
	case JSON_OBJECT:
		fail(j, "expected a value");
	}
}

void json_skip(struct json *j)
{
	unsigned int base = j->depth;
	enum json_type type;

	if (!j->pending || j->why)
		return;
	do {
		if (!j->pending) {
			skip_step(j);
			continue;
		}
		type = json_peek(j);
		if (type == JSON_OBJECT || type == JSON_ARRAY)
			enter(j, type == JSON_OBJECT);
		else
			skip_scalar(j, type);
	} while (!j->why && (j->depth > base || j->pending));
}

void json_leave(struct json *j)
{
	unsigned int inside = j->depth;

	while (!j->why && inside && j->depth >= inside) {
		if (j->pending)
			json_skip(j);
		else
			skip_step(j);
	}
}

bool json_str(struct json *j, struct str *ret)
{
	if (json_peek(j) != JSON_STRING) {
		json_skip(j);
		return false;
	}
	j->pending = false;
	return read_string(j, ret);
}

bool json_bool(struct json *j, bool *ret)
{
	bool is_true;

	if (json_peek(j) != JSON_BOOL) {
		json_skip(j);
		return false;
	}
	is_true = *j->at == 't';
	skip_scalar(j, JSON_BOOL);
	if (j->why)
		return false;
	*ret = is_true;
	return true;
}

static bool number_text(struct json *j, struct str *ret)
{
	if (json_peek(j) != JSON_NUMBER) {
		json_skip(j);
		return false;
	}
	j->pending = false;
	*ret = scan_number(j);
	return !j->why;
}

bool json_u64(struct json *j, uint64_t *ret)
{
	struct str s;

	return number_text(j, &s) && num_u64(s, 10, ret);
}

bool json_double(struct json *j, double *ret)
{
	struct str s;

	return number_text(j, &s) && num_double(s, ret);
}

bool json_scalar(struct json *j, struct str *ret)
{
	return json_peek(j) == JSON_STRING ? json_str(j, ret) : number_text(j, ret);
}

struct str json_raw(struct json *j)
{
	const char *start;

	if (json_peek(j) == JSON_BAD) {
		json_skip(j);
		return STR_NONE;
	}
	start = j->at;
	json_skip(j);
	return j->why ? STR_NONE : str_n(start, (size_t)(j->at - start));
}

bool json_take(struct json *j, struct str key, const struct json_want *want, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!str_is(key, want[i].key))
			continue;
		if (want[i].raw)
			*want[i].to = json_raw(j);
		else
			(void)json_str(j, want[i].to);
		return true;
	}
	return false;
}

bool json_take_all(struct json *j, const struct json_want *want, size_t n)
{
	struct str key;

	if (!json_object(j))
		return false;
	while (json_key(j, &key))
		(void)json_take(j, key, want, n);
	return true;
}

bool json_read(struct json *j, struct str key, const struct json_reader *reader, size_t n, void *ctx)
{
	for (size_t i = 0; i < n; i++) {
		if (!str_is(key, reader[i].key))
			continue;
		if (!reader[i].each)
			reader[i].read(ctx, j);
		else if (json_array(j))
			while (json_next(j))
				reader[i].read(ctx, j);
		return true;
	}
	return false;
}

bool json_read_all(struct json *j, const struct json_reader *reader, size_t n, void *ctx)
{
	struct str key;

	if (!json_object(j))
		return false;
	while (json_key(j, &key))
		(void)json_read(j, key, reader, n, ctx);
	return true;
}

int json_finish(struct json *j, struct err *e)
{
	if (j->pending)
		json_skip(j);
	if (!j->why && j->depth)
		fail(j, "not read to its end");
	skip_space(j);
	if (!j->why && j->at != j->end)
		fail(j, "something stands behind the value");
	if (j->why)
		return err_set(e, -EBADMSG, "JSON: %s at byte %td", j->why, j->at - j->start);
	return 0;
}

/* Length of the valid UTF-8 sequence at p, 0 when there is none (RFC 3629). */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first, last, second_min, second_max;
		size_t n;
	} rows[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (p[0] < rows[i].first || p[0] > rows[i].last)
			continue;
		if (left < rows[i].n)
			return 0;
		if (rows[i].n > 1 && (p[1] < rows[i].second_min || p[1] > rows[i].second_max))
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

/* How many bytes from p on are ASCII: most texts are nothing else. */
static size_t ascii_run(const char *p, const char *end)
{
	const char *start = p;

	for (; end - p >= 8; p += 8) {
		uint64_t eight;

		memcpy(&eight, p, sizeof(eight));
		if (eight & 0x8080808080808080u)
			break;
	}
	while (p < end && (unsigned char)*p < 0x80)
		p++;
	return (size_t)(p - start);
}

static void quote_slowly(struct buf *b, struct str s)
{
	while (s.n) {
		const char *stop = string_stop(s.p, s.p + s.n);
		size_t plain = ascii_run(s.p, stop);

		while (plain < (size_t)(stop - s.p)) {
			size_t n = utf8_length((const unsigned char *)s.p + plain, s.n - plain);

			if (!n)
				break;
			plain += n;
		}
		buf_add(b, s.p, plain);
		s = str_from(s, plain);
		if (!s.n)
			break;
		if ((unsigned char)s.p[0] >= 0x80)
			buf_str(b, STR("\xef\xbf\xbd"));
		else
			quote_byte(b, (unsigned char)s.p[0]);
		s = str_from(s, 1);
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
		if (s.p[i] < ' ' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return true;
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

void json_out_u64(struct json_out *w, uint64_t v)
{
	separate(w);
	char digits[20]; /* of 2^64 */
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	put(w, str_n(digits + at, sizeof(digits) - at));
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
