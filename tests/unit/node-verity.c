/* dm-verity trees: root hashes as `veritysetup format --no-superblock` of cryptsetup 2.6 gives them, and what changed
 * bytes are found to be. */
#include "node/verity.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"

#include "tap.h"

static const struct digest salt = { .byte = { 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a,
					      0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a,
					      0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a },
				    .set = true };

static const struct {
	const char *name;
	uint64_t blocks, tree_blocks;
	const char *root;
} rows[] = {
	{ "one block", 1, 0, "90afa40650c2afa5affdcb2957ba09c651f6c49dfa4212920497dfd51f6c8cf1" },
	{ "two blocks", 2, 1, "3fa54c6776440a83d24b513326e95737a4d0a0e700254e68b2de6dca669ea11e" },
	{ "almost a block of hashes", 127, 1, "df8f1f7d9068264150ba1dd35ea459c196dcb3a8fcb28da69fc756043ec2d548" },
	{ "a block of hashes", 128, 1, "d089e18ca72217a4d5657e55dcdd83ee5047062a8618fd8280de88c42a3e90b9" },
	{ "one more", 129, 3, "d800d7a02f7608f16d65c60000e3996365b81ecad64b07c8fc3f68877a19aab6" },
	{ "three blocks of hashes", 300, 4, "2627f528095f72bed8a48f77a76cd7d78b2e013ad82ce11d2774fc0318f7653a" },
	{ "three levels", 16385, 132, "ce1d4a1ad33ed9ff206eb2d5ac82685f64e4b4f0da5d0412e477555b32376824" },
};

/* Block i is 2,048 times the byte 7i + 1, then 512 times i with 32 bits. */
static int image(uint64_t blocks)
{
	int fd = memfd_create("verity", MFD_CLOEXEC);
	uint8_t b[VERITY_BLOCK];

	for (uint64_t i = 0; i < blocks; i++) {
		memset(b, (int)(i * 7 + 1) & 255, 2048);
		for (size_t k = 2048; k < sizeof(b); k += 4) {
			b[k] = (uint8_t)i;
			b[k + 1] = (uint8_t)(i >> 8);
			b[k + 2] = b[k + 3] = 0;
		}
		if (fd_write(fd, b, sizeof(b)) < 0)
			abort();
	}
	return fd;
}

static void flip(int fd, uint64_t at)
{
	uint8_t c = 0;

	OK(pread(fd, &c, 1, (off_t)at) == 1);
	c ^= 1;
	OK(pwrite(fd, &c, 1, (off_t)at) == 1);
}

TEST(root_hashes)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t bytes = rows[i].blocks * VERITY_BLOCK;
		auto_close int fd = image(rows[i].blocks);
		char text[DIGEST_TEXT_MAX];
		struct digest root = { 0 };
		struct err e = { 0 };

		row("%s", rows[i].name);
		EQ_INT(verity_tree_bytes(bytes), rows[i].tree_blocks * VERITY_BLOCK);
		OK_ERR(verity_write(fd, bytes, bytes, &salt, &root, &e), &e);
		EQ_Z(digest_text(&root, text) + 7, rows[i].root);
		EQ_INT(lseek(fd, 0, SEEK_END), bytes + rows[i].tree_blocks * VERITY_BLOCK);
		OK_ERR(verity_check(fd, bytes, bytes, &salt, &root, &e), &e);
	}
}

static const struct {
	const char *name;
	uint64_t flip_at;
	const char *message;
} changes[] = {
	{ "first byte", 0, "verity: block 0 is not what its hash says" },
	{ "in block 129", 129 * VERITY_BLOCK + 77, "verity: block 129 is not what its hash says" },
	{ "last byte", 300 * VERITY_BLOCK - 1, "verity: block 299 is not what its hash says" },
	{ "hash of block 0", 301 * VERITY_BLOCK, "verity: block 0 is not what its hash says" },
	{ "padding of the tree", 304 * VERITY_BLOCK - 1, "verity: block 383 is not what its hash says" },
	{ "top of the tree", 300 * VERITY_BLOCK, "verity: block 301 is not what its hash says" },
};

TEST(changes)
{
	uint64_t bytes = 300 * VERITY_BLOCK;
	auto_close int fd = image(300);
	struct digest root = { 0 }, other;
	struct err e = { 0 };

	OK_ERR(verity_write(fd, bytes, bytes, &salt, &root, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		row("%s", changes[i].name);
		flip(fd, changes[i].flip_at);
		EQ_INT(verity_check(fd, bytes, bytes, &salt, &root, &e), -EBADMSG);
		EQ_Z(e.msg, changes[i].message);
		flip(fd, changes[i].flip_at);
	}
	row("nothing");
	OK_ERR(verity_check(fd, bytes, bytes, &salt, &root, &e), &e);
	row("another root hash");
	other = root;
	other.byte[31] ^= 1;
	EQ_INT(verity_check(fd, bytes, bytes, &salt, &other, &e), -EBADMSG);
	row("another salt");
	other = salt;
	other.byte[0] ^= 1;
	EQ_INT(verity_check(fd, bytes, bytes, &other, &root, &e), -EBADMSG);
	row("cut short");
	OK(ftruncate(fd, (off_t)(303 * VERITY_BLOCK)) == 0);
	EQ_INT(verity_check(fd, bytes, bytes, &salt, &root, &e), -EBADMSG);
}

TEST(table)
{
	struct digest root = salt;
	char text[VERITY_TABLE_MAX];

	root.byte[0] = 1;
	EQ_Z(verity_table("/dev/vda", 8192, 8192, &salt, &root, true, text),
	     "1 /dev/vda /dev/vda 4096 4096 2 2 sha256 "
	     "015a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a "
	     "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a 1 panic_on_corruption");
	EQ_INT(strlen(verity_table("7:0", 8192, 8192, &salt, &root, false, text)),
	       strlen("1 7:0 7:0 4096 4096 2 2 sha256  ") + 128);
}
