/* name: the one spelling of a package name by which a namespace knows it.
 *
 * PyPI: PEP 503 (lower case, runs of "-_." are one "-"). NuGet and Packagist: lower case. crates.io treats "_" and "-"
 * as the same name. All others as they are. */
#ifndef VULN_NAME_H
#define VULN_NAME_H

#include "base/str.h"

#define NAME_BYTES_MAX 1024 /* longer names are left as they are; no registry takes them */

/* The canonical spelling: `name` itself when it is that already, else text written into room. */
struct str name_canonical(struct str ns, struct str name, char room[NAME_BYTES_MAX]);

#endif
