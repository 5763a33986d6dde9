/* enforce: the limits of one container from beginning to end: found, made, read back, undone.
 *
 *     limits_resolve, limits_to_config (runtime/limits.h): what they are, and into the configuration what it can hold
 *     enforce_make      the groups are made: the writable layer, every knob, every rate; what is made is recorded first
 *     enforce_network   the namespaces and interfaces are there
 *     enforce_verify    everything read back from the kernel; before a container may start, and on `verify`
 *     enforce_undo      what does not go with processes, groups and mounts by itself
 *
 * A limit that cannot be applied is an error that names it; nothing runs then. Documents: docs/limits-runtime.md. */
#ifndef RUNTIME_ENFORCE_H
#define RUNTIME_ENFORCE_H

#include "runtime/enforce-record.h"

struct enforce {
	struct enforce_record record;
	struct disk_layer layer; /* mount: -1 without one; owned */
};
void enforce_init(struct enforce *x);
void enforce_done(struct enforce *x); /* closes: what was made stays */
#define auto_enforce cleanup_with(enforce_done)

struct enforce_place {
	struct cgroup *cgroup; /* made; NULL: none are used. io_apart is set when the rates need it */
	const char *id;	       /* the container's */
	const char *rootfs;    /* absolute */
	int state_fd;	       /* directory: ENFORCE_FILE */
	const char *layers;    /* NULL: DISK_DIR */
	const char *netns;     /* where its interfaces are; NULL: in its process's namespace */
	bool rootless;
};
/* x->record.limits says what to make; x->layer.mount is the launch's writable_layer afterwards. The configuration gets
 * what is only known now (rates of devices), in the arena. */
int enforce_make(struct enforce *x, const struct enforce_place *p, struct oci_config *c, struct arena *a,
		 struct err *e) must_check;
int enforce_network(struct enforce *x, const struct enforce_place *p, const char *id, pid_t pid,
		    struct err *e) must_check;

/* `update`: what is present takes effect and is recorded; `newer`: where it came from, unset: as it was. */
int enforce_update(const struct cgroup *cgroup, int state_fd, const struct oci_resources *over,
		   const struct limits *newer, struct arena *a, struct err *e) must_check;
/* Of a tier: what a guest is asked for from now on; 0: as it was. */
int enforce_record_inside(int state_fd, uint64_t memory_bytes, uint64_t pids, struct err *e) must_check;

/* One thing asked, and what the kernel says. */
struct enforce_row {
	const char *limit, *from; /* "pids", "annotation"; a knob's own name where it is of no limit of ours */
	const char *where;	  /* file, device or interface */
	const char *asked, *effective;
	bool holds;
};
struct enforce_report {
	VEC(struct enforce_row) rows; /* strings in the arena */
	size_t differences;
};
void enforce_report_done(struct enforce_report *r);
#define auto_enforce_report cleanup_with(enforce_report_done)

/* cgroup NULL: none were made. */
void enforce_verify(const struct enforce_record *rec, const struct cgroup *cgroup, const struct oci_config *c,
		    pid_t pid, struct arena *a, struct enforce_report *ret);
/* Of a tier: what the guest's kernel says. */
struct enforce_guest {
	const char *silent; /* why it says nothing, which is a difference; NULL: it does */
	bool waits;	    /* there is none yet, and so nobody who could exceed anything */
	uint64_t memory_bytes, pids, memory_most;
};
void enforce_verify_guest(const struct enforce_record *rec, const struct enforce_guest *g, struct arena *a,
			  struct enforce_report *ret);
/* The first difference as an error (-EBADMSG), 0 when there is none. */
int enforce_report_check(const struct enforce_report *r, struct err *e) must_check;
void enforce_report_table(const struct enforce_report *r, struct buf *b);
void enforce_report_json(const struct enforce_report *r, const char *id, struct buf *b);

/* The limits of a container that exists, and what it was granted; all unset when none were recorded. */
void enforce_limits(int state_fd, struct limits *ret, struct enforce_granted *ret_granted);
/* Whether cgroup.io_apart is to be set for a container that exists. */
bool enforce_io_apart(int state_fd);
/* Also for what a killed command left: from the record, and by the container's id. host NULL: none is used. */
void enforce_undo(int state_fd, const struct cgroup_host *host, const char *id);

#endif
