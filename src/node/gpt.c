/* gpt: partition tables. See gpt.h. */
#include "node/gpt.h"

#include "base/num.h"
#include "base/rd.h"

#define ENTRY_BYTES 128u
#define HEADER_BYTES 92u
#define REVISION 0x00010000u
#define ALIGN 2048u /* sectors: a MiB */
#define SIGNATURE STR("EFI PART")

/* UEFI 5.3.3; Discoverable Partitions Specification: root-verity would be of the tree alone, so a slot is Linux data.
 */
const struct gpt_uuid gpt_type_esp = { { 0xc1, 0x2a, 0x73, 0x28, 0xf8, 0x1f, 0x11, 0xd2, 0xba, 0x4b, 0x00, 0xa0, 0xc9,
					 0x3e, 0xc9, 0x3b } };
const struct gpt_uuid gpt_type_root = { { 0x4f, 0x68, 0xbc, 0xe3, 0xe8, 0xcd, 0x4d, 0xb1, 0x96, 0xe7, 0xfb, 0xca, 0xf9,
					  0x84, 0xb7, 0x09 } };
const struct gpt_uuid gpt_type_data = { { 0x0f, 0xc6, 0x3d, 0xaf, 0x84, 0x83, 0x47, 0x72, 0x8e, 0x79, 0x3d, 0x69, 0xd8,
					  0x47, 0x7d, 0xe4 } };

/* ---- UUIDs ---- */

/* Places of dashes in the text. */
static bool dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

bool gpt_uuid_parse(struct str s, struct gpt_uuid *ret)
{
	struct gpt_uuid u;
	size_t n = 0;

	if (s.n != GPT_UUID_TEXT - 1)
		return false;
	for (size_t i = 0; i < s.n;) {
		uint64_t v;

		if (dash_at(i)) {
			if (s.p[i++] != '-')
				return false;
			continue;
		}
		if (!num_u64(str_n(s.p + i, 2), 16, &v))
			return false;
		u.byte[n++] = (uint8_t)v;
		i += 2;
	}
	*ret = u;
	return true;
}

char *gpt_uuid_text(const struct gpt_uuid *u, char text[GPT_UUID_TEXT])
{
	const uint8_t *b = u->byte;

	snprintf(text, GPT_UUID_TEXT, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
		 b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return text;
}

/* Appendix A: the first three fields are little-endian. Its own inverse. */
static void uuid_swap(const uint8_t from[16], uint8_t to[16])
{
	static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

	for (size_t i = 0; i < 16; i++)
		to[i] = from[order[i]];
}

static bool uuid_is_zero(const struct gpt_uuid *u)
{
	static const struct gpt_uuid zero;

	return memcmp(u, &zero, sizeof(zero)) == 0;
}

/* ---- checksum, numbers ---- */

/* CRC-32 of IEEE 802.3 (UEFI 5.3.2). */
static uint32_t crc32(const uint8_t *p, size_t n)
{
	uint32_t c = ~0u;

	for (size_t i = 0; i < n; i++) {
		c ^= p[i];
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
	}
	return ~c;
}

static void put(uint8_t *p, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* ---- what is sound ---- */

static int check(const struct gpt *g, int code, struct err *e)
{
	uint64_t first = GPT_TABLE_SECTORS, end;

	if (g->sectors < 2 * GPT_TABLE_SECTORS || g->count > GPT_ENTRIES)
		return err_set(e, code, "partition table: a disk of %llu sectors", (unsigned long long)g->sectors);
	end = g->sectors - (GPT_TABLE_SECTORS - 1);
	for (unsigned int i = 0; i < g->count; i++) {
		const struct gpt_partition *p = &g->partition[i];

		if (p->first < first || p->first > end || !p->sectors || p->sectors > end - p->first)
			return err_set(e, code, "partition table: partition %u lies outside of the disk", i + 1);
		for (unsigned int k = 0; k < i; k++)
			if (p->first < g->partition[k].first + g->partition[k].sectors &&
			    g->partition[k].first < p->first + p->sectors)
				return err_set(e, code, "partition table: partitions %u and %u overlap", k + 1, i + 1);
	}
	return 0;
}

/* ---- writing ---- */

static void write_entries(const struct gpt *g, uint8_t *to)
{
	memset(to, 0, GPT_ENTRIES * ENTRY_BYTES);
	for (unsigned int i = 0; i < g->count; i++, to += ENTRY_BYTES) {
		const struct gpt_partition *p = &g->partition[i];

		uuid_swap(p->type.byte, to);
		uuid_swap(p->uuid.byte, to + 16);
		put(to + 32, p->first, 8);
		put(to + 40, p->first + p->sectors - 1, 8);
		put(to + 48, p->attributes, 8);
		for (size_t k = 0; k < GPT_NAME_MAX && p->name[k]; k++)
			put(to + 56 + 2 * k, (uint8_t)p->name[k], 2);
	}
}

_Static_assert(GPT_ENTRIES_SECTORS == GPT_ENTRIES * ENTRY_BYTES / GPT_SECTOR, "as the entries are large");

/* UEFI table 5.5 */
static void write_header(const struct gpt *g, uint8_t *to, uint64_t at, uint64_t other, uint64_t entries_at,
			 const uint8_t *entries)
{
	memset(to, 0, GPT_SECTOR);
	memcpy(to, SIGNATURE.p, SIGNATURE.n);
	put(to + 8, REVISION, 4);
	put(to + 12, HEADER_BYTES, 4);
	put(to + 24, at, 8);
	put(to + 32, other, 8);
	put(to + 40, (at == 1 ? entries_at : GPT_ENTRIES_AT) + GPT_ENTRIES_SECTORS, 8);
	put(to + 48, g->sectors - GPT_TABLE_SECTORS, 8);
	uuid_swap(g->disk.byte, to + 56);
	put(to + 72, entries_at, 8);
	put(to + 80, GPT_ENTRIES, 4);
	put(to + 84, ENTRY_BYTES, 4);
	put(to + 88, crc32(entries, GPT_ENTRIES * ENTRY_BYTES), 4);
	put(to + 16, crc32(to, HEADER_BYTES), 4);
}

/* UEFI 5.2.3: one partition over all of the disk, for those who know no GPT. */
static void write_protective_mbr(const struct gpt *g, uint8_t *to)
{
	uint64_t n = g->sectors - 1;

	memset(to, 0, GPT_SECTOR);
	to[446 + 2] = 2; /* first sector as cylinder, head, sector */
	to[446 + 4] = 0xee;
	memset(to + 446 + 5, 0xff, 3);
	put(to + 446 + 8, 1, 4);
	put(to + 446 + 12, n > UINT32_MAX ? UINT32_MAX : n, 4);
	to[510] = 0x55;
	to[511] = 0xaa;
}

int gpt_write(const struct gpt *g, uint8_t head[GPT_TABLE_SECTORS * GPT_SECTOR],
	      uint8_t tail[(GPT_TABLE_SECTORS - 1) * GPT_SECTOR], struct err *e)
{
	uint64_t last = g->sectors - 1;
	int r = check(g, -EINVAL, e);

	if (r < 0)
		return r;
	write_protective_mbr(g, head);
	write_entries(g, tail);
	memcpy(head + GPT_ENTRIES_AT * GPT_SECTOR, tail, (size_t)GPT_ENTRIES_SECTORS * GPT_SECTOR);
	write_header(g, head + GPT_SECTOR, 1, last, GPT_ENTRIES_AT, tail);
	write_header(g, tail + (size_t)GPT_ENTRIES_SECTORS * GPT_SECTOR, last, 1, last - GPT_ENTRIES_SECTORS, tail);
	return 0;
}

int gpt_replace(const struct gpt *g, struct gpt_steps *ret, struct err *e)
{
	int r = gpt_write(g, ret->head, ret->tail, e);
	struct str header = str_n(ret->head + GPT_SECTOR, GPT_SECTOR);
	struct str entries = str_n(ret->tail, (size_t)GPT_ENTRIES_SECTORS * GPT_SECTOR);
	const struct gpt_step steps[GPT_STEPS] = {
		{ g->sectors - (GPT_TABLE_SECTORS - 1), str_n(ret->tail, sizeof(ret->tail)) },
		{ GPT_SPARE_AT, entries },
		{ 1, str_n(ret->between, GPT_SECTOR) },
		{ GPT_ENTRIES_AT, entries },
		{ 1, header },
		{ 0, str_n(ret->head, GPT_SECTOR) },
	};

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < g->count; i++)
		if (g->partition[i].first < GPT_HEAD_SECTORS)
			return err_set(e, -EINVAL, "partition table: partition %u begins too early", i + 1);
	write_header(g, ret->between, 1, g->sectors - 1, GPT_SPARE_AT, ret->tail);
	memcpy(ret->v, steps, sizeof(ret->v));
	return 0;
}

bool gpt_grow(struct gpt *g, uint64_t sectors, const char *name)
{
	uint64_t end = sectors < GPT_TABLE_SECTORS ? 0 : (sectors - (GPT_TABLE_SECTORS - 1)) / ALIGN * ALIGN;
	struct gpt_partition *last = NULL;

	for (unsigned int i = 0; i < g->count; i++) {
		if (strchr(g->partition[i].name, '?'))
			return false; /* a name that we could not write again */
		if (!last || g->partition[i].first > last->first)
			last = &g->partition[i];
	}
	if (!last || strcmp(last->name, name) != 0 || sectors <= g->sectors || end <= last->first + last->sectors)
		return false;
	last->sectors = end - last->first;
	g->sectors = sectors;
	return true;
}

/* ---- reading ---- */

static int read_header(struct str head, struct gpt *g, struct err *e)
{
	uint8_t raw[GPT_SECTOR];
	struct rd r = rd_of(str_n(raw, sizeof(raw)));
	uint32_t crc, entries, entry_bytes, entries_crc;
	uint64_t at, other, entries_at;
	const uint8_t *uuid;

	memcpy(raw, head.p + GPT_SECTOR, sizeof(raw));
	if (!str_starts(str_n(raw, sizeof(raw)), SIGNATURE))
		return err_set(e, -EBADMSG, "no partition table");
	rd_take(&r, 12);
	if (rd_le32(&r) != HEADER_BYTES)
		return err_set(e, -ENOTSUP, "partition table: a header of another size");
	crc = rd_le32(&r);
	rd_take(&r, 4);
	at = rd_le64(&r);
	other = rd_le64(&r);
	rd_take(&r, 16);
	uuid = rd_take(&r, 16);
	uuid_swap(uuid, g->disk.byte);
	entries_at = rd_le64(&r);
	entries = rd_le32(&r);
	entry_bytes = rd_le32(&r);
	entries_crc = rd_le32(&r);
	memset(raw + 16, 0, 4);
	if (crc != crc32(raw, HEADER_BYTES) || at != 1)
		return err_set(e, -EBADMSG, "partition table: the header's checksum is wrong");
	if (entries != GPT_ENTRIES || entry_bytes != ENTRY_BYTES ||
	    (entries_at != GPT_ENTRIES_AT && entries_at != GPT_SPARE_AT) ||
	    head.n < (entries_at + GPT_ENTRIES_SECTORS) * GPT_SECTOR)
		return err_set(e, -ENOTSUP, "partition table: %u entries of %u bytes", entries, entry_bytes);
	if (entries_crc != crc32((const uint8_t *)head.p + entries_at * GPT_SECTOR, GPT_ENTRIES * ENTRY_BYTES))
		return err_set(e, -EBADMSG, "partition table: the entries' checksum is wrong");
	if (other == UINT64_MAX)
		return err_set(e, -EBADMSG, "partition table: the second copy lies nowhere");
	g->sectors = other + 1;
	g->entries_at = entries_at;
	return 0;
}

static int read_entry(struct rd *r, struct gpt *g, struct err *e)
{
	struct gpt_partition p = { 0 };
	const uint8_t *raw = rd_take(r, 32);
	bool ended = false;
	uint64_t last;

	uuid_swap(raw, p.type.byte);
	uuid_swap(raw + 16, p.uuid.byte);
	p.first = rd_le64(r);
	last = rd_le64(r);
	p.attributes = rd_le64(r);
	for (size_t i = 0; i < GPT_NAME_MAX; i++) {
		uint16_t c = rd_le16(r);

		ended |= !c;
		p.name[i] = ended ? 0 : c >= ' ' && c <= '~' ? (char)c : '?';
	}
	if (uuid_is_zero(&p.type))
		return 0;
	if (last < p.first || last == UINT64_MAX)
		return err_set(e, -EBADMSG, "partition table: a partition ends before it begins");
	p.sectors = last - p.first + 1;
	g->partition[g->count++] = p;
	return 0;
}

int gpt_parse(struct str head, struct gpt *ret, struct err *e)
{
	struct gpt g = { 0 };
	struct rd r;
	int s;

	if (head.n < (size_t)GPT_TABLE_SECTORS * GPT_SECTOR)
		return err_set(e, -EBADMSG, "partition table: cut short");
	s = read_header(head, &g, e);
	r = rd_of(s < 0 ? STR_NONE : str_from(head, g.entries_at * GPT_SECTOR));
	for (unsigned int i = 0; i < GPT_ENTRIES && s == 0; i++)
		s = read_entry(&r, &g, e);
	s = s < 0 ? s : check(&g, -EBADMSG, e);
	if (s == 0)
		*ret = g;
	return s;
}

const struct gpt_partition *gpt_find(const struct gpt *g, const char *name)
{
	for (unsigned int i = 0; i < g->count; i++)
		if (strcmp(g->partition[i].name, name) == 0)
			return &g->partition[i];
	return NULL;
}
