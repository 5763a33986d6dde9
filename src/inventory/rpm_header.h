/* rpm_header: one package header, as an rpm database keeps it: two counts, index entries of 16 bytes, then the data
 * they point into, all big-endian (rpm.org/docs, "RPM V4 header format"; without the 8 magic bytes a package file has).
 *
 * A tag that comes twice counts as it is written last: entries behind the immutable region replace those in it. */
#ifndef INVENTORY_RPM_HEADER_H
#define INVENTORY_RPM_HEADER_H

#include "base/err.h"
#include "base/rd.h"

#define RPM_HEADER_TAGS_MAX 65535     /* index entries, as in rpm itself */
#define RPM_HEADER_FILES_MAX 2000000u /* files of one package; the largest known (texlive sources) have 200,000 */

/* A run of values of one tag; `count` as the index says, checked while walking. */
struct rpm_values {
	uint32_t type, count;
	struct rd data; /* from the first value to the end of the data */
};

struct rpm_header {
	struct str name, version, release, arch, source_rpm, vendor, license, module;
	bool has_epoch;
	uint32_t epoch;
	struct rpm_values base_names, dir_names, dir_indexes, old_names; /* count 0 where there is none */
};

/* The strs point into the blob. -EBADMSG, also when it has no name, version or release. */
int rpm_header_read(struct str blob, struct rpm_header *ret, struct err *e) must_check;

/* Calls `file` with each file name of the package, directory and base name apart (old headers: "" and the whole). */
int rpm_header_files(const struct rpm_header *h, void *ctx, void (*file)(void *ctx, struct str dir, struct str base),
		     struct err *e) must_check;

#endif
