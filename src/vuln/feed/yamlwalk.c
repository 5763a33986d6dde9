/* yamlwalk: see yamlwalk.h. */
#include "vuln/feed/yamlwalk.h"

#include <yaml.h>

struct walk {
	struct arena *a;
	void (*scalar)(void *ctx, const struct yaml_place *at, struct str value);
	void *ctx;
	struct yaml_place at;
	bool mapping[YAML_DEPTH_MAX], has_key[YAML_DEPTH_MAX];
};

static int open_level(struct walk *w, bool mapping, struct err *e)
{
	if (w->at.depth >= YAML_DEPTH_MAX)
		return err_set(e, -EBADMSG, "YAML: nested too deeply");
	w->at.key[w->at.depth] = STR_NONE;
	w->mapping[w->at.depth] = mapping;
	w->has_key[w->at.depth] = false;
	w->at.depth++;
	return 0;
}

/* A value is complete: the next scalar of this mapping is a key again. */
static void value_done(struct walk *w)
{
	if (w->at.depth)
		w->has_key[w->at.depth - 1] = false;
}

static void take_scalar(struct walk *w, struct str text)
{
	unsigned int top = w->at.depth;

	text = arena_str(w->a, text);
	if (top && w->mapping[top - 1] && !w->has_key[top - 1]) {
		w->at.key[top - 1] = text;
		w->has_key[top - 1] = true;
		return;
	}
	w->scalar(w->ctx, &w->at, text);
	value_done(w);
}

static int take_event(struct walk *w, const yaml_event_t *ev, struct err *e)
{
	switch ((unsigned int)ev->type) {
	case YAML_MAPPING_START_EVENT:
		return open_level(w, true, e);
	case YAML_SEQUENCE_START_EVENT:
		return open_level(w, false, e);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		w->at.depth--; /* libyaml pairs them */
		value_done(w);
		return 0;
	case YAML_SCALAR_EVENT:
		take_scalar(w, str_n(ev->data.scalar.value, ev->data.scalar.length));
		return 0;
	case YAML_ALIAS_EVENT:
		return err_set(e, -EBADMSG, "YAML: has an alias");
	default:
		return 0;
	}
}

int yaml_walk(struct str text, struct arena *a,
	      void (*scalar)(void *ctx, const struct yaml_place *at, struct str value), void *ctx, struct err *e)
{
	struct walk w = { .a = a, .scalar = scalar, .ctx = ctx };
	yaml_parser_t parser;
	bool end = false;
	int r = 0;

	if (!yaml_parser_initialize(&parser))
		return err_set(e, -EBADMSG, "YAML: no parser");
	yaml_parser_set_input_string(&parser, (const unsigned char *)(text.n ? text.p : ""), text.n);
	while (r == 0 && !end) {
		yaml_event_t ev;

		if (!yaml_parser_parse(&parser, &ev)) {
			r = err_set(e, -EBADMSG, "YAML: %s in line %zu", parser.problem ? parser.problem : "bad text",
				    parser.problem_mark.line + 1);
			break;
		}
		end = ev.type == YAML_STREAM_END_EVENT || ev.type == YAML_DOCUMENT_END_EVENT;
		r = take_event(&w, &ev, e);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&parser);
	return r;
}

bool yaml_at(const struct yaml_place *at, const char *key)
{
	return at->depth == 1 && str_is(at->key[0], key);
}

bool yaml_in(const struct yaml_place *at, const char *key)
{
	return at->depth == 2 && str_is(at->key[0], key) && !at->key[1].n;
}
