/* err: why a call failed, held by value on the caller's stack.
 *
 * A function that can fail returns 0 (or a count) or a negative errno. Where a person will want to know
 * why, it takes a `struct err *` last and says it there; callers put the place in front with err_wrap().
 * It never allocates, so it never leaks and can cross a pipe. `e` may be NULL everywhere.
 *
 * Codes: -EBADMSG the input is bad, -E2BIG a limit was passed, -ENOTSUP known but not done, -EINVAL wrong
 * usage, any other errno as the kernel gave it. -EAGAIN means "more is needed first", where a header says so. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <errno.h>

#include "base/attr.h"
#include "base/banned.h"

#define ERR_MSG_MAX 400 /* bytes with the NUL; longer text is cut */

struct err {
	int code;
	char msg[ERR_MSG_MAX];
};

/* Sets the message and returns `code`, so that `return err_set(e, -EBADMSG, ...)` reads as one thought.
 * Bytes that would disturb a terminal (controls) are replaced by '?'. */
int err_set(struct err *e, int code, const char *fmt, ...) printf_like(3, 4);

/* err_set() with ": " and the text of errno added; `code` is a negative errno. */
int err_errno(struct err *e, int code, const char *fmt, ...) printf_like(3, 4);

/* Puts "fmt: " in front of the present message and returns `code` as it came. */
int err_wrap(struct err *e, int code, const char *fmt, ...) printf_like(3, 4);

#endif
