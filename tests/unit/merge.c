/* merge: records laid over each other, those that a worker or a cache file should never hold among them. */
#include "scan/merge.h"

#include "inventory/analyzer.h"
#include "model/facts.h"
#include "tap.h"

#define STATUS "var/lib/dpkg/status"

static unsigned int dpkg_analyzer(void)
{
	for (unsigned int i = 0; i < analyzer_count; i++)
		if (analyzers_for_path(STR(STATUS)) >> i & 1)
			return i;
	return 0;
}

static void add_tree(struct record *r, enum tree_part part, struct str a, const char *b)
{
	auto_buf struct buf raw;

	buf_init(&raw, 1 << 20);
	buf_var_str(&raw, a);
	if (b)
		buf_var_str(&raw, str_c(b));
	record_tree_add(r, part, buf_all(&raw));
}

static void add_hash(struct record *r, enum tree_part part, const char *path)
{
	uint64_t h = path_hash(str_c(path));

	record_tree_add(r, part, str_n(&h, sizeof(h)));
}

/* An evidence file with one package a name. */
static void add_packages(struct record *r, struct str path, const char *const *names, size_t n)
{
	auto_facts struct facts f;

	facts_init(&f);
	for (size_t i = 0; i < n; i++)
		facts_package(&f, &(struct package){ .type = PKG_DEB, .name = str_c(names[i]), .version = STR("1") });
	record_evidence_add(r, dpkg_analyzer(), path, buf_all(&f.b));
}

static int merged(struct record *layers, size_t n, struct inventory *ret)
{
	const struct record *all[4] = { &layers[0], &layers[1], &layers[2], &layers[3] };
	struct merge *m = NULL;
	struct err e = { 0 };
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = record_seal(&layers[i], UINT64_MAX, &e);
	r = r < 0 ? r : merge_open(&m, all, n, &e);
	r = r < 0 ? r : merge_inventory(m, true, ret, &e);
	merge_free(m);
	return r;
}

static uint32_t layer_of(const struct inventory *inv, const char *name)
{
	for (size_t i = 0; i < inv->packages.n; i++)
		if (str_is(inv->packages.v[i].p.name, name))
			return inv->packages.v[i].layer;
	return NO_LAYER;
}

TEST(a_package_belongs_to_the_layer_that_brought_it)
{
	struct record layers[2];
	struct inventory inv = { 0 };

	record_init(&layers[0]);
	record_init(&layers[1]);
	add_packages(&layers[0], STR(STATUS), (const char *[]){ "old" }, 1);
	add_hash(&layers[1], TREE_FILES, STATUS);
	/* The same file twice in one layer: the last one counts. */
	add_packages(&layers[1], STR(STATUS), (const char *[]){ "old", "never" }, 2);
	add_packages(&layers[1], STR(STATUS), (const char *[]){ "old", "new" }, 2);
	EQ_INT(merged(layers, 2, &inv), 0);
	EQ_INT(inv.packages.n, 2);
	EQ_INT(layer_of(&inv, "old"), 0);
	EQ_INT(layer_of(&inv, "new"), 1);
	inventory_done(&inv);
	record_done(&layers[0]);
	record_done(&layers[1]);
}

/* Each step would be millions of visits, were each whiteout to walk over all that lies below it. */
TEST(many_whiteouts_over_much_evidence)
{
	struct record layers[2];
	struct inventory inv = { 0 };
	char path[64];

	record_init(&layers[0]);
	record_init(&layers[1]);
	for (int i = 0; i < 30000; i++) {
		snprintf(path, sizeof(path), "a/b/%d", i);
		add_packages(&layers[0], str_c(path), (const char *[]){ "p" }, 1);
	}
	for (int i = 0; i < 200000; i++)
		add_tree(&layers[1], i & 1 ? TREE_WHITEOUTS : TREE_OPAQUES, i & 2 ? STR("a") : STR("a/b"), NULL);
	EQ_INT(merged(layers, 2, &inv), 0);
	EQ_INT(inv.packages.n, 0);
	inventory_done(&inv);
	record_done(&layers[0]);
	record_done(&layers[1]);
}

/* 20,000 times the same database over one of as many packages: compared once, not 20,000 times. */
TEST(one_file_many_times)
{
	struct record layers[2];
	struct inventory inv = { 0 };
	static const char *names[20000];
	static char text[20000][8];

	for (int i = 0; i < 20000; i++) {
		snprintf(text[i], sizeof(text[i]), "p%d", i);
		names[i] = text[i];
	}
	record_init(&layers[0]);
	record_init(&layers[1]);
	add_packages(&layers[0], STR(STATUS), names, 20000);
	add_hash(&layers[1], TREE_FILES, STATUS);
	for (int i = 0; i < 20000; i++)
		add_packages(&layers[1], STR(STATUS), (const char *[]){ "p7", "new" }, 2);
	EQ_INT(merged(layers, 2, &inv), 0);
	EQ_INT(inv.packages.n, 2);
	EQ_INT(layer_of(&inv, "p7"), 0);
	EQ_INT(layer_of(&inv, "new"), 1);
	inventory_done(&inv);
	record_done(&layers[0]);
	record_done(&layers[1]);
}

/* Symbolic links that make a path longer with each step. */
TEST(links_that_grow)
{
	struct record layers[1];
	struct inventory inv = { 0 };
	auto_free char *target = xmalloc(4001);

	for (int i = 0; i < 2000; i++)
		memcpy(target + 2 * i, "x/", 2);
	target[4000] = 0;
	record_init(&layers[0]);
	add_tree(&layers[0], TREE_LINKS, STR(">var"), target);
	add_tree(&layers[0], TREE_LINKS, STR(">x"), target);
	add_tree(&layers[0], TREE_LINKS, STR(">etc"), "etc/../etc/x");
	EQ_INT(merged(layers, 1, &inv), 0);
	inventory_done(&inv);
	record_done(&layers[0]);
}

TEST(damaged_records)
{
	auto_buf struct buf deep;

	buf_init(&deep, 8 << 20);
	for (int i = 0; i < 1000000; i++)
		buf_str(&deep, STR("a/"));
	buf_char(&deep, 'a');
	for (int what = 0; what < 5; what++) {
		struct record r;
		struct inventory inv = { 0 };

		record_init(&r);
		switch (what) {
		case 0: /* a path no system can have, as deep as it is long */
			add_packages(&r, buf_all(&deep), (const char *[]){ "p" }, 1);
			break;
		case 1:
			add_tree(&r, TREE_LINKS, buf_all(&deep), "x");
			break;
		case 2:
			add_tree(&r, TREE_LINKS, STR(""), "x");
			break;
		case 3: /* a length that reaches behind the end */
			record_tree_add(&r, TREE_LINKS, STR("\200\200\1abc"));
			break;
		default:
			record_evidence_add(&r, dpkg_analyzer(), STR(STATUS), STR("\7\1\1"));
		}
		EQ_INT(merged(&r, 1, &inv), -EBADMSG);
		inventory_done(&inv);
		record_done(&r);
	}
}

static void add_evidence(struct buf *b, unsigned int analyzer, const char *path, const char *facts)
{
	buf_varint(b, analyzer);
	buf_var_str(b, str_c(path));
	buf_var_str(b, str_c(facts));
}

/* What a worker sends, several files at a time. */
TEST(evidence_from_a_worker)
{
	static const struct {
		const char *name;
		unsigned int analyzers[2];
		size_t cut; /* bytes taken off the end */
		bool good;
	} rows[] = {
		{ "two files", { 1, 2 }, 0, true },
		{ "an analyzer that was not asked", { 1, 3 }, 0, false },
		{ "an analyzer past all bits", { 1, 64 }, 0, false },
		{ "cut in the facts", { 1, 2 }, 1, false },
		{ "cut behind the analyzer", { 1, 2 }, 4, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf b;
		struct record r;
		struct rd in;

		row("%s", rows[i].name);
		buf_init(&b, 1 << 20);
		record_init(&r);
		add_evidence(&b, rows[i].analyzers[0], "a", "x");
		add_evidence(&b, rows[i].analyzers[1], "b", "y");
		in = rd_of(str_head(buf_all(&b), b.n - rows[i].cut));
		OK(record_evidence_read(&r, &in, 6) == rows[i].good);
		EQ_STR(buf_all(&r.own_evidence[1]), STR("\1a\1x"));
		record_done(&r);
	}
}
