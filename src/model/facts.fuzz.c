/* Fuzz target of facts: what is read lies inside the input, and packages are read back as they were written. */
#include "model/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str input;

static void must_lie_inside(struct str s)
{
	if (s.n && (s.p < input.p || s.p + s.n > input.p + input.n))
		abort();
}

static void check_package(const struct package *p)
{
	auto_facts struct facts f;
	struct fact again;
	struct rd in;

	must_lie_inside(p->name);
	must_lie_inside(p->inner);
	facts_init(&f);
	facts_package(&f, p);
	in = rd_of(buf_all(&f.b));
	if (facts_next(&in, &again, NULL) != 1 || again.kind != FACT_PACKAGE || again.package.type != p->type ||
	    !str_eq(again.package.name, p->name) || !str_eq(again.package.version, p->version) ||
	    !str_eq(again.package.inner, p->inner) || rd_left(&in))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_of(str_n(data, size));
	struct err e = { 0 };
	struct fact f;
	int r;

	input = str_n(data, size);
	while ((r = facts_next(&in, &f, &e)) > 0) {
		if (f.kind == FACT_PACKAGE)
			check_package(&f.package);
		if (f.kind == FACT_OWNS && f.owns.hashes.n % 8)
			abort();
		if (f.kind == FACT_NOTE)
			must_lie_inside(f.note);
	}
	if (r < 0 && !e.msg[0])
		abort();
	return 0;
}
