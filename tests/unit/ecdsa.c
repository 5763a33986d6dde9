/* ecdsa: what another program signed, what was signed here, and everything that is not a signature. */
#include "codec/ecdsa.h"

#include "codec/base64.h"
#include "tap.h"

/* Made by openssl(1): ecparam -name prime256v1 -genkey, dgst -sha256 -sign. */
static const char public_key[] = "-----BEGIN PUBLIC KEY-----\n"
				 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaobG5T9SWgLYnotv+daKX81aHPQZ\n"
				 "JFZQuW/Ro7BmSqSfPhG1En7bZvzwuCV14hIGdHfs7yyTrJ9NwLLQMXvqvA==\n"
				 "-----END PUBLIC KEY-----\n";
static const char signature_text[] =
	"MEYCIQCwgg0/VEeYB7Lwh+i50X2dKbm9DSAIAACggNijtuCAmQIhAIRjOr4DqbpNst4ElI48475XroEsLfszPk2hzBKmsAj0";
static const char other_curve[] = "-----BEGIN PUBLIC KEY-----\n"
				  "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEeEG2lKH02BhVKDRbWGnFEoH9FL4jH84Z\n"
				  "8S5yd5I2vfkJ6IWt7HL9mq+7b91O+/WL7mphZ1yPLShWpKjHv2Bk9nA/2NepEUcg\n"
				  "iVErwzN7ObhVtYjoGSywUVRkKDXN5W3f\n"
				  "-----END PUBLIC KEY-----\n";
static const char encrypted[] = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\neyJrZGYi\n"
				"-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n";

TEST(ecdsa_of_others)
{
	auto_buf struct buf signature;
	struct ecdsa_key *k = NULL;
	struct err e = { 0 };

	buf_init(&signature, ECDSA_SIGNATURE_MAX);
	OK_ERR(ecdsa_public_read(str_c(public_key), &k, &e), &e);
	OK_ERR(base64_decode(str_c(signature_text), &signature, &e), &e);
	OK_ERR(ecdsa_verify(k, STR("message\n"), buf_all(&signature), &e), &e);
	EQ_INT(ecdsa_verify(k, STR("messagf\n"), buf_all(&signature), &e), -EBADMSG);
	EQ_INT(ecdsa_verify(k, STR("message\n"), str_head(buf_all(&signature), signature.n - 1), &e), -EBADMSG);
	EQ_INT(ecdsa_verify(k, STR("message\n"), STR_NONE, &e), -EBADMSG);
	for (size_t i = 0; i < signature.n; i++) {
		signature.p[i] ^= 1;
		EQ_INT(ecdsa_verify(k, STR("message\n"), buf_all(&signature), &e), -EBADMSG);
		signature.p[i] ^= 1;
	}
	ecdsa_free(k);
}

TEST(ecdsa_round_trip)
{
	auto_buf struct buf secret, public, signature;
	struct ecdsa_key *s = NULL, *p = NULL;
	struct err e = { 0 };

	buf_init(&secret, ECDSA_PEM_MAX);
	buf_init(&public, ECDSA_PEM_MAX);
	buf_init(&signature, ECDSA_SIGNATURE_MAX);
	OK_ERR(ecdsa_generate(&secret, &public, &e), &e);
	OK_ERR(ecdsa_secret_read(buf_all(&secret), &s, &e), &e);
	OK_ERR(ecdsa_public_read(buf_all(&public), &p, &e), &e);
	OK_ERR(ecdsa_sign(s, STR("x"), &signature, &e), &e);
	OK_ERR(ecdsa_verify(p, STR("x"), buf_all(&signature), &e), &e);
	EQ_INT(ecdsa_verify(p, STR("y"), buf_all(&signature), &e), -EBADMSG);
	ecdsa_free(s);
	ecdsa_free(p);
}

static const struct {
	const char *name, *pem;
	bool secret;
	int want;
} keys[] = {
	{ "nothing", "", true, -EBADMSG },
	{ "a public key as a secret one", public_key, true, -EBADMSG },
	{ "no PEM", "hello", false, -EBADMSG },
	{ "another curve", other_curve, false, -ENOTSUP },
	{ "an encrypted key", encrypted, true, -ENOTSUP },
};

TEST(ecdsa_keys_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct ecdsa_key *k = NULL;
		struct err e = { 0 };

		row("%s", keys[i].name);
		EQ_INT((keys[i].secret ? ecdsa_secret_read : ecdsa_public_read)(str_c(keys[i].pem), &k, &e),
		       keys[i].want);
		OK(!k && e.msg[0]);
	}
}
