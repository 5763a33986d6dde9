/* filter: seccomp programs as data: looked at, run on a made-up call, put together.
 *
 * The instructions are those this runtime's compiler emits: absolute loads, AND with a constant, jumps forward,
 * constant verdicts. Anything else is refused, so that a checked program always ends with a verdict.
 *
 * Document: Linux Documentation/userspace-api/seccomp_filter.rst, networking/filter.rst. */
#ifndef RUNTIME_FILTER_H
#define RUNTIME_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "base/buf.h"

#define FILTER_INSNS_MAX 4096 /* of one program: the kernel's BPF_MAXINSNS */

/* struct sock_filter[n] in the machine's byte order, 1 <= n <= FILTER_INSNS_MAX. -EBADMSG with the number of the first
 * bad instruction. */
int filter_check(struct str program, struct err *e) must_check;

/* The verdict (SECCOMP_RET_...) of a checked program on one call. */
uint32_t filter_run(struct str program, const struct seccomp_data *call);

/* `first` in front of `second`: a call that `first` allows is judged by `second`, any other verdict of `first` stands.
 * Both are checked programs; ret is made by the call. -E2BIG when the two do not fit into one. */
int filter_join(struct str first, struct str second, struct buf *ret, struct err *e) must_check;

/* The same verdicts in fewer instructions: what a checked program does with a call's number becomes one test for each
 * interval of numbers that go the same way, half of them at a time. The kernel checks, translates and tries out every
 * instruction whenever a program is loaded: 315 instead of 644 for our default profile are 50 of 135 us. A program
 * that would not get shorter stays as it is. */
void filter_shorten(struct buf *program);

/* Every refusal with an errno other than ENOSYS (that one means "use the older call" and is no denial) becomes a
 * notification: who watches answers with what filter_run() says of the original. */
void filter_watch(struct buf *program);
/* Everything that is allowed becomes a notification: for who records. */
void filter_record(struct buf *program);

#endif
