/* rpm_bdb: the values of a BerkeleyDB hash file ("Packages" up to RHEL 8), in either byte order.
 *
 * Reads every hash page in the order of the file, without the hash: each odd item is a value, on the page itself or in
 * a chain of overflow pages. Each overflow page is used at most once. -ENOTSUP for encrypted or checksummed files and
 * for other access methods than hash. */
#ifndef INVENTORY_RPM_BDB_H
#define INVENTORY_RPM_BDB_H

#include "inventory/rpm_blobs.h"

bool rpm_bdb_probe(struct str file);
int rpm_bdb_read(struct str file, const struct rpm_blobs *to, struct err *e) must_check;

#endif
