/* deb: a Debian binary package: an ar archive of a control and a data tar (deb(5), format 2.0).
 *
 * Nothing is unpacked here: the members are found, the control files are read. What the data holds is handed on entry
 * by entry (tree.h). Bounds: DEB_CONTROL_MAX; the tar inside is bounded by layer/. */
#ifndef NODE_IMAGE_DEB_H
#define NODE_IMAGE_DEB_H

#include "base/buf.h"
#include "base/err.h"
#include "layer/layer.h"

#define DEB_CONTROL_MAX (16u << 20) /* bytes of all control files that are read */

struct deb_member {
	uint64_t offset, size; /* in the package's file */
};

struct deb {
	struct deb_member control, data; /* compressed tars */
};

/* The members of a package's bytes. -EBADMSG: no package, cut short, members missing or twice; -ENOTSUP: another
 * version of the format, or a member that is not known and may not be passed over. */
int deb_parse(struct str bytes, struct deb *ret, struct err *e) must_check;

/* One member's tar, event after event, from the package's file. */
int deb_walk(int fd, const struct deb_member *m, const struct layer_events *events, struct err *e) must_check;

struct deb_control {
	struct buf control; /* the package's paragraph */
	struct buf md5sums; /* empty: it has none */
};
void deb_control_done(struct deb_control *c);
#define auto_deb_control cleanup_with(deb_control_done)
/* The control files. Made by the call; -EBADMSG when there is no paragraph. */
int deb_control_read(int fd, const struct deb *d, struct deb_control *ret, struct err *e) must_check;

/* Members and control files of a package in a file, which must say of itself what an index or a lock says: that
 * vouches for its bytes. */
struct deb_name {
	struct str package, version, arch;
};
int deb_open(int fd, const struct deb_name *name, struct deb *ret, struct deb_control *ret_control,
	     struct err *e) must_check;

#endif
