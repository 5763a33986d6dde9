/* map: str -> uint32_t, open addressing, grows by doubling.
 *
 * Keys are borrowed: they must live as long as the map. The seed is taken from the kernel once a process, so that
 * an enemy who picks the keys cannot make them collide. Values are usually indices into a VEC. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_slot {
	struct str key;
	uint32_t hash; /* high half of the hash; 0 never stands for "empty", key.p does */
	uint32_t value;
};

struct map {
	struct map_slot *slot;
	size_t n, cap; /* cap is 0 or a power of two */
};

void map_done(struct map *m);
#define auto_map cleanup_with(map_done)

/* The value slot of a key, NULL when it is not there. Valid until the next map_put(). */
uint32_t *map_get(const struct map *m, struct str key);

/* The value slot of a key, added with the value `fresh` when it is not there; *ret_added tells (may be NULL).
 * An empty key is allowed. */
uint32_t *map_put(struct map *m, struct str key, uint32_t fresh, bool *ret_added);

#endif
