/* tree: the files of an image before they become a layer: names and attributes in memory, bytes in one scratch file.
 *
 * Nothing is ever unpacked into a directory, so there is nothing to escape from: a name is resolved against the tree
 * alone, as in a container (links are followed inside, ".." ends at the root). Rules: what a package brings as a
 * directory where a link to one stands is that directory (dpkg(1), as merged-/usr needs it); a file that two owners
 * bring is an error unless it is the same; directories keep what the first owner said.
 *
 * tree_write() is deterministic: sorted by name, times no later than `epoch`, owners by number only, extended
 * attributes of the names in the table of tree.c, everything else left out. */
#ifndef NODE_IMAGE_TREE_H
#define NODE_IMAGE_TREE_H

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "layer/layer.h"

#define TREE_NODES_MAX 2000000u
#define TREE_BYTES_MAX (16ull << 30) /* of all files */
#define TREE_FOLLOW_MAX 40u	     /* links followed for one name */
#define TREE_LINK_MAX 4095u	     /* bytes of a link's target */

struct tree_node {
	struct str path; /* normal */
	enum tar_type type;
	uint32_t mode;
	uint64_t uid, gid;
	int64_t mtime;
	uint64_t size, offset; /* of a file: its bytes in the scratch file */
	uint32_t file;	       /* hard links to one file have the same number */
	struct str link;       /* of a symbolic link */
	uint32_t major, minor;
	struct str xattrs; /* pax records */
	struct str owner;  /* who brought it, for messages */
	bool gone;
};

struct tree {
	struct arena arena;
	VEC(struct tree_node) nodes;
	struct map by_path;
	int scratch; /* owned */
	uint64_t scratch_bytes;
	uint32_t files;
	struct str owner;  /* of what comes now */
	uint32_t open;	   /* node whose bytes come, UINT32_MAX none */
	uint64_t open_end; /* bytes of it so far */
};

/* Takes the scratch file. */
void tree_init(struct tree *t, int scratch);
void tree_done(struct tree *t);

/* Everything a tar brings: events for layers_read() or deb_walk(). */
struct layer_events tree_events(struct tree *t);

/* Made here: owned by root; parents are made as needed. A file or link that is there is replaced. */
int tree_put_dir(struct tree *t, struct str path, uint32_t mode, struct err *e) must_check;
int tree_put_file(struct tree *t, struct str path, uint32_t mode, struct str bytes, struct err *e) must_check;
int tree_put_link(struct tree *t, struct str path, struct str target, struct err *e) must_check;
void tree_chown(struct tree *t, struct str path, uint64_t uid, uint64_t gid);

/* NULL when there is none. Valid until something is added. */
struct tree_node *tree_find(struct tree *t, struct str path);
/* The bytes of a file, at most max. The buf is made by the call. */
int tree_read(struct tree *t, const struct tree_node *n, size_t max, struct buf *ret, struct err *e) must_check;
void tree_drop(struct tree *t, struct str glob); /* str_glob() over whole paths; directories with what is below */

/* Sorts the nodes by path: indices change. */
void tree_sort(struct tree *t);

struct tree_sink {
	void *ctx;
	int (*write)(void *ctx, const void *p, size_t n, struct err *e);
};
/* A ustar stream with pax headers where they are needed (POSIX.1-2017 pax). Sorts. */
int tree_write(struct tree *t, int64_t epoch, const struct tree_sink *sink, struct err *e) must_check;

#endif
