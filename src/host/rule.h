/* rule: what the parts of host/ share. Only host/ includes this. */
#ifndef HOST_RULE_H
#define HOST_RULE_H

#include "base/fd.h"
#include "model/check.h"

struct host {
	int root;
	struct buf *evidence; /* of the rule at hand */
	void *cache;	      /* of the section at hand: what several rules look at */
};

struct host_rule {
	const char *id;
	unsigned int level;
	const char *title, *why, *fix;
	enum check_result (*judge)(struct host *h, const struct host_rule *r);
	const char *what; /* the path, option or key that it is about */
};

struct host_section {
	const char *name;
	const struct host_rule *rules;
	size_t n;
	/* Reads what the rules share into h->cache; may be NULL. */
	void (*open)(struct host *h);
	void (*close)(struct host *h);
};

extern const struct host_section mounts_section, files_section, lsm_section, ports_section, docker_section,
	containers_section, kubelet_section, pending_section, node_section;

/* A line of proc/self/mountinfo (proc(5)). */
struct mount {
	struct str device; /* "major:minor" */
	struct str path, options, type;
	struct str super; /* options of the file system itself */
};
/* The next line that is whole; false at the end. */
bool mount_next(struct str *mountinfo, struct mount *ret);
bool mount_has(struct str options, struct str want);

/* A file of the host as text; false when it is not there or cannot be read (*ret_missing tells which). */
bool host_read(struct host *h, const char *path, struct buf *ret, bool *ret_missing);
/* The value of a member of the outermost object, as its text; false when it is not there. No text: an empty object. */
bool host_member(struct str json, struct arena *a, struct str name, struct str *ret);
/* One more item of a list in the evidence. */
void host_say(struct host *h, struct str item);

#endif
