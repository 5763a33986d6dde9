/* map: str -> uint32_t. See map.h. */
#include "base/map.h"

#include <sys/random.h>

#include "base/mem.h"

#define MAP_FIRST_SLOTS 16

static uint64_t map_seed(void)
{
	static uint64_t seed;

	/* A failing getrandom() leaves the address as seed, which is still not known to the input. */
	if (!seed && getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = (uint64_t)(uintptr_t)&seed;
	return seed;
}

void map_done(struct map *m)
{
	free(m->slot);
	*m = (struct map){ 0 };
}

static struct map_slot *map_find(const struct map *m, struct str key, uint64_t h)
{
	for (size_t i = (size_t)h & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *s = &m->slot[i];

		if (!s->key.p || (s->hash == (uint32_t)(h >> 32) && str_eq(s->key, key)))
			return s;
	}
}

uint32_t *map_get(const struct map *m, struct str key)
{
	struct map_slot *s;

	if (!m->cap)
		return NULL;
	s = map_find(m, key, str_hash(key, map_seed()));
	return s->key.p ? &s->value : NULL;
}

static void map_grow(struct map *m)
{
	struct map old = *m;

	m->cap = old.cap ? old.cap * 2 : MAP_FIRST_SLOTS;
	m->slot = xcalloc(m->cap, sizeof(*m->slot));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i].key.p)
			*map_find(m, old.slot[i].key, str_hash(old.slot[i].key, map_seed())) = old.slot[i];
	free(old.slot);
}

uint32_t *map_put(struct map *m, struct str key, uint32_t fresh, bool *ret_added)
{
	uint64_t h = str_hash(key, map_seed());
	struct map_slot *s;

	if ((m->n + 1) * 4 > m->cap * 3)
		map_grow(m);
	s = map_find(m, key, h);
	if (ret_added)
		*ret_added = !s->key.p;
	if (!s->key.p) {
		*s = (struct map_slot){ key.p ? key : STR(""), (uint32_t)(h >> 32), fresh };
		m->n++;
	}
	return &s->value;
}
