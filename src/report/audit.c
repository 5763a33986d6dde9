/* audit: the formats of an audit. See audit.h. */
#include "report/audit.h"

#include "report/text.h"

#define COLUMNS 80
#define SCHEMA_VERSION 1

static bool is_wanted(const struct check *c, const struct audit_options *o)
{
	return c->level <= o->level;
}

/* ---- table ---- */

static const struct {
	const char *word, *colour;
} faces[CHECK_RESULTS] = {
	[CHECK_PASS] = { "pass", "\033[32m" },
	[CHECK_FAIL] = { "FAIL", "\033[31m" },
	[CHECK_UNKNOWN] = { "?   ", "\033[33m" },
	[CHECK_NONE] = { "-   ", "" },
};

/* Words over as many lines as they need; a word that is longer than a line has one of its own. */
static void put_wrapped(struct out *out, const char *head, struct str text, unsigned int columns)
{
	size_t indent = strlen(head), at = indent;
	bool first = true;

	out_str(out, str_c(head));
	for (struct str word; str_cut(&text, ' ', &word);) {
		auto_buf struct buf safe;
		size_t width;

		buf_init(&safe, 8 * (word.n + 1));
		width = text_add(&safe, word, SIZE_MAX);
		if (!first && at + 1 + width > columns) {
			out_fmt(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			out_str(out, STR(" "));
			at++;
		}
		out_str(out, buf_all(&safe));
		at += width;
		first = false;
	}
	out_str(out, STR("\n"));
}

/* What failed says how to mend it; of the rest it is enough to say what was wanted. */
static void table_row(struct out *out, const struct check *c, const struct audit_options *o)
{
	unsigned int columns = o->columns ? o->columns : COLUMNS;
	const char *colour = o->colour ? faces[c->result].colour : "";

	out_fmt(out, "  %s%s%s  " STR_FMT "\n", colour, faces[c->result].word, *colour ? "\033[0m" : "",
		STR_ARG(c->id));
	if (c->evidence.n)
		put_wrapped(out, "        found:  ", c->evidence, columns);
	put_wrapped(out, c->result == CHECK_FAIL ? "        fix:    " : "        wanted: ",
		    c->result == CHECK_FAIL ? c->fix : c->title, columns);
}

static bool is_shown(const struct check *c, const struct audit_options *o)
{
	return is_wanted(c, o) && !c->ignored && (o->all || c->result == CHECK_FAIL || c->result == CHECK_UNKNOWN);
}

static void section_head(struct out *out, const char *section, const struct check_counts *n)
{
	if (!n->result[CHECK_PASS] && !n->result[CHECK_FAIL] && !n->result[CHECK_UNKNOWN] && !n->ignored) {
		out_fmt(out, "%s: does not apply\n", section);
		return;
	}
	out_fmt(out, "%s: %zu passed, %zu failed", section, n->result[CHECK_PASS], n->result[CHECK_FAIL]);
	if (n->result[CHECK_UNKNOWN])
		out_fmt(out, ", %zu not assessed", n->result[CHECK_UNKNOWN]);
	if (n->ignored)
		out_fmt(out, ", %zu ignored", n->ignored);
	out_str(out, STR("\n"));
}

static void table_section(struct out *out, const struct audit *a, size_t first, const struct audit_options *o)
{
	const char *section = a->checks.v[first].section;
	struct check_counts n = check_count(a, section, o->level);

	section_head(out, section, &n);
	for (size_t i = first; i < a->checks.n; i++)
		if (strcmp(a->checks.v[i].section, section) == 0 && is_shown(&a->checks.v[i], o))
			table_row(out, &a->checks.v[i], o);
	out_str(out, STR("\n"));
}

static void write_table(const struct audit *a, const struct audit_options *o, struct out *out)
{
	struct check_counts n = check_count(a, NULL, o->level);

	out_fmt(out, "audit    " STR_FMT "\n", STR_ARG(a->target));
	if (a->kernel.n)
		out_fmt(out, "kernel   " STR_FMT "\n", STR_ARG(a->kernel));
	out_str(out, STR("\n"));
	for (size_t i = 0; i < a->checks.n; i++)
		if (!i || strcmp(a->checks.v[i].section, a->checks.v[i - 1].section) != 0)
			table_section(out, a, i, o);
	out_fmt(out, "Level %u: %zu passed, %zu failed, %zu not assessed, %zu do not apply, %zu ignored\n", o->level,
		n.result[CHECK_PASS], n.result[CHECK_FAIL], n.result[CHECK_UNKNOWN], n.result[CHECK_NONE], n.ignored);
}

/* ---- JSON ---- */

void check_json(struct json_out *w, const struct check *c)
{
	json_out_object(w);
	json_out_key_str(w, "id", c->id);
	json_out_key_str(w, "section", str_c(c->section));
	json_out_key_u64(w, "level", c->level);
	json_out_key_str(w, "result", str_c(check_result_name(c->result)));
	json_out_key_str(w, "wanted", c->title);
	json_out_key_or_null(w, "found", c->evidence);
	json_out_key_str(w, "why", str_c(c->why));
	json_out_key_str(w, "fix", c->fix);
	json_out_key_or_null(w, "ignored", c->ignored ? c->ignore_reason : STR_NONE);
	json_out_end_object(w);
}

static void write_json(const struct audit *a, const struct audit_options *o, struct out *out)
{
	struct check_counts n = check_count(a, NULL, o->level);
	struct json_out w;

	json_out_init(&w, out);
	json_out_object(&w);
	json_out_key_u64(&w, "schema_version", SCHEMA_VERSION);
	json_out_key_str(&w, "target", a->target);
	json_out_key_opt(&w, "kernel", a->kernel);
	json_out_key_u64(&w, "level", o->level);
	json_out_key_object(&w, "counts");
	for (enum check_result r = 0; r < CHECK_RESULTS; r++) {
		json_out_key_u64(&w, check_result_name(r), n.result[r]);
	}
	json_out_key_u64(&w, "ignored", n.ignored);
	json_out_end_object(&w);
	json_out_key_array(&w, "checks");
	for (size_t i = 0; i < a->checks.n; i++)
		if (is_wanted(&a->checks.v[i], o))
			check_json(&w, &a->checks.v[i]);
	json_out_end_array(&w);
	json_out_end_object(&w);
	out_str(out, STR("\n"));
}

/* ---- SARIF ---- */

static void sarif_text(struct json_out *w, const char *key, struct str text)
{
	json_out_key_object(w, key);
	json_out_key_str(w, "text", text);
	json_out_end_object(w);
}

static void sarif_rule(struct json_out *w, const struct check *c)
{
	json_out_object(w);
	json_out_key_str(w, "id", c->id);
	sarif_text(w, "shortDescription", c->title);
	sarif_text(w, "fullDescription", str_c(c->why));
	sarif_text(w, "help", c->fix);
	json_out_end_object(w);
}

static void sarif_result(struct json_out *w, const struct check *c, struct str target)
{
	bool failed = c->result == CHECK_FAIL;

	json_out_object(w);
	json_out_key_str(w, "ruleId", c->id);
	/* Only what failed has a level (3.27.10). */
	json_out_key_str(w, "level", !failed ? STR("none") : c->level == 1 ? STR("error") : STR("warning"));
	json_out_key_str(w, "kind", failed ? STR("fail") : STR("review"));
	sarif_text(w, "message", c->evidence.n ? c->evidence : c->title);
	json_out_key_array(w, "locations");
	json_out_object(w);
	json_out_key_array(w, "logicalLocations");
	json_out_object(w);
	json_out_key_str(w, "name", target);
	json_out_end_object(w);
	json_out_end_array(w);
	json_out_end_object(w);
	json_out_end_array(w);
	if (c->ignored) {
		json_out_key_array(w, "suppressions");
		json_out_object(w);
		json_out_key_str(w, "kind", STR("external"));
		json_out_key_str(w, "justification", c->ignore_reason);
		json_out_end_object(w);
		json_out_end_array(w);
	}
	json_out_end_object(w);
}

static void sarif_driver(struct json_out *w, const struct audit *a, const struct audit_options *o)
{
	json_out_key_object(w, "tool");
	json_out_key_object(w, "driver");
	json_out_key_str(w, "name", STR("yagura"));
	if (o->version)
		json_out_key_str(w, "version", str_c(o->version));
	json_out_key_array(w, "rules");
	for (size_t i = 0; i < a->checks.n; i++)
		if (is_wanted(&a->checks.v[i], o))
			sarif_rule(w, &a->checks.v[i]);
	json_out_end_array(w);
	json_out_end_object(w);
	json_out_end_object(w);
}

static void write_sarif(const struct audit *a, const struct audit_options *o, struct out *out)
{
	struct json_out w;

	json_out_init(&w, out);
	json_out_object(&w);
	json_out_key_str(&w, "$schema", STR("https://json.schemastore.org/sarif-2.1.0.json"));
	json_out_key_str(&w, "version", STR("2.1.0"));
	json_out_key_array(&w, "runs");
	json_out_object(&w);
	sarif_driver(&w, a, o);
	json_out_key_array(&w, "results");
	for (size_t i = 0; i < a->checks.n; i++) {
		const struct check *c = &a->checks.v[i];

		if (is_wanted(c, o) && (c->result == CHECK_FAIL || c->result == CHECK_UNKNOWN))
			sarif_result(&w, c, a->target);
	}
	json_out_end_array(&w);
	json_out_end_object(&w);
	json_out_end_array(&w);
	json_out_end_object(&w);
	out_str(out, STR("\n"));
}

const struct audit_format audit_formats[] = {
	{ "table", write_table }, { "json", write_json }, { "sarif", write_sarif }, { NULL, NULL }
};

const struct audit_format *audit_format_named(struct str name)
{
	for (const struct audit_format *f = audit_formats; f->name; f++)
		if (str_is(name, f->name))
			return f;
	return NULL;
}
