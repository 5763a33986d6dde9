/* Opens arbitrary bytes as a database and looks up all it holds, by number and by name. */
#include "vuln/db.h"

#define TRIES_MAX 4096 /* per table: a file can name four billion records in a few bytes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t touched;

static void touch(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		touched ^= (uint8_t)s.p[i];
}

static size_t few(size_t n)
{
	return n < TRIES_MAX ? n : TRIES_MAX;
}

static void touch_statement(const struct db *d, uint32_t i)
{
	struct db_statement s;
	struct adv_range r;
	struct str v;

	if (db_statement(d, i, &s) < 0)
		return;
	touch(s.said);
	touch(s.a.bulletin);
	touch(s.a.module);
	touch(s.a.reason);
	for (size_t k = 0; k < few(s.a.range_count); k++)
		if (db_range(d, &s, k, &r) == 0) {
			touch(r.introduced);
			touch(r.fixed);
			touch(r.last_affected);
		}
	for (size_t k = 0; k < few(s.a.version_count); k++)
		if (db_version(d, &s, k, &v) == 0)
			touch(v);
}

static void touch_keys(const struct db *d)
{
	struct db_key k, again;

	for (size_t i = 0; i < few(db_key_count(d)); i++) {
		if (db_key_at(d, i, &k) < 0)
			continue;
		touch(k.ns);
		touch(k.name);
		if (db_find(d, k.ns, k.name, &again) == 1)
			touch(again.name);
		for (uint32_t s = 0; s < few(k.count); s++)
			touch_statement(d, k.first + s);
	}
}

static void touch_vulns(const struct db *d)
{
	struct db_brief brief;
	struct db_vuln v;
	struct str s;
	uint32_t found[2];

	for (uint32_t i = 0; i < few(db_vuln_count(d)); i++) {
		if (db_brief(d, i, &brief) == 0)
			touched ^= (uint8_t)brief.id_hash;
		if (db_vuln(d, i, &v) < 0)
			continue;
		touch(v.info.title);
		for (size_t k = 0; k < few(v.info.alias_count); k++)
			if (db_alias(d, &v, k, &s) == 0)
				touch(s);
		for (size_t k = 0; k < few(v.info.cwe_count); k++)
			if (db_cwe(d, &v, k, &s) == 0)
				touch(s);
		if (db_find_id(d, v.info.id, found, ARRAY_LEN(found)) > 0)
			touched ^= (uint8_t)found[0];
	}
}

static void touch_rest(const struct db *d)
{
	struct feed_info f;
	struct str a, b;
	uint32_t keys;

	touch(db_built(d));
	for (size_t i = 0; i < few(db_feed_count(d)); i++) {
		if (db_feed(d, i, &f) == 0)
			touch(f.source);
		if (db_feed_warning(d, i, 0, &a))
			touch(a);
	}
	for (size_t i = 0; i < few(db_ns_count(d)); i++)
		if (db_ns(d, i, &a, &keys) == 0)
			touched ^= db_has_ns(d, a);
	for (size_t i = 0; i < few(db_changed_count(d)); i++)
		if (db_changed(d, i, &a, &b) == 0) {
			touch(a);
			touch(b);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct db *d = NULL;
	struct err e;

	if (db_open_bytes(&d, str_n(data, size), &e) < 0)
		return 0;
	touch_keys(d);
	touch_vulns(d);
	touch_rest(d);
	if (db_verify(d, &e) == 0)
		touched ^= 1;
	db_free(d);
	return 0;
}
