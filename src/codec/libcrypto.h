/* libcrypto: OpenSSL's libcrypto for signatures, loaded when the first is asked for: no program that signs nothing
 * pays for it. What ecdsa and ed25519 share; only for them. */
#ifndef CODEC_LIBCRYPTO_H
#define CODEC_LIBCRYPTO_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/err.h"
#include "base/str.h"

/* The functions in use; the types are the library's own. */
#define LIBCRYPTO_FUNCTIONS(X)      \
	X(BIO_new)                  \
	X(BIO_new_mem_buf)          \
	X(BIO_s_mem)                \
	X(BIO_read)                 \
	X(BIO_free)                 \
	X(PEM_read_bio_PrivateKey)  \
	X(PEM_read_bio_PUBKEY)      \
	X(PEM_write_bio_PrivateKey) \
	X(PEM_write_bio_PUBKEY)     \
	X(EVP_PKEY_Q_keygen)        \
	X(EVP_PKEY_get_group_name)  \
	X(EVP_PKEY_get_id)          \
	X(EVP_PKEY_free)            \
	X(EVP_MD_CTX_new)           \
	X(EVP_MD_CTX_free)          \
	X(EVP_sha256)               \
	X(EVP_DigestSignInit)       \
	X(EVP_DigestSign)           \
	X(EVP_DigestVerifyInit)     \
	X(EVP_DigestVerify)

struct libcrypto {
#define MEMBER(name) __typeof__(name) *fn_##name;
	LIBCRYPTO_FUNCTIONS(MEMBER)
#undef MEMBER
};

/* Empty before the first libcrypto_load(). -ENOTSUP: the library or one of its functions is not there. */
extern struct libcrypto libcrypto;
int libcrypto_load(struct err *e) must_check;

/* The key in `pem`, which the caller frees with EVP_PKEY_free; NULL in *ret: there is none, or it needs a passphrase.
 * -ENOTSUP without the library, -E2BIG for more than LIBCRYPTO_PEM_MAX bytes. */
#define LIBCRYPTO_PEM_MAX (64u << 10)
int libcrypto_key_read(struct str pem, bool secret, EVP_PKEY **ret, struct err *e) must_check;

/* *n: bytes of room, then of the signature. `hash` NULL: the key's own. */
bool libcrypto_sign(EVP_PKEY *key, const EVP_MD *hash, struct str message, uint8_t *room, size_t *n);
bool libcrypto_verify(EVP_PKEY *key, const EVP_MD *hash, struct str message, struct str signature);

#endif
