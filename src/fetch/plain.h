/* plain: one HTTP/1.1 request over a socket that is connected already, and the answer up to the socket's end: what a
 * node's agent speaks by vsock and by a local socket. libcurl knows no socket that is neither IP nor a path. */
#ifndef FETCH_PLAIN_H
#define FETCH_PLAIN_H

#include "fetch/peer.h"

#define PLAIN_HEAD_MAX 8192u /* bytes of an answer's head */

/* The socket is the caller's. An answer that comes before all of the body was sent is the answer. */
int plain_ask(int socket, const char *method, const char *path, const struct peer_body *body, struct buf *ret,
	      unsigned int *ret_status, struct err *e) must_check;

/* A whole answer taken apart; *ret_body borrows. -EBADMSG: none, or cut short. */
int plain_answer(struct str bytes, struct str *ret_body, unsigned int *ret_status, struct err *e) must_check;

#endif
