/* facts: written, read back, and refused when damaged. */
#include "model/facts.h"

#include "base/path.h"
#include "tap.h"

static void fill(struct facts *f)
{
	struct package p = {
		.type = PKG_RPM, .name = STR("bash"), .version = STR("1:5.1-2.el9"), .source = STR("bash")
	};

	facts_init(f);
	facts_package(f, &p);
	facts_owned(f, STR("bin/bash"));
	facts_owned(f, STR("etc/skel"));
	facts_owner(f, STR("bash"), STR("x86_64"));
	facts_owner(f, STR("nothing-owned"), STR(""));
	facts_release(f, &(struct release){ .id = STR("rocky"), .version_id = STR("9.3") });
	facts_property(f, STR("key"), STR("value"));
	facts_note(f, "line %d is bad", 7);
}

TEST(round_trip)
{
	auto_facts struct facts f;
	struct fact got;
	struct err e = { 0 };
	struct rd r;
	uint64_t h;

	fill(&f);
	EQ_INT(facts_finish(&f), 0);
	r = rd_of(buf_all(&f.b));
	EQ_INT(facts_next(&r, &got, &e), 1);
	EQ_INT(got.kind, FACT_PACKAGE);
	EQ_STR(got.package.name, STR("bash"));
	EQ_STR(package_source_version(&got.package), STR("1:5.1-2.el9"));
	EQ_INT(facts_next(&r, &got, &e), 1);
	EQ_INT(got.kind, FACT_OWNS);
	EQ_STR(got.owns.arch, STR("x86_64"));
	EQ_INT(got.owns.hashes.n, 16);
	memcpy(&h, got.owns.hashes.p, 8);
	OK(h == path_hash(STR("usr/bin/bash")));
	EQ_INT(facts_next(&r, &got, &e), 1);
	EQ_STR(got.release.version_id, STR("9.3"));
	EQ_INT(facts_next(&r, &got, &e), 1);
	EQ_STR(got.property.value, STR("value"));
	EQ_INT(facts_next(&r, &got, &e), 1);
	EQ_STR(got.note, STR("line 7 is bad"));
	EQ_INT(facts_next(&r, &got, &e), 0);
}

TEST(damage)
{
	auto_facts struct facts f;
	unsigned int ends = 0, errors = 0;

	fill(&f);
	for (size_t n = 0; n < f.b.n; n++) {
		struct rd r = rd_of(str_n(f.b.p, n));
		struct fact got;
		int k;

		while ((k = facts_next(&r, &got, NULL)) > 0)
			;
		ends += k == 0;
		errors += k == -EBADMSG;
	}
	EQ_INT(ends, 5); /* nothing, and cut exactly between two of the five records */
	EQ_INT(errors, f.b.n - 5);
	f.b.p[0] = 99;
	struct rd r = rd_of(buf_all(&f.b));
	EQ_INT(facts_next(&r, &(struct fact){ 0 }, NULL), -EBADMSG);
}
