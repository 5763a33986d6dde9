/* db: the reading side of the database. See db.h.
 *
 * db_open() checks the table of sections against the mapping; every access checks its index against its section and
 * every place in a record against the section it points into. Nothing is reserved for what a file says. */
#include "vuln/db.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "codec/sha256.h"
#include "vuln/db-format.h"
#include "vuln/name.h"

#define EXPECT_STATEMENTS_MAX 32 /* of one key */
#define CACHE_LINE_WORDS 16
#define RANGE_WORDS 3 /* in a list */
#define STATM_BYTES_MAX 256
#define STATM_FILES 3 /* the field, from 1 */

struct db_span {
	const uint8_t *p;
	uint32_t n; /* records; bytes for DB_STRINGS */
};

struct db {
	struct mapping map;
	bool mapped; /* ours to unmap */
	struct db_span section[DB_SECTION_COUNT];
};

/* The words of a record, NULL past the end. */
static const uint8_t *record(const struct db *d, enum db_section s, size_t i)
{
	const struct db_span *span = &d->section[s];

	return i < span->n ? span->p + i * db_record_words[s] * sizeof(uint32_t) : NULL;
}

static uint32_t word(const uint8_t *rec, size_t i)
{
	return db_le32(rec + i * sizeof(uint32_t));
}

static uint64_t word64(const uint8_t *rec, size_t i)
{
	return word(rec, i) | (uint64_t)word(rec, i + 1) << 32;
}

static bool long_text(const struct db_span *pool, uint32_t at, struct str *ret)
{
	struct rd r = { pool->p + at, pool->p + pool->n, false };

	*ret = rd_var_str(&r);
	return rd_ok(&r);
}

/* The text at a place; false when it does not lie inside the pool. Most places are 0, nearly all texts short. */
static inline bool text(const struct db *d, uint32_t at, struct str *ret)
{
	const struct db_span *pool = &d->section[DB_STRINGS];
	const uint8_t *p = pool->p + at;

	if (at == 0) {
		*ret = STR_NONE;
		return true;
	}
	if (at >= pool->n)
		return false;
	if (*p >= 0x80 || pool->n - at <= *p)
		return long_text(pool, at, ret);
	*ret = str_n(p + 1, *p);
	return true;
}

/* Number of members of a list; false when it does not lie inside the section. */
static bool list_count(const struct db *d, uint32_t list, size_t *ret)
{
	const struct db_span *span = &d->section[DB_LISTS];
	const uint8_t *head = record(d, DB_LISTS, list);

	*ret = 0;
	if (list == 0)
		return true;
	if (!head || word(head, 0) > span->n - 1 - list)
		return false;
	*ret = word(head, 0);
	return true;
}

static int list_text(const struct db *d, uint32_t list, size_t i, struct str *ret)
{
	const uint8_t *w = record(d, DB_LISTS, (size_t)list + 1 + i);

	return w && text(d, word(w, 0), ret) ? 0 : -EBADMSG;
}

static int check_section(struct db *d, enum db_section s, const uint8_t *row)
{
	size_t at = word(row, 0), n = word(row, 1), unit = db_record_words[s] * sizeof(uint32_t);

	if (at < DB_HEADER_BYTES || at > d->map.n || n > d->map.n - at)
		return -EBADMSG;
	if (unit && n % unit)
		return -EBADMSG;
	d->section[s] = (struct db_span){ d->map.p + at, (uint32_t)(unit ? n / unit : n) };
	return 0;
}

static int check_header(struct db *d, struct err *e)
{
	const uint8_t *p = d->map.p;

	if (d->map.n < DB_HEADER_BYTES || memcmp(p, DB_MAGIC, sizeof(DB_MAGIC) - 1) != 0)
		return err_set(e, -EBADMSG, "not a vulnerability database");
	if (db_le32(p + DB_AT_VERSION) != DB_VERSION)
		return err_set(e, -ENOTSUP, "database has format %u, this program reads format %u: build it again",
			       db_le32(p + DB_AT_VERSION), DB_VERSION);
	if (word64(p + DB_AT_SIZE, 0) != d->map.n || db_le32(p + DB_AT_SECTIONS) != DB_SECTION_COUNT)
		return err_set(e, -EBADMSG, "database is cut short or damaged");
	for (enum db_section s = 0; s < DB_SECTION_COUNT; s++)
		if (check_section(d, s, p + DB_AT_TABLE + 8 * (size_t)s) < 0)
			return err_set(e, -EBADMSG, "database is damaged: section %u lies outside the file",
				       (unsigned int)s);
	if (d->section[DB_REMARKS].n != d->section[DB_BODIES].n || d->section[DB_BRIEFS].n != d->section[DB_VULNS].n)
		return err_set(e, -EBADMSG, "database is damaged: rows are missing");
	if (d->section[DB_SLOTS].n & (d->section[DB_SLOTS].n - 1))
		return err_set(e, -EBADMSG, "database is damaged: %u slots", d->section[DB_SLOTS].n);
	return 0;
}

static bool read_key(const struct db *d, const uint8_t *rec, uint32_t index, struct db_key *ret)
{
	struct db_key k = { .index = index, .first = word(rec, 2), .count = word(rec, 3), .hash = word64(rec, 4) };

	if (!text(d, word(rec, 0), &k.ns) || !text(d, word(rec, 1), &k.name))
		return false;
	if (k.first > d->section[DB_STATEMENTS].n || k.count > d->section[DB_STATEMENTS].n - k.first)
		return false;
	*ret = k;
	return true;
}

static bool read_body(const struct db *d, const uint8_t *rec, struct db_statement *s)
{
	uint32_t what = word(rec, BODY_WHAT);
	struct advisory *a = &s->a;

	a->status = what & DB_WHAT_STATUS;
	a->severity = (what & DB_WHAT_SEVERITY) >> DB_WHAT_SEVERITY_SHIFT;
	a->name_kind = what & DB_WHAT_BINARY ? ADV_NAME_BINARY : ADV_NAME_SOURCE;
	a->unimportant = what & DB_WHAT_UNIMPORTANT;
	s->ranges = word(rec, BODY_RANGES);
	s->versions = word(rec, BODY_VERSIONS);
	s->feed = word(rec, BODY_FEED);
	if (a->status > ADV_INVESTIGATING || a->severity > SEV_CRITICAL || s->feed >= d->section[DB_FEEDS].n)
		return false;
	if (!list_count(d, s->ranges, &a->range_count) || !list_count(d, s->versions, &a->version_count))
		return false;
	a->range_count /= 3;
	return text(d, word(rec, BODY_MODULE), &a->module) && text(d, word(rec, BODY_ARCH), &a->arch) &&
	       text(d, word(rec, BODY_CHANNEL), &a->channel);
}

static double share(uint32_t billionths)
{
	return billionths == DB_EPSS_UNKNOWN ? -1 : (double)billionths / DB_EPSS_SCALE;
}

static void read_rating(uint32_t rating, struct vuln_info *v)
{
	uint32_t score = rating & DB_RATING_SCORE;

	v->cvss_score = score == DB_RATING_SCORE ? -1 : (double)score / DB_SCORE_SCALE;
	v->severity = (rating & DB_RATING_SEVERITY) >> DB_RATING_SEVERITY_SHIFT;
	v->kev = rating & DB_RATING_KEV;
	v->withdrawn = rating & DB_RATING_WITHDRAWN;
}

int db_open_bytes(struct db **ret, struct str bytes, struct err *e)
{
	struct db *d = xcalloc(1, sizeof(*d));
	int r;

	d->map = (struct mapping){ (const uint8_t *)bytes.p, bytes.n };
	r = check_header(d, e);
	if (r < 0) {
		free(d);
		return r;
	}
	*ret = d;
	return 0;
}

int db_open(struct db **ret, int dir_fd, const char *name, struct err *e)
{
	auto_close int fd = fd_open(dir_fd, name, O_RDONLY);
	struct mapping map = { 0 };
	int r;

	if (fd < 0)
		return err_errno(e, fd, "%s", name);
	r = mapping_open(fd, &map, e);
	if (r < 0)
		return err_wrap(e, r, "%s", name);
	/* A hash table is read all over: have a cold file come in by large reads. A warm one costs nothing: its pages
	 * are mapped when touched, many at a time, which is cheaper than all of them now. */
	if (map.n)
		(void)!madvise((void *)(uintptr_t)map.p, map.n, MADV_WILLNEED);
	r = db_open_bytes(ret, str_n(map.p, map.n), e);
	if (r < 0) {
		mapping_close(&map);
		return err_wrap(e, r, "%s", name);
	}
	(*ret)->mapped = true;
	return 0;
}

struct db *db_free(struct db *d)
{
	if (d && d->mapped)
		mapping_close(&d->map);
	free(d);
	return NULL;
}

/* Bytes of files this process has in its memory, proc_pid_statm(5). Where that is not to be read it may be anything. */
static uint64_t files_in_memory(void)
{
	auto_buf struct buf text = { 0 };
	struct str rest, word = STR_NONE;
	uint64_t pages;

	if (file_read(AT_FDCWD, "/proc/self/statm", STATM_BYTES_MAX, &text, NULL) < 0)
		return UINT64_MAX;
	rest = buf_all(&text);
	for (int field = 0; field < STATM_FILES && str_word(&rest, &word);)
		field++;
	return num_u64(word, 10, &pages) ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : UINT64_MAX;
}

void db_trim(const struct db *d)
{
	if (d->mapped && files_in_memory() > DB_MEMORY_BYTES)
		(void)!madvise((void *)(uintptr_t)d->map.p, d->map.n, MADV_DONTNEED);
}

int db_verify(const struct db *d, struct err *e)
{
	struct digest seal;

	sha256_of(str_n(d->map.p + DB_AT_SIZE, d->map.n - DB_AT_SIZE), &seal);
	if (memcmp(seal.byte, d->map.p + DB_AT_SEAL, DIGEST_BYTES) != 0)
		return err_set(e, -EBADMSG, "database is damaged: its seal does not fit its content");
	return 0;
}

struct str db_built(const struct db *d)
{
	struct str s = STR_NONE;

	return text(d, db_le32(d->map.p + DB_AT_BUILT), &s) ? s : STR_NONE;
}

struct digest db_digest(const struct db *d)
{
	struct digest seal = { .set = true };

	memcpy(seal.byte, d->map.p + DB_AT_SEAL, DIGEST_BYTES);
	return seal;
}

struct digest db_previous(const struct db *d)
{
	struct digest seal = { 0 };

	memcpy(seal.byte, d->map.p + DB_AT_PREVIOUS, DIGEST_BYTES);
	for (size_t i = 0; i < DIGEST_BYTES; i++)
		seal.set |= seal.byte[i] != 0;
	return seal;
}

size_t db_size_bytes(const struct db *d)
{
	return d->map.n;
}

size_t db_feed_count(const struct db *d)
{
	return d->section[DB_FEEDS].n;
}

int db_feed(const struct db *d, size_t i, struct feed_info *ret)
{
	const uint8_t *rec = record(d, DB_FEEDS, i);
	struct feed_info f = { 0 };

	if (!rec || !text(d, word(rec, 0), &f.name) || !text(d, word(rec, 1), &f.source) ||
	    !text(d, word(rec, 2), &f.date) || !text(d, word(rec, 3), &f.fetched) || !text(d, word(rec, 4), &f.failure))
		return -EBADMSG;
	f.records = word64(rec, 6);
	f.warnings = word64(rec, 8);
	f.digest.set = word(rec, 10);
	if (f.digest.set)
		memcpy(f.digest.byte, rec + 11 * sizeof(uint32_t), DIGEST_BYTES);
	*ret = f;
	return 0;
}

bool db_feed_warning(const struct db *d, size_t i, size_t k, struct str *ret)
{
	const uint8_t *rec = record(d, DB_FEEDS, i);
	size_t n;

	return rec && list_count(d, word(rec, 5), &n) && k < n && list_text(d, word(rec, 5), k, ret) == 0;
}

size_t db_key_count(const struct db *d)
{
	return d->section[DB_KEYS].n;
}

size_t db_statement_count(const struct db *d)
{
	return d->section[DB_STATEMENTS].n;
}

size_t db_vuln_count(const struct db *d)
{
	return d->section[DB_VULNS].n;
}

int db_find(const struct db *d, struct str ns, struct str name, struct db_key *ret)
{
	uint32_t slots = d->section[DB_SLOTS].n;
	not_zeroed char room[NAME_BYTES_MAX];
	uint64_t h;

	name = name_canonical(ns, name, room);
	h = db_key_hash(ns, name);
	for (uint32_t probe = 0; probe < slots; probe++) {
		const uint8_t *slot = record(d, DB_SLOTS, (h + probe) & (slots - 1)), *rec;
		struct db_key k;

		if (word(slot, 1) == 0)
			return 0;
		if (word(slot, 0) != (uint32_t)(h >> 32))
			continue;
		rec = record(d, DB_KEYS, word(slot, 1) - 1);
		if (!rec || !read_key(d, rec, word(slot, 1) - 1, &k))
			return -EBADMSG;
		if (!str_eq(k.ns, ns) || !str_eq(k.name, name))
			continue;
		*ret = k;
		return 1;
	}
	return 0;
}

int db_key_at(const struct db *d, size_t i, struct db_key *ret)
{
	const uint8_t *rec = record(d, DB_KEYS, i);

	return rec && read_key(d, rec, (uint32_t)i, ret) ? 0 : -EBADMSG;
}

int db_statement_brief(const struct db *d, uint32_t i, struct db_statement *ret)
{
	const uint8_t *rec = record(d, DB_STATEMENTS, i);
	const uint8_t *body = rec ? record(d, DB_BODIES, word(rec, 1)) : NULL;

	*ret = (struct db_statement){ 0 };
	if (!body)
		return -EBADMSG;
	ret->vuln = word(rec, 0);
	return ret->vuln < d->section[DB_VULNS].n && read_body(d, body, ret) ? 0 : -EBADMSG;
}

int db_statement(const struct db *d, uint32_t i, struct db_statement *ret)
{
	struct db_statement s;
	const uint8_t *body, *remark;
	uint32_t row;

	if (db_statement_brief(d, i, &s) < 0)
		return -EBADMSG;
	row = word(record(d, DB_STATEMENTS, i), 1);
	body = record(d, DB_BODIES, row);
	remark = record(d, DB_REMARKS, row);
	if (!text(d, word(body, BODY_SAID), &s.said) || !text(d, word(remark, 0), &s.a.bulletin) ||
	    !text(d, word(remark, 1), &s.a.reason))
		return -EBADMSG;
	*ret = s;
	return 0;
}

int db_statement_vuln(const struct db *d, uint32_t i, uint32_t *ret)
{
	const uint8_t *rec = record(d, DB_STATEMENTS, i);

	if (!rec || word(rec, 0) >= d->section[DB_VULNS].n)
		return -EBADMSG;
	*ret = word(rec, 0);
	return 0;
}

static void fetch(const uint8_t *p, size_t words)
{
	if (!p || !words)
		return;
	for (size_t at = 0; at < words; at += CACHE_LINE_WORDS)
		__builtin_prefetch(p + at * sizeof(uint32_t));
	__builtin_prefetch(p + (words - 1) * sizeof(uint32_t)); /* it may lie in one line more */
}

static void fetch_text(const struct db *d, uint32_t at)
{
	if (at < d->section[DB_STRINGS].n)
		__builtin_prefetch(d->section[DB_STRINGS].p + at);
}

/* Of one statement: where the step before has brought it, what it leads to. */
static void expect_statement(const struct db *d, uint32_t i, unsigned int step)
{
	const uint8_t *rec = record(d, DB_STATEMENTS, i);
	const uint8_t *body = rec ? record(d, DB_BODIES, word(rec, 1)) : NULL;
	const uint8_t *list;

	if (!body)
		return;
	list = step == 2 ? NULL : record(d, DB_LISTS, word(body, BODY_RANGES));
	if (step == 2) {
		__builtin_prefetch(body);
		fetch(record(d, DB_BRIEFS, word(rec, 0)), 1);
	} else if (step == 3) {
		fetch(list, 1 + RANGE_WORDS);
	} else if (list && record(d, DB_LISTS, word(body, BODY_RANGES) + 2)) {
		fetch_text(d, word(list, 2)); /* where the first range ends */
	}
}

void db_expect(const struct db *d, uint64_t hash, unsigned int step)
{
	uint32_t slots = d->section[DB_SLOTS].n, count;
	const uint8_t *slot = record(d, DB_SLOTS, hash & (slots - 1)), *key;

	if (step == 0 || !slot) {
		fetch(slot, DB_SLOT_WORDS);
		return;
	}
	for (uint32_t probe = 1; word(slot, 1) && word(slot, 0) != (uint32_t)(hash >> 32) && probe < slots; probe++)
		slot = record(d, DB_SLOTS, (hash + probe) & (slots - 1));
	key = word(slot, 1) ? record(d, DB_KEYS, word(slot, 1) - 1) : NULL;
	if (!key)
		return;
	count = word(key, 3) < EXPECT_STATEMENTS_MAX ? word(key, 3) : EXPECT_STATEMENTS_MAX;
	if (step == 1) {
		fetch_text(d, word(key, 1));
		fetch(record(d, DB_STATEMENTS, word(key, 2)), count * DB_STATEMENT_WORDS);
		return;
	}
	for (uint32_t k = 0; k < count; k++)
		expect_statement(d, word(key, 2) + k, step);
}

int db_range(const struct db *d, const struct db_statement *s, size_t i, struct adv_range *ret)
{
	size_t first = (size_t)s->ranges + 1 + 3 * i; /* list_count() has seen that the list lies in its section */
	const uint8_t *w = i < s->a.range_count ? record(d, DB_LISTS, first) : NULL;

	if (!w || !record(d, DB_LISTS, first + 2))
		return -EBADMSG;
	return text(d, word(w, 0), &ret->introduced) && text(d, word(w, 1), &ret->fixed) &&
			       text(d, word(w, 2), &ret->last_affected)
		       ? 0
		       : -EBADMSG;
}

int db_version(const struct db *d, const struct db_statement *s, size_t i, struct str *ret)
{
	return i < s->a.version_count ? list_text(d, s->versions, i, ret) : -EBADMSG;
}

int db_vuln(const struct db *d, uint32_t i, struct db_vuln *ret)
{
	const uint8_t *rec = record(d, DB_VULNS, i);
	struct db_vuln v = { 0 };

	if (!rec || !text(d, word(rec, 0), &v.info.id) || !text(d, word(rec, 2), &v.info.title) ||
	    !text(d, word(rec, 3), &v.info.cvss_vector) || !text(d, word(rec, 5), &v.info.kev_date) ||
	    !text(d, word(rec, 6), &v.info.published))
		return -EBADMSG;
	v.aliases = word(rec, 1);
	v.cwes = word(rec, 4);
	if (!list_count(d, v.aliases, &v.info.alias_count) || !list_count(d, v.cwes, &v.info.cwe_count))
		return -EBADMSG;
	v.info.epss = share(word(rec, 7));
	v.info.epss_percentile = share(word(rec, 8));
	read_rating(word(record(d, DB_BRIEFS, i), 1), &v.info);
	if (v.info.severity > SEV_CRITICAL)
		return -EBADMSG;
	*ret = v;
	return 0;
}

int db_brief(const struct db *d, uint32_t i, struct db_brief *ret)
{
	const uint8_t *rec = record(d, DB_BRIEFS, i);
	not_zeroed struct vuln_info v;

	if (!rec)
		return -EBADMSG;
	read_rating(word(rec, 1), &v);
	*ret = (struct db_brief){ word(rec, 0), v.cvss_score >= 0 ? severity_of_cvss(v.cvss_score) : v.severity };
	return v.severity <= SEV_CRITICAL ? 0 : -EBADMSG;
}

int db_alias(const struct db *d, const struct db_vuln *v, size_t i, struct str *ret)
{
	return i < v->info.alias_count ? list_text(d, v->aliases, i, ret) : -EBADMSG;
}

int db_cwe(const struct db *d, const struct db_vuln *v, size_t i, struct str *ret)
{
	return i < v->info.cwe_count ? list_text(d, v->cwes, i, ret) : -EBADMSG;
}

/* Order of a row of DB_IDS against (hash, id); *ret_bad when its text is nowhere. */
static int compare_id(const struct db *d, size_t i, uint64_t hash, struct str id, bool *ret_bad)
{
	struct str s = STR_NONE;
	uint64_t h;

	if (!text(d, word(record(d, DB_IDS, i), 0), &s)) {
		*ret_bad = true;
		return 0;
	}
	h = str_hash(s, 0);
	if (h != hash)
		return h < hash ? -1 : 1;
	return str_cmp(s, id);
}

int db_find_id(const struct db *d, struct str id, uint32_t *ret, size_t max)
{
	uint64_t hash = str_hash(id, 0);
	size_t low = 0, high = d->section[DB_IDS].n;
	bool bad = false;
	int n = 0;

	while (low < high && !bad) {
		size_t middle = low + (high - low) / 2;

		if (compare_id(d, middle, hash, id, &bad) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < d->section[DB_IDS].n && compare_id(d, low, hash, id, &bad) == 0 && !bad; low++, n++) {
		uint32_t v = word(record(d, DB_IDS, low), 1);

		if (v >= d->section[DB_VULNS].n)
			return -EBADMSG;
		if ((size_t)n < max)
			ret[n] = v;
	}
	return bad ? -EBADMSG : n;
}

size_t db_ns_count(const struct db *d)
{
	return d->section[DB_NAMESPACES].n;
}

int db_ns(const struct db *d, size_t i, struct str *ret, uint32_t *ret_keys)
{
	const uint8_t *rec = record(d, DB_NAMESPACES, i);

	if (!rec || !text(d, word(rec, 0), ret))
		return -EBADMSG;
	*ret_keys = word(rec, 1);
	return 0;
}

bool db_has_ns(const struct db *d, struct str ns)
{
	for (size_t i = 0; i < db_ns_count(d); i++) {
		struct str s;
		uint32_t keys;

		if (db_ns(d, i, &s, &keys) == 0 && str_eq(s, ns))
			return true;
	}
	return false;
}

size_t db_changed_count(const struct db *d)
{
	return d->section[DB_CHANGED].n;
}

int db_changed(const struct db *d, size_t i, struct str *ret_ns, struct str *ret_name)
{
	const uint8_t *rec = record(d, DB_CHANGED, i);

	return rec && text(d, word(rec, 0), ret_ns) && text(d, word(rec, 1), ret_name) ? 0 : -EBADMSG;
}
