/* attr: the few compiler attributes the code uses, under short names.
 *
 * auto_free, auto_close and their kin run at the end of a scope; take_ptr() and take_fd() hand the value
 * over to the caller instead. Macros live here because a function cannot do either. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define must_check __attribute__((warn_unused_result))
#define unused_arg __attribute__((unused))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define cleanup_with(fn) __attribute__((cleanup(fn)))

/* For a large array that is written before it is read: spared the zeroing of -ftrivial-auto-var-init in hot paths. */
#if defined(__has_attribute) && __has_attribute(uninitialized)
#define not_zeroed __attribute__((uninitialized))
#else
#define not_zeroed
#endif

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* true when the sum or product fits; *ret is written in any case */
#define add_ok(a, b, ret) (!__builtin_add_overflow((a), (b), (ret)))
#define mul_ok(a, b, ret) (!__builtin_mul_overflow((a), (b), (ret)))

#define take_ptr(p)                        \
	({                                 \
		__typeof__(p) taken = (p); \
		(p) = NULL;                \
		taken;                     \
	})

#endif
