/* ed25519: see ed25519.h. */
#include "codec/ed25519.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "codec/libcrypto.h"

#define FUNCTIONS(X)               \
	X(BIO_new_mem_buf)         \
	X(BIO_free)                \
	X(PEM_read_bio_PrivateKey) \
	X(PEM_read_bio_PUBKEY)     \
	X(EVP_PKEY_get_id)         \
	X(EVP_PKEY_free)           \
	X(EVP_MD_CTX_new)          \
	X(EVP_MD_CTX_free)         \
	X(EVP_DigestSignInit)      \
	X(EVP_DigestSign)          \
	X(EVP_DigestVerifyInit)    \
	X(EVP_DigestVerify)

static struct {
#define MEMBER(name) __typeof__(name) *fn_##name;
	FUNCTIONS(MEMBER)
#undef MEMBER
	bool loaded;
} lib;

static int library(struct err *e)
{
	void *symbol;
	int r;

	if (lib.loaded)
		return 0;
#define LOAD(name)                               \
	r = libcrypto_symbol(#name, &symbol, e); \
	if (r < 0)                               \
		return r;                        \
	lib.fn_##name = (__typeof__(name) *)symbol;
	FUNCTIONS(LOAD)
#undef LOAD
	lib.loaded = true;
	return 0;
}

static int read_key(struct str pem, bool secret, EVP_PKEY **ret, struct err *e)
{
	EVP_PKEY *key = NULL;
	BIO *bio;
	int r = library(e);

	if (r < 0)
		return r;
	bio = pem.n > ED25519_PEM_MAX ? NULL : lib.fn_BIO_new_mem_buf(pem.p, (int)pem.n);
	if (bio)
		key = secret ? lib.fn_PEM_read_bio_PrivateKey(bio, NULL, libcrypto_no_passphrase, NULL)
			     : lib.fn_PEM_read_bio_PUBKEY(bio, NULL, libcrypto_no_passphrase, NULL);
	lib.fn_BIO_free(bio);
	if (!key || lib.fn_EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
		lib.fn_EVP_PKEY_free(key);
		return err_set(e, -EBADMSG, "no %s Ed25519 key in PEM", secret ? "secret" : "public");
	}
	*ret = key;
	return 0;
}

int ed25519_sign(struct str secret_pem, struct str message, uint8_t ret[ED25519_SIGNATURE], struct err *e)
{
	size_t n = ED25519_SIGNATURE;
	EVP_MD_CTX *ctx;
	EVP_PKEY *key;
	int r = read_key(secret_pem, true, &key, e);
	bool ok;

	if (r < 0)
		return r;
	ctx = lib.fn_EVP_MD_CTX_new();
	ok = ctx && lib.fn_EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	     lib.fn_EVP_DigestSign(ctx, ret, &n, (const uint8_t *)message.p, message.n) == 1 && n == ED25519_SIGNATURE;
	lib.fn_EVP_MD_CTX_free(ctx);
	lib.fn_EVP_PKEY_free(key);
	return ok ? 0 : err_set(e, -EIO, "the library could not sign");
}

int ed25519_verify(struct str public_pem, struct str message, struct str signature, struct err *e)
{
	EVP_MD_CTX *ctx;
	EVP_PKEY *key;
	int r = read_key(public_pem, false, &key, e);
	bool ok;

	if (r < 0)
		return r;
	ctx = lib.fn_EVP_MD_CTX_new();
	ok = signature.n == ED25519_SIGNATURE && ctx && lib.fn_EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	     lib.fn_EVP_DigestVerify(ctx, (const uint8_t *)signature.p, signature.n, (const uint8_t *)message.p,
				     message.n) == 1;
	lib.fn_EVP_MD_CTX_free(ctx);
	lib.fn_EVP_PKEY_free(key);
	return ok ? 0 : err_set(e, -EBADMSG, "not signed by this key");
}
