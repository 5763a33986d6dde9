/* home: the home directory that a container's own user database names, for a process whose environment has no HOME. */
#ifndef RUNTIME_HOME_H
#define RUNTIME_HOME_H

#include "base/err.h"
#include "base/mem.h"

#define HOME_PASSWD_MAX (1u << 20) /* bytes of /etc/passwd that are read; a longer one counts as none */

/* The sixth field of the first line whose third is this number; an absolute path without control characters. */
bool home_find(struct str passwd, uint32_t uid, struct str *ret);

/* "HOME=..." in the arena. Reads etc/passwd below root_fd, which is foreign and may be anything; "/" when it says
 * nothing of this user. */
const char *home_variable(int root_fd, uint32_t uid, struct arena *a);

#endif
