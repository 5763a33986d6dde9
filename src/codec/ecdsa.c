/* ecdsa: signatures over P-256 with SHA-256. See ecdsa.h. */
#include "codec/ecdsa.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/mem.h"
#include "codec/libcrypto.h"

#define CURVE "prime256v1"

/* The parts of libcrypto in use; the types are the library's own. */
#define FUNCTIONS(X)                \
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
	X(EVP_PKEY_free)            \
	X(EVP_MD_CTX_new)           \
	X(EVP_MD_CTX_free)          \
	X(EVP_sha256)               \
	X(EVP_DigestSignInit)       \
	X(EVP_DigestSign)           \
	X(EVP_DigestVerifyInit)     \
	X(EVP_DigestVerify)

static struct {
#define MEMBER(name) __typeof__(name) *fn_##name;
	FUNCTIONS(MEMBER)
#undef MEMBER
	bool loaded;
} lib;

struct ecdsa_key {
	EVP_PKEY *key;
};

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

/* -------- keys -------- */

static int key_take(EVP_PKEY *key, struct str pem, struct ecdsa_key **ret, struct err *e)
{
	char group[32] = "";
	size_t n = 0;

	if (!key && str_find_str(pem, STR("ENCRYPTED")) >= 0)
		return err_set(e, -ENOTSUP, "the key is encrypted: only keys without a passphrase are read");
	if (!key)
		return err_set(e, -EBADMSG, "no key in PEM");
	if (lib.fn_EVP_PKEY_get_group_name(key, group, sizeof(group), &n) != 1 || strcmp(group, CURVE) != 0) {
		lib.fn_EVP_PKEY_free(key);
		return err_set(e, -ENOTSUP, "the key is not an ECDSA key of the curve P-256");
	}
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->key = key;
	return 0;
}

static int key_read(struct str pem, bool secret, struct ecdsa_key **ret, struct err *e)
{
	EVP_PKEY *key;
	BIO *bio;
	int r = library(e);

	if (r < 0)
		return r;
	if (pem.n > ECDSA_PEM_MAX)
		return err_set(e, -E2BIG, "a key of more than %u bytes", ECDSA_PEM_MAX);
	bio = lib.fn_BIO_new_mem_buf(pem.p, (int)pem.n);
	if (!bio)
		return err_set(e, -ENOMEM, "a key");
	key = secret ? lib.fn_PEM_read_bio_PrivateKey(bio, NULL, libcrypto_no_passphrase, NULL)
		     : lib.fn_PEM_read_bio_PUBKEY(bio, NULL, libcrypto_no_passphrase, NULL);
	lib.fn_BIO_free(bio);
	return key_take(key, pem, ret, e);
}

int ecdsa_secret_read(struct str pem, struct ecdsa_key **ret, struct err *e)
{
	return key_read(pem, true, ret, e);
}

int ecdsa_public_read(struct str pem, struct ecdsa_key **ret, struct err *e)
{
	return key_read(pem, false, ret, e);
}

struct ecdsa_key *ecdsa_free(struct ecdsa_key *k)
{
	if (k)
		lib.fn_EVP_PKEY_free(k->key);
	free(k);
	return NULL;
}

/* -------- signatures -------- */

int ecdsa_sign(const struct ecdsa_key *secret, struct str message, struct buf *ret, struct err *e)
{
	EVP_MD_CTX *ctx = lib.fn_EVP_MD_CTX_new();
	uint8_t room[ECDSA_SIGNATURE_MAX];
	size_t n = sizeof(room);
	bool ok = ctx && lib.fn_EVP_DigestSignInit(ctx, NULL, lib.fn_EVP_sha256(), NULL, secret->key) == 1 &&
		  lib.fn_EVP_DigestSign(ctx, room, &n, (const uint8_t *)message.p, message.n) == 1;

	lib.fn_EVP_MD_CTX_free(ctx);
	if (!ok)
		return err_set(e, -EIO, "the library could not sign");
	buf_add(ret, room, n);
	return buf_finish(ret);
}

int ecdsa_verify(const struct ecdsa_key *k, struct str message, struct str signature, struct err *e)
{
	EVP_MD_CTX *ctx = lib.fn_EVP_MD_CTX_new();
	bool ok = ctx && lib.fn_EVP_DigestVerifyInit(ctx, NULL, lib.fn_EVP_sha256(), NULL, k->key) == 1 &&
		  lib.fn_EVP_DigestVerify(ctx, (const uint8_t *)signature.p, signature.n, (const uint8_t *)message.p,
					  message.n) == 1;

	lib.fn_EVP_MD_CTX_free(ctx);
	return ok ? 0 : err_set(e, -EBADMSG, "not signed by this key");
}

/* -------- a new pair -------- */

static int bio_take(BIO *bio, struct buf *ret)
{
	uint8_t room[4096];
	int n;

	while ((n = lib.fn_BIO_read(bio, room, sizeof(room))) > 0)
		buf_add(ret, room, (size_t)n);
	return buf_finish(ret);
}

int ecdsa_generate(struct buf *ret_secret, struct buf *ret_public, struct err *e)
{
	EVP_PKEY *key;
	BIO *secret, *public;
	bool ok;
	int r = library(e);

	if (r < 0)
		return r;
	key = lib.fn_EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	secret = lib.fn_BIO_new(lib.fn_BIO_s_mem());
	public = lib.fn_BIO_new(lib.fn_BIO_s_mem());
	ok = key && secret && public && lib.fn_PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	     lib.fn_PEM_write_bio_PUBKEY(public, key) == 1 && bio_take(secret, ret_secret) == 0 &&
	     bio_take(public, ret_public) == 0;
	lib.fn_BIO_free(secret);
	lib.fn_BIO_free(public);
	lib.fn_EVP_PKEY_free(key);
	return ok ? 0 : err_set(e, -EIO, "the library could not make a key");
}
