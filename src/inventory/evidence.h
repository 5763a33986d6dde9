/* evidence: what the readers of package databases have in common. */
#ifndef INVENTORY_EVIDENCE_H
#define INVENTORY_EVIDENCE_H

#include "base/err.h"
#include "inventory/file.h"
#include "model/facts.h"

/* The whole file: 0, -EAGAIN while it is not at hand, -E2BIG when it may not be held. */
int evidence_text(struct file *f, struct str *ret, struct err *e) must_check;

/* The files of the packages of one database, as it names them: cleaned into normal paths, the root itself left out,
 * names that cannot be paths (path_normal) counted and told in one note a package.
 *
 * Databases write a directory once for all its files. So that a small hostile one cannot name a long directory a
 * million times over, all names together may have OWNED_BYTES_FACTOR times the bytes of the evidence; a note says what
 * was cut. */
#define OWNED_BYTES_FACTOR 32u /* real ones stay below 4 */

struct owned_files {
	struct facts *facts;
	size_t bad;
	uint64_t budget; /* bytes of names that may still come */
	bool over;	 /* told already */
};
void owned_init(struct owned_files *o, struct facts *facts, uint64_t evidence_bytes);
void owned_add(struct owned_files *o, struct str path);
void owned_end(struct owned_files *o, struct str package, struct str arch); /* ready for the next package */

#endif
