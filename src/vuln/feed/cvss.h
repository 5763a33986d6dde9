/* cvss: the base score of a CVSS vector.
 *
 * v2.0 (https://www.first.org/cvss/v2/guide), v3.0 and v3.1 (https://www.first.org/cvss/v3.1/specification-document),
 * v4.0 (https://www.first.org/cvss/v4.0/specification-document), exactly as they define it. Only base metrics count:
 * temporal and environmental ones are passed over. */
#ifndef VULN_FEED_CVSS_H
#define VULN_FEED_CVSS_H

#include "base/str.h"

#define CVSS_VECTOR_BYTES_MAX 512

/* True and *ret when the vector has every base metric; false for a damaged vector or an unknown version. */
bool cvss_score(struct str vector, double *ret);

#endif
