/* Fuzz target: an index of packages; the choice from it is sorted, without a name twice, and closed: choosing again
 * what was chosen brings nothing more. */
#include <assert.h>

#include "node/image/packages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void choose_again(const struct packages *p, const struct packages_chosen *chosen)
{
	struct str *names = xcalloc(chosen->all.n + 1, sizeof(*names));
	struct packages_wish wish = { .names = names, .name_count = chosen->all.n };
	struct packages_chosen again;
	struct err e = { 0 };

	for (size_t i = 0; i < chosen->all.n; i++) {
		names[i] = chosen->all.v[i]->name;
		assert(!i || str_cmp(names[i - 1], names[i]) < 0);
	}
	assert(packages_choose(p, &wish, &again, &e) == 0);
	assert(again.all.n == chosen->all.n);
	vec_done(&again.all);
	free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct str names[] = { STR("a") };
	struct packages_wish wish = { .essential = true, .required = true, .names = names, .name_count = 1 };
	struct packages_chosen chosen;
	struct packages p = { 0 };
	struct err e = { 0 };

	if (packages_parse(str_n(data, size), STR("amd64"), 0, &p, &e) == 0) {
		packages_index(&p);
		if (packages_choose(&p, &wish, &chosen, &e) == 0) {
			choose_again(&p, &chosen);
			vec_done(&chosen.all);
		} else {
			assert(e.code < 0 && e.msg[0]);
		}
	}
	packages_done(&p);
	return 0;
}
