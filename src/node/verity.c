/* verity: a dm-verity tree. See verity.h. */
#include "node/verity.h"

#include <assert.h>
#include <unistd.h>

#include "base/fd.h"
#include "codec/sha256.h"

#define HASHES (VERITY_BLOCK / DIGEST_BYTES) /* in one block of the tree */
#define LEVELS_MAX 5			     /* 128^5 blocks of data */
#define READ_BLOCKS 4u			     /* read at a time */

/* Level 0 holds the hashes of the data; the last level is one block. */
struct shape {
	uint64_t data_blocks;
	unsigned int levels;
	uint64_t blocks[LEVELS_MAX];
	uint64_t at[LEVELS_MAX]; /* offset in the tree, in blocks */
};

static struct shape shape_of(uint64_t data_bytes)
{
	struct shape s = { .data_blocks = data_bytes / VERITY_BLOCK };
	uint64_t n = s.data_blocks, at = 0;

	assert(data_bytes && data_bytes % VERITY_BLOCK == 0 && n <= VERITY_BLOCKS_MAX);
	while (n > 1) {
		n = (n + HASHES - 1) / HASHES;
		s.blocks[s.levels++] = n;
	}
	for (unsigned int i = s.levels; i-- > 0; at += s.blocks[i])
		s.at[i] = at;
	return s;
}

uint64_t verity_tree_bytes(uint64_t data_bytes)
{
	struct shape s = shape_of(data_bytes);
	uint64_t n = 0;

	for (unsigned int i = 0; i < s.levels; i++)
		n += s.blocks[i];
	return n * VERITY_BLOCK;
}

/* ---- hashing a run of blocks ---- */

struct level {
	int fd;
	uint64_t from; /* offset of the blocks hashed */
	uint64_t blocks;
	const struct digest *salt;
	struct err *e;
};

static void hash_block(const struct level *l, const uint8_t *p, uint8_t to[DIGEST_BYTES])
{
	struct sha256 s;
	struct digest d;

	sha256_init(&s);
	sha256_add(&s, l->salt->byte, DIGEST_BYTES);
	sha256_add(&s, p, VERITY_BLOCK);
	sha256_end(&s, &d);
	memcpy(to, d.byte, DIGEST_BYTES);
}

/* The block of hashes over blocks first to first + 127, as far as there are any; the rest is zero. */
static int hash_group(const struct level *l, uint64_t first, uint8_t to[VERITY_BLOCK])
{
	not_zeroed uint8_t room[READ_BLOCKS * VERITY_BLOCK];
	uint64_t n = l->blocks - first < HASHES ? l->blocks - first : HASHES;

	memset(to, 0, VERITY_BLOCK);
	for (uint64_t i = 0; i < n; i += READ_BLOCKS) {
		size_t count = (size_t)(n - i < READ_BLOCKS ? n - i : READ_BLOCKS);
		ssize_t got = fd_pread(l->fd, room, count * VERITY_BLOCK, l->from + (first + i) * VERITY_BLOCK);

		if (got != (ssize_t)(count * VERITY_BLOCK))
			return got < 0 ? err_errno(l->e, (int)got, "verity: block %llu",
						   (unsigned long long)(first + i))
				       : err_set(l->e, -EBADMSG, "verity: the image is cut short");
		for (size_t k = 0; k < count; k++)
			hash_block(l, room + k * VERITY_BLOCK, to + (i + k) * DIGEST_BYTES);
	}
	return 0;
}

/* What is done with each block of the tree: written, or compared with what is there. */
typedef int group_fn(const struct level *l, uint64_t at, uint64_t number, const uint8_t p[VERITY_BLOCK]);

static int group_write(const struct level *l, uint64_t at, uint64_t number unused_arg, const uint8_t p[VERITY_BLOCK])
{
	for (size_t done = 0; done < VERITY_BLOCK;) {
		ssize_t n = pwrite(l->fd, p + done, VERITY_BLOCK - done, (off_t)(at + done));

		if (n < 0 && errno != EINTR)
			return err_errno(l->e, -errno, "verity: writing the tree");
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Says which of the blocks below is not what the tree has. */
static int group_compare(const struct level *l, uint64_t at, uint64_t number, const uint8_t p[VERITY_BLOCK])
{
	uint8_t there[VERITY_BLOCK];
	ssize_t n = fd_pread(l->fd, there, sizeof(there), at);

	if (n != (ssize_t)sizeof(there))
		return n < 0 ? err_errno(l->e, (int)n, "verity: reading the tree")
			     : err_set(l->e, -EBADMSG, "verity: the tree is cut short");
	for (size_t i = 0; i < HASHES; i++)
		if (memcmp(there + i * DIGEST_BYTES, p + i * DIGEST_BYTES, DIGEST_BYTES) != 0)
			return err_set(l->e, -EBADMSG, "verity: block %llu is not what its hash says",
				       (unsigned long long)(l->from / VERITY_BLOCK + number * HASHES + i));
	return 0;
}

static int walk(int fd, uint64_t data_bytes, uint64_t tree_at, const struct digest *salt, group_fn *act,
		struct digest *ret_root, struct err *e)
{
	struct shape s = shape_of(data_bytes);
	struct level l = { .fd = fd, .blocks = s.data_blocks, .salt = salt, .e = e };
	uint8_t block[VERITY_BLOCK];
	int r = 0;

	for (unsigned int i = 0; i < s.levels; i++) {
		for (uint64_t k = 0; k < s.blocks[i]; k++) {
			r = hash_group(&l, k * HASHES, block);
			r = r < 0 ? r : act(&l, tree_at + (s.at[i] + k) * VERITY_BLOCK, k, block);
			if (r < 0)
				return r;
		}
		l.from = tree_at + s.at[i] * VERITY_BLOCK;
		l.blocks = s.blocks[i];
	}
	r = hash_group(&l, 0, block); /* of the one block at the top, or of the only one of data */
	if (r < 0)
		return r;
	memcpy(ret_root->byte, block, DIGEST_BYTES);
	ret_root->set = true;
	return 0;
}

int verity_write(int fd, uint64_t data_bytes, uint64_t tree_at, const struct digest *salt, struct digest *ret_root,
		 struct err *e)
{
	return walk(fd, data_bytes, tree_at, salt, group_write, ret_root, e);
}

int verity_check(int fd, uint64_t data_bytes, uint64_t tree_at, const struct digest *salt, const struct digest *root,
		 struct err *e)
{
	struct digest found;
	int r = walk(fd, data_bytes, tree_at, salt, group_compare, &found, e);

	if (r == 0 && !digest_eq(&found, root))
		r = err_set(e, -EBADMSG, "verity: the tree is not the root hash's");
	return r;
}

/* ---- for the kernel ---- */

static const char *hex(const struct digest *d, char text[DIGEST_TEXT_MAX])
{
	return digest_text(d, text) + sizeof("sha256:") - 1;
}

char *verity_table(const char *device, uint64_t data_bytes, uint64_t tree_at, const struct digest *salt,
		   const struct digest *root, bool panic, char text[VERITY_TABLE_MAX])
{
	char root_text[DIGEST_TEXT_MAX], salt_text[DIGEST_TEXT_MAX];

	snprintf(text, VERITY_TABLE_MAX, "1 %s %s %u %u %llu %llu sha256 %s %s%s", device, device, VERITY_BLOCK,
		 VERITY_BLOCK, (unsigned long long)(data_bytes / VERITY_BLOCK),
		 (unsigned long long)(tree_at / VERITY_BLOCK), hex(root, root_text), hex(salt, salt_text),
		 panic ? " 1 panic_on_corruption" : "");
	return text;
}
