/* wait: children that have ended. */
#ifndef RUNTIME_WAIT_H
#define RUNTIME_WAIT_H

#include <sys/types.h>

/* Reaps every child that has ended. The exit status of `pid`, 128 + its signal when one ended it, when it was among
 * them; else -1. */
int wait_reap(pid_t pid);

#endif
