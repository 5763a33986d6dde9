/* record: all that is remembered of one layer. See record.h. */
#include "scan/record.h"

#include <fcntl.h>

#include "codec/sha256.h"
#include "inventory/analyzer.h"

#define MAGIC "YGLAYER1"
#define MAGIC_BYTES 8
#define SECTION_NAME_BYTES 24
#define SECTIONS_MAX (TREE_PARTS + RECORD_ANALYZERS_MAX)
#define HEAD_BYTES_MAX 8192 /* magic, seal, figures and SECTIONS_MAX rows of the table */

static const char *const tree_names[TREE_PARTS] = { "tree.files",   "tree.dirs",  "tree.whiteouts",
						    "tree.opaques", "tree.links", "tree.notes" };

void record_init(struct record *r)
{
	memset(r, 0, sizeof(*r));
	for (size_t i = 0; i < TREE_PARTS; i++)
		buf_init(&r->own_tree[i], RECORD_BYTES_MAX);
	for (size_t i = 0; i < RECORD_ANALYZERS_MAX; i++)
		buf_init(&r->own_evidence[i], RECORD_BYTES_MAX);
}

void record_done(struct record *r)
{
	for (size_t i = 0; i < TREE_PARTS; i++)
		buf_done(&r->own_tree[i]);
	for (size_t i = 0; i < RECORD_ANALYZERS_MAX; i++)
		buf_done(&r->own_evidence[i]);
	mapping_close(&r->map);
}

void record_tree_add(struct record *r, enum tree_part part, struct str raw)
{
	buf_str(&r->own_tree[part], raw);
}

void record_evidence_add(struct record *r, unsigned int analyzer, struct str path, struct str facts)
{
	buf_var_str(&r->own_evidence[analyzer], path);
	buf_var_str(&r->own_evidence[analyzer], facts);
}

bool record_evidence_read(struct record *r, struct rd *in, uint64_t allowed)
{
	do {
		uint64_t analyzer = rd_varint(in);
		struct str path = rd_var_str(in);
		struct str facts = rd_var_str(in);

		if (!rd_ok(in) || analyzer >= analyzer_count || !(allowed >> analyzer & 1))
			return false;
		record_evidence_add(r, (unsigned int)analyzer, path, facts);
	} while (rd_left(in));
	return true;
}

static struct str gathered(const struct buf *b)
{
	return b->n ? buf_all(b) : STR("");
}

int record_seal(struct record *r, uint64_t analyzers_run, struct err *e)
{
	uint64_t total = 0;
	bool full = false;

	for (size_t i = 0; i < TREE_PARTS; i++) {
		r->tree[i] = gathered(&r->own_tree[i]);
		full |= r->own_tree[i].full;
		total += r->tree[i].n;
	}
	r->tree_set = true;
	for (size_t i = 0; i < RECORD_ANALYZERS_MAX; i++) {
		if (analyzers_run >> i & 1)
			r->evidence[i] = gathered(&r->own_evidence[i]);
		full |= r->own_evidence[i].full;
		total += r->evidence[i].n;
	}
	if (full || total > RECORD_BYTES_MAX)
		return err_set(e, -E2BIG, "more than %llu bytes of facts", (unsigned long long)RECORD_BYTES_MAX);
	return 0;
}

void record_take_missing(struct record *r, const struct record *old)
{
	for (size_t i = 0; i < analyzer_count; i++) {
		if (r->evidence[i].p || !old->evidence[i].p)
			continue;
		buf_str(&r->own_evidence[i], old->evidence[i]);
		r->evidence[i] = gathered(&r->own_evidence[i]);
	}
}

bool record_holds(const struct record *r, enum tree_part part, uint64_t hash)
{
	struct str all = r->tree[part];

	for (size_t k = 0; k + 8 <= all.n; k += 8)
		if (memcmp(all.p + k, &hash, 8) == 0)
			return true;
	return false;
}

uint64_t record_missing(const struct record *r)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < analyzer_count; i++)
		if (!r->evidence[i].p || !r->tree_set)
			bits |= 1ull << i;
	return bits;
}

/* A file being put together: the head and the table are copied, the sections are not. */
struct file_parts {
	struct buf table;
	struct str part[2 + 2 * SECTIONS_MAX];
	size_t n;
	uint64_t data_bytes;
	uint32_t sections;
};

/* Hashes are read as u64: every section begins at a multiple of 8. */
static struct str padding_after(uint64_t bytes)
{
	return str_head(STR("\0\0\0\0\0\0\0"), (8 - bytes % 8) % 8);
}

static void put_section(struct file_parts *f, const char *name, uint32_t version, struct str bytes)
{
	char padded[SECTION_NAME_BYTES] = { 0 };
	struct str pad = padding_after(bytes.n);

	snprintf(padded, sizeof(padded), "%s", name);
	buf_add(&f->table, padded, sizeof(padded));
	buf_le32(&f->table, version);
	buf_le64(&f->table, f->data_bytes);
	buf_le64(&f->table, bytes.n);
	f->part[f->n++] = bytes;
	f->part[f->n++] = pad;
	f->data_bytes += bytes.n + pad.n;
	f->sections++;
}

static void put_sections(const struct record *r, struct file_parts *f)
{
	for (size_t i = 0; i < TREE_PARTS; i++)
		put_section(f, tree_names[i], RECORD_TREE_VERSION, r->tree[i]);
	for (size_t i = 0; i < analyzer_count; i++)
		if (r->evidence[i].p)
			put_section(f, analyzers[i].name, analyzers[i].version, r->evidence[i]);
}

static void put_head(const struct record *r, const struct file_parts *f, struct buf *head)
{
	buf_add(head, MAGIC, MAGIC_BYTES);
	buf_room(head, DIGEST_BYTES); /* the seal */
	buf_add(head, r->diff_id.byte, DIGEST_BYTES);
	buf_le32(head, r->codec);
	buf_le32(head, f->sections);
	buf_le64(head, r->blob_bytes);
	buf_le64(head, r->plain_bytes);
	buf_le64(head, r->entries);
	buf_str(head, buf_all(&f->table));
	buf_str(head, padding_after(head->n));
}

static void put_seal(struct file_parts *f, struct buf *head)
{
	struct sha256 s;
	struct digest seal;

	sha256_init(&s);
	sha256_add(&s, head->p + MAGIC_BYTES + DIGEST_BYTES, head->n - MAGIC_BYTES - DIGEST_BYTES);
	for (size_t i = 1; i < f->n; i++)
		sha256_add(&s, f->part[i].p, f->part[i].n);
	sha256_end(&s, &seal);
	memcpy(head->p + MAGIC_BYTES, seal.byte, DIGEST_BYTES);
	f->part[0] = buf_all(head);
}

int record_write(const struct record *r, int dir_fd, const char *name, struct err *e)
{
	struct file_parts f = { .n = 1 }; /* part 0 is the head */
	struct buf head;
	int k;

	buf_init(&f.table, HEAD_BYTES_MAX);
	buf_init(&head, HEAD_BYTES_MAX);
	put_sections(r, &f);
	put_head(r, &f, &head);
	put_seal(&f, &head);
	k = file_write_parts(dir_fd, name, f.part, f.n, false, e);
	buf_done(&f.table);
	buf_done(&head);
	return k;
}

static int index_by_name(struct str name, uint32_t version)
{
	for (size_t i = 0; i < analyzer_count; i++)
		if (str_is(name, analyzers[i].name) && analyzers[i].version == version)
			return (int)i;
	return -1;
}

static void place_section(struct record *r, struct str name, uint32_t version, struct str bytes)
{
	int analyzer;

	for (size_t i = 0; i < TREE_PARTS; i++) {
		if (!str_is(name, tree_names[i]))
			continue;
		if (version == RECORD_TREE_VERSION) {
			r->tree[i] = bytes;
			r->tree_set = true;
		}
		return;
	}
	analyzer = index_by_name(name, version);
	if (analyzer >= 0)
		r->evidence[analyzer] = bytes;
}

static int read_sections(struct record *r, struct rd *in, uint32_t count)
{
	struct rd table = *in;
	size_t table_bytes = (size_t)count * (SECTION_NAME_BYTES + 4 + 8 + 8);
	struct str data;

	if (count > SECTIONS_MAX || !rd_take(in, table_bytes))
		return -EBADMSG;
	while ((uintptr_t)(in->at - r->map.p) % 8 && rd_ok(in))
		rd_u8(in);
	data = str_n(in->at, rd_left(in));
	for (uint32_t i = 0; i < count; i++) {
		struct str name = rd_str(&table, SECTION_NAME_BYTES);
		uint32_t version = rd_le32(&table);
		uint64_t offset = rd_le64(&table);
		uint64_t size = rd_le64(&table);

		if (!rd_ok(&table) || offset > data.n || size > data.n - offset)
			return -EBADMSG;
		name.n = strnlen(name.p, name.n);
		place_section(r, name, version, str_n(data.p + offset, size));
	}
	return 0;
}

static int parse(struct record *r, struct err *e)
{
	struct rd in = rd_of(str_n(r->map.p, r->map.n));
	const uint8_t *magic = rd_take(&in, MAGIC_BYTES);
	const uint8_t *sealed = rd_take(&in, DIGEST_BYTES);
	const uint8_t *diff_id;
	struct digest seal;
	uint32_t sections;

	if (!rd_ok(&in) || memcmp(magic, MAGIC, MAGIC_BYTES) != 0)
		return err_set(e, -EBADMSG, "not a layer record");
	sha256_of(str_n(in.at, rd_left(&in)), &seal);
	if (memcmp(seal.byte, sealed, DIGEST_BYTES) != 0)
		return err_set(e, -EBADMSG, "the seal does not fit");
	diff_id = rd_take(&in, DIGEST_BYTES);
	r->codec = rd_le32(&in);
	sections = rd_le32(&in);
	r->blob_bytes = rd_le64(&in);
	r->plain_bytes = rd_le64(&in);
	r->entries = rd_le64(&in);
	if (!rd_ok(&in) || read_sections(r, &in, sections) < 0)
		return err_set(e, -EBADMSG, "damaged layer record");
	memcpy(r->diff_id.byte, diff_id, DIGEST_BYTES);
	r->diff_id.set = true;
	return 0;
}

int record_read_fd(struct record *ret, int fd, struct err *e)
{
	int r;

	record_init(ret);
	r = mapping_open(fd, &ret->map, e);
	if (r == 0 && ret->map.n > 2 * RECORD_BYTES_MAX)
		r = err_set(e, -E2BIG, "larger than any layer record");
	if (r == 0)
		r = parse(ret, e);
	if (r < 0)
		record_done(ret);
	return r;
}

int record_read(struct record *ret, int dir_fd, const char *name, struct err *e)
{
	auto_close int fd = fd_open(dir_fd, name, O_RDONLY | O_NOFOLLOW);

	return fd < 0 ? fd : record_read_fd(ret, fd, e);
}
