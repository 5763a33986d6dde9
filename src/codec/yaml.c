/* yaml: a YAML document as JSON. See yaml.h. */
#include "codec/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"

struct level {
	bool mapping;
	bool keyed; /* the key of the value to come was written */
	bool any;   /* a member or element was written */
	uint32_t number;
};

struct conversion {
	struct buf *out;
	struct arena arena;
	struct map keys; /* "NUMBER OF THE MAPPING/KEY" */
	struct level level[YAML_NESTING_MAX];
	unsigned int depth;
	uint32_t nodes;
	bool done; /* the document's value is complete */
	size_t line;
	struct err *e;
};

static int bad(const struct conversion *c, const char *why, struct str what)
{
	return err_set(c->e, -EBADMSG, "line %zu: " STR_FMT "%s%s", c->line + 1, STR_ARG(str_head(what, 80)),
		       what.n ? ": " : "", why);
}

/* ---- scalars ---- */

enum scalar_kind { TEXT, WORD, NUMBER, AMBIGUOUS };

static bool one_of(struct str s, const char *const *words)
{
	for (; *words; words++)
		if (str_is(s, *words))
			return true;
	return false;
}

static size_t digits(struct str s, size_t at)
{
	while (at < s.n && is_digit(s.p[at]))
		at++;
	return at;
}

/* RFC 8259 section 6 */
static bool is_json_number(struct str s)
{
	size_t at = s.n && s.p[0] == '-', end = digits(s, at);

	if (end == at || (s.p[at] == '0' && end > at + 1))
		return false;
	at = end;
	if (at < s.n && s.p[at] == '.') {
		end = digits(s, at + 1);
		if (end == at + 1)
			return false;
		at = end;
	}
	if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
		at++;
		at += at < s.n && (s.p[at] == '-' || s.p[at] == '+');
		end = digits(s, at);
		if (end == at)
			return false;
		at = end;
	}
	return at == s.n;
}

static size_t span(struct str s, const char *set)
{
	size_t n = 0;

	while (n < s.n && s.p[n] && strchr(set, s.p[n]))
		n++;
	return n;
}

static struct str without_sign(struct str s)
{
	return s.n && (s.p[0] == '-' || s.p[0] == '+') ? str_from(s, 1) : s;
}

/* 0x1F, 0o17, 0b1 */
static bool is_prefixed_number(struct str s)
{
	return span(s, "0") == 1 && span(str_from(s, 1), "xob") == 1 && s.n > 2 &&
	       span(str_from(s, 2), "0123456789abcdefABCDEF_") == s.n - 2;
}

/* Digits, underscores and one point at most, then an exponent. A point alone, a version of three parts or a date are
 * texts to all. */
static bool is_decimal_number(struct str s)
{
	size_t n = span(s, "0123456789._"), points = 0, figures = 0;
	struct str power = without_sign(str_from(s, n + 1));

	for (size_t i = 0; i < n; i++) {
		points += s.p[i] == '.';
		figures += is_digit(s.p[i]);
	}
	if (!figures || points > 1 || s.p[0] == '_')
		return false;
	return n == s.n || (to_lower(s.p[n]) == 'e' && power.n && digits(power, 0) == power.n);
}

/* what some reader (YAML 1.1; YAML 1.2 sections 10.2 and 10.3) takes for a number */
static bool looks_like_number(struct str s)
{
	struct str body = without_sign(s);

	return str_eq_nocase(body, STR(".inf")) || str_eq_nocase(body, STR(".nan")) || is_prefixed_number(body) ||
	       is_decimal_number(body);
}

static enum scalar_kind kind_of(struct str s, const char **ret_word)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const yes[] = { "true", "True", "TRUE", NULL };
	static const char *const no[] = { "false", "False", "FALSE", NULL };
	static const char *const unclear[] = { "yes", "no", "on", "off", "y", "n", "true", "false", "null", NULL };

	*ret_word = one_of(s, nulls) ? "null" : one_of(s, yes) ? "true" : one_of(s, no) ? "false" : NULL;
	if (*ret_word)
		return WORD;
	for (size_t i = 0; unclear[i]; i++)
		if (str_eq_nocase(s, str_c(unclear[i])))
			return AMBIGUOUS;
	if (is_json_number(s))
		return NUMBER;
	return looks_like_number(s) ? AMBIGUOUS : TEXT;
}

static int write_scalar(struct conversion *c, struct str s, bool plain)
{
	const char *word = NULL;

	switch (plain ? kind_of(s, &word) : TEXT) {
	case TEXT:
		json_quote(c->out, s);
		return 0;
	case WORD:
		buf_str(c->out, str_c(word));
		return 0;
	case NUMBER:
		buf_str(c->out, s);
		return 0;
	case AMBIGUOUS:
		break;
	}
	return bad(c, "not every reader takes this for the same: write true, false, a decimal number, or quotes", s);
}

/* ---- structure ---- */

/* Before a value or a key: the comma. */
static void separate(struct conversion *c, struct level *l)
{
	if (l->any)
		buf_char(c->out, ',');
	l->any = true;
}

static int write_key(struct conversion *c, struct level *l, struct str key, bool plain)
{
	struct str name = arena_fmt(&c->arena, "%u/" STR_FMT, l->number, STR_ARG(key));
	bool added;

	if (plain && str_is(key, "<<"))
		return bad(c, "merge keys are not taken", key);
	map_put(&c->keys, name, 0, &added);
	if (!added)
		return bad(c, "given twice", key);
	separate(c, l);
	json_quote(c->out, key);
	buf_char(c->out, ':');
	l->keyed = true;
	return 0;
}

/* A value begins: where a key is wanted it is none. */
static int begin_value(struct conversion *c)
{
	struct level *l = c->depth ? &c->level[c->depth - 1] : NULL;

	if (l && l->mapping && !l->keyed)
		return bad(c, "a key must be one word or text", STR(""));
	if (l && !l->mapping)
		separate(c, l);
	return 0;
}

static void end_value(struct conversion *c)
{
	if (c->depth)
		c->level[c->depth - 1].keyed = false;
	else
		c->done = true;
}

static int begin_level(struct conversion *c, bool mapping)
{
	int r = begin_value(c);

	if (r == 0 && c->depth >= YAML_NESTING_MAX)
		r = err_set(c->e, -E2BIG, "line %zu: nested deeper than %d", c->line + 1, YAML_NESTING_MAX);
	if (r < 0)
		return r;
	c->level[c->depth++] = (struct level){ .mapping = mapping, .number = c->nodes };
	buf_char(c->out, mapping ? '{' : '[');
	return 0;
}

static int end_level(struct conversion *c, bool mapping)
{
	c->depth--; /* libyaml pairs them */
	buf_char(c->out, mapping ? '}' : ']');
	end_value(c);
	return 0;
}

static int take_scalar(struct conversion *c, const yaml_event_t *ev)
{
	struct str s = str_n(ev->data.scalar.value, ev->data.scalar.length);
	struct level *l = c->depth ? &c->level[c->depth - 1] : NULL;
	bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	int r;

	if (ev->data.scalar.anchor || ev->data.scalar.tag)
		return bad(c, "anchors and tags are not taken", s);
	if (s.n && memchr(s.p, 0, s.n))
		return bad(c, "has a NUL inside", STR(""));
	if (l && l->mapping && !l->keyed)
		return write_key(c, l, s, plain);
	r = begin_value(c);
	r = r < 0 ? r : write_scalar(c, s, plain);
	end_value(c);
	return r;
}

static int take_event(struct conversion *c, const yaml_event_t *ev)
{
	if (++c->nodes > YAML_NODES_MAX)
		return err_set(c->e, -E2BIG, "more than %u values", YAML_NODES_MAX);
	switch ((unsigned int)ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		return c->done ? bad(c, "a second document: one is taken", STR("")) : 0;
	case YAML_MAPPING_START_EVENT:
		if (ev->data.mapping_start.anchor || ev->data.mapping_start.tag)
			return bad(c, "anchors and tags are not taken", STR(""));
		return begin_level(c, true);
	case YAML_SEQUENCE_START_EVENT:
		if (ev->data.sequence_start.anchor || ev->data.sequence_start.tag)
			return bad(c, "anchors and tags are not taken", STR(""));
		return begin_level(c, false);
	case YAML_MAPPING_END_EVENT:
		return end_level(c, true);
	case YAML_SEQUENCE_END_EVENT:
		return end_level(c, false);
	case YAML_SCALAR_EVENT:
		return take_scalar(c, ev);
	case YAML_ALIAS_EVENT:
		return bad(c, "aliases are not taken", STR(""));
	default:
		return 0;
	}
}

static int convert(struct conversion *c, yaml_parser_t *parser)
{
	for (bool end = false; !end;) {
		yaml_event_t ev;
		int r;

		if (!yaml_parser_parse(parser, &ev)) {
			c->line = parser->problem_mark.line;
			return bad(c, parser->problem ? parser->problem : "bad text", STR(""));
		}
		c->line = ev.start_mark.line;
		end = ev.type == YAML_STREAM_END_EVENT;
		r = take_event(c, &ev);
		yaml_event_delete(&ev);
		if (r < 0)
			return r;
	}
	if (!c->done)
		buf_str(c->out, STR("null"));
	return 0;
}

int yaml_to_json(struct str text, struct buf *ret, struct err *e)
{
	auto_buf struct buf out;
	struct conversion c = { .out = &out, .e = e };
	yaml_parser_t parser;
	int r;

	buf_init(&out, YAML_JSON_BYTES_MAX);
	if (text.n > YAML_BYTES_MAX)
		return err_set(e, -E2BIG, "larger than %u bytes", YAML_BYTES_MAX);
	if (!yaml_parser_initialize(&parser))
		return err_set(e, -ENOMEM, "no YAML parser");
	yaml_parser_set_input_string(&parser, (const unsigned char *)(text.n ? text.p : ""), text.n);
	r = convert(&c, &parser);
	yaml_parser_delete(&parser);
	map_done(&c.keys);
	arena_done(&c.arena);
	r = r < 0 ? r : buf_finish(&out);
	if (r == -E2BIG && out.full)
		return err_set(e, r, "larger than %u bytes as JSON", YAML_JSON_BYTES_MAX);
	if (r < 0)
		return r;
	*ret = out;
	out = (struct buf){ 0 };
	return 0;
}
