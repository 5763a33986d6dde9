/* stage 2: the first program inside a container. It takes the steps of a plan (runtime/plan.h) and becomes the
 * container's own program. No C library, no allocation, no parsing: everything was thought through outside.
 *
 * A step returns 0 or a negative errno; fail() adds what was tried. Nothing here may trust the container's files: they
 * are reached below `root` only (inside_open()), never by what a link in them says. */
#ifndef RUNTIME_STAGE2_STAGE2_H
#define RUNTIME_STAGE2_STAGE2_H

#include <linux/stat.h> /* first: without the C library's headers it has S_IFMT too */

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "runtime/plan.h"
#include "runtime/sys.h"

#define PATH_BYTES 4096
#define STATFS_WORDS 32 /* struct statfs is smaller; its first word is the type */

#ifndef O_PATH
#define O_PATH 010000000
#endif

/* talk.c: with the host's side */
extern int host;		       /* the socket; from PLAN_WAIT on, the connection of `start` */
extern int slots[PLAN_SLOTS_MAX];      /* descriptors by number; -1: not there */
extern int root_fd;		       /* what every path of a step starts from */
const struct plan_head *receive(void); /* the plan, and descriptors into their slots; NULL: it is none */
void leave(int status) __attribute__((noreturn));
void report(const struct plan_step *s, long r); /* that the step failed, with what was tried and noted */
void fresh(void);				/* nothing was tried or noted yet */
long fail(long r, const char *what);
void note(const char *text);	   /* more of what was tried, behind it */
void note_whole(const char *text); /* the whole error, as it is to be read */
long say(uint32_t word, long number, const int *fd);
long hear(uint32_t word);

/* text.c */
size_t text_length(const char *s);
bool text_eq(const char *a, const char *b);
/* Appends to a text of n bytes that ends at at; returns the new end, or n when it did not fit (and then stays there).
 */
size_t text_add(char *to, size_t n, size_t at, const char *s);
size_t text_number(char *to, size_t n, size_t at, uint64_t v);

/* inside.c: paths below the root */
/* Follows links as if root_fd were "/"; never a magic one. */
long inside_open(const char *path, uint64_t flags);
/* An O_PATH descriptor, -ELOOP when a link is on the way. */
long inside_plain(const char *path);
/* An O_PATH descriptor of where something is to be mounted, made when it is missing: a directory or an empty file. */
long inside_make(const char *path, bool directory);
long inside_make_missing(const char *path, bool directory); /* of which it is known that it was missing just now */
/* Type and more of a descriptor: statx(2) of it; 0 or a negative errno. */
long fd_stat(long fd, struct statx *ret);

/* proc.c: the procfs that is ours */
long proc_use(int fd);
long proc_write(const char *path, const char *text);
long proc_self_write(const char *name, const char *text); /* below /proc/PID of this process */
long proc_self_open(const char *name);

/* One function a kind of step. */
long step_attach(const struct plan_step *s);
long step_bounding(const struct plan_step *s);
long step_capabilities(const struct plan_step *s);
long step_change(const struct plan_step *s);
long step_console(const struct plan_step *s);
long step_copy_up(const struct plan_step *s);
long step_take_mode(const struct plan_step *s);
long step_directory(const struct plan_step *s);
long step_env(const struct plan_step *s);
long step_exec(const struct plan_step *s);
long step_find(const struct plan_step *s);
long step_fs(const struct plan_step *s);
long step_hook(const struct plan_step *s);
long step_label(const struct plan_step *s);
long step_landlock(const struct plan_step *s);
long step_landlock_enter(const struct plan_step *s);
long step_landlock_path(const struct plan_step *s);
long step_link(const struct plan_step *s);
long step_loopback(const struct plan_step *s);
long step_mask(const struct plan_step *s);
long step_node(const struct plan_step *s);
long step_node_bind(const struct plan_step *s);
long step_node_show(const struct plan_step *s);
long step_detach(const struct plan_step *s);
long step_pivot(const struct plan_step *s);
long step_proc(const struct plan_step *s);
long step_propagate(const struct plan_step *s);
long step_read_only(const struct plan_step *s);
long step_root(const struct plan_step *s);
long step_seccomp(const struct plan_step *s);
long step_stdio_owner(const struct plan_step *s);
long step_sysctl(const struct plan_step *s);
long step_time(const struct plan_step *s);
long step_time_enter(const struct plan_step *s);
long step_tree(const struct plan_step *s);
long step_user(const struct plan_step *s);

#endif
