/* ed25519: signatures (RFC 8032), keys as PEM (RFC 8410: PKCS#8, SubjectPublicKeyInfo), as `openssl genpkey -algorithm
 * ed25519` makes them. The library is loaded when the first key is read (libcrypto.so.3), as in sha256.h. */
#ifndef CODEC_ED25519_H
#define CODEC_ED25519_H

#include "base/err.h"
#include "base/str.h"

#define ED25519_SIGNATURE 64	    /* bytes */
#define ED25519_PEM_MAX (16u << 10) /* bytes of a key file */

/* -EBADMSG: no such key; -ENOTSUP: no library. Secret keys have no passphrase. */
int ed25519_sign(struct str secret_pem, struct str message, uint8_t ret[ED25519_SIGNATURE], struct err *e) must_check;
/* 0, or -EBADMSG: not this key's signature of this message. */
int ed25519_verify(struct str public_pem, struct str message, struct str signature, struct err *e) must_check;

#endif
