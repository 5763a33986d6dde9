/* peer: one request to a machine of ours that is known by an address and keys, as a node's agent is.
 *
 * Besides TCP with TLS both ways this reaches a virtual machine (vsock) and a local socket, which need no keys: who may
 * open them is the host's to say (plain.h). No redirects, no proxies, no retries: what was asked for may have been
 * done. libcurl is loaded by the first request by TLS, as in http.h. */
#ifndef FETCH_PEER_H
#define FETCH_PEER_H

#include "base/buf.h"
#include "base/err.h"

#define PEER_ANSWER_MAX (64u << 20) /* bytes of an answer */

struct peer {
	struct str address;	/* "unix:PATH", "vsock:CID:PORT", "HOST:PORT" */
	const char *cert, *key; /* ours, files in PEM; for HOST:PORT */
	const char *ca;		/* the machine's own certificate: it and no other is believed */
};

struct peer_body {
	int fd; /* read from its beginning */
	uint64_t bytes;
};

/* 0 when an answer came, whatever its status; `body` NULL: none is sent. *ret is made by the call. */
int peer_ask(const struct peer *p, const char *method, const char *path, const struct peer_body *body, struct buf *ret,
	     unsigned int *ret_status, struct err *e) must_check;

#endif
