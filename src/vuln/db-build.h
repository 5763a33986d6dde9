/* db-build: what the three parts of the database builder share: db-build.c takes statements in, db-merge.c joins ids
 * that are one vulnerability, db-write.c puts all in order and writes. Callers use db.h.
 *
 * Texts, lists, bodies and keys are numbers of an intern table, so a statement is three of them. */
#ifndef VULN_DB_BUILD_H
#define VULN_DB_BUILD_H

#include "vuln/db-format.h"
#include "vuln/db.h"
#include "vuln/intern.h"

struct built_feed {
	struct feed_info info;
	VEC(struct str) warnings; /* the smallest DB_WARNINGS_KEPT, sorted */
};

struct built_statement {
	uint32_t key, body;
	uint32_t id; /* text as the feed has it; after the merge: index into `merged` */
};

/* A vuln_info as numbers. */
struct built_vuln {
	uint32_t id, aliases, title, vector, cwes, kev_date, published;
	uint32_t epss, percentile; /* billionths, DB_EPSS_UNKNOWN */
	uint32_t rating;	   /* as in the file */
};

enum {
	TEXT_ID,
	TEXT_BULLETIN,
	TEXT_NS,
	TEXT_NAME,
	TEXT_MODULE,
	TEXT_ARCH,
	TEXT_CHANNEL,
	TEXT_REASON,
	TEXT_OTHER,
	TEXT_COUNT
};

struct db_build {
	struct intern texts, lists, bodies, keys;
	VEC(struct built_feed) feeds;
	uint32_t feed; /* the present one */
	VEC(struct built_statement) statements;
	VEC(struct built_vuln) vulns;
	VEC(struct built_vuln) merged; /* after the merge: one per vulnerability that has statements */
	VEC(struct built_statement) resolved;
	uint32_t last[TEXT_COUNT]; /* feeds repeat themselves: the text last seen in each place */
	VEC(uint32_t) words;	   /* room for one list */
	struct arena arena;
	struct feed_sink sink;
	bool full; /* a limit was passed */
};

/* Fills merged and resolved: see db-merge.c. */
void db_merge(struct db_build *b);

#endif
