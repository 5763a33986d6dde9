/* ed25519: RFC 8032, section 7.1, test 2. */
#include "codec/ed25519.h"

#include "tap.h"

#define SECRET                                                                                                     \
	"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n-----END " \
	"PRIVATE KEY-----\n"
#define PUBLIC                                                                                                       \
	"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n-----END PUBLIC " \
	"KEY-----\n"

static const uint8_t signature[] = {
	0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40,
	0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda,
	0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c,
	0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00,
};

TEST(sign)
{
	uint8_t s[ED25519_SIGNATURE];
	struct err e = { 0 };

	OK_ERR(ed25519_sign(STR(SECRET), STR("\x72"), s, &e), &e);
	OK(memcmp(s, signature, sizeof(s)) == 0);
	EQ_INT(ed25519_sign(STR(PUBLIC), STR("\x72"), s, &e), -EBADMSG);
	EQ_INT(ed25519_sign(STR("nothing"), STR("\x72"), s, &e), -EBADMSG);
}

TEST(verify)
{
	static const struct {
		const char *name;
		struct str key, message;
		size_t n;
		int changed; /* byte of the signature; -1: none */
		int result;
	} rows[] = {
		{ "right", STR(PUBLIC), STR("\x72"), 64, -1, 0 },
		{ "another message", STR(PUBLIC), STR("\x73"), 64, -1, -EBADMSG },
		{ "a changed signature", STR(PUBLIC), STR("\x72"), 64, 3, -EBADMSG },
		{ "a changed signature, its end", STR(PUBLIC), STR("\x72"), 64, 63, -EBADMSG },
		{ "a shorter signature", STR(PUBLIC), STR("\x72"), 63, -1, -EBADMSG },
		{ "no signature", STR(PUBLIC), STR("\x72"), 0, -1, -EBADMSG },
		{ "no key", STR(""), STR("\x72"), 64, -1, -EBADMSG },
		{ "a secret key", STR(SECRET), STR("\x72"), 64, -1, -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t s[ED25519_SIGNATURE];
		struct err e = { 0 };

		row("%s", rows[i].name);
		memcpy(s, signature, sizeof(s));
		if (rows[i].changed >= 0)
			s[rows[i].changed] ^= 1;
		EQ_INT(ed25519_verify(rows[i].key, rows[i].message, str_n(s, rows[i].n), &e), rows[i].result);
	}
}
