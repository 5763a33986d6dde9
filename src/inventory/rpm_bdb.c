/* rpm_bdb: BerkeleyDB hash files. See rpm_bdb.h. Layout after the BerkeleyDB 5.3 documentation and page dumps:
 *
 * page 0 (meta)  8 lsn, 4 page number, 4 magic, 4 version, 4 page size, 1 encryption, 1 type, 1 flags
 * every page     8 lsn, 4 page number, 4 previous, 4 next, 2 entries, 2 offset of the free space, 1 level, 1 type
 * hash page      2 bytes per item: its offset; items fill the page from its end downwards
 * item           1 type; 1: the bytes follow; 3: 3 unused, 4 first overflow page, 4 length in all
 * overflow page  "offset of the free space" is the number of bytes on it, which begin behind the page's head */
#include "inventory/rpm_bdb.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rd.h"

#define MAGIC_HASH 0x061561u
#define META_BYTES 72u
#define PAGE_HEAD_BYTES 26u
#define PAGE_BYTES_MIN 512u /* BerkeleyDB's own bounds */
#define PAGE_BYTES_MAX 65536u
#define FLAG_CHECKSUM 0x01u
#define HEADER_BYTES_MIN 16u /* smaller values are counters (key 0), no package headers */

enum { PAGE_HASH_UNSORTED = 2, PAGE_OVERFLOW = 7, PAGE_HASH_META = 8, PAGE_HASH = 13 };
enum { ITEM_KEYDATA = 1, ITEM_OFFPAGE = 3 };

struct bdb {
	struct str file;
	uint32_t page_bytes, pages;
	bool big;      /* byte order of the file */
	uint8_t *used; /* one per page: an overflow chain has gone over it */
	struct buf blob;
	const struct rpm_blobs *to;
};

static uint32_t get32(const struct bdb *d, const uint8_t *p)
{
	struct rd r = { p, p + 4, false };

	return d->big ? rd_be32(&r) : rd_le32(&r);
}

static uint32_t get16(const struct bdb *d, const uint8_t *p)
{
	struct rd r = { p, p + 2, false };

	return d->big ? rd_be16(&r) : rd_le16(&r);
}

static const uint8_t *page_at(const struct bdb *d, uint32_t number)
{
	return (const uint8_t *)d->file.p + (size_t)number * d->page_bytes;
}

bool rpm_bdb_probe(struct str file)
{
	static const struct bdb little = { .big = false }, big = { .big = true };
	const uint8_t *p = (const uint8_t *)file.p + 12;

	return file.n >= META_BYTES && (get32(&little, p) == MAGIC_HASH || get32(&big, p) == MAGIC_HASH);
}

/* Gathers `bytes` bytes from a chain of overflow pages into d->blob. */
static bool take_chain(struct bdb *d, uint32_t number, uint32_t bytes)
{
	buf_clear(&d->blob);
	while (d->blob.n < bytes) {
		const uint8_t *page;
		uint32_t here;

		if (!number || number >= d->pages || d->used[number])
			return false;
		d->used[number] = 1;
		page = page_at(d, number);
		here = get16(d, page + 22);
		if (page[25] != PAGE_OVERFLOW || !here || here > d->page_bytes - PAGE_HEAD_BYTES)
			return false;
		buf_add(&d->blob, page + PAGE_HEAD_BYTES, here);
		number = get32(d, page + 16);
	}
	return d->blob.n == bytes && buf_finish(&d->blob) == 0;
}

/* One value: `item` is what the page holds of it. */
static void take_value(struct bdb *d, struct str item, uint32_t page)
{
	const uint8_t *p = (const uint8_t *)item.p;

	if (item.n >= 1 && p[0] == ITEM_KEYDATA) {
		if (item.n - 1 >= HEADER_BYTES_MIN)
			d->to->header(d->to->ctx, str_from(item, 1));
	} else if (item.n >= 12 && p[0] == ITEM_OFFPAGE) {
		uint32_t bytes = get32(d, p + 8);

		if (bytes <= RPM_BLOB_MAX && take_chain(d, get32(d, p + 4), bytes))
			d->to->header(d->to->ctx, buf_all(&d->blob));
		else
			d->to->damage(d->to->ctx, "BerkeleyDB: damaged overflow chain of a value on page", page);
	} else {
		d->to->damage(d->to->ctx, "BerkeleyDB: value of unknown form on page", page);
	}
}

static void read_hash_page(struct bdb *d, uint32_t number)
{
	const uint8_t *page = page_at(d, number);
	uint32_t entries = get16(d, page + 20), upper = d->page_bytes;

	if (entries > (d->page_bytes - PAGE_HEAD_BYTES) / 2) {
		d->to->damage(d->to->ctx, "BerkeleyDB: impossible number of items on page", number);
		return;
	}
	for (uint32_t i = 0; i < entries; i++) {
		uint32_t at = get16(d, page + PAGE_HEAD_BYTES + (size_t)i * 2);

		if (at >= upper || at < PAGE_HEAD_BYTES + entries * 2) {
			d->to->damage(d->to->ctx, "BerkeleyDB: item out of place on page", number);
			return;
		}
		if (i % 2)
			take_value(d, str_n(page + at, upper - at), number);
		upper = at;
	}
}

static int read_meta(struct bdb *d, struct err *e)
{
	const uint8_t *p = (const uint8_t *)d->file.p;

	d->big = get32(d, p + 12) != MAGIC_HASH;
	d->page_bytes = get32(d, p + 20);
	if (d->page_bytes < PAGE_BYTES_MIN || d->page_bytes > PAGE_BYTES_MAX ||
	    (d->page_bytes & (d->page_bytes - 1)) != 0)
		return err_set(e, -EBADMSG, "BerkeleyDB page size %u", d->page_bytes);
	if (p[25] != PAGE_HASH_META)
		return err_set(e, -EBADMSG, "BerkeleyDB first page has type %u", p[25]);
	if (p[24] != 0 || (p[26] & FLAG_CHECKSUM) != 0)
		return err_set(e, -ENOTSUP, "BerkeleyDB file is encrypted or checksummed");
	if (d->file.n / d->page_bytes > UINT32_MAX)
		return err_set(e, -E2BIG, "BerkeleyDB file of %zu bytes", d->file.n);
	d->pages = (uint32_t)(d->file.n / d->page_bytes);
	return 0;
}

int rpm_bdb_read(struct str file, const struct rpm_blobs *to, struct err *e)
{
	struct bdb d = { .file = file, .to = to };
	auto_free uint8_t *used = NULL;
	uint32_t last;
	int r;

	if (!rpm_bdb_probe(file))
		return err_set(e, -ENOTSUP, "no BerkeleyDB hash file");
	r = read_meta(&d, e);
	if (r < 0)
		return r;
	d.used = used = xcalloc(d.pages, 1); /* a byte per page of the file at hand */
	buf_init(&d.blob, RPM_BLOB_MAX);
	for (uint32_t i = 1; i < d.pages; i++) {
		uint8_t type = page_at(&d, i)[25];

		if (type == PAGE_HASH || type == PAGE_HASH_UNSORTED)
			read_hash_page(&d, i);
	}
	buf_done(&d.blob);
	last = get32(&d, (const uint8_t *)file.p + 32);
	if (last >= d.pages)
		return err_set(e, -EBADMSG, "BerkeleyDB file is cut short: %u pages of %u", d.pages, last);
	return 0;
}
