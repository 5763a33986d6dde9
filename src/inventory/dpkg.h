/* dpkg: the package database of Debian, Ubuntu and everything built from them. docs/formats/dpkg.md.
 *
 * Two analyzers. dpkg_status_read(): /var/lib/dpkg/status and, in distroless images, one file per package in
 * /var/lib/dpkg/status.d with a .md5sums file beside each. dpkg_list_read(): /var/lib/dpkg/info/NAME[:ARCH].list.
 *
 * A package counts as installed when its files are on the disk, in whole or in part: every state but "not-installed"
 * and "config-files", and also a paragraph without a Status line (distroless has none).
 *
 * A paragraph that names no package or no version is skipped with a note; a line that is no field is noted and passed
 * over. Limits: the table row (size), DPKG_FIELD_MAX. Source: deb-control(5), dpkg(1) "PACKAGE STATES". */
#ifndef INVENTORY_DPKG_H
#define INVENTORY_DPKG_H

#include "base/err.h"
#include "inventory/file.h"
#include "model/facts.h"

#define DPKG_FIELD_MAX 4096 /* bytes of a field we keep; longest in Debian 12: a Maintainer of 100 */

/* As struct analyzer's read(). */
int dpkg_status_read(struct file *f, struct facts *ret, struct err *e) must_check;
int dpkg_list_read(struct file *f, struct facts *ret, struct err *e) must_check;

#endif
