/* user: whom an image's process runs as: "", "NAME", "UID", either with ":GROUP" or ":GID".
 *
 * Names are looked up in the image's own /etc/passwd and /etc/group, which are foreign bytes: lines that are none are
 * passed over, numbers are taken whole or not at all (a uid that does not fit must not become another one,
 * CVE-2024-40635), nothing is ever written there. */
#ifndef ENGINE_USER_H
#define ENGINE_USER_H

#include "base/err.h"
#include "base/str.h"

#define USER_FILE_MAX (1u << 20) /* bytes of either file that are read */
#define USER_GROUPS_MAX 256	 /* further groups of one user; the rest is an error */

struct user_ids {
	uint32_t uid, gid;
	uint32_t groups[USER_GROUPS_MAX];
	size_t group_count;
};

/* `passwd` and `group` are the texts of the files, empty where there are none. -ENOENT: no such name; -EBADMSG: not of
 * that form; -E2BIG. */
int user_resolve(struct str spec, struct str passwd, struct str group, struct user_ids *ret, struct err *e) must_check;
/* The same with the files below the root file system at `root`. */
int user_find(const char *root, struct str spec, struct user_ids *ret, struct err *e) must_check;

#endif
