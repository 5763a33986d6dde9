/* job: what the monitor of one container is told: which machine to start, and what for.
 *
 * Written by the runtime into a sealed memory file that the monitor finds as descriptor JOB_FD. The monitor
 * (runtime/monitor) is the first process of a confined container of its own, and the machine is its child.
 *
 * With ports or volumes, JOB_FD is a socket in which one message waits: that file and, behind it, a socket that listens
 * for each port, made outside in the network namespace it belongs to (the monitor's own has nothing but a loopback),
 * and what is only held (locks on volumes). */
#ifndef GUEST_JOB_H
#define GUEST_JOB_H

#include "guest/plan.h"

#define JOB_FD 3
#define JOB_ARGS_MAX 256 /* arguments of a machine */
#define JOB_PORTS_MAX 64 /* of one container, that lead into its guest */
#define JOB_FDS_MAX (JOB_PORTS_MAX + 16)
#define MACHINE_IN_FD                                                                                                 \
	3		 /* in the machine: frames to it, and from it; for a virtual machine both are one socket. Its \
			  */
#define MACHINE_OUT_FD 4 /* descriptors 1 and 2 are the guest kernel's console */

enum machine { MACHINE_UML, MACHINE_VM, MACHINE_KINDS };

struct job {
	enum machine machine;
	uint32_t boot_ms;	    /* from the start of the machine to HELLO, and from START to its answer */
	uint32_t silent_ms;	    /* of a guest that runs, until it is ended */
	struct plan_list args, env; /* of the machine; args.v[0] is its path */
	struct str plan;	    /* of the container's process, for the guest; the monitor does not read it */
	bool terminal;		    /* the container has one: ours is made raw */
	struct job_port {
		uint16_t number;
		bool udp;
	} ports[JOB_PORTS_MAX]; /* of the container, in the order of their sockets */
	size_t port_count;
};

void job_write(struct buf *out, const struct job *j);
int job_parse(struct str bytes, struct arena *a, struct job *ret, struct err *e) must_check;

/* job-fds.c: the job and what goes with it as one descriptor, and apart again. Those given stay their owner's. */
int job_join_fds(int job, const int *with, size_t n, int *ret, struct err *e) must_check;
int job_take_fds(int fd, int *ret_job, int ret_with[JOB_FDS_MAX], size_t *ret_n, struct err *e) must_check;

#endif
