/* ignore: answers that somebody has decided to live with, for how long and why.
 *
 * Lines "ID UNTIL REASON": an id or a pattern (str_glob), the last day it holds (2026-12-31), and a reason of at least
 * one word; '#' begins a comment line. What is past its day counts again. A line that is none of this is an error: an
 * exception with a typing error must not look granted. */
#ifndef HOST_IGNORE_H
#define HOST_IGNORE_H

#include "base/err.h"
#include "model/check.h"

#define IGNORE_BYTES_MAX (1u << 20)
#define IGNORE_LINES_MAX 10000

/* Marks the checks that failed or could not be assessed; *ret_expired is how many lines are past their day. The text
 * must outlive the audit. */
int ignore_apply(struct str text, uint64_t now_s, struct audit *a, size_t *ret_expired, struct err *e) must_check;

#endif
