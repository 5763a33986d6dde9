/* launch-listener: the descriptor on which a process's system calls are asked about (SCMP_ACT_NOTIFY), taken out of the
 * process and given to the agent that the profile names. Document: OCI runtime-spec config-linux.md ("The Container
 * Process State"). */
#ifndef RUNTIME_LAUNCH_LISTENER_H
#define RUNTIME_LAUNCH_LISTENER_H

#include "runtime/launch.h"

/* The process has said that its listener will be descriptor `number`, and loads its filter now: from then on nobody can
 * ask it anything that the agent does not answer. Waits until it is there (bounded), connects to the agent and sends.
 */
int launch_pass_listener(const struct oci_config *c, pid_t pid, int pidfd, int number, struct str state,
			 struct err *e) must_check;

/* The same for a watched program: to who watches. */
int launch_watch_listener(int pidfd, int number, const struct launch_watch *w, struct err *e) must_check;

#endif
