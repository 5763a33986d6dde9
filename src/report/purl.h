/* purl: the package URL of a package (package-url/purl-spec, PURL-SPECIFICATION and PURL-TYPES).
 *
 * pkg:type/namespace/name@version?qualifiers. OS packages get the distribution as namespace and qualifiers `arch`,
 * `distro` (ID-VERSION_ID of os-release) and, rpm only, `epoch`. Empty parts are left out; qualifiers are sorted. */
#ifndef REPORT_PURL_H
#define REPORT_PURL_H

#include "base/buf.h"
#include "model/facts.h"
#include "model/package.h"

/* Appends the URL; nothing for a package without a type or a name. */
void purl_write(struct buf *b, const struct package *p, const struct release *os);

#endif
