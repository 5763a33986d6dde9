/* subids: the further ids that /etc/subuid and /etc/subgid grant a user (subuid(5)). */
#ifndef ENGINE_SUBIDS_H
#define ENGINE_SUBIDS_H

#include "base/str.h"

#define SUBIDS_FILE_MAX (4u << 20) /* bytes that are read */

struct subids {
	uint32_t first, n;
};
/* The first row of the user, by name or number. `text` is foreign: what is no row is passed over. */
bool subids_find(struct str text, struct str name, uint32_t uid, struct subids *ret);

#endif
