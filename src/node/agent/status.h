/* status: what the node says of itself: what runs on it, that it is what was signed, what it measured. */
#ifndef NODE_AGENT_STATUS_H
#define NODE_AGENT_STATUS_H

#include "base/json.h"
#include "node/spec.h"

#define STATUS_STATE_MAX (64u << 10) /* bytes of what init says */

struct status_job {
	const struct spec *spec; /* NULL: there is none */
	const char *run_path;
	struct str certificate; /* the agent's own, PEM; "" none */
};
void status_write(const struct status_job *s, struct json_out *w);

/* The root hash that a kernel command line names in dm-mod.create=; false when it names none. */
bool status_root_hash(struct str command_line, struct str *ret);

#endif
