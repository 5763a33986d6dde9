/* ed25519: see ed25519.h. */
#include "codec/ed25519.h"

#include "codec/libcrypto.h"

static int read_key(struct str pem, bool secret, EVP_PKEY **ret, struct err *e)
{
	EVP_PKEY *key = NULL;
	int r = libcrypto_key_read(pem, secret, &key, e);

	if (r < 0)
		return r;
	if (!key || libcrypto.fn_EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
		libcrypto.fn_EVP_PKEY_free(key);
		return err_set(e, -EBADMSG, "no %s Ed25519 key in PEM", secret ? "secret" : "public");
	}
	*ret = key;
	return 0;
}

int ed25519_sign(struct str secret_pem, struct str message, uint8_t ret[ED25519_SIGNATURE], struct err *e)
{
	size_t n = ED25519_SIGNATURE;
	EVP_PKEY *key;
	int r = read_key(secret_pem, true, &key, e);
	bool ok;

	if (r < 0)
		return r;
	ok = libcrypto_sign(key, NULL, message, ret, &n) && n == ED25519_SIGNATURE;
	libcrypto.fn_EVP_PKEY_free(key);
	return ok ? 0 : err_set(e, -EIO, "the library could not sign");
}

int ed25519_verify(struct str public_pem, struct str message, struct str signature, struct err *e)
{
	EVP_PKEY *key;
	int r = read_key(public_pem, false, &key, e);
	bool ok;

	if (r < 0)
		return r;
	ok = signature.n == ED25519_SIGNATURE && libcrypto_verify(key, NULL, message, signature);
	libcrypto.fn_EVP_PKEY_free(key);
	return ok ? 0 : err_set(e, -EBADMSG, "not signed by this key");
}
