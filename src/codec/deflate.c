/* deflate: a gzip stream that is the same everywhere. See deflate.h. */
#include "codec/deflate.h"

#include <isa-l/crc.h>
#include <stdlib.h>

#include "base/mem.h"

#define WINDOW 32768u
#define DEFLATE_BLOCK (128u << 10) /* bytes that share a code */
#define HASH_BITS 15
#define CHAIN_MAX 24   /* earlier places looked at for one match */
#define LENGTH_GOOD 64 /* a match as long as this is taken without looking further */
#define LENGTH_LAZY 24 /* and one as long as this without looking at the next byte */
#define LENGTH_MIN 3
#define LENGTH_MAX 258
#define TOO_FAR 4096 /* a match of three bytes from further off costs more than the bytes */

#define LITERALS 286
#define DISTANCES 30
#define CODE_LENGTHS 19
#define CODE_BITS_MAX 15
#define CODE_LENGTH_BITS_MAX 7
#define END_OF_BLOCK 256

struct token {
	uint16_t length; /* 0: a literal */
	uint16_t value;	 /* the byte, or the distance (1 to 32,768 as distance - 1) */
};

struct deflate {
	struct deflate_sink sink;
	uint32_t crc;
	uint64_t bytes;
	bool begun;
	uint64_t bits; /* not written yet */
	unsigned int bit_count;
	size_t out_n;
	size_t history, n; /* bytes before the block and in all */
	uint32_t literal_count[LITERALS], distance_count[DISTANCES];
	size_t tokens;
	uint8_t in[WINDOW + DEFLATE_BLOCK];
	uint8_t out[64u << 10];
	int32_t head[1u << HASH_BITS]; /* newest place with that hash, -1 none */
	int32_t before[WINDOW + DEFLATE_BLOCK];
	struct token token[DEFLATE_BLOCK];
};

struct deflate *deflate_new(const struct deflate_sink *sink)
{
	struct deflate *z = xcalloc(1, sizeof(*z));

	z->sink = *sink;
	memset(z->head, 0xff, sizeof(z->head));
	return z;
}

void deflate_free(struct deflate *z)
{
	free(z);
}

/* -------- bits -------- */

static int out_flush_bytes(struct deflate *z, struct err *e)
{
	int r = z->out_n ? z->sink.write(z->sink.ctx, z->out, z->out_n, e) : 0;

	z->out_n = 0;
	return r;
}

/* Room for what one token takes is kept free by block_write(). */
static void bits_put(struct deflate *z, uint32_t value, unsigned int count)
{
	z->bits |= (uint64_t)value << z->bit_count;
	z->bit_count += count;
	while (z->bit_count >= 8) {
		z->out[z->out_n++] = (uint8_t)z->bits;
		z->bits >>= 8;
		z->bit_count -= 8;
	}
}

/* -------- codes -------- */

struct code {
	uint16_t bits[LITERALS]; /* reversed, as they are written */
	uint8_t length[LITERALS];
};

struct weight {
	uint32_t count;
	uint16_t symbol;
};

static int by_weight(const void *a, const void *b)
{
	const struct weight *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	return x->symbol < y->symbol ? -1 : 1;
}

/* How many symbols get each length in a Huffman code of the sorted weights: two queues, leaves and inner nodes. */
static void lengths_count(const struct weight *w, size_t n, unsigned int limit, uint32_t count[LITERALS + 1])
{
	uint32_t weight[2 * LITERALS], parent[2 * LITERALS], depth[2 * LITERALS] = { 0 };
	size_t leaf = 0, inner = n, nodes = n;
	uint32_t kraft = 0;

	for (size_t i = 0; i < n; i++)
		weight[i] = w[i].count;
	while (nodes < 2 * n - 1) {
		uint32_t sum = 0;

		for (int k = 0; k < 2; k++) {
			bool take_leaf = leaf < n && (inner >= nodes || weight[leaf] <= weight[inner]);
			size_t child = take_leaf ? leaf++ : inner++;

			sum += weight[child];
			parent[child] = (uint32_t)nodes;
		}
		weight[nodes++] = sum;
	}
	for (size_t i = nodes - 1; i-- > 0;)
		depth[i] = depth[parent[i]] + 1;
	for (size_t i = 0; i < n; i++)
		count[depth[i] < limit ? depth[i] : limit]++;
	/* Codes that became too long are cut; what they take too much is made up for by lengthening shorter ones. */
	for (unsigned int i = 1; i <= limit; i++)
		kraft += count[i] << (limit - i);
	while (kraft > 1u << limit) {
		count[limit]--;
		for (unsigned int i = limit - 1;; i--) {
			if (!count[i])
				continue;
			count[i]--;
			count[i + 1] += 2;
			break;
		}
		kraft--;
	}
}

static uint16_t bits_reverse(uint32_t v, unsigned int n)
{
	uint32_t r = 0;

	for (unsigned int i = 0; i < n; i++)
		r |= ((v >> i) & 1) << (n - 1 - i);
	return (uint16_t)r;
}

/* RFC 1951 3.2.2. At least two symbols get a code: some readers refuse a code of one. */
static void code_make(const uint32_t *counts, size_t symbols, unsigned int limit, struct code *ret)
{
	struct weight w[LITERALS];
	uint32_t count[LITERALS + 1] = { 0 }, next[CODE_BITS_MAX + 2] = { 0 }, code = 0;
	size_t n = 0, at = 0;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < symbols; i++)
		if (counts[i])
			w[n++] = (struct weight){ counts[i], (uint16_t)i };
	for (size_t i = 0; n < 2; i++)
		if (!counts[i])
			w[n++] = (struct weight){ 1, (uint16_t)i };
	qsort(w, n, sizeof(*w), by_weight);
	lengths_count(w, n, limit, count);
	for (unsigned int length = limit; length; length--)
		for (uint32_t k = 0; k < count[length]; k++)
			ret->length[w[at++].symbol] = (uint8_t)length;
	for (unsigned int length = 1; length <= limit; length++) {
		next[length] = code;
		code = (code + count[length]) << 1;
	}
	for (size_t i = 0; i < symbols; i++)
		if (ret->length[i])
			ret->bits[i] = bits_reverse(next[ret->length[i]]++, ret->length[i]);
}

static void code_put(struct deflate *z, const struct code *c, size_t symbol)
{
	bits_put(z, c->bits[symbol], c->length[symbol]);
}

/* RFC 1951 3.2.5: lengths and distances as a symbol and bits behind it. */
static const uint16_t length_base[] = { 3,  4,	5,  6,	7,  8,	9,  10, 11,  13,  15,  17,  19,	 23, 27,
					31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
static const uint8_t length_bits[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
				       2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
static const uint16_t distance_base[] = { 1,	2,    3,    4,	  5,	7,    9,    13,	   17,	  25,
					  33,	49,   65,   97,	  129,	193,  257,  385,   513,	  769,
					  1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577 };

static size_t length_symbol(unsigned int length)
{
	size_t i = ARRAY_LEN(length_base) - 1;

	while (length_base[i] > length)
		i--;
	return i;
}

static size_t distance_symbol(unsigned int distance)
{
	unsigned int high = 31 - (unsigned int)__builtin_clz(distance > 1 ? distance - 1 : 1);

	if (distance <= 2)
		return distance - 1;
	return 2 * high + (((distance - 1) >> (high - 1)) & 1);
}

static unsigned int distance_bits(size_t symbol)
{
	return symbol < 4 ? 0 : (unsigned int)(symbol / 2 - 1);
}

/* -------- a block -------- */

/* The code lengths of both codes, as runs: RFC 1951 3.2.7. */
struct runs {
	size_t n;
	uint8_t symbol[LITERALS + DISTANCES], extra[LITERALS + DISTANCES];
	uint32_t count[CODE_LENGTHS];
};

static void run_add(struct runs *r, unsigned int symbol, unsigned int extra)
{
	r->symbol[r->n] = (uint8_t)symbol;
	r->extra[r->n++] = (uint8_t)extra;
	r->count[symbol]++;
}

static void runs_make(const uint8_t *lengths, size_t n, struct runs *r)
{
	for (size_t i = 0; i < n;) {
		size_t same = 1;

		while (i + same < n && lengths[i + same] == lengths[i])
			same++;
		i += same;
		if (lengths[i - 1] == 0) {
			for (; same >= 11; same -= same < 138 ? same : 138)
				run_add(r, 18, (unsigned int)((same < 138 ? same : 138) - 11));
			if (same >= 3) {
				run_add(r, 17, (unsigned int)(same - 3));
				same = 0;
			}
		} else {
			run_add(r, lengths[i - 1], 0);
			for (same--; same >= 3; same -= same < 6 ? same : 6)
				run_add(r, 16, (unsigned int)((same < 6 ? same : 6) - 3));
		}
		while (same--)
			run_add(r, lengths[i - 1], 0);
	}
}

static void codes_put(struct deflate *z, const struct code *literals, const struct code *distances)
{
	static const uint8_t order[] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
	uint8_t lengths[LITERALS + DISTANCES];
	struct runs runs = { 0 };
	struct code code;
	size_t l = LITERALS, d = DISTANCES, k = CODE_LENGTHS;

	while (l > 257 && !literals->length[l - 1])
		l--;
	while (d > 1 && !distances->length[d - 1])
		d--;
	memcpy(lengths, literals->length, l);
	memcpy(lengths + l, distances->length, d);
	runs_make(lengths, l + d, &runs);
	code_make(runs.count, CODE_LENGTHS, CODE_LENGTH_BITS_MAX, &code);
	while (k > 4 && !code.length[order[k - 1]])
		k--;
	bits_put(z, (uint32_t)(l - 257), 5);
	bits_put(z, (uint32_t)(d - 1), 5);
	bits_put(z, (uint32_t)(k - 4), 4);
	for (size_t i = 0; i < k; i++)
		bits_put(z, code.length[order[i]], 3);
	for (size_t i = 0; i < runs.n; i++) {
		static const uint8_t extra[] = { 2, 3, 7 };

		code_put(z, &code, runs.symbol[i]);
		if (runs.symbol[i] >= 16)
			bits_put(z, runs.extra[i], extra[runs.symbol[i] - 16]);
	}
}

static int tokens_put(struct deflate *z, const struct code *literals, const struct code *distances, struct err *e)
{
	for (size_t i = 0; i < z->tokens; i++) {
		const struct token *t = &z->token[i];
		int r = z->out_n > sizeof(z->out) - 64 ? out_flush_bytes(z, e) : 0;

		if (r < 0)
			return r;
		if (!t->length) {
			code_put(z, literals, t->value);
			continue;
		}
		size_t l = length_symbol(t->length), d = distance_symbol(t->value + 1u);

		code_put(z, literals, 257 + l);
		bits_put(z, (uint32_t)(t->length - length_base[l]), length_bits[l]);
		code_put(z, distances, d);
		bits_put(z, (uint32_t)(t->value + 1u - distance_base[d]), distance_bits(d));
	}
	code_put(z, literals, END_OF_BLOCK);
	return 0;
}

static int block_write(struct deflate *z, bool last, struct err *e)
{
	struct code literals, distances;
	int r = out_flush_bytes(z, e);

	if (r < 0)
		return r;
	z->literal_count[END_OF_BLOCK] = 1;
	code_make(z->literal_count, LITERALS, CODE_BITS_MAX, &literals);
	code_make(z->distance_count, DISTANCES, CODE_BITS_MAX, &distances);
	bits_put(z, last, 1);
	bits_put(z, 2, 2);
	codes_put(z, &literals, &distances);
	r = tokens_put(z, &literals, &distances, e);
	memset(z->literal_count, 0, sizeof(z->literal_count));
	memset(z->distance_count, 0, sizeof(z->distance_count));
	z->tokens = 0;
	return r;
}

/* -------- matches -------- */

static uint32_t hash_at(const uint8_t *p)
{
	uint32_t v = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;

	return (v * 0x9e3779b1u) >> (32 - HASH_BITS);
}

static void place_add(struct deflate *z, size_t at)
{
	uint32_t h;

	if (at + LENGTH_MIN > z->n)
		return;
	h = hash_at(z->in + at);
	z->before[at] = z->head[h];
	z->head[h] = (int32_t)at;
}

/* The longest match for the bytes at `at` among earlier places, longer than `least`; 0 none. */
static unsigned int match_find(const struct deflate *z, size_t at, unsigned int least, unsigned int *ret_distance)
{
	size_t room = z->n - at < LENGTH_MAX ? z->n - at : LENGTH_MAX;
	const uint8_t *p = z->in + at;
	unsigned int best = least;
	int32_t from;

	if (room < LENGTH_MIN || room <= least)
		return 0;
	from = z->head[hash_at(p)];
	for (int chain = 0; from >= 0 && chain < CHAIN_MAX; chain++, from = z->before[from]) {
		const uint8_t *q = z->in + from;
		size_t n = 0;

		if (at - (size_t)from > WINDOW)
			break;
		if (q[best] != p[best] || q[0] != p[0])
			continue;
		while (n < room && q[n] == p[n])
			n++;
		if (n <= best || n < LENGTH_MIN || (n == LENGTH_MIN && at - (size_t)from > TOO_FAR))
			continue;
		best = (unsigned int)n;
		*ret_distance = (unsigned int)(at - (size_t)from);
		if (n >= LENGTH_GOOD || n == room)
			break;
	}
	return best > least ? best : 0;
}

static void token_add(struct deflate *z, unsigned int length, unsigned int value)
{
	z->token[z->tokens++] = (struct token){ (uint16_t)length, (uint16_t)value };
	if (!length) {
		z->literal_count[value]++;
		return;
	}
	z->literal_count[257 + length_symbol(length)]++;
	z->distance_count[distance_symbol(value + 1)]++;
}

/* All of the block as tokens. A match gives way to a longer one that begins a byte later. */
static void block_tokens(struct deflate *z)
{
	size_t at = z->history;

	while (at < z->n) {
		unsigned int distance = 0, later_distance = 0, length = match_find(z, at, 0, &distance);

		place_add(z, at);
		if (length && length < LENGTH_LAZY && match_find(z, at + 1, length, &later_distance))
			length = 0;
		if (!length) {
			token_add(z, 0, z->in[at++]);
			continue;
		}
		token_add(z, length, distance - 1);
		for (size_t end = at + length; ++at < end;)
			place_add(z, at);
	}
}

/* Keeps a window of what was there as history. */
static void slide(struct deflate *z)
{
	size_t drop = z->n > WINDOW ? z->n - WINDOW : 0;

	memmove(z->in, z->in + drop, z->n - drop);
	memmove(z->before, z->before + drop, (z->n - drop) * sizeof(*z->before));
	z->n -= drop;
	z->history = z->n;
	for (size_t i = 0; i < ARRAY_LEN(z->head); i++)
		z->head[i] = z->head[i] >= (int32_t)drop ? z->head[i] - (int32_t)drop : -1;
	for (size_t i = 0; i < z->n; i++)
		z->before[i] = z->before[i] >= (int32_t)drop ? z->before[i] - (int32_t)drop : -1;
}

static int block_end(struct deflate *z, bool last, struct err *e)
{
	/* RFC 1952 2.3: no flags, no time, unknown system. */
	static const uint8_t header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff };
	int r;

	if (!z->begun) {
		memcpy(z->out, header, sizeof(header));
		z->out_n = sizeof(header);
		z->begun = true;
	}
	block_tokens(z);
	r = block_write(z, last, e);
	slide(z);
	return r;
}

int deflate_add(struct deflate *z, const void *p, size_t n, struct err *e)
{
	const uint8_t *from = p;
	int r = 0;

	z->bytes += n;
	while (n && r == 0) {
		size_t room = z->history + DEFLATE_BLOCK - z->n;
		size_t take = n < room ? n : room;

		memcpy(z->in + z->n, from, take);
		z->crc = crc32_gzip_refl(z->crc, from, take);
		z->n += take;
		from += take;
		n -= take;
		if (take == room)
			r = block_end(z, false, e);
	}
	return r;
}

int deflate_end(struct deflate *z, struct err *e)
{
	int r = block_end(z, true, e);

	if (r < 0)
		return r;
	bits_put(z, 0, (8 - z->bit_count % 8) % 8);
	for (unsigned int i = 0; i < 4; i++)
		z->out[z->out_n++] = (uint8_t)(z->crc >> (8 * i));
	for (unsigned int i = 0; i < 4; i++)
		z->out[z->out_n++] = (uint8_t)(z->bytes >> (8 * i));
	return out_flush_bytes(z, e);
}
