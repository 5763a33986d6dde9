/* members: the table of contents of an archive of files (docker-archive, oci-archive), made by looking at its headers
 * only: bodies are passed over, so that an archive of a few large layers opens in less than a millisecond.
 *
 * Names are normal paths (base/path.h). A name that stands twice is refused when it is asked for, because tools do not
 * agree on which one counts. Links are followed inside the archive, MEMBERS_LINKS_MAX of them. Bounds: MEMBERS_MAX. */
#ifndef IMAGE_MEMBERS_H
#define IMAGE_MEMBERS_H

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "layer/tar.h"

#define MEMBERS_MAX 16384 /* the oldest form has four members a layer; archives of file systems have more */
#define MEMBERS_LINKS_MAX 8

struct member {
	struct str name;
	enum tar_type type;
	struct str link;       /* of a symlink or hardlink */
	uint64_t offset, size; /* of the body in the file */
	bool sparse, twice;
};

struct members {
	int fd; /* borrowed: the plain archive */
	struct arena arena;
	VEC(struct member) list;
	struct map by_name;
};

/* Reads the headers of the archive, `size` bytes of fd, at most `max` members. Negative: -EBADMSG no tar or cut short,
 * -E2BIG more than max; *ret is made in any case (it holds what was found so far) and to be freed with members_done().
 */
int members_read(struct members *ret, int fd, uint64_t size, size_t max, struct err *e) must_check;
void members_done(struct members *m);
#define auto_members cleanup_with(members_done)

bool members_have(const struct members *m, const char *name);
/* The regular file of a (foreign) name, links followed. -ENOENT, -ELOOP, -EBADMSG (twice, sparse, no file). */
int members_find(struct members *m, struct str name, const struct member **ret, struct err *e) must_check;
/* The whole of it, at most max bytes; the buf is made by the call. */
int members_load(struct members *m, struct str name, size_t max, struct buf *ret, struct err *e) must_check;

#endif
