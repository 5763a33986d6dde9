/* box: a container as `yagura run` keeps it: one directory with what is known of it, its bundle and its log.
 *
 *     DIR/ID/meta.json    written once, when all is ready to start
 *     DIR/ID/config.json  the bundle; rootfs/ and layers/ are mount points, seen only by the process that looks after
 * the container DIR/ID/lock         locked (flock) by that process as long as it lives DIR/ID/pid, exit    decimal: the
 * container's first process; its exit status, once it has ended DIR/ID/log, log.1   what it printed (log.h)
 *
 * DIR is `containers` in the data directory. A directory whose lock nobody holds and that has no exit status belonged
 * to a process that was killed: box_reap() removes what it left. */
#ifndef ENGINE_BOX_H
#define ENGINE_BOX_H

#include "base/fd.h"

#define BOX_ID_BYTES 12
#define BOX_NAME_MAX 64
#define BOX_META_MAX (64u << 10)
#define BOXES_MAX 65536

struct box_meta {
	char id[BOX_ID_BYTES + 1];
	struct str name, image, command, ports, tier;
	uint64_t created_s;
	bool remove; /* when it ends */
};

enum box_state { BOX_STARTING, BOX_RUNNING, BOX_ENDED, BOX_LOST };

struct box {
	int fd;	     /* its directory */
	int lock_fd; /* -1: not ours */
	struct box_meta meta;
	enum box_state state;
	int exit_status; /* BOX_ENDED */
	int pid;	 /* BOX_RUNNING */
	struct arena arena;
};
void box_close(struct box *b);
#define auto_box cleanup_with(box_close)

/* The directory of all of them, as text too: other programs are told paths. */
int boxes_open(const char *data_path, char *path, size_t path_size, struct err *e) must_check;
/* A new one with an id of its own, locked. */
int box_create(int boxes_fd, struct box *ret, struct err *e) must_check;
/* Makes it known: before that nobody lists it. -EEXIST: the name is taken; -EADDRINUSE: a port of the
 * host is another's that has not ended. */
int box_publish(int boxes_fd, struct box *b, struct err *e) must_check;
int box_write_number(const struct box *b, const char *file, int number, struct err *e) must_check;

/* By id, the beginning of one that is clear, or name. -ENOENT. */
int box_find(int boxes_fd, struct str which, struct box *ret, struct err *e) must_check;
struct box_list {
	VEC(struct box) v; /* by time of creation */
};
void box_list_done(struct box_list *l);
int box_list(int boxes_fd, struct box_list *ret, struct err *e) must_check;

/* Removes the directory and all in it. */
int box_remove(int boxes_fd, struct box *b, struct err *e) must_check;
/* meta.json from its text; strs lie in the arena. */
int box_meta_parse(struct str text, struct arena *a, struct box_meta *ret, struct err *e) must_check;

#endif
