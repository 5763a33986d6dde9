/* decode: JSON into structs, by tables. See decode.h. */
#include "base/decode.h"

#include <assert.h>
#include <stdarg.h>

#include "base/num.h"

/* What a list leaves in its struct. */
struct slot {
	void *v;
	size_t n;
};

static int printf_like(3, 0) bad(struct decode *d, int code, const char *fmt, va_list ap)
{
	char text[ERR_MSG_MAX];

	if (d->json.why)
		return json_finish(&d->json, d->e);
	vsnprintf(text, sizeof(text), fmt, ap);
	return err_set(d->e, code, "%s%s%s", d->path, *d->path ? ": " : "", text);
}

int decode_bad(struct decode *d, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = bad(d, -EBADMSG, fmt, ap);
	va_end(ap);
	return r;
}

int decode_too_big(struct decode *d, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = bad(d, -E2BIG, fmt, ap);
	va_end(ap);
	return r;
}

/* ---- the path ---- */

/* Made for each member and element, whether it is needed or not: without printf, which was a quarter of starting a
 * container. */
static void add(struct decode *d, struct str s)
{
	s = str_head(s, sizeof(d->path) - 1 - d->path_n);
	if (s.n)
		memcpy(d->path + d->path_n, s.p, s.n);
	d->path_n += s.n;
	d->path[d->path_n] = 0;
}

static size_t enter_name(struct decode *d, struct str name)
{
	size_t mark = d->path_n;

	if (mark)
		add(d, STR("."));
	add(d, name);
	return mark;
}

size_t decode_enter(struct decode *d, size_t i)
{
	size_t mark = d->path_n;
	char room[NUM_DIGITS_MAX];

	add(d, STR("["));
	add(d, num_digits(i, room));
	add(d, STR("]"));
	return mark;
}

void decode_back(struct decode *d, size_t mark)
{
	d->path_n = mark;
	d->path[mark] = 0;
}

/* ---- objects ---- */

static const struct decode_member *find_member(const struct decode_member *members, struct str key)
{
	for (; members->name; members++)
		if (*members->name == (key.n ? *key.p : 0) && str_is(key, members->name))
			return members;
	return NULL;
}

static const struct decode_member *find_any_case(const struct decode_member *members, struct str key)
{
	for (; members->name; members++)
		if (str_eq_nocase(key, str_c(members->name)))
			return members;
	return NULL;
}

static int check_unknown(struct decode *d, const struct decode_member *alike, struct str key)
{
	if (alike)
		return decode_bad(d, "\"" STR_FMT "\" is written \"%s\"", STR_ARG(key), alike->name);
	return d->strict ? decode_bad(d, "\"" STR_FMT "\" is not known", STR_ARG(str_head(key, 64))) : 0;
}

static int read_member(struct decode *d, const struct decode_member *m, void *to)
{
	size_t mark = enter_name(d, str_c(m->name));
	int r = m->read(d, m, (char *)to + m->at);

	decode_back(d, mark);
	return r;
}

static bool is_null(struct decode *d)
{
	if (json_peek(&d->json) != JSON_NULL)
		return false;
	json_skip(&d->json);
	return true;
}

int decode_members(struct decode *d, const struct decode_member *members, void *to)
{
	uint64_t seen = 0, bit;
	struct str key;
	int r = 0;

	if (!json_object(&d->json))
		return decode_bad(d, "must be an object");
	while (r >= 0 && json_key(&d->json, &key)) {
		const struct decode_member *m = find_member(members, key), *alike = NULL;

		if (!m)
			alike = find_any_case(members, key);
		if (!m && d->any_case)
			m = alike;
		if (!m) {
			r = check_unknown(d, alike, key);
			continue;
		}
		assert(m - members < DECODE_MEMBERS_MAX);
		bit = UINT64_C(1) << (m - members);
		if (seen & bit && !alike) /* in other letters it is read again, as Go does: the last one counts */
			return decode_bad(d, "\"%s\" is given twice", m->name);
		seen |= bit;
		if (!is_null(d))
			r = read_member(d, m, to);
	}
	return r < 0 ? r : d->json.why ? decode_bad(d, "cut short") : 0;
}

int decode_object(struct decode *d, const struct decode_member *m, void *to)
{
	return decode_members(d, m->members, to);
}

/* ---- lists ---- */

struct growing {
	struct slot slot;
	size_t cap;
};

static void *grow(struct decode *d, struct growing *g, size_t size)
{
	if (g->slot.n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 8;
		char *v = arena_alloc(d->arena, cap * size);

		if (g->slot.n)
			memcpy(v, g->slot.v, g->slot.n * size);
		g->slot.v = v;
		g->cap = cap;
	}
	return (char *)g->slot.v + g->slot.n++ * size;
}

int decode_array(struct decode *d, const struct decode_member *m, void *to)
{
	const struct decode_list *list = m->list;
	const struct decode_member element = { .more = list->more, .max = list->string_max };
	struct growing g = { 0 };
	int r = 0;

	if (!json_array(&d->json))
		return decode_bad(d, "must be an array");
	while (r >= 0 && json_next(&d->json)) {
		size_t mark;

		if (g.slot.n == list->max)
			return decode_too_big(d, "more than %zu", list->max);
		mark = decode_enter(d, g.slot.n);
		r = list->read(d, &element, grow(d, &g, list->size));
		decode_back(d, mark);
	}
	if (r < 0 || d->json.why)
		return r < 0 ? r : decode_bad(d, "cut short");
	memcpy(to, &g.slot, sizeof(g.slot));
	return 0;
}

static int check_keys_differ(struct decode *d, const struct decode_list *list, const struct growing *g, const char *key)
{
	for (size_t i = 0; i + 1 < g->slot.n; i++) {
		const char *other;

		memcpy(&other, (const char *)g->slot.v + i * list->size + list->key_at, sizeof(other));
		if (strcmp(other, key) == 0)
			return decode_bad(d, "\"%s\" is given twice", key);
	}
	return 0;
}

static int read_entry(struct decode *d, const struct decode_list *list, struct growing *g, struct str key)
{
	const struct decode_member element = { .more = list->more, .max = list->string_max };
	char *to = grow(d, g, list->size);
	const char *name = arena_str(d->arena, key).p;
	size_t mark;
	int r;

	if (!key.n || memchr(key.p, 0, key.n))
		return decode_bad(d, "a key is empty or has a NUL");
	memcpy(to + list->key_at, &name, sizeof(name));
	r = check_keys_differ(d, list, g, name);
	if (r < 0)
		return r;
	mark = enter_name(d, key);
	r = list->read(d, &element, to);
	decode_back(d, mark);
	return r;
}

int decode_map(struct decode *d, const struct decode_member *m, void *to)
{
	struct growing g = { 0 };
	struct str key;
	int r = 0;

	if (!json_object(&d->json))
		return decode_bad(d, "must be an object");
	while (r >= 0 && json_key(&d->json, &key)) {
		if (g.slot.n == m->list->max)
			return decode_too_big(d, "more than %zu", m->list->max);
		r = read_entry(d, m->list, &g, key);
	}
	if (r < 0 || d->json.why)
		return r < 0 ? r : decode_bad(d, "cut short");
	memcpy(to, &g.slot, sizeof(g.slot));
	return 0;
}

/* ---- strings ---- */

int decode_str(struct decode *d, size_t max_bytes, struct str *ret)
{
	struct str s;

	if (!json_str(&d->json, &s))
		return decode_bad(d, "must be a string");
	if (s.n > max_bytes)
		return decode_too_big(d, "longer than %zu bytes", max_bytes);
	if (s.n && memchr(s.p, 0, s.n))
		return decode_bad(d, "has a NUL inside");
	*ret = arena_str(d->arena, s);
	return 0;
}

int decode_text_as_is(struct decode *d, const struct decode_member *m, void *to)
{
	struct str s;
	int r = decode_str(d, m->max ? m->max : DECODE_STRING_MAX, &s);

	if (r >= 0)
		memcpy(to, &s.p, sizeof(s.p));
	return r;
}

int decode_string(struct decode *d, const struct decode_member *m, void *to)
{
	const char *z, *none = NULL;
	int r = decode_text_as_is(d, m, &z);

	if (r >= 0)
		memcpy(to, *z ? &z : &none, sizeof(z));
	return r;
}

int decode_path(struct decode *d, const struct decode_member *m, void *to)
{
	const char *z;
	int r = decode_text_as_is(d, m, &z);

	if (r < 0)
		return r;
	if (*z != '/')
		return decode_bad(d, "\"%s\" is no absolute path", z);
	memcpy(to, &z, sizeof(z));
	return 0;
}

int decode_map_text(struct decode *d, const struct decode_member *m, void *to)
{
	return decode_text_as_is(d, m, &((struct key_value *)to)->value);
}

static const struct decode_list string_list = { sizeof(char *), DECODE_ARRAY_MAX, decode_text_as_is, { NULL }, 0, 0 };

int decode_string_list(struct decode *d, const struct decode_member *m, void *to)
{
	struct strings s, all = { 0 };
	int r = decode_array(d, m, &s);

	if (r < 0)
		return r;
	all.v = arena_array(d->arena, const char *, s.n + 1);
	all.n = s.n;
	if (s.n)
		memcpy(all.v, s.v, s.n * sizeof(*s.v));
	memcpy(to, &all, sizeof(all));
	return 0;
}

int decode_strings(struct decode *d, const struct decode_member *m, void *to)
{
	struct decode_list list = string_list;

	list.string_max = m->max;
	return decode_string_list(d, &(struct decode_member){ .list = &list }, to);
}

/* ---- words ---- */

int decode_word_value(struct decode *d, const struct decode_word *words, int64_t *ret)
{
	struct str s;
	int r = decode_str(d, DECODE_STRING_MAX, &s);

	if (r < 0)
		return r;
	for (; words->name; words++) {
		if (!str_is(s, words->name))
			continue;
		*ret = words->value;
		return 0;
	}
	return decode_bad(d, "\"" STR_FMT "\" is not known", STR_ARG(s));
}

int decode_word(struct decode *d, const struct decode_member *m, void *to)
{
	int64_t value;
	int r = decode_word_value(d, m->words, &value);

	if (r >= 0)
		memcpy(to, &value, sizeof(value));
	return r;
}

int decode_flags(struct decode *d, const struct decode_member *m, void *to)
{
	uint64_t all = 0;
	int64_t value;
	int r = 0;

	if (!json_array(&d->json))
		return decode_bad(d, "must be an array");
	while (r >= 0 && json_next(&d->json)) {
		r = decode_word_value(d, m->words, &value);
		if (r >= 0)
			all |= (uint64_t)value;
	}
	if (r >= 0)
		memcpy(to, &all, sizeof(all));
	return r;
}

/* ---- numbers ---- */

static int unsigned_number(struct decode *d, const struct decode_member *m, uint64_t type_max, uint64_t *ret)
{
	uint64_t max = m->max && m->max < type_max ? m->max : type_max;
	bool number = json_peek(&d->json) == JSON_NUMBER;
	struct str s = STR_NONE;

	if (!number || !json_scalar(&d->json, &s) || !num_u64(s, 10, ret) || *ret > max)
		return decode_bad(d, "%s" STR_FMT "%smust be a whole number from 0 to %llu", number ? "" : "it ",
				  STR_ARG(s), s.n ? ": " : "", (unsigned long long)max);
	return 0;
}

static int signed_number(struct decode *d, const struct decode_member *m, int64_t type_min, int64_t type_max,
			 int64_t *ret)
{
	int64_t max = m->max && m->max < (uint64_t)type_max ? (int64_t)m->max : type_max;
	int64_t min = m->min > type_min ? m->min : type_min;
	bool number = json_peek(&d->json) == JSON_NUMBER;
	struct str s = STR_NONE;

	if (!number || !json_scalar(&d->json, &s) || !num_i64(s, ret) || *ret < min || *ret > max)
		return decode_bad(d, "%s" STR_FMT "%smust be a whole number from %lld to %lld", number ? "" : "it ",
				  STR_ARG(s), s.n ? ": " : "", (long long)min, (long long)max);
	return 0;
}

int decode_u64(struct decode *d, const struct decode_member *m, void *to)
{
	return unsigned_number(d, m, UINT64_MAX, to);
}

int decode_u32(struct decode *d, const struct decode_member *m, void *to)
{
	uint64_t v;
	int r = unsigned_number(d, m, UINT32_MAX, &v);

	if (r >= 0)
		*(uint32_t *)to = (uint32_t)v;
	return r;
}

int decode_i64(struct decode *d, const struct decode_member *m, void *to)
{
	return signed_number(d, m, INT64_MIN, INT64_MAX, to);
}

int decode_i32(struct decode *d, const struct decode_member *m, void *to)
{
	int64_t v;
	int r = signed_number(d, m, INT32_MIN, INT32_MAX, &v);

	if (r >= 0)
		*(int32_t *)to = (int32_t)v;
	return r;
}

int decode_bool(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	return json_bool(&d->json, to) ? 0 : decode_bad(d, "must be true or false");
}

int decode_opt_u64(struct decode *d, const struct decode_member *m, void *to)
{
	struct opt_u64 *o = to;
	int r = unsigned_number(d, m, UINT64_MAX, &o->v);

	o->set = r >= 0;
	return r;
}

int decode_opt_i64(struct decode *d, const struct decode_member *m, void *to)
{
	struct opt_i64 *o = to;
	int r = signed_number(d, m, INT64_MIN, INT64_MAX, &o->v);

	o->set = r >= 0;
	return r;
}

int decode_opt_bool(struct decode *d, const struct decode_member *m, void *to)
{
	struct opt_bool *o = to;
	int r = decode_bool(d, m, &o->v);

	o->set = r >= 0;
	return r;
}

/* ---- a text ---- */

int decode_text_as(struct decode *d, struct str text, const char *what, const struct decode_member *m, void *to)
{
	int r;

	add(d, str_c(what));
	json_init(&d->json, text, d->arena);
	r = m->read(d, m, to);
	return r < 0 ? r : json_finish(&d->json, d->e);
}

int decode_text(struct str text, const char *what, struct arena *a, const struct decode_member *m, void *to, void *arg,
		struct err *e)
{
	return decode_text_as(&(struct decode){ .arena = a, .e = e, .arg = arg }, text, what, m, to);
}

int decode_text_strict(struct str text, const char *what, struct arena *a, const struct decode_member *m, void *to,
		       void *arg, struct err *e)
{
	return decode_text_as(&(struct decode){ .arena = a, .e = e, .arg = arg, .strict = true }, text, what, m, to);
}
