/* inside: what the two files of the half that acts share: its state (agent.c), and what is asked of it (requests.c). */
#ifndef NODE_AGENT_INSIDE_H
#define NODE_AGENT_INSIDE_H

#include <sys/types.h>

#include "node/agent/agent.h"
#include "node/agent/api.h"
#include "node/agent/depot.h"
#include "node/agent/pods.h"
#include "node/agent/wire.h"
#include "node/spec.h"
#include "sandbox/worker.h"

struct request {
	bool active;
	uint32_t id;
	enum api_op op;
	char name[WIRE_NAME_MAX + 1];
	struct buf body;      /* of a JSON one */
	struct intake intake; /* of a layer; fd -1: none, it was there */
	pid_t sealer;	      /* the process that computes its tree; 0: none */
	int sealed;	      /* where it says what became of it */
};

struct agent {
	struct agent_config c;
	struct arena arena;
	struct spec spec;
	bool has_spec;
	struct depot depot;
	struct pods *pods;
	struct worker front;
	bool front_is_deaf; /* it takes no answers: to be ended */
	struct buf key, certificate;
	struct request requests[WIRE_PLACES_MAX];
	int signals;
	bool ending;
	int after; /* signal to init when the answer is out; 0: none */
};

/* What was asked, done and answered; a layer that came in is answered later. */
void request_do(struct agent *a, struct request *q);
/* The process that checked it has said something. */
void request_sealed(struct agent *a, struct request *q);
/* Nobody waits for it, or it has been answered: what it holds is given back. */
void request_end(struct request *q);
/* A failure as the client is told. */
void request_refuse(struct agent *a, struct request *q, int r, const struct err *e);

#endif
