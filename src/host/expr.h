/* expr: conditions over named values, as the tables of rules write them.
 *
 *     CONFIG_X=y        the value is y                  !CONFIG_X    it is absent, or "is not set"
 *     CONFIG_X          it is there, with any value     @x!=off      it is there, and neither off nor 0
 *     CONFIG_X=*part*   a list that has this in it       >=6.6        the kernel is of this version or newer
 *
 * `&` binds tighter than `|`; parentheses. CONFIG_NAME is an option of the kernel's build, @name a parameter of its
 * command line, anything else a sysctl. A value that begins with CONFIG_ is the value of that option.
 *
 * Three answers: what cannot be known (the build's options are not to be had) stays unknown unless the rest decides. */
#ifndef HOST_EXPR_H
#define HOST_EXPR_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define EXPR_DEPTH_MAX 8

enum truth { TRUTH_NO, TRUTH_YES, TRUTH_UNKNOWN };

struct expr_values {
	/* True and *ret when the name has a value; false when it has none. *ret_unknown: nobody can tell. */
	bool (*get)(void *ctx, struct str name, struct str *ret, bool *ret_unknown);
	void *ctx;
	unsigned int version[3]; /* of the kernel; all 0: unknown */
};

/* -EBADMSG when the text is no condition. */
int expr_judge(struct str text, const struct expr_values *v, enum truth *ret, struct err *e) must_check;

/* The condition in words: "CONFIG_X=y or CONFIG_Y is not set and z is not off"; appended. */
void expr_words(struct str text, struct buf *b);

/* What was looked at, for a person: "CONFIG_X is not set, @y=1"; appended. */
void expr_evidence(struct str text, const struct expr_values *v, struct buf *b);

#endif
