/* hidden: what of /proc and /sys OCI engines hide from a container, or let it only read, unless told otherwise: the
 * default of containerd, podman and runc. */
#ifndef RUNTIME_HIDDEN_H
#define RUNTIME_HIDDEN_H

#define HIDDEN_MASKED 12
#define HIDDEN_READ_ONLY 5
extern const char *const hidden_masked[HIDDEN_MASKED + 1],
	*const hidden_read_only[HIDDEN_READ_ONLY + 1]; /* NULL ends */

#endif
