/* api: which request a method and a path are (docs/node-api.md). */
#ifndef NODE_AGENT_API_H
#define NODE_AGENT_API_H

#include "node/agent/http.h"
#include "node/agent/wire.h"

#define API_JSON_MAX (256u << 10)   /* bytes of a body that is JSON: a manifest, a record, settings */
#define API_LAYER_MAX (16ull << 30) /* bytes of a layer */

struct api_request {
	enum api_op op;
	struct str name; /* into the head's bytes */
	bool large;	 /* its body or answer may be megabytes: only some of these at once */
};

/* -EBADMSG and the status to answer with: no such path (404), not with that method (405), a body that is missing (411),
 * too long (413) or not wanted (400). */
int api_find(const struct http_head *h, struct api_request *ret, unsigned int *ret_status, struct err *e) must_check;

#endif
