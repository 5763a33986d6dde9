/* str: bytes with their length. See str.h. */
#include "base/str.h"

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n ? memcmp(a.p, b.p, n) : 0;

	if (r)
		return r;
	return (a.n > b.n) - (a.n < b.n);
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (to_lower(a.p[i]) != to_lower(b.p[i]))
			return false;
	return true;
}

ptrdiff_t str_find(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

ptrdiff_t str_rfind(struct str s, char c)
{
	const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

ptrdiff_t str_find_str(struct str s, struct str needle)
{
	const char *at;

	if (needle.n == 0)
		return 0;
	at = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
	return at ? at - s.p : -1;
}

struct str str_trim(struct str s)
{
	while (s.n && is_space(s.p[0]))
		s = str_from(s, 1);
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_cut(struct str *s, char sep, struct str *ret)
{
	ptrdiff_t at;

	if (!s->p)
		return false;
	at = str_find(*s, sep);
	if (at < 0) {
		*ret = *s;
		*s = STR_NONE;
		return ret->n > 0;
	}
	*ret = str_head(*s, (size_t)at);
	*s = str_from(*s, (size_t)at + 1);
	return true;
}

bool str_split(struct str s, char sep, struct str *ret_head, struct str *ret_tail)
{
	ptrdiff_t at = str_find(s, sep);

	if (at < 0)
		return false;
	*ret_head = str_head(s, (size_t)at);
	*ret_tail = str_from(s, (size_t)at + 1);
	return true;
}

bool str_word(struct str *s, struct str *ret)
{
	size_t n = 0;

	*s = str_trim(*s);
	while (n < s->n && !is_space(s->p[n]))
		n++;
	*ret = str_head(*s, n);
	*s = str_from(*s, n);
	return n > 0;
}

bool str_has_word(struct str words, struct str word)
{
	for (struct str one; str_word(&words, &one);)
		if (str_eq(one, word))
			return true;
	return false;
}

/* Backtracks to the last star only, so the cost is at most |pattern| x |s|. A "**" remembers that it may
 * cross '/'; a plain '*' that fails at a '/' falls back to the last "**". */
bool str_glob(struct str pattern, struct str s)
{
	size_t p = 0, i = 0;
	size_t star = SIZE_MAX, star_at = 0; /* after a '*': where to go on in the pattern, where it began */
	size_t deep = SIZE_MAX, deep_at = 0; /* the same for "**" */

	for (;;) {
		if (p < pattern.n && pattern.p[p] == '*') {
			if (p + 1 < pattern.n && pattern.p[p + 1] == '*') {
				p += 2;
				deep = p;
				deep_at = i;
				star = SIZE_MAX;
			} else {
				p++;
				star = p;
				star_at = i;
			}
			continue;
		}
		if (i == s.n && p == pattern.n)
			return true;
		if (i < s.n && p < pattern.n && (pattern.p[p] == s.p[i] || (pattern.p[p] == '?' && s.p[i] != '/'))) {
			p++;
			i++;
			continue;
		}
		if (star != SIZE_MAX && star_at < s.n && s.p[star_at] != '/') {
			i = ++star_at;
			p = star;
			continue;
		}
		if (deep != SIZE_MAX && deep_at < s.n) {
			i = ++deep_at;
			p = deep;
			star = SIZE_MAX;
			continue;
		}
		return false;
	}
}

/* XXH64, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md */
#define XXH_P1 0x9E3779B185EBCA87ULL
#define XXH_P2 0xC2B2AE3D27D4EB4FULL
#define XXH_P3 0x165667B19E3779F9ULL
#define XXH_P4 0x85EBCA77C2B2AE63ULL
#define XXH_P5 0x27D4EB2F165667C5ULL

static uint64_t rotl64(uint64_t x, int r)
{
	return (x << r) | (x >> (64 - r));
}

static uint64_t load64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t load32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t xxh_round(uint64_t acc, uint64_t v)
{
	return rotl64(acc + v * XXH_P2, 31) * XXH_P1;
}

static uint64_t xxh_lanes(struct str *s, uint64_t seed)
{
	uint64_t a[4] = { seed + XXH_P1 + XXH_P2, seed + XXH_P2, seed, seed - XXH_P1 };
	uint64_t h;

	for (; s->n >= 32; *s = str_from(*s, 32))
		for (int i = 0; i < 4; i++)
			a[i] = xxh_round(a[i], load64(s->p + 8 * i));
	h = rotl64(a[0], 1) + rotl64(a[1], 7) + rotl64(a[2], 12) + rotl64(a[3], 18);
	for (int i = 0; i < 4; i++)
		h = (h ^ xxh_round(0, a[i])) * XXH_P1 + XXH_P4;
	return h;
}

uint64_t str_hash(struct str s, uint64_t seed)
{
	size_t total = s.n;
	uint64_t h = s.n >= 32 ? xxh_lanes(&s, seed) : seed + XXH_P5;

	h += total;
	for (; s.n >= 8; s = str_from(s, 8))
		h = rotl64(h ^ xxh_round(0, load64(s.p)), 27) * XXH_P1 + XXH_P4;
	if (s.n >= 4) {
		h = rotl64(h ^ (load32(s.p) * XXH_P1), 23) * XXH_P2 + XXH_P3;
		s = str_from(s, 4);
	}
	for (; s.n; s = str_from(s, 1))
		h = rotl64(h ^ ((uint8_t)s.p[0] * XXH_P5), 11) * XXH_P1;
	h = (h ^ (h >> 33)) * XXH_P2;
	h = (h ^ (h >> 29)) * XXH_P3;
	return h ^ (h >> 32);
}

void str_tame(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i], before = i ? (unsigned char)p[i - 1] : 0;

		if (c < 0x20 || c == 0x7f || (before == 0xc2 && c >= 0x80 && c < 0xa0))
			p[i] = '?';
	}
}
