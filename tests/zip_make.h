/* zip_make: writes zip archives for tests, well-formed ones and, by the fields of zip_member_make, lying ones. */
#ifndef TESTS_ZIP_MAKE_H
#define TESTS_ZIP_MAKE_H

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include "base/buf.h"
#include "base/mem.h"

#define ZIP_MAKE_BYTES_MAX (1u << 30)

struct zip_make {
	struct buf out, directory;
	unsigned int members;
};

/* How one member is written. Zero: stored, honest. */
struct zip_how {
	bool deflate;
	uint16_t flags;
	uint16_t method;      /* instead of the real one, when not 0 */
	uint32_t plain_bytes; /* instead of the real one, when not 0 */
	uint32_t crc_flip;
	bool zip64; /* sizes and offset in the extra field */
};

static inline void zip_make_init(struct zip_make *z)
{
	buf_init(&z->out, ZIP_MAKE_BYTES_MAX);
	buf_init(&z->directory, ZIP_MAKE_BYTES_MAX);
	z->members = 0;
}

static inline void zip_make_done(struct zip_make *z)
{
	buf_done(&z->out);
	buf_done(&z->directory);
}

static inline void zip_make_le16(struct buf *b, uint16_t v)
{
	buf_char(b, (char)(v & 0xff));
	buf_char(b, (char)(v >> 8));
}

/* `wrapper` is IGZIP_DEFLATE (none, as in an archive) or IGZIP_ZLIB (RFC 1950). */
static inline struct str zip_make_deflate(struct str plain, uint16_t wrapper, uint8_t *to, size_t room)
{
	static struct isal_zstream s; /* too large for a stack frame */

	isal_deflate_stateless_init(&s);
	s.next_in = (uint8_t *)(uintptr_t)plain.p;
	s.avail_in = (uint32_t)plain.n;
	s.next_out = to;
	s.avail_out = (uint32_t)room;
	s.end_of_stream = 1;
	s.gzip_flag = wrapper;
	isal_deflate_stateless(&s);
	return str_n(to, s.total_out);
}

static inline void zip_make_add_how(struct zip_make *z, struct str name, struct str plain, struct zip_how how)
{
	size_t room = plain.n + plain.n / 8 + 4096;
	auto_free uint8_t *room_for_packed = how.deflate ? xmalloc(room) : NULL;
	struct str packed = how.deflate ? zip_make_deflate(plain, IGZIP_DEFLATE, room_for_packed, room) : plain;
	uint32_t crc = crc32_gzip_refl(0, (const unsigned char *)plain.p, plain.n) ^ how.crc_flip;
	uint16_t method = how.method ? how.method : how.deflate ? 8 : 0;
	uint32_t plain_bytes = how.plain_bytes ? how.plain_bytes : (uint32_t)plain.n;
	uint64_t offset = z->out.n;

	buf_le32(&z->out, 0x04034b50);
	zip_make_le16(&z->out, 20);
	zip_make_le16(&z->out, how.flags);
	zip_make_le16(&z->out, method);
	buf_le32(&z->out, 0);
	buf_le32(&z->out, crc);
	buf_le32(&z->out, (uint32_t)packed.n);
	buf_le32(&z->out, plain_bytes);
	zip_make_le16(&z->out, (uint16_t)name.n);
	zip_make_le16(&z->out, 0);
	buf_str(&z->out, name);
	buf_str(&z->out, packed);

	buf_le32(&z->directory, 0x02014b50);
	buf_le32(&z->directory, 20 | 20 << 16);
	zip_make_le16(&z->directory, how.flags);
	zip_make_le16(&z->directory, method);
	buf_le32(&z->directory, 0);
	buf_le32(&z->directory, crc);
	buf_le32(&z->directory, how.zip64 ? UINT32_MAX : (uint32_t)packed.n);
	buf_le32(&z->directory, how.zip64 ? UINT32_MAX : plain_bytes);
	zip_make_le16(&z->directory, (uint16_t)name.n);
	zip_make_le16(&z->directory, how.zip64 ? 28 : 0);
	zip_make_le16(&z->directory, 0);
	buf_le64(&z->directory, 0);
	buf_le32(&z->directory, how.zip64 ? UINT32_MAX : (uint32_t)offset);
	buf_str(&z->directory, name);
	if (how.zip64) {
		zip_make_le16(&z->directory, 1);
		zip_make_le16(&z->directory, 24);
		buf_le64(&z->directory, plain_bytes);
		buf_le64(&z->directory, packed.n);
		buf_le64(&z->directory, offset);
	}
	z->members++;
}

static inline void zip_make_add(struct zip_make *z, const char *name, struct str plain)
{
	zip_make_add_how(z, str_c(name), plain, (struct zip_how){ .deflate = true });
}

static inline void zip_make_end_record(struct zip_make *z, uint16_t members, uint32_t size, uint32_t offset,
				       struct str comment)
{
	buf_le32(&z->out, 0x06054b50);
	buf_le32(&z->out, 0);
	zip_make_le16(&z->out, members);
	zip_make_le16(&z->out, members);
	buf_le32(&z->out, size);
	buf_le32(&z->out, offset);
	zip_make_le16(&z->out, (uint16_t)comment.n);
	buf_str(&z->out, comment);
}

/* The archive; it lives in z. */
static inline struct str zip_make_end(struct zip_make *z, struct str comment)
{
	uint32_t offset = (uint32_t)z->out.n;

	buf_str(&z->out, buf_all(&z->directory));
	zip_make_end_record(z, (uint16_t)z->members, (uint32_t)z->directory.n, offset, comment);
	return buf_all(&z->out);
}

/* The same with zip64 end records (APPNOTE 4.3.14, 4.3.15). */
static inline struct str zip_make_end64(struct zip_make *z)
{
	uint64_t offset = z->out.n;
	uint64_t at;

	buf_str(&z->out, buf_all(&z->directory));
	at = z->out.n;
	buf_le32(&z->out, 0x06064b50);
	buf_le64(&z->out, 44);
	buf_le32(&z->out, 45 | 45 << 16);
	buf_le64(&z->out, 0);
	buf_le64(&z->out, z->members);
	buf_le64(&z->out, z->members);
	buf_le64(&z->out, z->directory.n);
	buf_le64(&z->out, offset);
	buf_le32(&z->out, 0x07064b50);
	buf_le32(&z->out, 0);
	buf_le64(&z->out, at);
	buf_le32(&z->out, 1);
	zip_make_end_record(z, UINT16_MAX, UINT32_MAX, UINT32_MAX, STR(""));
	return buf_all(&z->out);
}

#endif
