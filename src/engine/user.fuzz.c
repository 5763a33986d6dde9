/* A user and an image's files: it fails with a reason, or no id is the one that means none. */
#include <assert.h>

#include "engine/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_n(data, size), spec, passwd, group;
	struct user_ids u;
	struct err e = { 0 };

	if (!str_split(all, 0, &spec, &all) || !str_split(all, 0, &passwd, &group))
		return 0;
	if (user_resolve(spec, passwd, group, &u, &e) < 0) {
		assert(e.msg[0]);
		return 0;
	}
	assert(u.uid != UINT32_MAX && u.gid != UINT32_MAX && u.group_count <= USER_GROUPS_MAX);
	return 0;
}
