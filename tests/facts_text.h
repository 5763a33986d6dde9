/* facts_text: an analyzer over bytes, and its facts as text, one line each, for tests to compare:
 *
 *     npm left-pad 1.3.0 [WTFPL]            a package: type, name, version, licence when known, "in INNER"
 *     note: not assessed: ...               */
#ifndef TESTS_FACTS_TEXT_H
#define TESTS_FACTS_TEXT_H

#include "inventory/run.h"
#include "tap.h"

#define FACTS_TEXT_MAX (64u << 20)

static inline void facts_text_package(const struct package *p, struct buf *to)
{
	buf_fmt(to, "%s " STR_FMT " " STR_FMT, pkg_type_row(p->type)->name, STR_ARG(p->name), STR_ARG(p->version));
	if (p->license.n)
		buf_fmt(to, " [" STR_FMT "]", STR_ARG(p->license));
	if (p->inner.n)
		buf_fmt(to, " in " STR_FMT, STR_ARG(p->inner));
	buf_char(to, '\n');
}

static inline void facts_text(const struct facts *facts, struct buf *to)
{
	struct rd r = rd_of(buf_all(&facts->b));
	struct fact fact;
	struct err e = { 0 };
	int got;

	buf_init(to, FACTS_TEXT_MAX);
	while ((got = facts_next(&r, &fact, &e)) == 1) {
		if (fact.kind == FACT_PACKAGE)
			facts_text_package(&fact.package, to);
		else if (fact.kind == FACT_PROPERTY)
			buf_fmt(to, "property: " STR_FMT "=" STR_FMT "\n", STR_ARG(fact.property.key),
				STR_ARG(fact.property.value));
		else if (fact.kind == FACT_NOTE)
			buf_fmt(to, "note: " STR_FMT "\n", STR_ARG(fact.note));
		else
			buf_fmt(to, "fact %d\n", (int)fact.kind);
	}
	OK_ERR(got, &e);
}

/* The analyzer's facts over these bytes are exactly `want`, after at most one pass over the stream. */
static inline void facts_check(const char *analyzer, const char *path, struct str bytes, const char *want)
{
	auto_facts struct facts facts = { 0 };
	auto_buf struct buf got = { 0 };
	struct err e = { 0 };
	unsigned int passes;

	(void)!inventory_read_memory(str_c(path), 0755, bytes, analyzer, &facts, &passes, &e);
	facts_text(&facts, &got);
	EQ_STR(buf_all(&got), str_c(want));
	OK(passes <= 1);
}

#endif
