/* tls: OpenSSL, all of it. See tls.h. */
#include "node/agent/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/mem.h"

#define DAYS_VALID (100L * 365) /* a node's clock may be wrong, and who pins the certificate has no use for an end */

struct tls {
	SSL_CTX *ctx;
};
struct tls_session {
	SSL *ssl;
	bool wants_write;
};

static int failed(struct err *e, const char *what)
{
	char why[160] = "";

	ERR_error_string_n(ERR_get_error(), why, sizeof(why));
	ERR_clear_error();
	return err_set(e, -EBADMSG, "TLS: %s: %s", what, why);
}

static BIO *text_bio(struct str text)
{
	return BIO_new_mem_buf(text.p, text.n > TLS_PEM_MAX ? 0 : (int)text.n);
}

static X509 *certificate_of(struct str pem)
{
	BIO *b = text_bio(pem);
	X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;

	BIO_free(b);
	ERR_clear_error();
	return x;
}

bool agent_tls_is_certificate(struct str pem)
{
	X509 *x = certificate_of(pem);

	X509_free(x);
	return x;
}

static bool use_key(SSL_CTX *ctx, struct str pem)
{
	BIO *b = text_bio(pem);
	EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, NULL) : NULL;
	bool good = key && SSL_CTX_use_PrivateKey(ctx, key) == 1;

	EVP_PKEY_free(key);
	BIO_free(b);
	return good;
}

static bool use_certificate(SSL_CTX *ctx, struct str pem)
{
	X509 *x = certificate_of(pem);
	bool good = x && SSL_CTX_use_certificate(ctx, x) == 1;

	X509_free(x);
	return good;
}

int agent_tls_new(struct str key_pem, struct str certificate_pem, struct tls **ret, struct err *e)
{
	struct tls *t = xcalloc(1, sizeof(*t));
	uint8_t some[16];

	/* No configuration file is looked for, and what is loaded lazily is loaded now: the C library's time zone,
	 * which is looked for when a certificate's dates are read, too. */
	tzset();
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS, NULL);
	t->ctx = SSL_CTX_new(TLS_server_method());
	if (!t->ctx || SSL_CTX_set_min_proto_version(t->ctx, TLS1_3_VERSION) != 1 ||
	    RAND_bytes(some, sizeof(some)) != 1 || !use_certificate(t->ctx, certificate_pem) ||
	    !use_key(t->ctx, key_pem) || SSL_CTX_check_private_key(t->ctx) != 1) {
		failed(e, "the server's key");
		agent_tls_free(t);
		return -EBADMSG;
	}
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	/* One named certificate is enough: it need not lead to a root. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(t->ctx), X509_V_FLAG_PARTIAL_CHAIN);
	SSL_CTX_set_verify_depth(t->ctx, 4);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(t->ctx, 0);
	/* A reading ends with each record: who sends nothing but updates of keys must not keep us in it. */
	SSL_CTX_clear_mode(t->ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	*ret = t;
	return 0;
}

int agent_tls_allow(struct tls *t, struct str client_pem, struct err *e)
{
	X509 *x = certificate_of(client_pem);
	int r = x && X509_STORE_add_cert(SSL_CTX_get_cert_store(t->ctx), x) == 1 ? 0
										 : failed(e, "a client's certificate");

	X509_free(x);
	return r;
}

void agent_tls_free(struct tls *t)
{
	if (t)
		SSL_CTX_free(t->ctx);
	free(t);
}

struct tls_session *agent_tls_session_new(struct tls *t, int socket)
{
	struct tls_session *s = xcalloc(1, sizeof(*s));
	BIO *b = BIO_new(BIO_s_socket());

	s->ssl = SSL_new(t->ctx);
	if (!s->ssl || !b) {
		BIO_free(b);
		agent_tls_session_free(s);
		return NULL;
	}
	/* Not by SSL_set_fd(): built with kernel TLS, as Ubuntu's is, it asks the socket for that, and the filter of
	 * this process kills it. */
	BIO_set_fd(b, socket, BIO_NOCLOSE);
	SSL_set_bio(s->ssl, b, b);
	SSL_set_accept_state(s->ssl);
	return s;
}

void agent_tls_session_free(struct tls_session *s)
{
	if (s)
		SSL_free(s->ssl);
	free(s);
}

static int result(struct tls_session *s, int r)
{
	int why = SSL_get_error(s->ssl, r);

	ERR_clear_error();
	s->wants_write = why == SSL_ERROR_WANT_WRITE;
	return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? -EAGAIN
	       : why == SSL_ERROR_ZERO_RETURN				 ? 0
									 : -EPROTO;
}

int agent_tls_handshake(struct tls_session *s)
{
	int r;

	ERR_clear_error();
	r = SSL_accept(s->ssl);
	return r == 1 ? 0 : (r = result(s, r)) == 0 ? -EPROTO : r;
}

int agent_tls_read(struct tls_session *s, void *p, size_t n)
{
	int r;

	ERR_clear_error();
	r = SSL_read(s->ssl, p, n > INT32_MAX ? INT32_MAX : (int)n);
	return r > 0 ? r : result(s, r);
}

int agent_tls_write(struct tls_session *s, const void *p, size_t n)
{
	int r;

	ERR_clear_error();
	r = SSL_write(s->ssl, p, n > INT32_MAX ? INT32_MAX : (int)n);
	return r > 0 ? r : (r = result(s, r)) == 0 ? -EPIPE : r;
}

bool agent_tls_wants_write(const struct tls_session *s)
{
	return s->wants_write;
}

void agent_tls_bye(struct tls_session *s)
{
	ERR_clear_error();
	SSL_shutdown(s->ssl);
	ERR_clear_error();
}

/* ---- the server's own ---- */

static bool fill_certificate(X509 *x, EVP_PKEY *key, const char *name)
{
	char alternative[160];
	X509_NAME *subject = X509_get_subject_name(x);
	X509_EXTENSION *extension;
	uint64_t serial = 0;
	bool good;

	snprintf(alternative, sizeof(alternative), "DNS:%.63s", name);
	if (RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
		return false;
	good = X509_set_version(x, 2) == 1 && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1 &&
	       ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "19700101000000Z") == 1 &&
	       X509_time_adj_ex(X509_getm_notAfter(x), (int)DAYS_VALID, 0, NULL) &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(x, subject) == 1 && X509_set_pubkey(x, key) == 1;
	extension = good ? X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative) : NULL;
	good = extension && X509_add_ext(x, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return good && X509_sign(x, key, EVP_sha256()) > 0;
}

static void take_text(BIO *b, struct buf *to)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);

	buf_init(to, TLS_PEM_MAX);
	buf_add(to, p, n > 0 ? (size_t)n : 0);
}

int agent_tls_make(const char *name, struct buf *ret_key, struct buf *ret_certificate, struct err *e)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	BIO *key_text = BIO_new(BIO_s_mem()), *text = BIO_new(BIO_s_mem());
	bool good = key && x && key_text && text && fill_certificate(x, key, name) &&
		    PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		    PEM_write_bio_X509(text, x) == 1;

	if (good) {
		take_text(key_text, ret_key);
		take_text(text, ret_certificate);
	}
	BIO_free(key_text);
	BIO_free(text);
	X509_free(x);
	EVP_PKEY_free(key);
	return good ? 0 : failed(e, "a key cannot be made");
}
