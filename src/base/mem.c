/* mem: memory that is there, or the program ends. See mem.h. */
#include "base/mem.h"

#include <stdalign.h>
#include <stdarg.h>
#include <unistd.h>

#define ARENA_PAGE_BYTES (64u << 10)
#define ARENA_ALIGN 16
#define EXIT_COULD_NOT 3 /* the suite's "could not do it" */

struct arena_page {
	struct arena_page *next;
	size_t used, size;
	alignas(ARENA_ALIGN) char bytes[];
};

static int silent_status;

void mem_end_silently(int status)
{
	silent_status = status;
}

static void *checked(void *p)
{
	static const char msg[] = "yagura: out of memory\n";

	if (p)
		return p;
	if (silent_status)
		_exit(silent_status);
	if (write(STDERR_FILENO, msg, sizeof(msg) - 1) < 0)
		_exit(EXIT_COULD_NOT);
	_exit(EXIT_COULD_NOT);
}

void *xmalloc(size_t n)
{
	return checked(malloc(n ? n : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t n)
{
	return checked(realloc(p, n ? n : 1));
}

void *xrealloc_array(void *p, size_t count, size_t size)
{
	return checked(reallocarray(p, count ? count : 1, size));
}

char *xstrdup(struct str s)
{
	char *z = xmalloc(s.n + 1);

	if (s.n)
		memcpy(z, s.p, s.n);
	z[s.n] = 0;
	return z;
}

static struct arena_page *arena_page_new(size_t size)
{
	struct arena_page *page = xmalloc(sizeof(*page) + size);

	page->next = NULL;
	page->used = 0;
	page->size = size;
	return page;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t need = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	struct arena_page *page = a->page;
	void *p;

	if (need < n) /* the sum went around */
		checked(NULL);
	if (!page || page->size - page->used < need) {
		struct arena_page *fresh = arena_page_new(need > ARENA_PAGE_BYTES / 4 ? need : ARENA_PAGE_BYTES);

		/* A large object gets its own page behind the current one, which goes on being filled. */
		if (page && fresh->size != ARENA_PAGE_BYTES) {
			fresh->next = page->next;
			page->next = fresh;
		} else {
			fresh->next = page;
			a->page = fresh;
		}
		page = fresh;
	}
	p = page->bytes + page->used;
	page->used += need;
	a->used_bytes += need;
	return memset(p, 0, need);
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return str_n(p, s.n);
}

struct str arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	struct str s = STR_NONE;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0) {
		char *p = arena_alloc(a, (size_t)n + 1);

		vsnprintf(p, (size_t)n + 1, fmt, again);
		s = str_n(p, (size_t)n);
	}
	va_end(again);
	va_end(ap);
	return s;
}

static void arena_drop(struct arena_page *page)
{
	while (page) {
		struct arena_page *next = page->next;

		free(page);
		page = next;
	}
}

void arena_reset(struct arena *a)
{
	struct arena_page *keep = a->page;

	if (keep && keep->size == ARENA_PAGE_BYTES) {
		arena_drop(keep->next);
		keep->next = NULL;
		keep->used = 0;
	} else {
		arena_drop(keep);
		a->page = NULL;
	}
	a->used_bytes = 0;
}

void arena_done(struct arena *a)
{
	arena_drop(a->page);
	a->page = NULL;
	a->used_bytes = 0;
}

void *vec_grow(void *v, size_t n, size_t *cap, size_t elem_size)
{
	if (n < *cap)
		return v;
	*cap = *cap ? *cap * 2 : 8;
	return xrealloc_array(v, *cap, elem_size);
}
