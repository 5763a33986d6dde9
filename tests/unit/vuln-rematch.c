/* Matching again: full and delta agree, and with match_inventory(). */
#include "vuln/rematch.h"

#include "tap.h"

#define PACKAGES 300
#define INVENTORIES 40

struct state {
	struct rematch_os os[2];
	struct rematch_package packages[PACKAGES];
	struct rematch_inventory inventories[INVENTORIES];
	uint32_t ids[INVENTORIES][PACKAGES];
	struct rematch_set set;
	struct arena arena;
};

static void make_set(struct state *s)
{
	*s = (struct state){ .os = { { STR("debian:12"), false }, { STR("alpine:3.2"), true } } };
	for (uint32_t i = 0; i < PACKAGES; i++) {
		struct package *p = &s->packages[i].p;

		s->packages[i].os = i % 2;
		p->type = i % 3 == 0 ? PKG_PYPI : i % 2 ? PKG_APK : PKG_DEB;
		p->name = arena_fmt(&s->arena, "Pack_%u", i / 2);
		p->version = arena_fmt(&s->arena, "1.%u", i % 7);
		if (i % 5 == 0 && p->type != PKG_PYPI)
			p->source = arena_fmt(&s->arena, "Pack_%u", i / 4);
	}
	for (uint32_t i = 0; i < INVENTORIES; i++) {
		struct rematch_inventory *inv = &s->inventories[i];

		inv->packages = s->ids[i];
		for (uint32_t k = i % 7; k < PACKAGES; k += 1 + i)
			if (s->packages[k].os == i % 2)
				s->ids[i][inv->count++] = k;
	}
	s->set = (struct rematch_set){ s->os, 2, s->packages, PACKAGES, s->inventories, INVENTORIES };
}

static struct db *build(uint32_t from, uint32_t to, const struct db *previous, struct buf *bytes)
{
	static const struct str ns[] = { STR("debian:12"), STR("alpine:3.2"), STR("alpine:3.9"), STR("pypi") };
	struct db_build *b = db_build_new();
	struct arena scratch = { 0 };
	struct db *d = NULL;
	struct err e = { 0 };

	for (uint32_t i = from; i < to; i++) {
		struct adv_range r = { .fixed = arena_fmt(&scratch, "1.%u", i % 11) };
		struct advisory a = { .id = arena_fmt(&scratch, "CVE-2024-%u", 1000 + i % 910),
				      .ns = ns[i % 4],
				      .name = arena_fmt(&scratch, "Pack_%u", i * 7 % 150),
				      .severity = i % 6,
				      .ranges = &r,
				      .range_count = 1 };

		db_build_sink(b)->advisory(db_build_sink(b)->ctx, &a);
	}
	OK_ERR(db_build_bytes(b, previous, STR("2026"), bytes, &e), &e);
	OK_ERR(db_open_bytes(&d, buf_all(bytes), &e), &e);
	db_build_free(b);
	arena_done(&scratch);
	return d;
}

static size_t findings_of(const struct rematch_total *t)
{
	size_t n = 0;

	for (size_t i = 0; i < REMATCH_SEVERITIES; i++)
		n += t->findings[i];
	return n;
}

/* What a scan would say of the inventory. */
static size_t scanned(const struct db *d, const struct state *s, size_t i)
{
	struct inventory inv = { .os_ns = s->os[i % 2].ns, .os_eol_known = true, .os_eol = s->os[i % 2].eol };
	struct match_options options = { 0 };
	struct verdict v = { 0 };
	struct err e = { 0 };
	size_t n;

	for (size_t k = 0; k < s->inventories[i].count; k++) {
		struct inv_package *p = vec_add(&inv.packages);

		p->p = s->packages[s->inventories[i].packages[k]].p;
		p->owner = NO_OWNER;
		p->layer = NO_LAYER;
	}
	OK_ERR(match_inventory(d, &inv, &options, &v, &e), &e);
	n = v.findings.n;
	verdict_done(&v);
	inventory_done(&inv);
	return n;
}

TEST(full_delta_and_scan_agree)
{
	static const struct {
		const char *label;
		uint32_t from, to;
		bool none_dirty;
	} rows[] = {
		{ "the same again", 0, 900, true },
		{ "some more", 0, 930, false },
		{ "some less", 40, 900, false },
		{ "none", 0, 0, false },
	};
	static struct state s;
	auto_buf struct buf old_bytes = { 0 };
	struct match_options options = { 0 };
	struct rematch_index *x;
	struct err e = { 0 };
	struct db *old;

	make_set(&s);
	x = rematch_index_new(&s.set);
	old = build(0, 900, NULL, &old_bytes);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rematch_sum sums[PACKAGES], again[PACKAGES];
		struct rematch_total before[INVENTORIES], totals[INVENTORIES], want[INVENTORIES];
		auto_buf struct buf bytes = { 0 };
		struct db *d = build(rows[i].from, rows[i].to, old, &bytes);
		bool dirty[INVENTORIES];
		int n, count = 0;

		row("%s", rows[i].label);
		OK_ERR(rematch_full(old, &s.set, x, &options, sums, before, &e), &e);
		memcpy(totals, before, sizeof(totals));
		n = rematch_delta(d, &s.set, x, &options, sums, totals, dirty, &e);
		OK_ERR(n, &e);
		OK_ERR(rematch_full(d, &s.set, x, &options, again, want, &e), &e);
		OK(memcmp(totals, want, sizeof(want)) == 0);
		OK(memcmp(sums, again, sizeof(again)) == 0);
		EQ_INT(n == 0, rows[i].none_dirty);
		for (size_t k = 0; k < INVENTORIES; k++) {
			count += dirty[k];
			OK(dirty[k] || memcmp(&before[k], &want[k], sizeof(want[k])) == 0);
			EQ_INT(findings_of(&want[k]), scanned(d, &s, k));
		}
		EQ_INT(count, n);
		db_free(d);
	}
	db_free(old);
	rematch_index_free(x);
	arena_done(&s.arena);
}
