/* child: a process that the agent forks for work that takes its time: it ends with the agent, has no descriptor of the
 * agent's but those it is left, and says what became of it over a pipe. */
#ifndef NODE_AGENT_CHILD_H
#define NODE_AGENT_CHILD_H

#include <sys/types.h>

#include "base/err.h"

/* In the child 0 is returned and *ret_fd is the end it writes to; in the agent its number and the end that is read.
 * Descriptors of -1 in `kept` are passed over. */
pid_t child_fork(const int *kept, size_t n, int *ret_fd, struct err *e) must_check;
/* Waits for its end, which has come or is made to come; *fd is closed. */
void child_end(pid_t pid, int *fd);

#endif
