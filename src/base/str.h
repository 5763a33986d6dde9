/* str: bytes somebody else owns, with their length. Never NUL-terminated by promise.
 *
 * The currency of every parser here: a str points into the input or into an arena, and lives as long as
 * that does. All comparisons are on bytes, independent of any locale. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/attr.h"
#include "base/banned.h"

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
#define STR_FMT "%.*s"
/* For printf: at most INT_MAX bytes; names that reach a message are far below. */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_n(const void *p, size_t n)
{
	return (struct str){ p, n };
}

/* A str over a NUL-terminated C string; NULL gives the empty str. */
static inline struct str str_c(const char *z)
{
	return (struct str){ z, z ? strlen(z) : 0 };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *z)
{
	return str_eq(a, str_c(z));
}

static inline bool str_starts(struct str s, struct str head)
{
	return s.n >= head.n && (head.n == 0 || memcmp(s.p, head.p, head.n) == 0);
}

static inline bool str_ends(struct str s, struct str tail)
{
	return s.n >= tail.n && (tail.n == 0 || memcmp(s.p + s.n - tail.n, tail.p, tail.n) == 0);
}

/* s without its first n bytes; empty when there are fewer. */
static inline struct str str_from(struct str s, size_t n)
{
	return n >= s.n ? str_n(s.p ? s.p + s.n : NULL, 0) : str_n(s.p + n, s.n - n);
}

/* The first n bytes of s, or all of it. */
static inline struct str str_head(struct str s, size_t n)
{
	return str_n(s.p, n < s.n ? n : s.n);
}

/* memcmp order, the shorter first when one is the head of the other: <0, 0, >0. */
int str_cmp(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */

/* Position of a byte or a text, or -1. */
ptrdiff_t str_find(struct str s, char c);
ptrdiff_t str_rfind(struct str s, char c);
ptrdiff_t str_find_str(struct str s, struct str needle);

/* What a terminal would obey becomes '?': control characters (C0, DEL, and C1 in UTF-8), whoever wrote them. */
void str_tame(char *p, size_t n);
/* Without white space (space, tab, CR, LF, VT, FF) at both ends. */
struct str str_trim(struct str s);

/* Cuts *s at the first `sep`: *ret is what stood before it, *s what stands after. Without a `sep` *ret is
 * the whole and *s becomes empty. False when *s was already used up (p is NULL).
 *     for (struct str rest = text, line; str_cut(&rest, '\n', &line);) */
bool str_cut(struct str *s, char sep, struct str *ret);

/* Cuts at the first `sep` into head and tail; false, leaving both alone, when there is none. */
bool str_split(struct str s, char sep, struct str *ret_head, struct str *ret_tail);

/* Takes the next word, apart by white space (as str_trim), off *s; false at the end, *ret is then empty. */
bool str_word(struct str *s, struct str *ret);
/* Whether a word is one of those. */
bool str_has_word(struct str words, struct str word);

/* Shell-like pattern: '*' any run without '/', '?' one byte that is not '/', "**" any run. */
bool str_glob(struct str pattern, struct str s);

/* 64-bit hash of the bytes (XXH64 construction): good for tables and files, not against an enemy who picks
 * the keys. The value is stable: it may be stored on disk. */
uint64_t str_hash(struct str s, uint64_t seed);

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline char to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

#endif
