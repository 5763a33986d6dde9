/* erofs: the entries of one layer written as a read-only file system, in one pass.
 *
 * A container's root is its layers laid over each other by overlayfs, each an EROFS image that the kernel mounts:
 * layers are neither unpacked as files nor copied, and hostile names, links and devices never touch the host's file
 * system. The writer is fed with what layer.h hands out; bytes go to a sink by offset as they come. Memory is some 120
 * bytes and the name for each entry.
 *
 * What becomes of an entry is what a container engine would unpack: the last of several entries of one name counts;
 * parents that the layer leaves out are directories of mode 0755; names whose parents are links of the same layer are
 * followed inside it. A whiteout becomes overlayfs' (a character device 0:0), an opaque marker its attribute on the
 * directory (OCI image-spec layer.md; Linux overlayfs.rst). Of extended attributes user.*, security.* but SELinux
 * labels, and POSIX ACLs are kept; trusted.* and user.overlay.* would speak to overlayfs and are not.
 *
 * Images are uncompressed, blocks of 4 KiB, the same bytes for the same layer (Linux
 * Documentation/filesystems/erofs.rst, erofs_fs.h). What the sink never wrote is zero. */
#ifndef LAYER_EROFS_H
#define LAYER_EROFS_H

#include "base/err.h"
#include "layer/tar.h"

#define EROFS_ENTRIES_MAX 8000000u   /* names in one layer */
#define EROFS_BYTES_MAX (1ull << 43) /* of an image: half of what 32-bit block numbers reach */
#define EROFS_XATTRS_MAX 3500u	     /* bytes of attributes of one entry: they lie in one block with it */
#define EROFS_LINK_MAX 4095u	     /* bytes of a symbolic link's target, as the kernel's */
#define EROFS_FOLLOW_MAX 40u	     /* links followed for one name, as the kernel's */

struct erofs_sink {
	void *ctx;
	int (*write)(void *ctx, uint64_t offset, const void *p, size_t n, struct err *e);
};

struct erofs;
struct erofs *erofs_new(const struct erofs_sink *sink); /* the sink is copied */
void erofs_free(struct erofs *w);

/* An entry begins. 1: its bytes are wanted, by erofs_data() and erofs_end(); 0: that was all. -EBADMSG: a hard link to
 * nowhere, a name that cannot be; -ELOOP; -E2BIG past a limit. */
int erofs_entry(struct erofs *w, const struct tar_entry *t, struct err *e) must_check;
int erofs_data(struct erofs *w, uint64_t offset, const uint8_t *p, size_t n, struct err *e) must_check;
int erofs_end(struct erofs *w, struct err *e) must_check;

/* Writes the directories and what comes first; *ret_bytes is the image's size, a multiple of 4,096. Nothing may follow.
 */
int erofs_finish(struct erofs *w, uint64_t *ret_bytes, struct err *e) must_check;

#endif
