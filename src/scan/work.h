/* work: what this program does when it was started as a worker: `yagura --worker ROLE`, the socket to its parent as
 * descriptor 3 (sandbox/worker.h). The roles are one table, in work.c. */
#ifndef SCAN_WORK_H
#define SCAN_WORK_H

/* `role` is argv[2]. Returns the process's exit status. */
int work_main(const char *role);

#endif
