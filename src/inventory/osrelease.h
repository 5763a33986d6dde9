/* osrelease: what release files say of the operating system, one FACT_RELEASE a file. Which of them is to be believed
 * is decided at the merge (release.h). docs/formats/os-release.md.
 *
 * Reads os-release and lsb-release (assignments in shell quoting), debian_version, alpine-release, arch-release,
 * SuSE-release, and the one-line files of the RPM world ("Rocky Linux release 9.3 (Blue Onyx)"). A line that is not
 * known gives a release with `name` only: told, not guessed. */
#ifndef INVENTORY_OSRELEASE_H
#define INVENTORY_OSRELEASE_H

#include "base/err.h"
#include "inventory/file.h"
#include "model/facts.h"

/* As struct analyzer's read(). */
int osrelease_read(struct file *f, struct facts *ret, struct err *e) must_check;

#endif
