/* listen: the sockets that the agent waits on. */
#ifndef NODE_AGENT_LISTEN_H
#define NODE_AGENT_LISTEN_H

#include "base/err.h"

#define LISTEN_BACKLOG 16

/* A path that is there is replaced; only its owner may connect. */
int listen_unix(const char *path, struct err *e) must_check;
int listen_vsock(unsigned int port, struct err *e) must_check;
int listen_tcp(const char *address, unsigned int port, struct err *e) must_check;

#endif
