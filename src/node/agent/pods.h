/* pods: what runs on the node, and how it is kept running.
 *
 * Each pod is a manifest and a small state machine (podlife.h), each of its containers in the hands of a process of its
 * own (unit.h, keeper.h); ended ones are started again as the restart policy says, after a pause that doubles.
 * Manifests that came through the API are kept in DATA/agent/pods and started again at the next boot; those of the
 * specification lie on the root and cannot be changed.
 *
 * One thread: the owner asks for descriptors, waits, and calls pods_work(). */
#ifndef NODE_AGENT_PODS_H
#define NODE_AGENT_PODS_H

#include <poll.h>

#include "node/agent/podlife.h"

#define PODS_FDS_MAX (1 + PODS_MAX * POD_CONTAINERS_MAX)

struct pods_config {
	struct depot *depot;
	const char *data_path, *run_path; /* /data, /run/yagura */
	uint32_t own_tcp;		  /* the agent's own port, which no pod may have; 0: none */
	const char *profile;		  /* of AppArmor, of containers; NULL: none */
	bool verify_once;
};

struct pods;
struct pods *pods_new(const struct pods_config *c, struct err *e);
void pods_free(struct pods *p);

/* Takes a manifest: a new pod, or a new version of one, which is then stopped first. `fixed`: of the specification,
 * not kept. -EPERM: the name is one of the specification's; -EEXIST: a port of the node is taken. */
int pods_put(struct pods *p, struct str name, struct str json, bool fixed, struct err *e) must_check;
/* Those that were kept. What cannot be read is told of in the list. */
void pods_load(struct pods *p);
/* Stops it and forgets manifest, volumes and logs. -ENOENT, -EPERM. */
int pods_delete(struct pods *p, struct str name, struct err *e) must_check;
bool pods_uses_image(const struct pods *p, struct str name);

/* Everything is stopped; pods_idle() says when it is. */
void pods_stop(struct pods *p);
bool pods_idle(const struct pods *p);

size_t pods_fds(const struct pods *p, struct pollfd *ret, size_t max);
/* Looks at what became ready and does what is due; milliseconds until something else is, -1: nothing. */
int pods_work(struct pods *p);

/* Their state as a JSON array; one of them, -ENOENT. */
void pods_write(const struct pods *p, struct json_out *w);
int pods_write_one(const struct pods *p, struct str name, struct json_out *w) must_check;

#endif
