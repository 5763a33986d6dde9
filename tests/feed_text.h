/* feed_text: a feed sink that writes what it is told as lines of text, for tables of expected answers.
 *
 * "A id ns name status fixes ..." for a statement, "V id ..." for what is known of an id, "W text" for a warning.
 * Fields that say nothing are left out. */
#ifndef TESTS_FEED_TEXT_H
#define TESTS_FEED_TEXT_H

#include "base/buf.h"
#include "model/advisory.h"

#define FEED_TEXT_BYTES_MAX (64u << 20)

struct feed_text {
	struct buf b;
	size_t advisories, vulns, warnings;
	bool count_only;
};

static inline void feed_text_field(struct buf *b, const char *key, struct str s)
{
	if (s.n)
		buf_fmt(b, " %s=" STR_FMT, key, STR_ARG(s));
}

static inline void feed_text_range(struct buf *b, const struct adv_range *r)
{
	buf_str(b, STR(" ["));
	buf_str(b, r->introduced);
	if (adv_range_is_limited(r))
		buf_str(b, STR(",<"));
	else
		buf_str(b, r->last_affected.n ? STR(",=") : STR(","));
	buf_str(b, r->last_affected.n ? r->last_affected : r->fixed);
	buf_str(b, STR(")"));
}

static inline void feed_text_advisory(void *ctx, const struct advisory *a)
{
	struct feed_text *t = ctx;
	struct buf *b = &t->b;

	t->advisories++;
	if (t->count_only)
		return;
	buf_fmt(b, "A " STR_FMT " " STR_FMT " %s:" STR_FMT " %s", STR_ARG(a->id), STR_ARG(a->ns),
		a->name_kind == ADV_NAME_SOURCE ? "src" : "bin", STR_ARG(a->name), advisory_status_name(a->status));
	for (size_t i = 0; i < a->range_count; i++)
		feed_text_range(b, &a->ranges[i]);
	for (size_t i = 0; i < a->version_count; i++)
		feed_text_field(b, "v", a->versions[i]);
	if (a->severity)
		feed_text_field(b, "sev", str_c(severity_name(a->severity)));
	feed_text_field(b, "bulletin", a->bulletin);
	feed_text_field(b, "module", a->module);
	feed_text_field(b, "arch", a->arch);
	feed_text_field(b, "channel", a->channel);
	feed_text_field(b, "reason", a->reason);
	buf_str(b, a->unimportant ? STR(" unimportant\n") : STR("\n"));
}

static inline void feed_text_vuln(void *ctx, const struct vuln_info *v)
{
	struct feed_text *t = ctx;
	struct buf *b = &t->b;

	t->vulns++;
	if (t->count_only)
		return;
	buf_fmt(b, "V " STR_FMT, STR_ARG(v->id));
	for (size_t i = 0; i < v->alias_count; i++)
		feed_text_field(b, "alias", v->aliases[i]);
	feed_text_field(b, "title", v->title);
	feed_text_field(b, "cvss", v->cvss_vector);
	if (v->cvss_score >= 0)
		buf_fmt(b, " score=%.1f", v->cvss_score);
	if (v->severity)
		feed_text_field(b, "sev", str_c(severity_name(v->severity)));
	for (size_t i = 0; i < v->cwe_count; i++)
		feed_text_field(b, "cwe", v->cwes[i]);
	if (v->epss >= 0)
		buf_fmt(b, " epss=%.5f/%.5f", v->epss, v->epss_percentile);
	if (v->kev)
		buf_fmt(b, " kev=" STR_FMT, STR_ARG(v->kev_date));
	feed_text_field(b, "published", v->published);
	buf_str(b, v->withdrawn ? STR(" withdrawn\n") : STR("\n"));
}

static inline void feed_text_warning(void *ctx, struct str what)
{
	struct feed_text *t = ctx;

	t->warnings++;
	if (!t->count_only)
		buf_fmt(&t->b, "W " STR_FMT "\n", STR_ARG(what));
}

static inline struct feed_sink feed_text_sink(struct feed_text *t)
{
	buf_init(&t->b, FEED_TEXT_BYTES_MAX);
	return (struct feed_sink){ t, feed_text_advisory, feed_text_vuln, feed_text_warning };
}

#endif
