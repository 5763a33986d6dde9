/* rpm_sqlite: the column "blob" of the table "Packages" in an SQLite 3 file (https://www.sqlite.org/fileformat2.html).
 *
 * Reads the main file only: what a write-ahead log beside it holds is not seen. Every page is visited at most once, so
 * a file that loops ends; depth is bounded by SQLITE_DEPTH_MAX. -EBADMSG: no SQLite file, or no such table, or its tree
 * cannot be walked; a bad cell is told to `damage` and passed over. */
#ifndef INVENTORY_RPM_SQLITE_H
#define INVENTORY_RPM_SQLITE_H

#include "inventory/rpm_blobs.h"

bool rpm_sqlite_probe(struct str file);
int rpm_sqlite_read(struct str file, const struct rpm_blobs *to, struct err *e) must_check;

#endif
