/* tap: what a unit test needs, printing the Test Anything Protocol (testanything.org, version 13).
 *
 *     TEST(name) { EQ_INT(f(1), 2); }      a test is one function and one TAP line per row it names
 *
 * A table test calls row("%s", name) at the head of each row: checks from there on belong to that line. A test without
 * rows is one line with its own name. Every line needs at least one check: one without fails. */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include "base/err.h"
#include "base/str.h"

struct tap_test {
	const char *name;
	void (*run)(void);
	struct tap_test *next;
};

void tap_add(struct tap_test *t);
void row(const char *fmt, ...) printf_like(1, 2);
/* The rest of the present line is not run, and why. */
void tap_skip(const char *why);
/* The present line is left out, and why: for what this machine cannot have (a processor without the unit, a language
 * nobody installed) and where nothing could be installed to have it. Whatever could be is tap_skip. */
void tap_absent(const char *why);
bool tap_check(bool ok, const char *file, int line, const char *fmt, ...) printf_like(4, 5);
bool tap_eq_str(struct str got, struct str want, const char *file, int line, const char *expr);

#define TEST(id)                                                    \
	static void test_##id(void);                                \
	static struct tap_test tap_##id = { #id, test_##id, NULL }; \
	__attribute__((constructor)) static void tap_add_##id(void) \
	{                                                           \
		tap_add(&tap_##id);                                 \
	}                                                           \
	static void test_##id(void)

#define OK(x) tap_check(!!(x), __FILE__, __LINE__, "%s", #x)
#define EQ_INT(got, want)                                                                                            \
	({                                                                                                           \
		long long tap_got = (long long)(got), tap_want = (long long)(want);                                  \
		tap_check(tap_got == tap_want, __FILE__, __LINE__, "%s is %lld, not %lld", #got, tap_got, tap_want); \
	})
#define EQ_STR(got, want) tap_eq_str((got), (want), __FILE__, __LINE__, #got)
#define EQ_Z(got, want) tap_eq_str(str_c(got), str_c(want), __FILE__, __LINE__, #got)
/* r is 0 or more; prints the error's text otherwise. */
#define OK_ERR(r, e) tap_check((r) >= 0, __FILE__, __LINE__, "%s: %s", #r, (e)->msg)

#endif
