/* flavour: builds of a package that are released beside the ordinary ones, each with a line of fixes of its own.
 *
 * Oracle Linux: "2:2.28-189.1.0.1.ksplice1.el8" (user space that is patched while it runs) and
 * "10:1.1.1k-9.el8_6_fips"; their epochs put them above every ordinary build, so a fix of one line says nothing about
 * the other. */
#ifndef VULN_FLAVOUR_H
#define VULN_FLAVOUR_H

#include "base/str.h"

/* Whether two versions of an rpm are of one line. */
bool flavour_same(struct str a, struct str b);

#endif
