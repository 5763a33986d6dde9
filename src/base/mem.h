/* mem: memory that is there, or the program ends.
 *
 * The x-functions never return NULL: running out of memory ends the process with status 3 and one line. A
 * size that comes from input is compared with a named limit before it gets here.
 *
 * arena: objects of one job, freed together. Pointers stay valid until arena_done().
 * VEC(T): a growing array; the elements move when it grows. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/str.h"

void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull)); /* zeroed */
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
void *xrealloc_array(void *p, size_t count, size_t size) __attribute__((returns_nonnull));
/* From now on it ends with that status and without a word: for a process whose parent has the last word. */
void mem_end_silently(int status);
char *xstrdup(struct str s) __attribute__((malloc, returns_nonnull)); /* NUL-terminated copy */

static inline void free_ptr(void *pp)
{
	free(*(void **)pp);
}
#define auto_free cleanup_with(free_ptr)

struct arena_page;

struct arena {
	struct arena_page *page;
	size_t used_bytes; /* handed out so far, for limits and figures */
};

void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull)); /* 16-byte aligned, zeroed */
struct str arena_str(struct arena *a, struct str s);			       /* a copy, NUL behind it */
struct str arena_fmt(struct arena *a, const char *fmt, ...) printf_like(2, 3);
void arena_reset(struct arena *a); /* forgets the objects, keeps one page for the next round */
void arena_done(struct arena *a);
#define auto_arena cleanup_with(arena_done)
#define arena_new(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define arena_array(a, T, n) ((T *)arena_alloc((a), sizeof(T) * (n)))

#define VEC(T)                 \
	struct {               \
		T *v;          \
		size_t n, cap; \
	}
/* The new last element, zeroed. */
#define vec_add(vec)                                                                     \
	({                                                                               \
		(vec)->v = vec_grow((vec)->v, (vec)->n, &(vec)->cap, sizeof(*(vec)->v)); \
		memset(&(vec)->v[(vec)->n], 0, sizeof(*(vec)->v));                       \
		&(vec)->v[(vec)->n++];                                                   \
	})
#define vec_push(vec, x) (*vec_add(vec) = (x))
#define vec_done(vec)                             \
	do {                                      \
		free((vec)->v);                   \
		memset((vec), 0, sizeof(*(vec))); \
	} while (0)
void *vec_grow(void *v, size_t n, size_t *cap, size_t elem_size) __attribute__((returns_nonnull));

#endif
