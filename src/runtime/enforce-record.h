/* enforce-record: what was asked of the kernel for one container and what was made for it, as kept in limits.json of
 * its state: for `verify`, which asks the kernel again, and for what undoes it, after a crash too.
 *
 * Format: docs/formats/run-limits.md. Read as hostile: bounded, every value checked. */
#ifndef RUNTIME_ENFORCE_RECORD_H
#define RUNTIME_ENFORCE_RECORD_H

#include "runtime/disk.h"
#include "runtime/limits.h"
#include "runtime/net.h"

#define ENFORCE_FILE "limits.json"
#define ENFORCE_BYTES_MAX (4u << 20)
#define ENFORCE_KNOBS_MAX 65536

/* What strict mode left to the container (runtime/strict.h): as it was when it was made, whatever the policy says by
 * now. */
struct enforce_granted {
	uint64_t capabilities;
	bool writable_root;
};

struct enforce_record {
	struct limits limits;
	struct enforce_granted granted;
	uint64_t log_kept;	  /* bytes of its output, as our caller promised; 0: it did not say */
	struct cgroup_plan knobs; /* strings in an arena */
	bool devices;		  /* device rules were set */
	struct {
		bool layer; /* there is one */
		unsigned int major, minor;
		uint64_t size_bytes, inodes;
		uint32_t project; /* by project quota (runtime/project.h); 0: by a device of its own */
		bool root_rule;	  /* v1: the rates are the root group's rule for the layer's device */
		struct disk_rates rates;
	} disk;
	struct { /* of a tier: asked of the guest's kernel, in its own control group; 0: nothing */
		uint64_t memory_bytes, pids;
	} inside;
	struct net_record net;
	struct { /* linux.intelRdt; group NULL: none. In an arena */
		const char *group;
		bool made, monitoring;
	} rdt;
};
void enforce_record_done(struct enforce_record *r);
#define auto_enforce_record cleanup_with(enforce_record_done)

/* Replaces the rows of the same file (and device or key) by newer ones. */
void enforce_record_knobs(struct enforce_record *r, const struct cgroup_plan *newer);

void enforce_record_text(const struct enforce_record *r, struct buf *b);
int enforce_record_parse(struct str text, struct arena *a, struct enforce_record *ret, struct err *e) must_check;
int enforce_record_write(int state_fd, const struct enforce_record *r, struct err *e) must_check;
/* -ENOENT when there is none. */
int enforce_record_read(int state_fd, struct arena *a, struct enforce_record *ret, struct err *e) must_check;

#endif
