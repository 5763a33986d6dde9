/* launch-mounts: what the files share that make a container's file systems out of steps: launch-mounts.c knows the
 * order, launch-bind.c, launch-cgroup.c and launch-dev.c a kind each, launch-wish.c what all of them need. */
#ifndef RUNTIME_LAUNCH_MOUNTS_H
#define RUNTIME_LAUNCH_MOUNTS_H

#include "runtime/launch-part.h"
#include "runtime/mount.h"

/* A mount of the configuration with what became of it. */
struct wish {
	const struct oci_mount *mount;
	struct mount_options o;
	const char *about, *to; /* normal path */
	int slot;		/* -1: changes one that is there */
	int *groups;		/* of control groups on v1: a slot a hierarchy; NULL: none */
	bool fs;		/* a new file system */
	bool late_read_only;	/* something is put into it first */
	bool take_mode;		/* a tmpfs that has the mode of the directory under it */
};

struct bound_device {
	const char *about, *path; /* in /dev */
	int slot;
};

struct device_elsewhere {
	const char *about, *path, *name; /* where it is wanted; what it is called in /dev until then */
};

struct mounts {
	struct launch_steps *s;
	const struct launch *l;
	struct wish *wishes;
	size_t n;
	VEC(struct bound_device) bound;
	VEC(struct device_elsewhere) elsewhere;
	int root, dev, devpts, null; /* slots */
	bool dev_given;		     /* /dev is not ours to fill */
};

/* ---- launch-wish.c ---- */

bool mounts_in_user_namespace(const struct mounts *m);
/* A mount namespace that is others' as well: nothing of theirs is changed, and no path of it is the host's. */
bool mounts_joined(const struct mounts *m);
/* A path inside the container, in normal form; *ret lives in the arena. */
int mounts_path(struct arena *a, const char *about, const char *path, const char **ret, struct err *e) must_check;
/* An id of the container as the host has it; false: it has none. */
bool mounts_host_id(const struct oci_mappings *m, uint64_t inside, uint32_t *ret);

/* A new file system of that type for w, with its own options. */
void mounts_add_fs(struct launch_steps *s, struct wish *w, const char *type, const char *source, uint64_t attributes);
void mounts_add_tree(struct launch_steps *s, int slot, const char *about, const char *path, bool recursive,
		     bool no_follow);
void mounts_add_change(struct launch_steps *s, const char *about, const char *path, uint64_t set, uint64_t clear,
		       uint64_t propagation);

/* ---- launch-bind.c ---- */

int bind_wish_make(struct mounts *m, struct wish *w, struct err *e) must_check;

/* ---- launch-dev.c ---- */

/* A device node of the host, which is that device and nothing else (R8): its slot. */
int dev_source(struct mounts *m, const struct launch_source *s);
/* /dev, unless it was given, and all that is in it, before the root is switched; then in its place. */
int dev_make(struct mounts *m, struct err *e) must_check;
void dev_attach(struct mounts *m);

/* ---- launch-cgroup.c ---- */

/* A mount of type cgroup or cgroup2. */
bool wish_is_cgroup(const struct wish *w);
int cgroup_wish_make(struct mounts *m, struct wish *w, struct err *e) must_check;
void cgroup_wish_attach(struct mounts *m, const struct wish *w);

#endif
