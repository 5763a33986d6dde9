/* hint: the commands that repair what can be repaired. Only for report/. */
#ifndef REPORT_HINT_H
#define REPORT_HINT_H

#include "base/buf.h"
#include "model/inventory.h"

/* Appends lines, each with `indent` in front, for the packages of one type that an upgrade repairs; nothing where no
 * command is known. Names with anything but letters, digits and "@%+,-./:_~" are left out: lines are made to be copied
 * into a shell, and names are foreign. */
void hint_add(struct buf *b, const struct inventory *inv, enum pkg_type type, const uint32_t *packages, size_t count,
	      const char *indent, size_t columns);

#endif
