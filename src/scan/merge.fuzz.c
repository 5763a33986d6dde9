/* Fuzz target of merge: records as a worker that lies might send them. The input is a run of: layer, part of the
 * record, bytes. */
#include "scan/merge.h"

#include "inventory/analyzer.h"

#define LAYERS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(struct record layers[LAYERS], struct str input)
{
	struct rd in = rd_of(input);

	while (rd_ok(&in) && rd_left(&in)) {
		struct record *r = &layers[rd_u8(&in) % LAYERS];
		size_t part = rd_u8(&in) % (TREE_PARTS + analyzer_count);
		struct str raw = rd_var_str(&in);

		if (part < TREE_PARTS)
			record_tree_add(r, (enum tree_part)part, raw);
		else
			buf_str(&r->own_evidence[part - TREE_PARTS], raw);
	}
}

static void must_make_sense(const struct inventory *inv)
{
	for (size_t i = 0; i < inv->packages.n; i++) {
		const struct inv_package *p = &inv->packages.v[i];

		if (p->layer >= LAYERS || p->p.type >= PKG_TYPE_COUNT ||
		    (p->owner != NO_OWNER && p->owner >= inv->packages.n))
			abort();
	}
}

static void merge_all(const struct record *const *all)
{
	auto_free struct names *names = xcalloc(1, sizeof(*names));
	auto_arena struct arena arena = { 0 };
	struct inventory inv = { 0 };
	struct merge *m = NULL;
	struct err e = { 0 };
	int r = merge_open(&m, all, LAYERS, &e);

	if (r == 0) {
		merge_names(m, &arena, names);
		for (size_t i = 0; i < LAYERS; i++)
			if (names_concern(names, all[i]) && !names->n)
				abort();
		r = merge_inventory(m, true, &inv, &e);
	}
	if (r < 0 && !e.msg[0])
		abort();
	if (r == 0)
		must_make_sense(&inv);
	inventory_done(&inv);
	merge_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record layers[LAYERS];
	const struct record *const all[LAYERS] = { &layers[0], &layers[1], &layers[2] };

	for (size_t i = 0; i < LAYERS; i++)
		record_init(&layers[i]);
	fill(layers, str_n(data, size));
	for (size_t i = 0; i < LAYERS; i++)
		if (record_seal(&layers[i], UINT64_MAX, NULL) < 0)
			abort();
	merge_all(all);
	for (size_t i = 0; i < LAYERS; i++)
		record_done(&layers[i]);
	return 0;
}
