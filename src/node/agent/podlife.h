/* podlife: one pod from its manifest to its end: its network and volumes, then its init containers one after the other,
 * then all others (unit.h); a newer manifest takes the place of the older one once that has ended. */
#ifndef NODE_AGENT_PODLIFE_H
#define NODE_AGENT_PODLIFE_H

#include <limits.h>

#include "node/agent/podnet.h"
#include "node/agent/trash.h"
#include "node/agent/unit.h"

#define PODS_MAX 110u /* as a kubelet's default */

/* A manifest that was taken. */
struct manifest {
	struct arena arena; /* where the pod's strings are */
	struct pod pod;	    /* no name: none */
};

struct podlife {
	char name[POD_NAME_MAX + 1];
	bool fixed, deleting, ready, told; /* ready: network and volumes are there; told: that it runs */
	struct manifest now, next;	   /* next: a newer version, which waits for the end of this one */
	struct unit *init, *units;
	size_t stage; /* init containers that are done */
	int netns;
	uint32_t pair;
	uint64_t retry_ms;
	unsigned int pause_ms;
	char why[ERR_MSG_MAX];
	char run_path[PATH_MAX], address[PODNET_ADDRESS_MAX];
};

/* All pods, and where they have what they keep. */
struct podset {
	struct depot *depot;
	const char *profile; /* of AppArmor, of containers; NULL: none */
	bool verify_once;
	char logs[PATH_MAX], volumes[PATH_MAX], homes[PATH_MAX], runs[PATH_MAX], state[PATH_MAX], layers[PATH_MAX];
	struct trash trash;
	struct podlife *v[PODS_MAX];
	size_t n;
};

int manifest_read(struct str json, struct manifest *ret, struct err *e) must_check;
void manifest_done(struct manifest *m);

/* One that is not in the set yet; the manifest is taken. */
struct podlife *podlife_new(const struct podset *s, struct manifest *m, bool fixed);
void podlife_free(struct podlife *t);
/* A newer manifest, which is taken; one that waited is forgotten. */
void podlife_renew(struct podlife *t, struct manifest *m);
/* It is to end, and all that it kept to be forgotten, before a newer one begins. */
void podlife_delete(struct podlife *t);

bool podlife_runs(const struct podlife *t);
/* Hears its containers and does what is due. `stopping`: all pods are. True: it was deleted and has ended, and the
 * caller takes it out of the set. */
bool podlife_work(struct podset *s, struct podlife *t, bool stopping);
/* When something is due, of clock_ms(); UINT64_MAX: nothing is. */
uint64_t podlife_due(const struct podlife *t);

void podlife_write(struct json_out *w, const struct podlife *t);

#endif
