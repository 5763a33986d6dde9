/* ecdsa: signatures over P-256 with SHA-256. See ecdsa.h. */
#include "codec/ecdsa.h"

#include "base/mem.h"
#include "codec/libcrypto.h"

#define CURVE "prime256v1"

struct ecdsa_key {
	EVP_PKEY *key;
};

/* -------- keys -------- */

static int key_take(EVP_PKEY *key, struct str pem, struct ecdsa_key **ret, struct err *e)
{
	char group[32] = "";
	size_t n = 0;

	if (!key && str_find_str(pem, STR("ENCRYPTED")) >= 0)
		return err_set(e, -ENOTSUP, "the key is encrypted: only keys without a passphrase are read");
	if (!key)
		return err_set(e, -EBADMSG, "no key in PEM");
	if (libcrypto.fn_EVP_PKEY_get_group_name(key, group, sizeof(group), &n) != 1 || strcmp(group, CURVE) != 0) {
		libcrypto.fn_EVP_PKEY_free(key);
		return err_set(e, -ENOTSUP, "the key is not an ECDSA key of the curve P-256");
	}
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->key = key;
	return 0;
}

static int key_read(struct str pem, bool secret, struct ecdsa_key **ret, struct err *e)
{
	EVP_PKEY *key;
	int r = libcrypto_key_read(pem, secret, &key, e);

	return r < 0 ? r : key_take(key, pem, ret, e);
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
		libcrypto.fn_EVP_PKEY_free(k->key);
	free(k);
	return NULL;
}

/* -------- signatures -------- */

int ecdsa_sign(const struct ecdsa_key *secret, struct str message, struct buf *ret, struct err *e)
{
	uint8_t room[ECDSA_SIGNATURE_MAX];
	size_t n = sizeof(room);

	if (!libcrypto_sign(secret->key, libcrypto.fn_EVP_sha256(), message, room, &n))
		return err_set(e, -EIO, "the library could not sign");
	buf_add(ret, room, n);
	return buf_finish(ret);
}

int ecdsa_verify(const struct ecdsa_key *k, struct str message, struct str signature, struct err *e)
{
	if (!libcrypto_verify(k->key, libcrypto.fn_EVP_sha256(), message, signature))
		return err_set(e, -EBADMSG, "not signed by this key");
	return 0;
}

/* -------- a new pair -------- */

static int bio_take(BIO *bio, struct buf *ret)
{
	uint8_t room[4096];
	int n;

	while ((n = libcrypto.fn_BIO_read(bio, room, sizeof(room))) > 0)
		buf_add(ret, room, (size_t)n);
	return buf_finish(ret);
}

int ecdsa_generate(struct buf *ret_secret, struct buf *ret_public, struct err *e)
{
	EVP_PKEY *key;
	BIO *secret, *public;
	bool ok;
	int r = libcrypto_load(e);

	if (r < 0)
		return r;
	key = libcrypto.fn_EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	secret = libcrypto.fn_BIO_new(libcrypto.fn_BIO_s_mem());
	public = libcrypto.fn_BIO_new(libcrypto.fn_BIO_s_mem());
	ok = key && secret && public &&
	     libcrypto.fn_PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	     libcrypto.fn_PEM_write_bio_PUBKEY(public, key) == 1 && bio_take(secret, ret_secret) == 0 &&
	     bio_take(public, ret_public) == 0;
	libcrypto.fn_BIO_free(secret);
	libcrypto.fn_BIO_free(public);
	libcrypto.fn_EVP_PKEY_free(key);
	return ok ? 0 : err_set(e, -EIO, "the library could not make a key");
}
