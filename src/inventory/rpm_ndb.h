/* rpm_ndb: the package file of rpm's own database "ndb" (rpm 4.14 and later; SUSE's default).
 *
 * Slots of 16 bytes point to blobs; each blob has a head, a tail and an Adler-32, all of which are checked. Blobs never
 * overlap in a good file: no more bytes are handed out than the file has. */
#ifndef INVENTORY_RPM_NDB_H
#define INVENTORY_RPM_NDB_H

#include "inventory/rpm_blobs.h"

bool rpm_ndb_probe(struct str file);
int rpm_ndb_read(struct str file, const struct rpm_blobs *to, struct err *e) must_check;

#endif
