/* wire: what the two halves of the agent say to each other.
 *
 * The half that speaks HTTP and TLS is confined and knows nothing but its connections; what it understood of a request
 * it hands over as one of these messages, and gets an answer's bytes back as a descriptor it may only read. Each side
 * reads the other's messages as foreign bytes. Messages are datagrams with one byte of kind (sandbox/worker.h). */
#ifndef NODE_AGENT_WIRE_H
#define NODE_AGENT_WIRE_H

#include "base/buf.h"
#include "base/err.h"

#define WIRE_NAME_MAX 256u     /* bytes of what a request is about */
#define WIRE_PIECE_MAX 65536u  /* bytes of a body in one message */
#define WIRE_CONFIG_MAX 32768u /* bytes of a certificate or key */
#define WIRE_PLACES_MAX 64u    /* requests under way: no two of them have ids that are the same modulo this */

enum wire_kind {
	/* to the half that speaks, before all else; END_CONFIG when it may begin */
	WIRE_LISTEN = 1, /* with a descriptor: a listening socket */
	WIRE_KEY,	 /* the server's private key, PEM */
	WIRE_CERTIFICATE,
	WIRE_CLIENT, /* a certificate that may connect, or sign those that may */
	WIRE_GO,
	/* to the half that acts */
	WIRE_BEGIN,
	WIRE_DATA,
	WIRE_END,
	WIRE_GONE, /* the client went away before its answer */
	/* to the half that speaks, with a descriptor: the body */
	WIRE_REPLY,
};

/* What can be asked for; the rows that lead here from methods and paths are in api.c. */
enum api_op {
	API_NONE,
	API_STATUS,
	API_LOG_LIST,
	API_LOG_GET,
	API_POD_LIST,
	API_POD_GET,
	API_POD_PUT,
	API_POD_DELETE,
	API_IMAGE_LIST,
	API_IMAGE_GET,
	API_IMAGE_PUT,
	API_IMAGE_DELETE,
	API_LAYER_GET,
	API_LAYER_PUT,
	API_SETTINGS_GET,
	API_SETTINGS_PUT,
	API_REBOOT,
	API_POWER_OFF,
	API_OP_COUNT,
};

struct wire {
	uint32_t id;
	enum api_op op;	     /* WIRE_BEGIN */
	struct str name;     /* WIRE_BEGIN: borrowed */
	uint64_t length;     /* WIRE_BEGIN: of the body; WIRE_REPLY: of the descriptor's bytes */
	struct str bytes;    /* WIRE_DATA, WIRE_KEY, WIRE_CERTIFICATE, WIRE_CLIENT: borrowed */
	unsigned int status; /* WIRE_REPLY */
	bool json;	     /* WIRE_REPLY */
	bool tls;	     /* WIRE_LISTEN: who connects there must show a certificate */
	uint32_t peer;	     /* WIRE_LISTEN: the only address of vsock that may connect */
};

/* -EBADMSG: not of that form, or past a limit. */
int wire_parse(uint8_t kind, struct str payload, struct wire *ret, struct err *e) must_check;
/* The payload of one; `b` is initialised. */
void wire_write(uint8_t kind, const struct wire *w, struct buf *b);

#endif
