/* evidence: what the readers of package databases have in common. */
#ifndef INVENTORY_EVIDENCE_H
#define INVENTORY_EVIDENCE_H

#include "base/err.h"
#include "inventory/file.h"
#include "model/facts.h"

/* The whole file: 0, -EAGAIN while it is not at hand, -E2BIG when it may not be held. */
int evidence_text(struct file *f, struct str *ret, struct err *e) must_check;

/* The files of one package, as its database names them: cleaned into normal paths, the root itself left out, names that
 * cannot be paths (path_normal) counted and told in one note. Start with { .facts = ret }. */
struct owned_files {
	struct facts *facts;
	size_t bad;
};
void owned_add(struct owned_files *o, struct str path);
void owned_end(struct owned_files *o, struct str package, struct str arch); /* ready for the next package */

#endif
