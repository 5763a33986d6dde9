/* connection: one client of the half that speaks: TLS, the head of its request, the body in pieces to the half that
 * acts, the answer; a small state machine that never waits. Its owner polls (front.c) and calls it when its socket is
 * ready, when its time is over, when its answer has come. */
#ifndef NODE_AGENT_CONNECTION_H
#define NODE_AGENT_CONNECTION_H

#include "node/agent/http.h"
#include "node/agent/wire.h"

#define CONNECTION_HEAD_MS 10000u	   /* from the connection to the end of the request's head, TLS included */
#define CONNECTION_PIECE_MS 10000u	   /* for each 64 KiB of a body, in either direction */
#define CONNECTION_ANSWER_MS 600000u	   /* that the other half may take */
#define CONNECTION_TURN_BYTES (256u << 10) /* that one moves before others have their turn */
#define CONNECTIONS_LARGE_MAX 4u	   /* large requests at once; a further one is told to try again */

struct tls_session;

/* LEAVING: it has ended, and the other half could not be told yet. */
enum phase { FREE, HANDSHAKE, HEAD, BODY, WAITING, SENDING, LEAVING };

/* What all connections share. */
struct connections {
	int other;	    /* the socket to the half that acts; borrowed */
	unsigned int large; /* requests under way that are large (api.h) */
};

struct connection {
	enum phase phase;
	uint32_t id; /* of its request, to the other half */
	struct connections *all;
	int fd;
	struct tls_session *tls;
	bool wants_write;  /* what it waits for on its socket */
	uint64_t deadline; /* monotonic ms */
	char head[HTTP_HEAD_MAX];
	size_t head_bytes;
	uint64_t body_left;
	uint64_t piece_bytes; /* moved since the deadline was set */
	bool begun;	      /* the other half knows of it */
	bool large;	      /* counted as such */
	bool saturated;	      /* the other half takes nothing at the moment: waits until it does */
	bool more;	      /* has had its turn, and may have more to read without its socket saying so */
	/* a piece that waits to be handed over */
	char *piece;
	size_t piece_n;
	/* the answer */
	char answer[HTTP_ANSWER_HEAD_MAX + ERR_MSG_MAX];
	size_t answer_n, answer_sent;
	int body_fd;
	uint64_t body_at, body_end;
};

/* A client that was accepted; takes ownership of the socket and of its TLS session (NULL: none is spoken). */
void connection_begin(struct connection *c, uint32_t id, struct connections *all, int fd, struct tls_session *tls);
/* Its socket is ready, or the other half takes messages again. */
void connection_advance(struct connection *c);
/* Its deadline has passed. */
void connection_expire(struct connection *c);
/* Its place is needed. */
void connection_drop(struct connection *c);
/* What the other half answered, with the body's descriptor (-1: none), which is taken if this is whom it is for. */
void connection_answer(struct connection *c, const struct wire *w, int *body);

#endif
