/* rpm: the package database of the RPM world. docs/formats/rpm.md.
 *
 * One header (rpm_header.h) a package, kept in one of three containers: an SQLite table (rpm_sqlite.h), rpm's own "ndb"
 * (rpm_ndb.h), or a BerkeleyDB hash (rpm_bdb.h). Which one is seen by the first bytes, not by the file's name. Keys of
 * the kind "gpg-pubkey" are no packages and left out.
 *
 * A header that cannot be read is noted and passed over; a container that cannot be walked further is an error, what
 * was found before stays. SQLite's write-ahead log lies in a file of its own, which is never merged here: when it
 * holds anything, a note says so.
 *
 * rpm_manifest_read(): /var/lib/rpmmanifest/container-manifest-2 of Azure Linux and Mariner distroless images. */
#ifndef INVENTORY_RPM_H
#define INVENTORY_RPM_H

#include "base/err.h"
#include "inventory/file.h"
#include "model/facts.h"

/* As struct analyzer's read(). */
int rpm_database_read(struct file *f, struct facts *ret, struct err *e) must_check;
int rpm_manifest_read(struct file *f, struct facts *ret, struct err *e) must_check;

#endif
