/* gpt: partition tables (UEFI specification 2.10, chapter 5): written whole, with the protective MBR and the second
 * copy at the disk's end, and read back with all that they have to say of themselves checked. Sectors of 512 bytes; 128
 * entries. */
#ifndef NODE_GPT_H
#define NODE_GPT_H

#include "base/err.h"
#include "base/mem.h"

#define GPT_SECTOR 512u
#define GPT_ENTRIES 128u
#define GPT_TABLE_SECTORS 34u /* MBR, header, entries: nothing else lies in them; at the end one less */
#define GPT_ENTRIES_SECTORS 32u
#define GPT_ENTRIES_AT 2u /* sector of the first copy's entries */
/* Where they lie while a table is replaced, behind the first copy: nobody's sectors where partitions begin at a MiB. */
#define GPT_SPARE_AT GPT_TABLE_SECTORS
#define GPT_HEAD_SECTORS (GPT_SPARE_AT + GPT_ENTRIES_SECTORS)
#define GPT_NAME_MAX 36u /* characters of a partition's name; ASCII here */
#define GPT_UUID_TEXT 37 /* bytes of a UUID's text with the NUL */

struct gpt_uuid {
	uint8_t byte[16]; /* in the order of its text: mixed-endian on disk (appendix A) */
};

struct gpt_partition {
	struct gpt_uuid type, uuid;
	uint64_t first, sectors;
	uint64_t attributes;
	char name[GPT_NAME_MAX + 1];
};

struct gpt {
	struct gpt_uuid disk;
	uint64_t sectors;    /* of the whole disk */
	uint64_t entries_at; /* read: GPT_ENTRIES_AT, or GPT_SPARE_AT when a replacement was cut short */
	struct gpt_partition partition[GPT_ENTRIES];
	unsigned int count;
};

extern const struct gpt_uuid gpt_type_esp, gpt_type_root, gpt_type_data;

/* What lies in front of the partitions (GPT_TABLE_SECTORS) and behind them (one sector less). -EINVAL: partitions
 * overlap, or lie outside. */
int gpt_write(const struct gpt *g, uint8_t head[GPT_TABLE_SECTORS * GPT_SECTOR],
	      uint8_t tail[(GPT_TABLE_SECTORS - 1) * GPT_SECTOR], struct err *e) must_check;

/* Reads the first copy out of the disk's first GPT_TABLE_SECTORS sectors, or GPT_HEAD_SECTORS. -EBADMSG: not one, a
 * checksum that is wrong, partitions that overlap or lie outside; -ENOTSUP: another sector or entry size. A name's
 * characters outside ASCII become
 * '?'. */
int gpt_parse(struct str head, struct gpt *ret, struct err *e) must_check;

/* The disk has `sectors` by now: true when the partition of that name, which must be the last one, becomes larger by
 * that (it ends at a whole MiB), and the table with it. */
bool gpt_grow(struct gpt *g, uint64_t sectors, const char *name);

/* A table put in the place of the one that is on the disk, in steps: each synced before the next. After every step, and
 * in the middle of each where sectors are written whole, the first copy is one of the two tables: header and entries
 * are not written in one, so the entries lie at GPT_SPARE_AT in between. What is at GPT_SPARE_AT already is finished
 * first, with the table as it was read. */
#define GPT_STEPS 6u
struct gpt_step {
	uint64_t sector;
	struct str bytes; /* of struct gpt_steps */
};
struct gpt_steps {
	uint8_t head[GPT_TABLE_SECTORS * GPT_SECTOR], tail[(GPT_TABLE_SECTORS - 1) * GPT_SECTOR];
	uint8_t between[GPT_SECTOR];
	struct gpt_step v[GPT_STEPS];
};
/* -EINVAL as gpt_write(), or where a partition lies in the spare place. */
int gpt_replace(const struct gpt *g, struct gpt_steps *ret, struct err *e) must_check;

/* The partition of that name, NULL when there is none. */
const struct gpt_partition *gpt_find(const struct gpt *g, const char *name);

bool gpt_uuid_parse(struct str s, struct gpt_uuid *ret) must_check; /* "f9ca60a1-1462-9e31-28f2-2baab82820b4" */
char *gpt_uuid_text(const struct gpt_uuid *u, char text[GPT_UUID_TEXT]);

#endif
