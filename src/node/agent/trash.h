/* trash: what pods leave on disk, removed by a process of its own: a container may have written a million files, and
 * nobody is to wait for their end. What it has not come to is removed after the next start. */
#ifndef NODE_AGENT_TRASH_H
#define NODE_AGENT_TRASH_H

#include <sys/types.h>

#include "base/err.h"

struct trash {
	int dir; /* DATA/containers/trash; -1: none */
	unsigned int count;
	bool some; /* there is something to remove */
	pid_t pid; /* who does it; 0: nobody at the moment */
	int words; /* its end is seen here */
};

/* The directory is made. What is on the same file system can be put there. */
int trash_open(struct trash *t, const char *path, struct err *e) must_check;
void trash_close(struct trash *t);
/* Takes away `name` of the directory at `path`, if it is there. */
void trash_put(struct trash *t, const char *path, const char *name);
/* Begins, when there is something and nobody at work; sees an end. To be called when trash_fd() is ready. */
void trash_work(struct trash *t);
int trash_fd(const struct trash *t); /* -1: nothing to wait for */

#endif
