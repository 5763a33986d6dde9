/* ext4: what is made, as e2fsck sees it; what is recognised. */
#include "fs/ext4.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/run.h"
#include "tap.h"

#define MIB (1ull << 20)

static int scratch(char path[64], uint64_t size_bytes)
{
	int fd;

	snprintf(path, 64, "/tmp/yagura-ext4-XXXXXX");
	fd = mkstemp(path);
	OK(fd >= 0 && ftruncate(fd, (off_t)size_bytes) == 0);
	return fd;
}

static struct ext4_make plain(void)
{
	struct ext4_make m = {
		.name = "data", .root_mode = 0755, .root_uid = 70000, .root_gid = 5, .time = 1700000000
	};

	for (int i = 0; i < 16; i++) {
		m.uuid[i] = (uint8_t)(i * 17 + 1);
		m.hash_seed[i] = (uint8_t)(i * 29 + 3);
	}
	return m;
}

TEST(make)
{
	static const uint64_t sizes[] = {
		EXT4_BYTES_MIN, 16 * MIB,   64 * MIB,	       128 * MIB,    128 * MIB + 40960,
		257 * MIB,	1024 * MIB, 5000 * MIB + 4096, 102400 * MIB, EXT4_BYTES_MIN + 1111
	};
	struct ext4_make m = plain();

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char path[64];
		auto_close int fd = scratch(path, sizes[i]);
		const char *const argv[] = { "e2fsck", "-fn", path, NULL };
		struct run run = { .argv = argv };
		struct ext4_probe p;
		struct err e = { 0 };
		int status = -1, r;

		row("%llu bytes", (unsigned long long)sizes[i]);
		OK_ERR(ext4_make(fd, sizes[i], &m, &e), &e);
		OK_ERR(ext4_probe(fd, sizes[i], &p, &e), &e);
		EQ_INT(p.state, EXT4_SOUND);
		OK(p.size_bytes <= sizes[i] && p.size_bytes + 129 * MIB > sizes[i]);
		r = run_program(&run, &status, &e);
		if (r == -ENOENT)
			tap_skip("there is no e2fsck");
		else
			EQ_INT(status, 0);
		(void)unlink(path);
	}
}

/* For a file of zeroes that nobody keeps: as sound, and next to nothing is written. */
TEST(scratch)
{
	static const struct {
		uint64_t size, inodes;
	} rows[] = { { EXT4_SCRATCH_MIN, 0 },	{ 8 * MIB, 0 },	     { 8 * MIB, 100000 },    { 300 * MIB, 1000 },
		     { 300 * MIB, 4000000000 }, { 102400 * MIB, 0 }, { 102400 * MIB, 12800 } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ext4_make m = plain();
		char path[64];
		auto_close int fd = scratch(path, rows[i].size);
		const char *const argv[] = { "e2fsck", "-fn", path, NULL };
		struct run run = { .argv = argv };
		struct err e = { 0 };
		uint8_t super[1024];
		struct stat st;
		int status = -1;

		row("%llu bytes, %llu inodes", (unsigned long long)rows[i].size, (unsigned long long)rows[i].inodes);
		m.scratch = true;
		m.inodes = rows[i].inodes;
		OK_ERR(ext4_make(fd, rows[i].size, &m, &e), &e);
		OK(fd_pread(fd, super, sizeof(super), 1024) == sizeof(super));
		OK(!rows[i].inodes || (super[0] | super[1] << 8 | super[2] << 16) <= (int64_t)rows[i].inodes);
		OK(fstat(fd, &st) == 0 && st.st_blocks < (rows[i].size > 1024 * MIB ? 2048 : 256));
		if (run_program(&run, &status, &e) == -ENOENT)
			tap_skip("there is no e2fsck");
		else
			EQ_INT(status, 0);
		(void)unlink(path);
	}
}

TEST(refused)
{
	struct ext4_make m = plain();
	char path[64];
	auto_close int fd = scratch(path, EXT4_BYTES_MIN - 4096);
	struct err e = { 0 };

	m.scratch = true;
	m.inodes = 15;
	EQ_INT(ext4_make(fd, 8 * MIB, &m, &e), -ENOTSUP);
	m.inodes = 0;
	EQ_INT(ext4_make(fd, EXT4_SCRATCH_MIN - 4096, &m, &e), -E2BIG);
	m.scratch = false;

	EQ_INT(ext4_make(fd, EXT4_BYTES_MIN - 4096, &m, &e), -E2BIG);
	EQ_INT(ext4_make(fd, EXT4_BYTES_MAX + 4096, &m, &e), -E2BIG);
	(void)unlink(path);
}

static void poke(int fd, uint64_t at, const void *p, size_t n)
{
	OK(pwrite(fd, p, n, (off_t)at) == (ssize_t)n);
}

/* What lies on a partition, and what it is taken for. */
TEST(probe)
{
	static const char zeroes[4096];
	static const struct {
		const char *name;
		bool made; /* first */
		uint64_t at;
		const char *bytes;
		size_t n;
		enum ext4_state state;
	} rows[] = {
		{ "nothing", false, 0, "", 0, EXT4_EMPTY },
		{ "a making that was cut short", false, 0, "yagura: this file system is being made\n", 39, EXT4_CUT },
		{ "the same, with a superblock already", true, 0, "yagura: this file system is being made\n", 39,
		  EXT4_CUT },
		{ "something else", false, 0, "LUKS\272\276", 6, EXT4_DAMAGED },
		{ "something else, late", false, 1048575, "x", 1, EXT4_DAMAGED },
		{ "a sound one", true, 0, "", 0, EXT4_SOUND },
		{ "a changed byte in the superblock", true, 1024 + 0x70, "x", 1, EXT4_DAMAGED },
		{ "the superblock's magic is gone", true, 1024 + 0x38, "\0\0", 2, EXT4_DAMAGED },
		{ "its head is zeroes, a copy is there", true, 0, zeroes, 4096, EXT4_DAMAGED },
	};
	struct ext4_make m = plain();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char path[64];
		auto_close int fd = scratch(path, 256 * MIB);
		struct ext4_probe p;
		struct err e = { 0 };

		row("%s", rows[i].name);
		if (rows[i].made)
			OK_ERR(ext4_make(fd, 256 * MIB, &m, &e), &e);
		poke(fd, rows[i].at, rows[i].bytes, rows[i].n);
		OK_ERR(ext4_probe(fd, 256 * MIB, &p, &e), &e);
		EQ_INT(p.state, rows[i].state);
		(void)unlink(path);
	}
}
