/* connection: one client of the half that speaks: TLS, the head of its request, the body in pieces to the half that
 * acts, the answer; a small state machine that never waits. Its owner polls (front.c) and calls it when its socket is
 * ready, when its time is over, when its answer has come. */
#ifndef NODE_AGENT_CONNECTION_H
#define NODE_AGENT_CONNECTION_H

#include "node/agent/http.h"
#include "node/agent/wire.h"

#define CONNECTION_HEAD_MS 10000u    /* from the connection to the end of the request's head, TLS included */
#define CONNECTION_PIECE_MS 10000u   /* for each 64 KiB of a body, in either direction */
#define CONNECTION_ANSWER_MS 600000u /* that the other half may take */

struct tls_session;

enum phase { FREE, HANDSHAKE, HEAD, BODY, WAITING, SENDING };

struct connection {
	enum phase phase;
	uint32_t id; /* of its request, to the other half */
	int other;   /* the socket that leads there; borrowed */
	int fd;
	struct tls_session *tls;
	bool wants_write;  /* what it waits for on its socket */
	uint64_t deadline; /* monotonic ms */
	char head[HTTP_HEAD_MAX];
	size_t head_bytes;
	uint64_t body_left;
	uint64_t piece_bytes; /* moved since the deadline was set */
	bool begun;	      /* the other half knows of it */
	bool saturated;	      /* the other half takes nothing at the moment */
	/* a piece that waits to be handed over */
	char *piece;
	size_t piece_n;
	/* the answer */
	char answer[HTTP_ANSWER_HEAD_MAX + ERR_MSG_MAX];
	size_t answer_n, answer_sent;
	int body_fd;
	uint64_t body_at, body_end;
};

/* A client that was accepted; takes ownership of the socket and of its TLS session (NULL: none is spoken). `other`: the
 * socket to the half that acts. */
void connection_begin(struct connection *c, uint32_t id, int other, int fd, struct tls_session *tls);
/* Its socket is ready, or the other half takes messages again. */
void connection_advance(struct connection *c);
/* Its deadline has passed. */
void connection_expire(struct connection *c);
/* What the other half answered, with the body's descriptor (-1: none), which is taken if this is whom it is for. */
void connection_answer(struct connection *c, const struct wire *w, int *body);

#endif
