/* rpm_ndb: rpm's own package file. See rpm_ndb.h. All numbers are little-endian. */
#include "inventory/rpm_ndb.h"

#include "base/rd.h"

#define PAGE_BYTES 4096u
#define SLOT_BYTES 16u
#define BLOCK_BYTES 16u
#define HEAD_BYTES 16u	      /* of a blob: magic, number, generation, length */
#define TAIL_BYTES 12u	      /* of a blob: Adler-32, length, magic */
#define FILE_HEAD_BYTES 32u   /* stands where the first two slots would be */
#define SLOT_PAGES_MAX 65536u /* 16 million packages */
#define ADLER_MOD 65521u      /* RFC 1950, 8.2 */
#define ADLER_RUN 5552u	      /* bytes that cannot overflow the sums before the remainder is taken */

static uint32_t adler32(const uint8_t *p, size_t n)
{
	uint32_t a = 1, b = 0;

	while (n) {
		size_t run = n < ADLER_RUN ? n : ADLER_RUN;

		n -= run;
		for (; run; run--) {
			a += *p++;
			b += a;
		}
		a %= ADLER_MOD;
		b %= ADLER_MOD;
	}
	return b << 16 | a;
}

bool rpm_ndb_probe(struct str file)
{
	return str_starts(file, STR("RpmP"));
}

/* The blob of package `number` in `all`, which are its blocks; false when anything about it is wrong. */
static bool take_blob(struct str all, uint32_t number, struct str *ret)
{
	struct rd r = rd_of(all), tail;
	struct str magic = rd_str(&r, 4), end;
	uint32_t found = rd_le32(&r), bytes, sum, again;

	rd_le32(&r); /* generation */
	bytes = rd_le32(&r);
	if (!rd_ok(&r) || !str_is(magic, "BlbS") || found != number)
		return false;
	if (all.n < HEAD_BYTES + TAIL_BYTES || bytes > all.n - HEAD_BYTES - TAIL_BYTES || bytes > RPM_BLOB_MAX)
		return false;
	tail = rd_of(str_from(all, all.n - TAIL_BYTES));
	sum = rd_le32(&tail);
	again = rd_le32(&tail);
	end = rd_str(&tail, 4);
	*ret = rd_str(&r, bytes);
	return str_is(end, "BlbE") && again == bytes && sum == adler32((const uint8_t *)all.p, all.n - TAIL_BYTES);
}

int rpm_ndb_read(struct str file, const struct rpm_blobs *to, struct err *e)
{
	struct rd head = rd_of(file), slots;
	uint64_t budget = file.n; /* bytes that blobs may still take: they do not overlap */
	uint32_t version, pages;

	rd_take(&head, 4);
	version = rd_le32(&head);
	rd_le32(&head); /* generation */
	pages = rd_le32(&head);
	if (!rd_ok(&head) || !rpm_ndb_probe(file))
		return err_set(e, -EBADMSG, "no ndb package file");
	if (version != 0)
		return err_set(e, -ENOTSUP, "ndb version %u", version);
	if (!pages || pages > SLOT_PAGES_MAX || (uint64_t)pages * PAGE_BYTES > file.n)
		return err_set(e, -EBADMSG, "ndb file has %u slot pages and %zu bytes", pages, file.n);
	slots = rd_of(str_n(file.p + FILE_HEAD_BYTES, (size_t)pages * PAGE_BYTES - FILE_HEAD_BYTES));
	for (uint64_t i = 0; rd_left(&slots) >= SLOT_BYTES; i++) {
		struct str magic = rd_str(&slots, 4), blob;
		uint32_t number = rd_le32(&slots);
		uint64_t offset = (uint64_t)rd_le32(&slots) * BLOCK_BYTES;
		uint64_t bytes = (uint64_t)rd_le32(&slots) * BLOCK_BYTES;

		if (!str_is(magic, "Slot"))
			return err_set(e, -EBADMSG, "ndb slot %llu is damaged", (unsigned long long)i);
		if (!number)
			continue;
		if (offset > file.n || bytes > file.n - offset || bytes > budget) {
			to->damage(to->ctx, "ndb: blob out of place, package number", number);
			continue;
		}
		budget -= bytes;
		if (take_blob(str_n(file.p + offset, bytes), number, &blob))
			to->header(to->ctx, blob);
		else
			to->damage(to->ctx, "ndb: damaged blob, package number", number);
	}
	return 0;
}
