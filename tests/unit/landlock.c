/* The rules a container gets, as a table, and what the kernel makes of them. */
#include "runtime/landlock.h"

#include <linux/landlock.h>

#include "tap.h"

#define READ 0xdull	 /* execute, read a file, read a directory */
#define CHANGE 0x4002ull /* write a file, truncate */
#define IOCTL_DEV 0x8000ull
#define MAKE_DEVICES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)
#define ALL 0xffffull
#define WRITE (ALL & ~READ & ~MAKE_DEVICES & ~IOCTL_DEV)

static const struct {
	const char *path;
	uint64_t read_only_root, writable_root;
} rows[] = {
	{ "/", READ, READ | WRITE },
	{ "/dev", CHANGE | IOCTL_DEV, CHANGE | IOCTL_DEV },
	{ "/proc", CHANGE, CHANGE },
	{ "/data", WRITE, WRITE },
};

static struct oci_config config(bool read_only)
{
	static const char *read_only_options[] = { "rbind", "ro", NULL }, *writable[] = { "rbind", NULL };
	static struct oci_mount mounts[] = {
		{ .destination = "/code", .options = { read_only_options, 2 } },
		{ .destination = "/data", .options = { writable, 1 } },
	};

	return (struct oci_config){ .root_readonly = read_only, .mounts = mounts, .mount_count = ARRAY_LEN(mounts) };
}

TEST(rules)
{
	for (int read_only = 0; read_only < 2; read_only++) {
		auto_arena struct arena a = { 0 };
		struct oci_config c = config(read_only);
		struct landlock l;

		landlock_rules(&c, 7, &a, &l);
		row("%s root: so many", read_only ? "read-only" : "writable");
		EQ_INT(l.n, ARRAY_LEN(rows));
		EQ_INT(l.fs, ALL);
		for (size_t i = 0; i < ARRAY_LEN(rows) && i < l.n; i++) {
			row("%s root: %s", read_only ? "read-only" : "writable", rows[i].path);
			EQ_Z(l.rules[i].path, rows[i].path);
			EQ_INT(l.rules[i].rights, read_only ? rows[i].read_only_root : rows[i].writable_root);
			EQ_INT(l.rules[i].rights & MAKE_DEVICES, 0);
		}
	}
}

/* What a kernel does not know is neither handled nor granted: it would refuse the ruleset. */
TEST(older_kernels)
{
	for (int version = 1; version < 8; version++) {
		auto_arena struct arena a = { 0 };
		struct oci_config c = config(true);
		struct landlock l;

		row("version %d", version);
		landlock_rules(&c, version, &a, &l);
		for (size_t i = 0; i < l.n; i++)
			EQ_INT(l.rules[i].rights & ~l.fs, 0);
		EQ_INT(l.scoped, version >= 6); /* no network namespace of its own */
		c.namespaces[NS_NETWORK].set = true;
		landlock_rules(&c, version, &a, &l);
		EQ_INT(l.scoped, 0);
	}
}
