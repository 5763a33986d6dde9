/* pacman: the package database of Arch Linux. docs/formats/pacman.md.
 *
 * /var/lib/pacman/local/NAME-VERSION-RELEASE/ holds `desc` (one package) and `files` (what it owns; the package's name
 * is told by the directory only). Both are "%FIELD%" lines, each followed by values up to an empty line.
 * A desc without name or version is -EBADMSG. */
#ifndef INVENTORY_PACMAN_H
#define INVENTORY_PACMAN_H

#include "base/err.h"
#include "inventory/file.h"
#include "model/facts.h"

/* As struct analyzer's read(). */
int pacman_desc_read(struct file *f, struct facts *ret, struct err *e) must_check;
int pacman_files_read(struct file *f, struct facts *ret, struct err *e) must_check;

#endif
