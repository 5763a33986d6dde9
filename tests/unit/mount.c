/* mount: options of mounts. */
#include "runtime/mount.h"

#include <linux/mount.h>

#include "runtime/launch-host.h"
#include "tap.h"

struct option_row {
	const char *options;
	uint64_t set, clear, below_set, below_clear, propagation;
	const char *data; /* "key=value,flag" as they come out */
	bool bind, recursive;
};

static const struct option_row rows[] = {
	{ "", 0, 0, 0, 0, 0, "", false, false },
	{ "ro,nosuid,nodev,noexec", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0, 0,
	  0, 0, "", false, false },
	{ "ro,rw", 0, MOUNT_ATTR_RDONLY, 0, 0, 0, "", false, false },
	{ "rw,ro", MOUNT_ATTR_RDONLY, 0, 0, 0, 0, "", false, false },
	{ "noatime,strictatime", MOUNT_ATTR_STRICTATIME, 0, 0, 0, 0, "", false, false },
	{ "strictatime,relatime", 0, MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME, 0, 0, 0, "", false, false },
	{ "rbind,rro", 0, 0, MOUNT_ATTR_RDONLY, 0, 0, "", true, true },
	{ "bind,rnosuid,rsuid", 0, 0, 0, MOUNT_ATTR_NOSUID, 0, "", true, false },
	{ "rprivate", 0, 0, 0, 0, MS_PRIVATE | MS_REC, "", false, false },
	{ "private,shared", 0, 0, 0, 0, MS_SHARED, "", false, false },
	{ "mode=755,size=64m,sync", 0, 0, 0, 0, 0, "mode=755,size=64m,sync", false, false },
	{ "cpu,cpuacct,name=systemd", 0, 0, 0, 0, 0, "cpu,cpuacct,name=systemd", false, false },
	{ "=odd", 0, 0, 0, 0, 0, "=odd", false, false },
	{ "nosymfollow", 0x200000, 0, 0, 0, 0, "", false, false },
};

static struct strings split(struct arena *a, const char *text)
{
	struct strings s = { arena_array(a, const char *, strlen(text) + 1), 0 };

	for (struct str rest = str_c(text), word; *text && str_cut(&rest, ',', &word);)
		s.v[s.n++] = arena_str(a, word).p;
	return s;
}

static struct str joined(struct arena *a, const struct mount_options *o)
{
	struct str all = STR("");

	for (size_t i = 0; i < o->data_count; i++)
		all = arena_fmt(a, STR_FMT "%s%s%s%s", STR_ARG(all), i ? "," : "", o->data[i].key,
				*o->data[i].key ? "=" : "", o->data[i].value);
	return all;
}

TEST(options)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct option_row *want = &rows[i];
		auto_arena struct arena a = { 0 };
		struct oci_mount m = { .destination = "/x", .options = split(&a, want->options) };
		struct mount_options o;
		struct err e = { 0 };

		row("\"%s\"", want->options);
		OK_ERR(mount_options_parse(&m, &a, &o, &e), &e);
		EQ_INT(o.set, want->set);
		EQ_INT(o.clear, want->clear);
		EQ_INT(o.below_set, want->below_set);
		EQ_INT(o.below_clear, want->below_clear);
		EQ_INT(o.propagation, want->propagation);
		EQ_INT(o.bind, want->bind);
		EQ_INT(o.recursive, want->recursive);
		EQ_STR(joined(&a, &o), str_c(want->data));
	}
}

static const char *const refused[] = { "ro=1", "bind,tmpcopyup", "rbind=x" };

TEST(refused_options)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		auto_arena struct arena a = { 0 };
		struct oci_mount m = { .destination = "/x", .options = split(&a, refused[i]) };
		struct mount_options o;

		row("\"%s\"", refused[i]);
		EQ_INT(mount_options_parse(&m, &a, &o, NULL), -EBADMSG);
	}
}

/* The table is searched by halves. */
TEST(sorted)
{
	for (size_t i = 1; mount_option_name(i); i++)
		OK(strcmp(mount_option_name(i - 1), mount_option_name(i)) < 0);
	EQ_INT(mount_propagation("rslave"), MS_SLAVE | MS_REC);
	EQ_INT(mount_propagation("ro"), 0);
	EQ_INT(mount_propagation("nothing"), 0);
}

TEST(kernel_mounts)
{
	static const char text[] = "22 28 0:21 / /proc rw,nosuid shared:12 - proc proc rw\n"
				   "23 28 0:22 / /sys rw - sysfs sysfs rw\n"
				   "24 22 0:21 /sys /proc/sys ro - proc proc rw\n"
				   "25 28 8:1 / /a rw shared:1 master:2 - ext4 /dev/sda1 rw\n"
				   "26 28 0:21 / /a\\040b\\134/proc rw - proc none rw\n"
				   "27 28 0:21 / /odd\\04 rw - proc none rw\n"
				   "28 28 0:21 /\n"
				   "29 28 0:23 / /x rw - tmpfs proc rw\n";
	static const char *const want[] = { "/proc", "/sys", "/a b\\/proc", "/odd\\04" };
	auto_arena struct arena a = { 0 };
	struct strings found;

	launch_kernel_mounts_parse(str_c(text), &a, &found);
	EQ_INT(found.n, ARRAY_LEN(want));
	for (size_t i = 0; i < found.n && i < ARRAY_LEN(want); i++)
		EQ_STR(str_c(found.v[i]), str_c(want[i]));
	launch_kernel_mounts_parse(STR(""), &a, &found);
	EQ_INT(found.n, 0);
}
