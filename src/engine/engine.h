/* engine: containers for people: `yagura run` and what goes with it.
 *
 * What is to run is there already as mounted layers or a directory; here a box (box.h) is made for it, its network, its
 * bundle, and yagura-run is asked to create and start it. The process that called looks after the container until it
 * ends: its log, its exit status, and that nothing of it stays. With `detach` that is a process in the background; if
 * it is killed, the next command takes away what it left (engine_reap()).
 *
 * Mounts are made in a mount namespace of the looking process: they go with it.
 *
 * Nobody inside is root outside: each container without a network has a user namespace with 65,536 ids of its own, and
 * its layers are shown id-mapped. A network that the host made cannot be joined from one, and `compat` asks for none:
 * there ids are the host's.
 *
 * A user without rights gets the same with what there is for one: `directory` is the unpacked tree (tree.h), ids are
 * those granted to the user, the network is pasta's. Limits that need rights are errors of the runtime's. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "engine/box.h"
#include "engine/bundle.h"
#include "engine/net.h"
#include "engine/tree.h"

enum engine_network { NETWORK_NONE, NETWORK_NAT, NETWORK_HOST };

struct engine_run {
	const char *data_path; /* NULL: the default */
	const int *layers;     /* EROFS images, lowest first; NULL: `directory` is the root file system */
	size_t layer_count;
	const char *directory; /* absolute; NULL with layers */
	struct str user_spec;  /* engine/user.h */
	struct bundle bundle;  /* but for the user, which is found when the root file system is there, and what the
				  network says */
	struct str name, image, command; /* for the list */
	enum engine_network network;
	struct net_ports ports;
	const char *tier;	    /* "ns", "uml", "vm" */
	const struct tree_ids *ids; /* of a user without rights; NULL: we are root */
	uint64_t log_bytes;	    /* kept of its output: log.h */
	bool detach, remove, compat;
};

/* Until the container has ended: *ret_status is its exit status, 128 + signal. With `detach`: until it was started; its
 * id goes to ret_id. */
int engine_run(struct engine_run *r, int *ret_status, char ret_id[BOX_ID_BYTES + 1], struct err *e) must_check;

/* A signal ("TERM") to a container's first process. */
int engine_kill(const struct box *b, const char *signal, struct err *e) must_check;
/* Asks it to end and, when it has not within timeout_ms, makes it. */
int engine_stop(int boxes_fd, struct box *b, unsigned int timeout_ms, struct err *e) must_check;
/* What its control groups say: the text of `yagura-run events --stats`. */
int engine_stats(const struct box *b, struct buf *ret, struct err *e) must_check;
/* Removes what processes that were killed have left. */
void engine_reap(int boxes_fd);
/* Takes away everything of a container that has ended. */
int engine_remove(int boxes_fd, struct box *b, struct err *e) must_check;

#endif
