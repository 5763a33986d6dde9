/* fuzz_reader: any bytes as the file of one analyzer. What it says reads back as facts, every package has a name and a
 * version, and a failure has a reason; the same bytes give the same facts again. */
#ifndef INVENTORY_FUZZ_READER_H
#define INVENTORY_FUZZ_READER_H

#include <assert.h>

#include "inventory/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_check_facts(const struct facts *facts)
{
	struct rd r = rd_of(buf_all(&facts->b));
	struct fact fact;
	struct err e = { 0 };
	size_t packages = 0;
	int got;

	while ((got = facts_next(&r, &fact, &e)) == 1) {
		if (fact.kind != FACT_PACKAGE)
			continue;
		packages++;
		assert(fact.package.name.n && fact.package.version.n);
		assert(fact.package.type != PKG_UNKNOWN);
	}
	assert(got == 0);
	assert(packages == facts->packages);
}

static inline int fuzz_reader(const char *analyzer, struct str path, const uint8_t *data, size_t size)
{
	auto_facts struct facts first = { 0 };
	auto_facts struct facts second = { 0 };
	struct err e = { 0 };
	int r = inventory_read_memory(path, 0755, str_n(data, size), analyzer, &first, NULL, &e);

	assert(r <= 0 && (r == 0 || (e.msg[0] && first.notes)));
	fuzz_check_facts(&first);
	assert(inventory_read_memory(path, 0755, str_n(data, size), analyzer, &second, NULL, &e) == r);
	assert(str_eq(buf_all(&first.b), buf_all(&second.b)));
	return 0;
}

#endif
