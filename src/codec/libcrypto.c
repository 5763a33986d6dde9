/* libcrypto. See libcrypto.h. */
#include "codec/libcrypto.h"

#include <dlfcn.h>
#include <errno.h>

#include "base/mem.h"

struct libcrypto libcrypto;

#define NAME(name) #name,
static const char *const names[] = { LIBCRYPTO_FUNCTIONS(NAME) };

int libcrypto_load(struct err *e)
{
	static bool loaded;
	void *handle, *found[ARRAY_LEN(names)];

	if (loaded)
		return 0;
	handle = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL); /* never closed */
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		found[i] = handle ? dlsym(handle, names[i]) : NULL;
		if (!found[i])
			return err_set(e, -ENOTSUP, "libcrypto.so.3 is needed for signatures and could not be loaded");
	}
	/* POSIX lets a pointer to a function be had from dlsym(), C has no conversion for it. */
	_Static_assert(sizeof(libcrypto) == sizeof(found), "nothing but the functions");
	memcpy(&libcrypto, found, sizeof(libcrypto));
	loaded = true;
	return 0;
}

/* Without it the library would ask on the terminal. */
static int no_passphrase(char *room unused_arg, int size unused_arg, int writing unused_arg, void *ctx unused_arg)
{
	return -1;
}

int libcrypto_key_read(struct str pem, bool secret, EVP_PKEY **ret, struct err *e)
{
	BIO *bio;
	int r = libcrypto_load(e);

	if (r < 0)
		return r;
	if (pem.n > LIBCRYPTO_PEM_MAX)
		return err_set(e, -E2BIG, "a key of more than %u bytes", LIBCRYPTO_PEM_MAX);
	bio = libcrypto.fn_BIO_new_mem_buf(pem.p, (int)pem.n);
	if (!bio)
		return err_set(e, -ENOMEM, "a key");
	*ret = secret ? libcrypto.fn_PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
		      : libcrypto.fn_PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
	libcrypto.fn_BIO_free(bio);
	return 0;
}

bool libcrypto_sign(EVP_PKEY *key, const EVP_MD *hash, struct str message, uint8_t *room, size_t *n)
{
	EVP_MD_CTX *ctx = libcrypto.fn_EVP_MD_CTX_new();
	bool ok = ctx && libcrypto.fn_EVP_DigestSignInit(ctx, NULL, hash, NULL, key) == 1 &&
		  libcrypto.fn_EVP_DigestSign(ctx, room, n, (const uint8_t *)message.p, message.n) == 1;

	libcrypto.fn_EVP_MD_CTX_free(ctx);
	return ok;
}

bool libcrypto_verify(EVP_PKEY *key, const EVP_MD *hash, struct str message, struct str signature)
{
	EVP_MD_CTX *ctx = libcrypto.fn_EVP_MD_CTX_new();
	bool ok = ctx && libcrypto.fn_EVP_DigestVerifyInit(ctx, NULL, hash, NULL, key) == 1 &&
		  libcrypto.fn_EVP_DigestVerify(ctx, (const uint8_t *)signature.p, signature.n,
						(const uint8_t *)message.p, message.n) == 1;

	libcrypto.fn_EVP_MD_CTX_free(ctx);
	return ok;
}
