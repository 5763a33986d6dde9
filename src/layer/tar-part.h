/* tar-part: what the files tar*.c share with each other and with nobody else: reading what extensions say. */
#ifndef LAYER_TAR_PART_H
#define LAYER_TAR_PART_H

#include "layer/tar.h"

#define SIZE_MAX_63 ((uint64_t)INT64_MAX) /* bytes; what off_t holds */

/* -EBADMSG, and where it is. */
int tar_bad(const struct tar *t, struct err *e, const char *what);

/* One region more in the map of a sparse file. */
int tar_map_add(struct tar *t, uint64_t offset, uint64_t bytes, struct err *e) must_check;
/* One block of a 1.0 map in front of the body: decimal numbers, each with a newline, first how many regions. 1: that
 * was all of it. */
int tar_map_text_block(struct tar *t, const uint8_t *block, struct err *e) must_check;
/* The whole map: regions in order, apart, inside the file, and together just what is stored. */
int tar_map_check(struct tar *t, struct err *e) must_check;
void tar_map_forget(struct tar *t);

/* The records of a pax header; `apply`: they speak of the entry that follows, else they are only looked at. */
int tar_pax_parse(struct tar *t, struct str all, bool apply, struct err *e) must_check;

#endif
