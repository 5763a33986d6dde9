/* path: names inside an image, and when they may be trusted.
 *
 * Inside yagura a path of an image is "normal": relative to the image's root, no leading or trailing '/', no empty,
 * "." or ".." part, no NUL. The root itself is the empty path. Only normal paths are compared, hashed or stored. */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include "base/err.h"
#include "base/mem.h"

#define PATH_BYTES_MAX 4096 /* as the kernel's PATH_MAX; longer names cannot exist on a running system */

/* Cleans a foreign name ("./usr//lib/", "/etc/x") into a normal path, in `out` (PATH_BYTES_MAX bytes) or, when it is
 * normal already, without copying. -EBADMSG for a name with "..", NUL or more than PATH_BYTES_MAX bytes. */
int path_normal(struct str name, char out[PATH_BYTES_MAX], struct str *ret) must_check;

/* Joins a directory and a link target as a link there would be followed, lexically: "..", "." and absolute targets are
 * resolved against the image's root, never above it. The result is normal; it lives in the arena. */
struct str path_resolve(struct arena *a, struct str dir, struct str target);

struct str path_base(struct str path); /* last part */
struct str path_dir(struct str path);  /* all but the last part, without its '/'; "" for a name in the root */

/* True when path is dir itself or lies below it; everything lies below "". */
bool path_under(struct str path, struct str dir);

/* Stable 64-bit hash of a normal path. */
uint64_t path_hash(struct str path);

/* The same, blind to the /usr merge: "bin/x", "sbin/x", "lib*"/x hash as "usr/bin/x"... Used where a package
 * database and a file tree name the same file in two ways. */
uint64_t path_hash_merged(struct str path);

#endif
