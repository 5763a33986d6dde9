/* apk: the package database of Alpine, Wolfi and Chainguard. docs/formats/apk.md.
 *
 * apk_installed_read(): /lib/apk/db/installed (and /usr/lib/...): packages and their files.
 * apk_repositories_read(): /etc/apk/repositories and repositories.d: a property "apk.repository" per active line; the
 * branch in them decides which advisories count (release.h).
 *
 * A package without name or version is skipped with a note. Source: apk(5), "apk-package(5)" INDEX fields; apk-tools 2
 * and 3 both write the text form read here. */
#ifndef INVENTORY_APK_H
#define INVENTORY_APK_H

#include "base/err.h"
#include "inventory/file.h"
#include "model/facts.h"

#define APK_REPOSITORY "apk.repository" /* key of the property */

/* As struct analyzer's read(). */
int apk_installed_read(struct file *f, struct facts *ret, struct err *e) must_check;
int apk_repositories_read(struct file *f, struct facts *ret, struct err *e) must_check;

#endif
