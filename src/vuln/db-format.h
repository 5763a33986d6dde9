/* db-format: the layout of the database file, shared by its writer and its reader. docs/formats/db.md explains it.
 *
 * All numbers are little-endian. Texts are numbers too: the offset of the text in DB_STRINGS, where it stands as a
 * LEB128 length and its bytes; offset 0 is the empty text. A list is the index of a word in DB_LISTS that holds the
 * count, the members follow; index 0 is the empty list. */
#ifndef VULN_DB_FORMAT_H
#define VULN_DB_FORMAT_H

#include "base/str.h"

#define DB_MAGIC "YAGURADB"
#define DB_VERSION 2u
#define DB_HEADER_BYTES 256
#define DB_SECTION_ALIGN 64	  /* bytes: with it no body and no brief lies in two lines of the cache */
#define DB_FILE_MAX (2047u << 20) /* offsets are u32; the whole world's feeds make well under 200 MB */

/* Where things stand in the header. */
enum {
	DB_AT_MAGIC = 0,
	DB_AT_VERSION = 8,
	DB_AT_SECTIONS = 12, /* how many */
	DB_AT_SEAL = 16,     /* SHA-256 of everything from DB_AT_SIZE to the end */
	DB_AT_SIZE = 48,     /* u64: bytes of the file */
	DB_AT_PREVIOUS = 56, /* seal of the database the changes are relative to, zeros for none */
	DB_AT_BUILT = 88,    /* text */
	DB_AT_TABLE = 96,    /* per section: u32 offset, u32 bytes */
};

enum db_section {
	DB_STRINGS,
	DB_FEEDS,
	DB_NAMESPACES,
	DB_SLOTS, /* a power of two; linear probing from the low bits of the key's hash */
	DB_KEYS,
	DB_STATEMENTS, /* those of one key stand together, sorted by vulnerability */
	DB_BODIES,     /* what statements of many packages and ids have in common, as far as it decides anything */
	DB_REMARKS,    /* and what else they say; row for row with DB_BODIES */
	DB_LISTS,
	DB_VULNS,
	DB_BRIEFS, /* what decisions need of a vulnerability; row for row with DB_VULNS */
	DB_IDS,	   /* sorted by the hash of the text */
	DB_CHANGED,
	DB_SECTION_COUNT,
};

/* Words (u32) of one record in each section; 0: bytes. */
enum {
	DB_FEED_WORDS =
		19, /* name source date fetched failure warnings-list records(2) warnings(2) has-digest digest(8) */
	DB_NS_WORDS = 2,	/* text, keys */
	DB_SLOT_WORDS = 2,	/* high half of the hash, key + 1 (0: free) */
	DB_KEY_WORDS = 6,	/* namespace, name, first statement, statements, hash(2) */
	DB_STATEMENT_WORDS = 2, /* vulnerability, body */
	DB_BODY_WORDS = 8,	/* see enum db_body_word */
	DB_REMARK_WORDS = 2,
	DB_VULN_WORDS = 9,    /* id aliases-list title vector cwes-list kev-date published epss percentile */
	DB_BRIEF_WORDS = 2,   /* low half of the id's hash, rating */
	DB_ID_WORDS = 2,      /* text, vulnerability */
	DB_CHANGED_WORDS = 2, /* namespace, name */
};

static const uint8_t db_record_words[DB_SECTION_COUNT] = {
	[DB_FEEDS] = DB_FEED_WORDS,
	[DB_NAMESPACES] = DB_NS_WORDS,
	[DB_SLOTS] = DB_SLOT_WORDS,
	[DB_KEYS] = DB_KEY_WORDS,
	[DB_STATEMENTS] = DB_STATEMENT_WORDS,
	[DB_BODIES] = DB_BODY_WORDS,
	[DB_REMARKS] = DB_REMARK_WORDS,
	[DB_LISTS] = 1,
	[DB_VULNS] = DB_VULN_WORDS,
	[DB_BRIEFS] = DB_BRIEF_WORDS,
	[DB_IDS] = DB_ID_WORDS,
	[DB_CHANGED] = DB_CHANGED_WORDS,
};

/* The words of a body, then those of its remark. */
enum db_body_word {
	BODY_SAID, /* the id the feed used; 0 while it is that of the vulnerability */
	BODY_MODULE,
	BODY_ARCH,
	BODY_CHANNEL,
	BODY_RANGES,   /* list: introduced, fixed, last_affected of each */
	BODY_VERSIONS, /* list */
	BODY_WHAT,
	BODY_FEED,
	BODY_BULLETIN,
	BODY_REASON,
	BODY_WORDS,
};

/* The word "what" of a body. */
#define DB_WHAT_STATUS 0x0000ffu
#define DB_WHAT_SEVERITY_SHIFT 8
#define DB_WHAT_SEVERITY 0x00ff00u
#define DB_WHAT_BINARY 0x010000u
#define DB_WHAT_UNIMPORTANT 0x020000u

/* The word "rating" of a brief: score in hundredths, severity, flags. */
#define DB_RATING_SCORE 0x00ffffu /* 0xffff: unknown */
#define DB_RATING_SEVERITY_SHIFT 16
#define DB_RATING_SEVERITY 0xff0000u
#define DB_RATING_KEV 0x1000000u
#define DB_RATING_WITHDRAWN 0x2000000u
#define DB_SCORE_SCALE 100
#define DB_EPSS_SCALE 1000000000 /* EPSS in the file: whole billionths, DB_EPSS_UNKNOWN for none */
#define DB_EPSS_UNKNOWN 0xffffffffu

static inline uint64_t db_key_hash(struct str ns, struct str name)
{
	return str_hash(name, str_hash(ns, 0));
}

static inline uint32_t db_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

#endif
