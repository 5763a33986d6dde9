/* sha256: FIPS 180-4 section 6.2, by the CPU's SHA unit, by the library, or in plain C. See sha256.h. */
#include "codec/sha256.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#define BLOCK 64
#define STREAMS_MAX 3 /* more spill the vector registers and gain nothing (measured) */

/* FIPS 180-4 section 4.2.2 */
static const uint32_t round_constant[64] __attribute__((aligned(64))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* FIPS 180-4 section 5.3.3 */
static const uint32_t first_state[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

/* `blocks` whole blocks of each of the streams: state h[i], bytes p[i]. */
typedef void blocks_fn(uint32_t *const *h, const uint8_t *const *p, size_t blocks);

/* ---- plain C: where there is neither a SHA unit nor the library ---- */

static uint32_t rotate(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

static void schedule(uint32_t w[64], const uint8_t *p)
{
	for (size_t t = 0; t < 16; t++, p += 4)
		w[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
	for (size_t t = 16; t < 64; t++) {
		uint32_t a = w[t - 15], b = w[t - 2];

		w[t] = w[t - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[t - 7] +
		       (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
}

static void plain_block(uint32_t h[8], const uint8_t *p)
{
	uint32_t w[64], v[8];

	schedule(w, p);
	memcpy(v, h, sizeof(v));
	for (size_t t = 0; t < 64; t++) {
		uint32_t a = v[0], e = v[4];
		uint32_t t1 = v[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & v[5]) ^ (~e & v[6])) +
			      round_constant[t] + w[t];
		uint32_t t2 =
			(rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (size_t i = 0; i < 8; i++)
		h[i] += v[i];
}

static void plain_x1(uint32_t *const *h, const uint8_t *const *p, size_t blocks)
{
	for (size_t i = 0; i < blocks; i++)
		plain_block(h[0], p[0] + i * BLOCK);
}

/* ---- the SHA unit: one, two or three streams in one flow of instructions ---- */

#if defined(__x86_64__)

#define UNIT_TARGET __attribute__((always_inline, target("sha,sse4.1,ssse3")))

/* One stream in registers: the state as the unit wants it (ABEF, CDGH), and sixteen words of the schedule. */
struct unit {
	__m128i abef, cdgh, m[4];
};

UNIT_TARGET static inline void unit_load(struct unit *u, const uint32_t *h)
{
	__m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)h), 0xb1);
	__m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)(h + 4)), 0x1b);

	u->abef = _mm_alignr_epi8(low, high, 8);
	u->cdgh = _mm_blend_epi16(high, low, 0xf0);
}

UNIT_TARGET static inline void unit_store(const struct unit *u, uint32_t *h)
{
	__m128i low = _mm_shuffle_epi32(u->abef, 0x1b);
	__m128i high = _mm_shuffle_epi32(u->cdgh, 0xb1);

	_mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(low, high, 0xf0));
	_mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(high, low, 8));
}

/* Four rounds, the i-th four of sixteen. i is a constant wherever this is used, so the branches and indices are gone
 * after inlining. */
UNIT_TARGET static inline void unit_rounds(struct unit *u, int i, const uint8_t *p)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
	__m128i wk, *now = &u->m[i & 3], *next = &u->m[(i + 1) & 3], *before = &u->m[(i + 3) & 3];

	if (i < 4)
		*now = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)), swap);
	wk = _mm_add_epi32(*now, _mm_load_si128((const __m128i *)(const void *)(round_constant + 4 * i)));
	u->cdgh = _mm_sha256rnds2_epu32(u->cdgh, u->abef, wk);
	if (i >= 3 && i < 15)
		*next = _mm_sha256msg2_epu32(_mm_add_epi32(*next, _mm_alignr_epi8(*now, *before, 4)), *now);
	u->abef = _mm_sha256rnds2_epu32(u->abef, u->cdgh, _mm_shuffle_epi32(wk, 0x0e));
	if (i >= 1 && i < 13)
		*before = _mm_sha256msg1_epu32(*before, *now);
}

/* clang-format off */
#define ROUNDS(i)                                             \
	do {                                                  \
		unit_rounds(&a, i, pa);                       \
		if (streams > 1)                              \
			unit_rounds(&b, i, pb);               \
		if (streams > 2)                              \
			unit_rounds(&c, i, pc);               \
	} while (0)
/* clang-format on */

UNIT_TARGET static inline void unit_add(struct unit *u, __m128i abef, __m128i cdgh)
{
	u->abef = _mm_add_epi32(u->abef, abef);
	u->cdgh = _mm_add_epi32(u->cdgh, cdgh);
}

/* `streams` is a constant wherever this is used. */
UNIT_TARGET static inline void unit_blocks(int streams, uint32_t *const *h, const uint8_t *const *p, size_t blocks)
{
	const uint8_t *pa = p[0], *pb = p[streams > 1 ? 1 : 0], *pc = p[streams > 2 ? 2 : 0];
	struct unit a, b, c;

	unit_load(&a, h[0]);
	unit_load(&b, streams > 1 ? h[1] : h[0]);
	unit_load(&c, streams > 2 ? h[2] : h[0]);
	for (; blocks; blocks--, pa += BLOCK, pb += BLOCK, pc += BLOCK) {
		const __m128i a0 = a.abef, a1 = a.cdgh, b0 = b.abef, b1 = b.cdgh, c0 = c.abef, c1 = c.cdgh;

		ROUNDS(0);
		ROUNDS(1);
		ROUNDS(2);
		ROUNDS(3);
		ROUNDS(4);
		ROUNDS(5);
		ROUNDS(6);
		ROUNDS(7);
		ROUNDS(8);
		ROUNDS(9);
		ROUNDS(10);
		ROUNDS(11);
		ROUNDS(12);
		ROUNDS(13);
		ROUNDS(14);
		ROUNDS(15);
		unit_add(&a, a0, a1);
		unit_add(&b, b0, b1);
		unit_add(&c, c0, c1);
	}
	unit_store(&a, h[0]);
	if (streams > 1)
		unit_store(&b, h[1]);
	if (streams > 2)
		unit_store(&c, h[2]);
}

/* The same rounds compiled for the registers a CPU has. 32 vector registers hold three streams; with 16 a third one
 * spills, and is still worth a fifth: its stores and loads fit between the rounds. The SHA instructions are of the old
 * encoding: where somebody left the upper halves of the wide registers in use (ISA-L's checksums do), each of them
 * costs Intel's processors a hundred cycles more. */
#define KERNEL(name, features, streams)                                                                                \
	__attribute__((target(features))) static void name(uint32_t *const *h, const uint8_t *const *p, size_t blocks) \
	{                                                                                                              \
		_mm256_zeroupper();                                                                                    \
		unit_blocks(streams, h, p, blocks);                                                                    \
	}
KERNEL(avx2_x1, "sha,avx2", 1)
KERNEL(avx2_x2, "sha,avx2", 2)
KERNEL(avx2_x3, "sha,avx2", 3)
KERNEL(avx512_x1, "sha,avx2,avx512f,avx512vl", 1)
KERNEL(avx512_x2, "sha,avx2,avx512f,avx512vl", 2)
KERNEL(avx512_x3, "sha,avx2,avx512f,avx512vl", 3)

static bool cpu_has_sha(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29); /* leaf 7: SHA */
}

/* These two also ask whether the kernel saves the wide registers. */
static bool cpu_has_avx2(void)
{
	return cpu_has_sha() && __builtin_cpu_supports("avx2");
}

static bool cpu_has_avx512(void)
{
	return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
}

#endif

/* ---- the library: loaded only when asked for, because its loading costs every start milliseconds ---- */

static struct {
	__typeof__(OPENSSL_init_crypto) *begin;
	__typeof__(EVP_MD_CTX_new) *make;
	__typeof__(EVP_MD_CTX_free) *free;
	__typeof__(EVP_sha256) *sha256;
	__typeof__(EVP_DigestInit_ex) *init;
	__typeof__(EVP_DigestUpdate) *update;
	__typeof__(EVP_DigestFinal_ex) *final;
} library;

static bool library_load(void)
{
	const struct {
		const char *name;
		void *to;
	} rows[] = {
		{ "OPENSSL_init_crypto", &library.begin }, { "EVP_MD_CTX_new", &library.make },
		{ "EVP_MD_CTX_free", &library.free },	   { "EVP_sha256", &library.sha256 },
		{ "EVP_DigestInit_ex", &library.init },	   { "EVP_DigestUpdate", &library.update },
		{ "EVP_DigestFinal_ex", &library.final },
	};
	void *handle = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL); /* never closed: it lives as long as we do */

	for (size_t i = 0; handle && i < ARRAY_LEN(rows); i++) {
		void *symbol = dlsym(handle, rows[i].name);

		if (!symbol)
			return false;
		memcpy(rows[i].to, &symbol, sizeof(symbol));
	}
	/* Its configuration would be looked for at the first digest, where a confined worker opens no file. */
	return handle && library.begin(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1;
}

static _Noreturn void library_failed(void)
{
	/* Only memory can be short here, and that ends a process everywhere in this code. */
	fputs("yagura: the library cannot compute SHA-256\n", stderr);
	exit(3);
}

static void library_add(struct sha256 *s, const void *p, size_t n)
{
	if (!s->library) {
		s->library = library.make();
		if (!s->library || library.init(s->library, library.sha256(), NULL) != 1)
			library_failed();
	}
	if (library.update(s->library, p, n) != 1)
		library_failed();
}

static void library_end(struct sha256 *s, struct digest *ret)
{
	library_add(s, "", 0); /* makes the context of an empty stream */
	if (library.final(s->library, ret->byte, NULL) != 1)
		library_failed();
	library.free(s->library);
	s->library = NULL;
}

/* ---- choosing ---- */

static bool always(void)
{
	return true;
}

/* Best first. blocks[i] does i + 1 streams; a row without blocks[0] is the library. */
static const struct implementation {
	const char *name;
	bool (*usable)(void);
	blocks_fn *blocks[STREAMS_MAX];
} implementations[] = {
#if defined(__x86_64__)
	{ "sha-ni-avx512 x3", cpu_has_avx512, { avx512_x1, avx512_x2, avx512_x3 } },
	{ "sha-ni-avx2 x3", cpu_has_avx2, { avx2_x1, avx2_x2, avx2_x3 } },
#endif
	{ "openssl", library_load, { NULL, NULL, NULL } },
	{ "plain", always, { plain_x1, NULL, NULL } },
};

static const struct implementation *chosen;
static size_t chosen_streams; /* how many go side by side */

bool sha256_choose(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(implementations); i++) {
		const struct implementation *row = &implementations[i];

		if ((name && strcmp(name, row->name) != 0) || !row->usable())
			continue;
		chosen_streams = 1;
		while (chosen_streams < STREAMS_MAX && row->blocks[chosen_streams])
			chosen_streams++;
		chosen = row;
		return true;
	}
	return false;
}

void sha256_setup(void)
{
	if (!chosen && !sha256_choose(NULL))
		library_failed();
}

const char *sha256_implementation(void)
{
	sha256_setup();
	return chosen->name;
}

/* ---- one stream ---- */

void sha256_init(struct sha256 *s)
{
	sha256_setup();
	*s = (struct sha256){ 0 };
	memcpy(s->h, first_state, sizeof(s->h));
}

static void blocks_x1(struct sha256 *s, const uint8_t *p, size_t blocks)
{
	uint32_t *h[1] = { s->h };
	const uint8_t *from[1] = { p };

	if (blocks)
		chosen->blocks[0](h, from, blocks);
}

/* Takes bytes until the stream stands at the start of a block; returns how many. */
static size_t fill_tail(struct sha256 *s, const uint8_t *p, size_t n)
{
	size_t used = s->bytes % BLOCK;
	size_t take = used ? BLOCK - used : 0;

	if (!take)
		return 0;
	if (take > n)
		take = n;
	memcpy(s->tail + used, p, take);
	s->bytes += take;
	if (used + take == BLOCK)
		blocks_x1(s, s->tail, 1);
	return take;
}

/* Keeps less than a block for later. */
static void keep_tail(struct sha256 *s, const uint8_t *p, size_t n)
{
	if (n)
		memcpy(s->tail, p, n);
	s->bytes += n;
}

void sha256_add(struct sha256 *s, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t taken, whole;

	if (!n)
		return;
	if (!chosen->blocks[0]) {
		library_add(s, p, n);
		return;
	}
	taken = fill_tail(s, p, n);
	whole = (n - taken) / BLOCK;
	if (whole) {
		blocks_x1(s, p + taken, whole);
		s->bytes += whole * BLOCK;
		taken += whole * BLOCK;
	}
	keep_tail(s, p + taken, n - taken);
}

/* FIPS 180-4 section 5.1.1: a one bit, zeros, the length in bits as 64 big-endian bits */
static void pad(struct sha256 *s)
{
	uint8_t last[2 * BLOCK] = { 0 };
	size_t used = s->bytes % BLOCK;
	size_t blocks = used < BLOCK - 8 ? 1 : 2;
	uint64_t bits = s->bytes * 8;

	memcpy(last, s->tail, used);
	last[used] = 0x80;
	for (size_t i = 0; i < 8; i++)
		last[blocks * BLOCK - 1 - i] = (uint8_t)(bits >> (8 * i));
	blocks_x1(s, last, blocks);
}

void sha256_end(struct sha256 *s, struct digest *ret)
{
	if (!chosen->blocks[0]) {
		library_end(s, ret);
	} else {
		pad(s);
		for (size_t i = 0; i < DIGEST_BYTES; i++)
			ret->byte[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
	}
	ret->set = true;
}

void sha256_of(struct str bytes, struct digest *ret)
{
	struct sha256 s;

	sha256_init(&s);
	sha256_add(&s, bytes.p, bytes.n);
	sha256_end(&s, ret);
}

/* ---- several streams ---- */

/* A job under way: whole blocks only; the bytes around them are done by the caller. */
struct lane {
	struct sha256_job *job;
	const uint8_t *p;
	size_t blocks;
};

static size_t job_blocks(const struct sha256_job *job)
{
	return job->n / BLOCK;
}

/* Brings the stream to the start of a block. */
static void lane_begin(struct lane *l, struct sha256_job *job)
{
	size_t taken = job->n ? fill_tail(job->s, job->p, job->n) : 0;

	*l = (struct lane){ job, job->p ? job->p + taken : NULL, (job->n - taken) / BLOCK };
}

/* Keeps what is left behind the last whole block. */
static void lane_end(struct lane *l)
{
	keep_tail(l->job->s, l->p, (size_t)(l->job->p + l->job->n - l->p));
}

/* By insertion: there are at most a handful of jobs. */
static void sort_longest_first(struct sha256_job *jobs, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct sha256_job job = jobs[i];
		size_t at = i;

		for (; at && job_blocks(&jobs[at - 1]) < job_blocks(&job); at--)
			jobs[at] = jobs[at - 1];
		jobs[at] = job;
	}
}

/* Runs all lanes side by side until the shortest is through. */
static void lanes_run(struct lane *lane, size_t lanes)
{
	uint32_t *h[STREAMS_MAX];
	const uint8_t *p[STREAMS_MAX];
	size_t blocks = lane[0].blocks;

	for (size_t i = 0; i < lanes; i++) {
		h[i] = lane[i].job->s->h;
		p[i] = lane[i].p;
		if (lane[i].blocks < blocks)
			blocks = lane[i].blocks;
	}
	if (blocks)
		chosen->blocks[lanes - 1](h, p, blocks);
	for (size_t i = 0; i < lanes; i++) {
		lane[i].p += blocks * BLOCK;
		lane[i].blocks -= blocks;
		lane[i].job->s->bytes += blocks * BLOCK;
	}
}

void sha256_many(struct sha256_job *jobs, size_t n)
{
	struct lane lane[STREAMS_MAX];
	size_t lanes = 0, next = 0;

	if (chosen_streams < 2) {
		for (size_t i = 0; i < n; i++)
			sha256_add(jobs[i].s, jobs[i].p, jobs[i].n);
		return;
	}
	/* The longest first: then the lanes stay full until near the end. */
	sort_longest_first(jobs, n);
	while (next < n || lanes) {
		while (lanes < chosen_streams && next < n)
			lane_begin(&lane[lanes++], &jobs[next++]);
		lanes_run(lane, lanes);
		for (size_t i = lanes; i-- > 0;) {
			if (lane[i].blocks)
				continue;
			lane_end(&lane[i]);
			lane[i] = lane[--lanes];
		}
	}
}
