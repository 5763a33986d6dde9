/* agent: the node's API and what it does: the half that acts.
 *
 * It starts the half that speaks (front.h), takes typed requests from it, and looks after pods. Everything it keeps
 * lies on the data partition. docs/node-api.md */
#ifndef NODE_AGENT_AGENT_H
#define NODE_AGENT_AGENT_H

#include "base/err.h"
#include "base/str.h"

#define AGENT_VSOCK_HOST 2u /* the host's address of vsock: VMADDR_CID_HOST */

struct agent_config {
	const char *data_path;	 /* /data */
	const char *run_path;	 /* /run/yagura */
	const char *lib_path;	 /* /usr/lib/yagura: spec.json, images/, pods */
	const char *unix_path;	 /* a socket to listen on besides what the specification says; NULL: none */
	const char *tcp_address; /* where to listen for TLS; "0.0.0.0" */
	uint32_t vsock_peer;	 /* the only address of vsock that may connect: the host's */
	int init_pid;		 /* whom a reboot is asked of */
	const char *profile;	 /* of AppArmor, that containers are held to; NULL: none, for a kernel without it */
	bool verify_once; /* layers are checked when they are mounted, not at each read: for a kernel without dm-verity
			   */
};

/* Until SIGTERM, upon which pods are stopped in order. */
int agent_run(const struct agent_config *c, struct err *e) must_check;

#endif
