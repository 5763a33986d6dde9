/* csv: rows of comma-separated values with a heading (RFC 4180), the wanted columns by name. Lines that begin with '#'
 * before the heading are passed over. */
#ifndef VULN_FEED_CSV_H
#define VULN_FEED_CSV_H

#include "base/err.h"
#include "base/mem.h"

#define CSV_COLUMNS_MAX 64 /* of a row, all that are there */

struct csv {
	const char *at, *end;
	size_t line;
	struct arena *arena; /* for fields with doubled quotes in them */
	size_t wanted;
	int place[CSV_COLUMNS_MAX]; /* column -> place in the caller's row, -1 not wanted */
};

/* -EBADMSG when a name is not in the heading. */
int csv_open(struct csv *ret, struct str text, const char *const *names, size_t count, struct arena *arena,
	     struct err *e) must_check;
/* 1 and the wanted fields (missing ones empty), 0 at the end, -EBADMSG for an unfinished quote. */
int csv_next(struct csv *c, struct str *ret_row, struct err *e) must_check;

#endif
