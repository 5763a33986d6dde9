/* remove: a file, or a directory with all that is in it. */
#ifndef BASE_REMOVE_H
#define BASE_REMOVE_H

#include "base/err.h"

#define REMOVE_DEPTH 64 /* directories below each other that are gone into; deeper ones are first moved up */

/* Below dir_fd. Whatever somebody else has made, however deep: links are removed and not followed, other file systems
 * that are mounted inside are left alone. 0 when it is gone, or was not there; else the first error, after everything
 * else was removed. */
int tree_remove(int dir_fd, const char *name) must_check;

#endif
