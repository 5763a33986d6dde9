/* zip: the members of a zip archive held in memory. See zip.h. Section numbers are those of PKWARE's APPNOTE.TXT 6.3.9.
 */
#include "codec/zip.h"

#include <isa-l/crc.h>

#include "codec/inflate.h"

#define END_BYTES 22u /* 4.3.16, without the comment */
#define COMMENT_BYTES_MAX 65535u
#define END64_BYTES 56u	    /* 4.3.14, without the extensible data */
#define LOCATOR64_BYTES 20u /* 4.3.15 */
#define ENTRY_BYTES 46u	    /* 4.3.12, without name, extra and comment */
#define LOCAL_BYTES 30u	    /* 4.3.7, without name and extra */

#define SIGNATURE_LOCAL 0x04034b50u
#define SIGNATURE_ENTRY 0x02014b50u
#define SIGNATURE_END 0x06054b50u
#define SIGNATURE_END64 0x06064b50u
#define SIGNATURE_LOCATOR64 0x07064b50u
#define EXTRA_ZIP64 1 /* 4.5.3 */

#define FLAG_ENCRYPTED 1u /* 4.4.4 */
#define FLAG_MASKED 0x2000u
#define METHOD_STORED 0 /* 4.4.5 */
#define METHOD_DEFLATE 8

/* What an end record says; 64 bits wide whichever record said it. */
struct end {
	uint64_t at; /* where the record itself stands */
	uint64_t members, size, offset;
};

bool zip_probe(struct str head)
{
	return str_starts(head, STR("PK\3\4")) || str_starts(head, STR("PK\5\6"));
}

static uint32_t le32_at(struct str all, uint64_t at)
{
	struct rd r = rd_of(str_from(all, at));

	return rd_le32(&r);
}

/* 4.3.14: found through its locator, and, when bytes stand in front of the archive, right before the locator. */
static bool end64_read(struct str all, uint64_t locator, struct end *ret)
{
	struct rd r = rd_of(str_from(all, locator + 8));
	uint64_t at = rd_le64(&r);

	if (at > all.n || le32_at(all, at) != SIGNATURE_END64)
		at = locator - END64_BYTES;
	if (at > locator || locator - at < END64_BYTES || le32_at(all, at) != SIGNATURE_END64)
		return false;
	r = rd_of(str_from(all, at + 32));
	ret->at = at;
	ret->members = rd_le64(&r);
	ret->size = rd_le64(&r);
	ret->offset = rd_le64(&r);
	return rd_ok(&r);
}

static bool end_read(struct str all, uint64_t at, struct end *ret, uint16_t *ret_disk)
{
	struct rd r = rd_of(str_from(all, at + 4));

	*ret_disk = rd_le16(&r);
	rd_le16(&r);
	rd_le16(&r);
	ret->at = at;
	ret->members = rd_le16(&r);
	ret->size = rd_le32(&r);
	ret->offset = rd_le32(&r);
	/* 4.4.1.4: a field that is all ones has its value in the zip64 record. */
	if (ret->members != UINT16_MAX && ret->size != UINT32_MAX && ret->offset != UINT32_MAX)
		return rd_ok(&r);
	if (at >= LOCATOR64_BYTES && le32_at(all, at - LOCATOR64_BYTES) == SIGNATURE_LOCATOR64)
		return end64_read(all, at - LOCATOR64_BYTES, ret);
	return rd_ok(&r);
}

/* Where the directory starts: right before its end record, or, when something stands between the two (a signing
 * block), where the record says. UINT64_MAX when it fits nowhere. */
static uint64_t directory_start(struct str all, const struct end *end)
{
	uint64_t start, claimed_end;

	if (end->size > end->at)
		return UINT64_MAX;
	start = end->at - end->size;
	if (end->size < ENTRY_BYTES || (start >= end->offset && le32_at(all, start) == SIGNATURE_ENTRY))
		return start;
	if (add_ok(end->offset, end->size, &claimed_end) && claimed_end <= end->at &&
	    le32_at(all, end->offset) == SIGNATURE_ENTRY)
		return end->offset;
	return UINT64_MAX;
}

static int open_at(struct zip *ret, struct str all, uint64_t at, struct err *e)
{
	struct end end;
	uint64_t start, least;
	uint16_t disk;

	if (!end_read(all, at, &end, &disk))
		return err_set(e, -EBADMSG, "zip: end record is cut short");
	if (disk && disk != UINT16_MAX)
		return err_set(e, -ENOTSUP, "zip: archive in several parts");
	start = directory_start(all, &end);
	if (start == UINT64_MAX)
		return err_set(e, -EBADMSG, "zip: the directory is not where the end record says");
	if (!mul_ok(end.members, ENTRY_BYTES, &least) || least > end.size)
		return err_set(e, -EBADMSG, "zip: %llu members do not fit a directory of %llu bytes",
			       (unsigned long long)end.members, (unsigned long long)end.size);
	*ret = (struct zip){
		.all = all,
		.directory = rd_of(str_n(all.p + start, end.size)),
		.members = end.members,
		.base = start >= end.offset ? start - end.offset : 0,
	};
	return 0;
}

int zip_open(struct zip *ret, struct str all, struct err *e)
{
	uint64_t low = all.n > END_BYTES + COMMENT_BYTES_MAX ? all.n - END_BYTES - COMMENT_BYTES_MAX : 0;
	int r = err_set(e, -EBADMSG, "zip: no end record");

	if (all.n < END_BYTES)
		return r;
	/* The record stands last but for a comment, which might hold its signature: the last one that fits counts. */
	for (uint64_t at = all.n - END_BYTES + 1; at-- > low;) {
		if (all.p[at] != 'P' || le32_at(all, at) != SIGNATURE_END)
			continue;
		r = open_at(ret, all, at, e);
		if (r == 0)
			return 0;
	}
	return r;
}

/* 4.5.3: only the fields that are all ones in the entry stand in the extra field, in this order. */
static void zip64_extra(struct rd *extra, struct zip_member *m)
{
	while (rd_left(extra) >= 4) {
		uint16_t id = rd_le16(extra);
		uint16_t size = rd_le16(extra);
		struct rd field = rd_of(rd_str(extra, size));

		if (id != EXTRA_ZIP64 || !field.at)
			continue;
		if (m->plain_bytes == UINT32_MAX)
			m->plain_bytes = rd_le64(&field);
		if (m->packed_bytes == UINT32_MAX)
			m->packed_bytes = rd_le64(&field);
		if (m->header_offset == UINT32_MAX)
			m->header_offset = rd_le64(&field);
	}
}

int zip_next(struct zip *z, struct zip_member *ret, struct err *e)
{
	struct rd *r = &z->directory;
	struct zip_member m = { 0 };
	uint16_t flags, name_bytes, extra_bytes, comment_bytes;
	struct rd extra;

	/* The count of the end record wraps at 65,536 in archives of old tools, so the directory's size decides. What
	 * follows the last entry may be a digital signature (4.3.13). */
	if (rd_left(r) < ENTRY_BYTES || le32_at(str_n(r->at, 4), 0) != SIGNATURE_ENTRY) {
		if (r->bad || (rd_left(r) && le32_at(str_n(r->at, rd_left(r)), 0) == SIGNATURE_ENTRY))
			return err_set(e, -EBADMSG, "zip: directory is cut short");
		return 0;
	}
	rd_take(r, 8);
	flags = rd_le16(r);
	m.method = rd_le16(r);
	rd_take(r, 4);
	m.crc32 = rd_le32(r);
	m.packed_bytes = rd_le32(r);
	m.plain_bytes = rd_le32(r);
	name_bytes = rd_le16(r);
	extra_bytes = rd_le16(r);
	comment_bytes = rd_le16(r);
	rd_take(r, 8);
	m.header_offset = rd_le32(r);
	m.name = rd_str(r, name_bytes);
	extra = rd_of(rd_str(r, extra_bytes));
	rd_take(r, comment_bytes);
	if (!rd_ok(r))
		return err_set(e, -EBADMSG, "zip: directory is cut short");
	m.encrypted = flags & (FLAG_ENCRYPTED | FLAG_MASKED);
	zip64_extra(&extra, &m);
	*ret = m;
	return 1;
}

/* The packed bytes of a member. Name and extra field of the local header differ in length from the directory's. */
static int packed_bytes(const struct zip *z, const struct zip_member *m, struct str *ret, struct err *e)
{
	struct rd r;
	uint64_t at;
	uint16_t name_bytes, extra_bytes;

	if (!add_ok(z->base, m->header_offset, &at) || at > z->all.n)
		return err_set(e, -EBADMSG, "zip: member lies past the end");
	r = rd_of(str_from(z->all, at));
	if (rd_le32(&r) != SIGNATURE_LOCAL)
		return err_set(e, -EBADMSG, "zip: no member where the directory says");
	rd_take(&r, 22);
	name_bytes = rd_le16(&r);
	extra_bytes = rd_le16(&r);
	rd_take(&r, name_bytes);
	rd_take(&r, extra_bytes);
	if (m->packed_bytes > rd_left(&r))
		return err_set(e, -EBADMSG, "zip: member is cut short");
	*ret = rd_str(&r, m->packed_bytes);
	return 0;
}

static int unpack(const struct zip_member *m, struct str packed, struct buf *buf, struct str *ret, struct err *e)
{
	int r;

	if (m->method == METHOD_STORED) {
		*ret = packed;
		return packed.n == m->plain_bytes ? 0 : err_set(e, -EBADMSG, "zip: stored member has two sizes");
	}
	if (m->method != METHOD_DEFLATE)
		return err_set(e, -ENOTSUP, "zip: compression method %u", m->method);
	r = inflate_raw(packed, m->plain_bytes, buf, e);
	if (r == -E2BIG)
		return err_set(e, -EBADMSG, "zip: member is longer than it claims");
	if (r < 0)
		return r;
	*ret = buf_all(buf);
	return 0;
}

int zip_read(const struct zip *z, const struct zip_member *m, size_t max_bytes, struct buf *buf, struct str *ret_view,
	     struct err *e)
{
	struct str packed = STR_NONE, plain = STR_NONE;
	int r;

	*buf = (struct buf){ 0 };
	if (m->encrypted)
		return err_set(e, -ENOTSUP, "zip: encrypted member");
	if (m->plain_bytes > max_bytes)
		return err_set(e, -E2BIG, "zip: member of %llu bytes, more than is unpacked",
			       (unsigned long long)m->plain_bytes);
	r = packed_bytes(z, m, &packed, e);
	if (r < 0)
		return r;
	r = unpack(m, packed, buf, &plain, e);
	if (r < 0)
		return r;
	if (plain.n != m->plain_bytes)
		return err_set(e, -EBADMSG, "zip: member is shorter than it claims");
	if (crc32_gzip_refl(0, (const unsigned char *)plain.p, plain.n) != m->crc32)
		return err_set(e, -EBADMSG, "zip: member's checksum is wrong");
	*ret_view = plain;
	return 0;
}
