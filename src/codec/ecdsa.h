/* ecdsa: signatures over P-256 with SHA-256 (FIPS 186-4), as cosign makes them: ASN.1 DER, keys as PEM.
 *
 * The library is loaded when the first key is read (libcrypto.so.3), as in sha256.h. Secret keys are PKCS#8 or SEC1
 * without a passphrase; one that is encrypted is -ENOTSUP. Other curves and kinds of key are -ENOTSUP. */
#ifndef CODEC_ECDSA_H
#define CODEC_ECDSA_H

#include "base/buf.h"
#include "base/err.h"

#define ECDSA_PEM_MAX (64u << 10) /* bytes of a key file */
#define ECDSA_SIGNATURE_MAX 80	  /* bytes: DER of two numbers of 32 bytes takes 72 */

struct ecdsa_key;
int ecdsa_secret_read(struct str pem, struct ecdsa_key **ret, struct err *e) must_check;
int ecdsa_public_read(struct str pem, struct ecdsa_key **ret, struct err *e) must_check;
struct ecdsa_key *ecdsa_free(struct ecdsa_key *k); /* NULL is fine; returns NULL */

/* Appends the signature of a message. */
int ecdsa_sign(const struct ecdsa_key *secret, struct str message, struct buf *ret, struct err *e) must_check;
/* 0, -EBADMSG: not this key's signature of this message. A secret key will do as well. */
int ecdsa_verify(const struct ecdsa_key *k, struct str message, struct str signature, struct err *e) must_check;

/* A new pair as PEM, PKCS#8 and SubjectPublicKeyInfo, appended. */
int ecdsa_generate(struct buf *ret_secret, struct buf *ret_public, struct err *e) must_check;

#endif
