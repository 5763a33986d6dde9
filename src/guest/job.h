/* job: what the monitor of one container is told: which machine to start, and what for.
 *
 * Written by the runtime into a sealed memory file that the monitor finds as descriptor JOB_FD. The monitor
 * (runtime/monitor) is the first process of a confined container of its own, and the machine is its child. */
#ifndef GUEST_JOB_H
#define GUEST_JOB_H

#include "guest/plan.h"

#define JOB_FD 3
#define JOB_ARGS_MAX 256 /* arguments of a machine */
#define MACHINE_IN_FD                                                                                                 \
	3		 /* in the machine: frames to it, and from it; for a virtual machine both are one socket. Its \
			  */
#define MACHINE_OUT_FD 4 /* descriptors 1 and 2 are the guest kernel's console */
#define CONTROL_PATH "/run/control" /* the monitor's socket for exec, inside its own root */

enum machine { MACHINE_UML, MACHINE_VM, MACHINE_KINDS };

struct job {
	enum machine machine;
	uint32_t boot_ms;	    /* from the start of the machine to HELLO, and from START to its answer */
	struct plan_list args, env; /* of the machine; args.v[0] is its path */
	struct str plan;	    /* of the container's process, for the guest; the monitor does not read it */
	bool terminal;		    /* the container has one: ours is made raw */
};

void job_write(struct buf *out, const struct job *j);
int job_parse(struct str bytes, struct arena *a, struct job *ret, struct err *e) must_check;

#endif
