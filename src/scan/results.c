/* results: what was concluded of an image. See results.h. */
#include "scan/results.h"

#include "base/program.h"
#include "codec/sha256.h"

/* A new field has to be written and read here too: what is found in the cache must be what would be found again (but a
 * verdict's audit, which is of a host and looked at each time). */
#if UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(struct package) == 152 && sizeof(struct inv_package) == 184, "write the new field as well");
_Static_assert(sizeof(struct not_assessed) == 56 && sizeof(struct fact_pair) == 32, "write the new field as well");
_Static_assert(sizeof(struct release) == 80 && sizeof(struct inventory) == 192, "write the new field as well");
_Static_assert(sizeof(struct finding) == 240 && sizeof(struct verdict) == 160, "write the new field as well");
#endif

#define FLAG(is, bit) ((uint32_t)((is) ? 1u << (bit) : 0))

/* The texts of each struct, in their order in the file. */
#define TEXT(type, field) offsetof(struct type, field)
static const uint16_t release_texts[] = {
	TEXT(release, id),	 TEXT(release, id_like), TEXT(release, version_id),
	TEXT(release, codename), TEXT(release, name),
};
static const uint16_t package_texts[] = {
	TEXT(inv_package, p.name),   TEXT(inv_package, p.version),	  TEXT(inv_package, p.arch),
	TEXT(inv_package, p.source), TEXT(inv_package, p.source_version), TEXT(inv_package, p.module),
	TEXT(inv_package, p.vendor), TEXT(inv_package, p.license),	  TEXT(inv_package, p.inner),
	TEXT(inv_package, path),
};
static const uint16_t property_texts[] = { TEXT(fact_pair, key), TEXT(fact_pair, value) };
static const uint16_t note_texts[] = { TEXT(not_assessed, what), TEXT(not_assessed, path), TEXT(not_assessed, reason) };
static const uint16_t finding_texts[] = {
	TEXT(finding, id),     TEXT(finding, fixed),   TEXT(finding, severity_source), TEXT(finding, cvss_vector),
	TEXT(finding, title),  TEXT(finding, ns),      TEXT(finding, bulletin),	       TEXT(finding, feed),
	TEXT(finding, reason), TEXT(finding, channel),
};

static void put_texts(struct buf *b, const void *from, const uint16_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_var_str(b, *(const struct str *)(const void *)((const char *)from + at[i]));
}

static void get_texts(struct rd *in, void *to, const uint16_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*(struct str *)(void *)((char *)to + at[i]) = rd_var_str(in);
}

/* How many of something follow, each of at least `least` bytes: nothing is reserved for what cannot be there. */
static size_t get_count(struct rd *in, size_t least)
{
	uint64_t n = rd_varint(in);

	if (n > rd_left(in) / least)
		in->bad = true;
	return rd_ok(in) ? (size_t)n : 0;
}

/* ---- notes ---- */

static void put_notes(struct buf *b, const struct inventory *inv)
{
	buf_varint(b, inv->notes.n);
	for (size_t i = 0; i < inv->notes.n; i++) {
		const struct not_assessed *n = &inv->notes.v[i];

		put_texts(b, n, note_texts, ARRAY_LEN(note_texts));
		buf_le32(b, n->layer);
		buf_varint(b, n->distro_owned);
	}
}

static void get_notes(struct rd *in, struct inventory *inv)
{
	size_t n = get_count(in, ARRAY_LEN(note_texts) + 5);

	for (size_t i = 0; i < n && rd_ok(in); i++) {
		struct not_assessed *to = vec_add(&inv->notes);

		get_texts(in, to, note_texts, ARRAY_LEN(note_texts));
		to->layer = rd_le32(in);
		to->distro_owned = rd_varint(in);
	}
}

/* ---- inventory ---- */

static void put_package(struct buf *b, const struct inv_package *p)
{
	buf_varint(b, p->p.type);
	put_texts(b, p, package_texts, ARRAY_LEN(package_texts));
	buf_le32(b, p->layer);
	buf_le32(b, p->owner);
	buf_varint(b, FLAG(p->owner_foreign, 0) | FLAG(p->foreign, 1));
}

static void get_package(struct rd *in, struct inv_package *to, size_t count)
{
	uint64_t type = rd_varint(in), flags;

	get_texts(in, to, package_texts, ARRAY_LEN(package_texts));
	to->layer = rd_le32(in);
	to->owner = rd_le32(in);
	flags = rd_varint(in);
	if (type >= PKG_TYPE_COUNT || (to->owner >= count && to->owner != NO_OWNER))
		in->bad = true;
	else
		to->p.type = (enum pkg_type)type;
	to->owner_foreign = flags & 1;
	to->foreign = flags & 2;
}

void results_inventory_write(struct buf *b, const struct inventory *inv)
{
	put_texts(b, &inv->os, release_texts, ARRAY_LEN(release_texts));
	buf_var_str(b, inv->os_ns);
	buf_varint(b, inv->packages.n);
	for (size_t i = 0; i < inv->packages.n; i++)
		put_package(b, &inv->packages.v[i]);
	buf_varint(b, inv->properties.n);
	for (size_t i = 0; i < inv->properties.n; i++)
		put_texts(b, &inv->properties.v[i], property_texts, ARRAY_LEN(property_texts));
	put_notes(b, inv);
}

int results_inventory_read(struct str bytes, struct inventory *ret)
{
	struct rd in = rd_of(bytes);
	size_t n;

	get_texts(&in, &ret->os, release_texts, ARRAY_LEN(release_texts));
	ret->os_ns = rd_var_str(&in);
	n = get_count(&in, ARRAY_LEN(package_texts) + 10);
	ret->packages.v = xcalloc(n, sizeof(*ret->packages.v));
	ret->packages.n = ret->packages.cap = n;
	for (size_t i = 0; i < n && rd_ok(&in); i++)
		get_package(&in, &ret->packages.v[i], n);
	n = get_count(&in, ARRAY_LEN(property_texts));
	for (size_t i = 0; i < n && rd_ok(&in); i++)
		get_texts(&in, vec_add(&ret->properties), property_texts, ARRAY_LEN(property_texts));
	get_notes(&in, ret);
	return rd_ok(&in) && !rd_left(&in) ? 0 : -EBADMSG;
}

/* ---- verdict ---- */

static void put_double(struct buf *b, double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	buf_le64(b, bits);
}

static double get_double(struct rd *in)
{
	uint64_t bits = rd_le64(in);
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

static void put_finding(struct buf *b, const struct finding *f)
{
	buf_varint(b, f->package);
	buf_varint(b, f->status);
	buf_varint(b, f->severity);
	buf_varint(b, FLAG(f->kev, 0) | FLAG(f->inferred, 1) | FLAG(f->unimportant, 2));
	put_double(b, f->cvss_score);
	put_double(b, f->epss);
	put_double(b, f->epss_percentile);
	put_texts(b, f, finding_texts, ARRAY_LEN(finding_texts));
	buf_varint(b, f->alias_count);
	for (size_t i = 0; i < f->alias_count; i++)
		buf_var_str(b, f->aliases[i]);
}

static void get_aliases(struct rd *in, struct finding *f, struct arena *a)
{
	struct str *alias;

	f->alias_count = get_count(in, 1);
	alias = arena_array(a, struct str, f->alias_count);
	for (size_t i = 0; i < f->alias_count; i++)
		alias[i] = rd_var_str(in);
	f->aliases = alias;
}

static void get_finding(struct rd *in, struct finding *f, struct arena *a, size_t packages)
{
	uint64_t package = rd_varint(in);
	uint64_t status = rd_varint(in);
	uint64_t severity = rd_varint(in);
	uint64_t flags = rd_varint(in);

	if (package >= packages || status >= FINDING_STATUS_COUNT || severity > SEV_CRITICAL) {
		in->bad = true;
		return;
	}
	f->package = (uint32_t)package;
	f->status = (enum finding_status)status;
	f->severity = (enum severity)severity;
	f->kev = flags & 1;
	f->inferred = flags & 2;
	f->unimportant = flags & 4;
	f->cvss_score = get_double(in);
	f->epss = get_double(in);
	f->epss_percentile = get_double(in);
	get_texts(in, f, finding_texts, ARRAY_LEN(finding_texts));
	get_aliases(in, f, a);
}

/* Feeds are the database's own; only which of them were consulted is not. */
void results_verdict_write(struct buf *b, const struct verdict *v)
{
	put_notes(b, v->inventory);
	buf_varint(b, v->distro_judged);
	buf_varint(b, v->unjudged);
	buf_varint(b, v->feeds.n);
	for (size_t i = 0; i < v->feeds.n; i++)
		buf_char(b, v->feeds.v[i].consulted);
	buf_varint(b, v->findings.n);
	for (size_t i = 0; i < v->findings.n; i++)
		put_finding(b, &v->findings.v[i]);
}

static void get_feeds(struct rd *in, const struct db *db, struct verdict *ret)
{
	size_t n = get_count(in, 1);

	if (n != db_feed_count(db))
		in->bad = true;
	for (size_t i = 0; i < n && rd_ok(in); i++) {
		struct feed_info *f = vec_add(&ret->feeds);

		if (db_feed(db, i, f) < 0)
			in->bad = true;
		f->consulted = rd_u8(in);
	}
	ret->database = db_digest(db);
	ret->database_built = db_built(db);
}

int results_verdict_read(struct str bytes, const struct db *db, struct inventory *inv, struct verdict *ret)
{
	struct rd in = rd_of(bytes);
	size_t n;

	get_notes(&in, inv);
	ret->distro_judged = (size_t)rd_varint(&in);
	ret->unjudged = (size_t)rd_varint(&in);
	get_feeds(&in, db, ret);
	n = get_count(&in, ARRAY_LEN(finding_texts) + 29);
	for (size_t i = 0; i < n && rd_ok(&in); i++)
		get_finding(&in, vec_add(&ret->findings), &ret->arena, inv->packages.n);
	return rd_ok(&in) && !rd_left(&in) ? 0 : -EBADMSG;
}

/* ---- in the cache ---- */

static void hash_digest(struct sha256 *s, const struct digest *d)
{
	sha256_add(s, d->byte, sizeof(d->byte));
}

struct digest results_key(const struct digest *diff_ids, size_t n, bool layered)
{
	struct str build = program_build();
	uint8_t is_layered = layered;
	struct digest key = { 0 };
	struct sha256 s;

	if (!build.n)
		return key;
	sha256_init(&s);
	sha256_add(&s, build.p, build.n);
	sha256_add(&s, &is_layered, 1);
	for (size_t i = 0; i < n; i++)
		hash_digest(&s, &diff_ids[i]);
	sha256_end(&s, &key);
	return key;
}

/* Where the verdict on an inventory is. */
static struct digest verdict_name(const struct digest *key)
{
	struct digest name;
	struct sha256 s;

	sha256_init(&s);
	hash_digest(&s, key);
	sha256_end(&s, &name);
	return name;
}

/* All that a verdict depends on. */
static struct digest verdict_stamp(const struct digest *key, const struct db *db, const struct match_options *options,
				   const struct inventory *inv)
{
	uint8_t flags[] = { options->no_inferred, options->pro_attached, inv->os_eol_known, inv->os_eol };
	struct digest database = db_digest(db), stamp;
	struct sha256 s;

	sha256_init(&s);
	hash_digest(&s, key);
	hash_digest(&s, &database);
	sha256_add(&s, flags, sizeof(flags));
	sha256_end(&s, &stamp);
	return stamp;
}

bool results_inventory_get(struct cache *c, const struct digest *key, struct inventory *ret, struct mapping *ret_map)
{
	struct inventory inv = { 0 };
	struct mapping map;
	struct str bytes;

	if (!cache_result_get(c, key, key, &map, &bytes))
		return false;
	if (results_inventory_read(bytes, &inv) < 0) {
		inventory_done(&inv);
		mapping_close(&map);
		return false;
	}
	*ret = inv;
	*ret_map = map;
	return true;
}

void results_inventory_put(struct cache *c, const struct digest *key, const struct inventory *inv)
{
	auto_buf struct buf b;

	buf_init(&b, RESULTS_BYTES_MAX);
	results_inventory_write(&b, inv);
	if (buf_finish(&b) == 0)
		cache_result_put(c, key, key, buf_all(&b));
}

bool results_verdict_get(struct cache *c, const struct digest *key, const struct db *db,
			 const struct match_options *options, struct inventory *inv, struct verdict *ret,
			 struct mapping *ret_map)
{
	struct digest name = verdict_name(key), stamp = verdict_stamp(key, db, options, inv);
	struct inventory judged = { .packages = inv->packages };
	struct verdict v = { .image = ret->image, .inventory = inv };
	struct mapping map;
	struct str bytes;
	bool found;

	if (!key->set || !cache_result_get(c, &name, &stamp, &map, &bytes))
		return false;
	found = results_verdict_read(bytes, db, &judged, &v) == 0;
	if (found) {
		vec_done(&inv->notes);
		memcpy(&inv->notes, &judged.notes, sizeof(inv->notes));
		*ret = v;
		*ret_map = map;
		return true;
	}
	vec_done(&judged.notes);
	verdict_done(&v);
	mapping_close(&map);
	return false;
}

void results_verdict_put(struct cache *c, const struct digest *key, const struct db *db,
			 const struct match_options *options, const struct verdict *v)
{
	struct digest name, stamp;
	auto_buf struct buf b;

	buf_init(&b, RESULTS_BYTES_MAX);
	if (!key->set)
		return;
	name = verdict_name(key);
	stamp = verdict_stamp(key, db, options, v->inventory);
	results_verdict_write(&b, v);
	if (buf_finish(&b) == 0)
		cache_result_put(c, &name, &stamp, buf_all(&b));
}
