/* json: pull reader. See json.h. */
#include "base/json.h"

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
