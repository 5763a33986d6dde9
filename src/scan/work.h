/* work: what this program does when it was started as a worker. */
#ifndef SCAN_WORK_H
#define SCAN_WORK_H

/* `role` is argv[2]. Returns the process's exit status. */
int work_main(const char *role);

#endif
