/* front: the half of the agent that speaks HTTP and TLS.
 *
 * A process of its own (this program again, sandbox/worker.h) without a file system, network but the sockets it was
 * handed, or a right to anything: it accepts, reads one request a connection, and hands it over as messages (wire.h).
 * One slow or hostile client costs one of CONNECTIONS_MAX places for as long as connection.h allows. */
#ifndef NODE_AGENT_FRONT_H
#define NODE_AGENT_FRONT_H

#include "base/err.h"

#define FRONT_ROLE "front"
#define FRONT_UID 62001u /* its user and group: nobody else's */

#define FRONT_CONNECTIONS_MAX 32u /* at once; further ones wait in the kernel's queue */
#define FRONT_KIND_MAX 24u	  /* of them by TLS, and as many by vsock or a local socket: neither has all */
#define FRONT_STRANGERS_MAX 16u	  /* that have not shown a certificate yet: for a further one the oldest goes */
#define FRONT_ADDRESS_MAX 8u	  /* of one address */
#define FRONT_LISTENERS_MAX 8u
#define FRONT_MEMORY_MAX (256ull << 20)

/* In the worker: until the other half ends. */
int front_serve(int socket, struct err *e) must_check;

#endif
