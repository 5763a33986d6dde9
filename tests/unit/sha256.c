/* sha256: every implementation that runs here against the vectors of FIPS 180-4 and against libcrypto. */
#include <openssl/evp.h>

#include "base/mem.h"
#include "codec/sha256.h"
#include "tap.h"

static const char *const names[] = { "sha-ni-avx512 x3", "sha-ni-avx2 x3", "openssl", "plain" };

/* A reproducible stream of bytes; any will do. */
static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static uint8_t *random_bytes(size_t n, uint32_t seed)
{
	uint8_t *p = xmalloc(n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)next_random(&seed);
	return p;
}

static struct digest oracle(const void *p, size_t n)
{
	struct digest d = { .set = true };

	OK(EVP_Digest(p, n, d.byte, NULL, EVP_sha256(), NULL) == 1);
	return d;
}

static const struct {
	const char *text;
	size_t repeat;
	const char *hex;
} vectors[] = {
	{ "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	{ "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopq"
	  "rstu",
	  1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" },
	{ "a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
};

TEST(sha256_vectors)
{
	for (size_t k = 0; k < ARRAY_LEN(names); k++) {
		row("%s", names[k]);
		if (!sha256_choose(names[k])) {
			tap_absent("this processor does not have it");
			continue;
		}
		EQ_Z(sha256_implementation(), names[k]);
		for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
			struct digest want, got = { 0 };
			struct sha256 s;

			OK(digest_parse_hex(str_c(vectors[i].hex), &want));
			sha256_init(&s);
			for (size_t n = 0; n < vectors[i].repeat; n++)
				sha256_add(&s, vectors[i].text, strlen(vectors[i].text));
			sha256_end(&s, &got);
			OK(digest_eq(&got, &want));
		}
	}
}

/* Every length up to 300, cut in two at every point. */
TEST(sha256_lengths)
{
	auto_free uint8_t *bytes = random_bytes(300, 1);

	for (size_t k = 0; k < ARRAY_LEN(names); k++) {
		size_t wrong = 0;

		row("%s", names[k]);
		if (!sha256_choose(names[k])) {
			tap_absent("this processor does not have it");
			continue;
		}
		for (size_t n = 0; n <= 300; n++) {
			struct digest want = oracle(bytes, n);

			for (size_t cut = 0; cut <= n; cut++) {
				struct digest got = { 0 };
				struct sha256 s;

				sha256_init(&s);
				sha256_add(&s, bytes, cut);
				sha256_add(&s, bytes + cut, n - cut);
				sha256_end(&s, &got);
				wrong += !digest_eq(&got, &want);
			}
		}
		EQ_INT(wrong, 0);
	}
}

#define STREAMS 9
#define STREAM_BYTES_MAX 20000

/* Random mixes of jobs over several streams, in several calls, each stream against the library over its whole. */
static size_t many_round(uint32_t *seed)
{
	struct sha256 s[STREAMS];
	uint8_t *bytes[STREAMS];
	size_t used[STREAMS] = { 0 }, total[STREAMS], wrong = 0;
	size_t streams = 1 + next_random(seed) % STREAMS;

	for (size_t i = 0; i < streams; i++) {
		total[i] = next_random(seed) % (next_random(seed) % 2 ? STREAM_BYTES_MAX : 200);
		bytes[i] = random_bytes(total[i], next_random(seed));
		sha256_init(&s[i]);
	}
	for (bool more = true; more;) {
		struct sha256_job jobs[STREAMS];
		size_t n = 0;

		more = false;
		for (size_t i = 0; i < streams; i++) {
			size_t left = total[i] - used[i];
			size_t take = left && next_random(seed) % 4 ? next_random(seed) % left + 1 : 0;

			/* empty jobs too */
			jobs[n++] = (struct sha256_job){ &s[i], bytes[i] + used[i], take };
			used[i] += take;
			more |= used[i] < total[i];
		}
		sha256_many(jobs, n);
	}
	for (size_t i = 0; i < streams; i++) {
		struct digest got = { 0 }, want = oracle(bytes[i], total[i]);

		sha256_end(&s[i], &got);
		wrong += !digest_eq(&got, &want);
		free(bytes[i]);
	}
	return wrong;
}

TEST(sha256_many_streams)
{
	for (size_t k = 0; k < ARRAY_LEN(names); k++) {
		uint32_t seed = 7;
		size_t wrong = 0;

		row("%s", names[k]);
		if (!sha256_choose(names[k])) {
			tap_absent("this processor does not have it");
			continue;
		}
		for (size_t i = 0; i < 300; i++)
			wrong += many_round(&seed);
		EQ_INT(wrong, 0);
	}
}

/* More than 2^32 bits: the length is counted in 64 bits. */
TEST(sha256_long_stream)
{
	auto_free uint8_t *zeros = xcalloc(1, 1u << 20);
	struct digest want = { .set = true }, got = { 0 };
	struct sha256 s;

	OK(sha256_choose(NULL));
	sha256_init(&s);
	for (size_t i = 0; i < 513; i++)
		sha256_add(&s, zeros, 1u << 20);
	sha256_end(&s, &got);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	OK(EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1);
	for (size_t i = 0; i < 513; i++)
		OK(EVP_DigestUpdate(c, zeros, 1u << 20) == 1);
	OK(EVP_DigestFinal_ex(c, want.byte, NULL) == 1);
	EVP_MD_CTX_free(c);
	OK(digest_eq(&got, &want));
}

TEST(sha256_unknown_name)
{
	OK(!sha256_choose("no such"));
	OK(sha256_choose(NULL));
}
