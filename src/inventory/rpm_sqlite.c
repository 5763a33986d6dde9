/* rpm_sqlite: the table "Packages" of an SQLite 3 file. See rpm_sqlite.h; numbers in brackets are sections of
 * https://www.sqlite.org/fileformat2.html. All numbers are big-endian. */
#include "inventory/rpm_sqlite.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rd.h"

#define FILE_HEAD_BYTES 100u /* [1.3] */
#define PAGE_BYTES_MIN 512u
#define SQLITE_DEPTH_MAX 20 /* a tree of pages with two cells each is that deep at a million rows */
#define COLUMNS_MAX 64	    /* of a record that is looked at; sqlite_schema has 5, Packages 2 */

enum { PAGE_INTERIOR = 0x05, PAGE_LEAF = 0x0d }; /* [1.6] table b-tree pages */

struct sqlite {
	struct str file;
	uint32_t page_bytes;
	uint32_t usable; /* page_bytes without the reserved space at its end */
	uint32_t pages;
	uint8_t *used; /* one per page, from 1: visited */
	const struct rpm_blobs *to;
	struct buf record; /* of a row that spreads over pages */
	uint32_t root;	   /* of Packages, once found */
	void (*row)(struct sqlite *s, struct str record, uint64_t rowid);
};

/* [1.6] 1 to 9 bytes, the last one whole. */
static uint64_t take_varint(struct rd *r)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++) {
		uint8_t b = rd_u8(r);

		v = v << 7 | (b & 0x7f);
		if (!(b & 0x80))
			return v;
	}
	return v << 8 | rd_u8(r);
}

/* Marks a page as visited; NULL when there is no such page or it was visited before. */
static const uint8_t *enter_page(struct sqlite *s, uint32_t number)
{
	if (!number || number > s->pages || s->used[number])
		return NULL;
	s->used[number] = 1;
	return (const uint8_t *)s->file.p + (size_t)(number - 1) * s->page_bytes;
}

/* [2.1] How bytes of a column are told by its serial type. */
static uint64_t column_bytes(uint64_t type)
{
	static const uint8_t fixed[] = { 0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0 };

	return type < ARRAY_LEN(fixed) ? fixed[type] : (type - 12) / 2;
}

/* Column `index` of a record; false when the record is damaged or has fewer. */
static bool take_column(struct str record, unsigned int index, uint64_t *ret_type, struct str *ret)
{
	struct rd r = rd_of(record), types;
	uint64_t head = take_varint(&r), skip = 0, type = 0;
	size_t head_bytes = (size_t)(r.at - (const uint8_t *)record.p);

	if (!rd_ok(&r) || head < head_bytes || head > record.n)
		return false;
	types = rd_of(str_n(record.p + head_bytes, head - head_bytes));
	for (unsigned int i = 0; i <= index && i < COLUMNS_MAX; i++) {
		uint64_t bytes;

		if (!rd_left(&types))
			return false;
		type = take_varint(&types);
		bytes = column_bytes(type);
		if (!rd_ok(&types) || bytes > record.n - head - skip)
			return false;
		if (i == index) {
			*ret_type = type;
			*ret = str_n(record.p + head + skip, bytes);
			return true;
		}
		skip += bytes;
	}
	return false;
}

/* [1.6] What of a payload of n bytes stands on the leaf itself. */
static uint64_t local_bytes(const struct sqlite *s, uint64_t n)
{
	uint64_t most = s->usable - 35, least = (s->usable - 12) * 32 / 255 - 23;
	uint64_t k = least + (n - least) % (s->usable - 4);

	if (n <= most)
		return n;
	return k <= most ? k : least;
}

/* Gathers a payload whose first bytes are `head` and whose rest begins on page `number`. */
static bool take_overflow(struct sqlite *s, struct str head, uint64_t bytes, uint32_t number)
{
	if (bytes > RPM_BLOB_MAX)
		return false;
	buf_clear(&s->record);
	buf_str(&s->record, head);
	while (s->record.n < bytes) {
		const uint8_t *page = enter_page(s, number);
		size_t here = bytes - s->record.n;
		struct rd r;

		if (!page)
			return false;
		if (here > s->usable - 4)
			here = s->usable - 4;
		r = (struct rd){ page, page + s->page_bytes, false };
		number = rd_be32(&r);
		buf_add(&s->record, page + 4, here);
	}
	return buf_finish(&s->record) == 0;
}

/* [1.6] Table leaf cell: payload length, row id, payload, first overflow page. Returns the payload's bytes on the page:
 * cells never overlap in a good file, so that a page cannot hold more of them than it is long. */
static uint64_t read_cell(struct sqlite *s, const uint8_t *page, uint32_t at, uint32_t number)
{
	struct rd r = { page + at, page + s->usable, false };
	uint64_t bytes = take_varint(&r);
	uint64_t rowid = take_varint(&r);
	uint64_t local = local_bytes(s, bytes);
	struct str record;

	if (local > rd_left(&r)) {
		s->to->damage(s->to->ctx, "SQLite: cell is cut short on page", number);
		return 0;
	}
	record = rd_str(&r, local);
	if (local < bytes) {
		uint32_t next = rd_be32(&r);

		if (!rd_ok(&r) || !take_overflow(s, record, bytes, next)) {
			s->to->damage(s->to->ctx, "SQLite: damaged overflow chain, row", rowid);
			return local;
		}
		record = buf_all(&s->record);
	}
	s->row(s, record, rowid);
	return local;
}

static void walk(struct sqlite *s, uint32_t number, unsigned int depth);

static void read_page(struct sqlite *s, const uint8_t *page, uint32_t number, unsigned int depth)
{
	struct rd head = { page, page + s->usable, false };
	uint64_t taken = 0;
	uint32_t cells, last;
	uint8_t type;

	if (number == 1)
		rd_take(&head, FILE_HEAD_BYTES);
	type = rd_u8(&head);
	rd_take(&head, 2); /* first free block */
	cells = rd_be16(&head);
	rd_take(&head, 3); /* start of the cells, fragmented bytes */
	last = type == PAGE_INTERIOR ? rd_be32(&head) : 0;
	if ((type != PAGE_INTERIOR && type != PAGE_LEAF) || cells > rd_left(&head) / 2) {
		s->to->damage(s->to->ctx, "SQLite: damaged table page", number);
		return;
	}
	for (uint32_t i = 0; i < cells; i++) {
		uint32_t at = rd_be16(&head);
		struct rd cell;

		if (at < 8 || at > s->usable - 4) {
			s->to->damage(s->to->ctx, "SQLite: cell out of place on page", number);
			continue;
		}
		cell = (struct rd){ page + at, page + s->usable, false };
		if (type == PAGE_LEAF && taken > s->usable) {
			s->to->damage(s->to->ctx, "SQLite: cells overlap on page", number);
			return;
		}
		if (type == PAGE_LEAF)
			taken += read_cell(s, page, at, number);
		else
			walk(s, rd_be32(&cell), depth + 1);
	}
	if (type == PAGE_INTERIOR)
		walk(s, last, depth + 1);
}

static void walk(struct sqlite *s, uint32_t number, unsigned int depth)
{
	const uint8_t *page = depth < SQLITE_DEPTH_MAX ? enter_page(s, number) : NULL;

	if (page)
		read_page(s, page, number, depth);
	else
		s->to->damage(s->to->ctx, "SQLite: page missing or met twice", number);
}

/* [2.6] A row of sqlite_schema: type, name, tbl_name, rootpage, sql. */
static void schema_row(struct sqlite *s, struct str record, uint64_t rowid unused_arg)
{
	struct str type, name, root;
	uint64_t kind;
	uint32_t number = 0;

	if (!take_column(record, 0, &kind, &type) || !take_column(record, 1, &kind, &name) ||
	    !take_column(record, 3, &kind, &root))
		return;
	if (!str_is(type, "table") || !str_eq_nocase(name, STR("Packages")))
		return;
	if (kind == 9) /* [2.1] the constant 1 */
		number = 1;
	if (kind >= 1 && kind <= 4)
		for (size_t i = 0; i < root.n; i++)
			number = number << 8 | (uint8_t)root.p[i];
	s->root = number;
}

/* A row of Packages: hnum (the row id itself, stored as NULL), blob. */
static void package_row(struct sqlite *s, struct str record, uint64_t rowid)
{
	struct str blob;
	uint64_t type;

	if (take_column(record, 1, &type, &blob) && type >= 12 && type % 2 == 0)
		s->to->header(s->to->ctx, blob);
	else
		s->to->damage(s->to->ctx, "SQLite: row is not a package, row", rowid);
}

bool rpm_sqlite_probe(struct str file)
{
	return str_starts(file, str_n("SQLite format 3", 16));
}

static int read_head(struct sqlite *s, struct err *e)
{
	struct rd r = rd_of(s->file);
	uint8_t reserved;

	rd_take(&r, 16);
	s->page_bytes = rd_be16(&r);
	if (s->page_bytes == 1)
		s->page_bytes = 65536;
	rd_take(&r, 2); /* versions: 2 says write-ahead log, the main file reads the same */
	reserved = rd_u8(&r);
	if (!rd_ok(&r) || s->file.n < FILE_HEAD_BYTES || !rpm_sqlite_probe(s->file))
		return err_set(e, -EBADMSG, "no SQLite file");
	if (s->page_bytes < PAGE_BYTES_MIN || (s->page_bytes & (s->page_bytes - 1)) != 0 ||
	    s->page_bytes - reserved < 480) /* [1.3.4] */
		return err_set(e, -EBADMSG, "SQLite page size %u with %u reserved", s->page_bytes, reserved);
	s->usable = s->page_bytes - reserved;
	if (s->file.n / s->page_bytes >= UINT32_MAX)
		return err_set(e, -E2BIG, "SQLite file of %zu bytes", s->file.n);
	s->pages = (uint32_t)(s->file.n / s->page_bytes);
	return 0;
}

int rpm_sqlite_read(struct str file, const struct rpm_blobs *to, struct err *e)
{
	struct sqlite s = { .file = file, .to = to };
	auto_free uint8_t *used = NULL;
	int r = read_head(&s, e);

	if (r < 0)
		return r;
	s.used = used = xcalloc((size_t)s.pages + 1, 1); /* a byte per page of the file at hand */
	buf_init(&s.record, RPM_BLOB_MAX);
	s.row = schema_row;
	walk(&s, 1, 0);
	s.row = package_row;
	if (s.root)
		walk(&s, s.root, 0);
	buf_done(&s.record);
	return s.root ? 0 : err_set(e, -EBADMSG, "SQLite file has no table Packages");
}
