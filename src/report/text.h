/* text: foreign bytes on a terminal, and how wide they are there.
 *
 * What is no valid UTF-8, controls (C0, DEL, C1) and characters that turn the direction of writing become '?'. Widths
 * follow Unicode TR 11: East Asian wide and emoji take two columns, combining marks none. */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include "base/buf.h"

/* Appends s, cut to at most `columns` with "…" where it was cut; returns how many columns it takes. */
size_t text_add(struct buf *b, struct str s, size_t columns);
size_t text_width(struct str s);
/* text_add(), then spaces up to `columns`. */
void text_pad(struct buf *b, struct str s, size_t columns);
/* Appends s from column `used` on, broken at `columns` into as many lines as it takes, at most TEXT_FOLD_LINES: then it
 * is cut. Lines after the first begin with `indent` spaces (indent < columns). Returns the column behind it. */
size_t text_fold(struct buf *b, struct str s, size_t used, size_t columns, size_t indent);
#define TEXT_FOLD_LINES 16

#endif
