/* spdx: what something is made of, as SPDX 2.3 in JSON (spdx.github.io/spdx-spec/v2.3). The same input, the same bytes.
 */
#ifndef REPORT_SPDX_H
#define REPORT_SPDX_H

#include "base/digest.h"
#include "base/fd.h"

struct spdx_package {
	struct str name, version;
	struct str supplier;		   /* "Debian"; "" unknown */
	struct str source, source_version; /* source package; "" unknown */
	struct str download;		   /* URL; "" unknown */
	struct str purl;		   /* "" none */
	struct digest digest;		   /* of its archive; not set: unknown */
};

struct spdx_document {
	struct str name;
	struct str ns;	    /* a URI that no other document has */
	struct str created; /* RFC 3339 */
	struct str tool;    /* "yagura-0.1.0" */
	struct str purpose; /* of the subject: "CONTAINER", "OPERATING-SYSTEM" */
	struct spdx_package subject;
	const struct spdx_package *packages; /* which the subject contains */
	size_t count;
};

void spdx_write(const struct spdx_document *d, struct out *out);

#endif
