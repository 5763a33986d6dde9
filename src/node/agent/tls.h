/* tls: the agent's TLS 1.3, and its key. The only file of the agent that knows OpenSSL is tls.c.
 *
 * A client shows a certificate that is one of those the specification names, or is signed by one; without, there is no
 * connection (RFC 8446 4.4.2). The server's certificate is its own: clients are given it, there is no authority.
 *
 * The names begin with agent_: static libssl has hundreds that begin with tls_, with OpenSSL 3.5 a tls_free as well. */
#ifndef NODE_AGENT_TLS_H
#define NODE_AGENT_TLS_H

#include "base/buf.h"
#include "base/err.h"

#define TLS_PEM_MAX 32768u /* bytes of a key or certificate as text */

struct tls;
struct tls_session;

/* What the server says of itself, and whom it lets in. Loads all that will be needed, so that a confined process can go
 * on with it. */
int agent_tls_new(struct str key_pem, struct str certificate_pem, struct tls **ret, struct err *e) must_check;
int agent_tls_allow(struct tls *t, struct str client_pem, struct err *e) must_check;
void agent_tls_free(struct tls *t);

/* A connection on a non-blocking socket (borrowed). All of these: bytes or 0 for done, -EAGAIN when the socket has to
 * be waited for (agent_tls_wants_write() tells for what), another negative errno when it is over. */
struct tls_session *agent_tls_session_new(struct tls *t, int socket);
void agent_tls_session_free(struct tls_session *s);
int agent_tls_handshake(struct tls_session *s) must_check;
int agent_tls_read(struct tls_session *s, void *p, size_t n) must_check;
int agent_tls_write(struct tls_session *s, const void *p, size_t n) must_check;
bool agent_tls_wants_write(const struct tls_session *s);
void agent_tls_bye(struct tls_session *s);

/* A new P-256 key and its self-signed certificate for that name, as PEM. */
int agent_tls_make(const char *name, struct buf *ret_key, struct buf *ret_certificate, struct err *e) must_check;
/* Whether the text is a certificate. */
bool agent_tls_is_certificate(struct str pem);

#endif
