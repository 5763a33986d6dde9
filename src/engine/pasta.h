/* pasta: the network of a container of a user without rights: passt's pasta(1) stands between its namespace and the
 * host, as a process of the user's. Ports that were published lead in; nothing else does. */
#ifndef ENGINE_PASTA_H
#define ENGINE_PASTA_H

#include <sys/types.h>

#include "engine/net.h"

/* Ends when the namespaces of process `pid` have their interface. *ret_pid is pasta's process, a child of ours to be
 * ended with pasta_stop(). -ENOENT when it is not installed. */
int pasta_start(pid_t pid, const struct net_ports *ports, pid_t *ret_pid, struct err *e) must_check;
void pasta_stop(pid_t pid); /* 0: nothing */

#endif
