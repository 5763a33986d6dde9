/* box: a small container for tests: a bundle in a directory of its own with busybox as its root file system, and the
 * configuration of `yagura-run spec` as structs, to be changed before it is launched. */
#ifndef TESTS_BOX_H
#define TESTS_BOX_H

#include "base/fd.h"
#include "runtime/launch.h"

#define BOX_OUTPUT_MAX (1u << 20)
#define BOX_DIR "/tmp/yagura-box-%d-" /* with the test's own number: others run beside it */

struct box {
	struct arena a;
	struct oci_config c;
	struct launch l;
	struct err e;
	char dir[64]; /* the bundle; root file system in rootfs, state in state */
	int root;     /* descriptor of rootfs */
	struct buf output;
	struct launched launched;
	int pipe[2];
};

/* At the head of a test. */
#define NEEDS_BOX()                             \
	do {                                    \
		const char *why = box_unable(); \
		if (why) {                      \
			tap_skip(why);          \
			return;                 \
		}                               \
	} while (0)

/* NULL or why such containers cannot be made here: for tap_skip(). */
const char *box_unable(void);

void box_init(struct box *b, const char *shell_script); /* sh -c script */
void box_done(struct box *b);				/* ends its processes, removes the directory */
#define auto_box cleanup_with(box_done)

/* Its program ended with `status`, and nothing went wrong before. */
#define BOX_ENDS(b, status)                   \
	do {                                  \
		EQ_INT(box_run(b), status);   \
		OK_ERR((b)->e.code, &(b)->e); \
	} while (0)
#define BOX_PRINTS(b, text)                        \
	do {                                       \
		BOX_ENDS(b, 0);                    \
		EQ_STR(box_printed(b), STR(text)); \
	} while (0)

void box_caps(struct box *b, uint64_t caps);	       /* bounding, effective, permitted */
void box_args(struct box *b, const char *const *args); /* in place of the script; NULL-terminated */
struct oci_mount *box_mount(struct box *b, const char *to, const char *type, const char *from, const char *options);
void box_user_namespace(struct box *b, uint32_t host_id, uint32_t size);

/* Launches, starts, reads what it prints until it ends. Its exit status, 128 + signal, or a negative errno with b->e
 * when it could not be launched. */
int box_run(struct box *b);
int box_create(struct box *b); /* 0 or a negative errno; its output goes to b->output with box_wait() */
int box_wait(struct box *b);
void box_until(struct box *b, const char *mark); /* reads what it prints until mark has come */
/* A further shell in it, output to *ret. Exit status or a negative errno. */
int box_exec(struct box *b, const char *script, struct buf *ret);

/* Everything printed without the last newline. */
struct str box_printed(const struct box *b);
/* A shell command line of the host, for what a test prepares: asserts that it went well. */
void box_shell(const char *format, ...) printf_like(1, 2);

#endif
