/* stage 2: text, and what the compiler expects of a C library. */
#include "runtime/stage2/stage2.h"

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memset(void *to, int c, size_t n);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	char *t = to;
	const char *f = from;

	for (size_t i = 0; i < n; i++) {
		t[i] = f[i];
		__asm__ volatile(""); /* or the compiler makes a call of memcpy() out of this loop */
	}
	return to;
}

void *memset(void *to, int c, size_t n)
{
	char *t = to;

	for (size_t i = 0; i < n; i++) {
		t[i] = (char)c;
		__asm__ volatile("");
	}
	return to;
}

size_t text_length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

bool text_eq(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

size_t text_add(char *to, size_t n, size_t at, const char *s)
{
	for (; *s && at < n; s++)
		to[at++] = *s;
	if (at < n)
		to[at] = 0;
	else if (n)
		to[n - 1] = 0;
	return at;
}

size_t text_number(char *to, size_t n, size_t at, uint64_t v)
{
	char digits[21];
	size_t i = sizeof(digits) - 1;

	digits[i] = 0;
	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return text_add(to, n, at, digits + i);
}
