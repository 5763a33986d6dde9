/* node: what a machine is held to that does nothing but run containers: all programs come from a verified, read-only
 * root; whatever can be written holds data; no tool on it makes or fetches programs. */
#include <fcntl.h>
#include <unistd.h>

#include "host/rule.h"

static struct buf *read_mounts(struct host *h)
{
	struct buf *text = xcalloc(1, sizeof(*text));
	bool missing;

	if (host_read(h, "proc/self/mountinfo", text, &missing))
		return text;
	buf_done(text);
	free(text);
	return NULL;
}

static void node_open(struct host *h)
{
	h->cache = read_mounts(h);
}

static void node_close(struct host *h)
{
	if (h->cache)
		buf_done(h->cache);
	free(h->cache);
}

/* Where nothing can be written whatever the options say: namespaces held open, and places that mount when asked. */
static bool is_written(const struct mount *m)
{
	return mount_has(m->options, STR("rw")) && mount_has(m->super, STR("rw")) && !str_is(m->type, "nsfs") &&
	       !str_is(m->type, "autofs");
}

/* Device files are what these are for. */
static bool is_excused(const struct mount *m, struct str option)
{
	return str_is(option, "nodev") && (str_is(m->type, "devtmpfs") || str_is(m->type, "devpts"));
}

/* Names the mounts that are not as they should be. */
static enum check_result judge_mounts(struct host *h, struct str what,
				      bool (*bad)(const struct mount *m, struct str what))
{
	struct str mountinfo;
	struct mount m;
	bool good = true;

	if (!h->cache)
		return CHECK_UNKNOWN;
	mountinfo = buf_all(h->cache);
	while (mount_next(&mountinfo, &m)) {
		if (!bad(&m, what))
			continue;
		host_say(h, m.path);
		good = false;
	}
	return good ? CHECK_PASS : CHECK_FAIL;
}

static bool lacks(const struct mount *m, struct str option)
{
	return is_written(m) && !mount_has(m->options, option) && !is_excused(m, option);
}

/* what: the option. */
static enum check_result judge_written(struct host *h, const struct host_rule *r)
{
	return judge_mounts(h, str_c(r->what), lacks);
}

static bool is_of_type(const struct mount *m, struct str type)
{
	return str_eq(m->type, type);
}

/* what: a type of file system. */
static enum check_result judge_unmounted(struct host *h, const struct host_rule *r)
{
	return judge_mounts(h, str_c(r->what), is_of_type);
}

static bool is_below(struct str path, struct str mount)
{
	if (str_is(mount, "/") || str_eq(path, mount))
		return true;
	return str_starts(path, mount) && path.p[mount.n] == '/';
}

/* What a path lies on: the deepest mount, of those on one path the last. */
static bool mount_of(struct str mountinfo, struct str path, struct mount *ret)
{
	struct mount m;
	bool found = false;

	while (mount_next(&mountinfo, &m)) {
		if (!is_below(path, m.path) || (found && m.path.n < ret->path.n))
			continue;
		*ret = m;
		found = true;
	}
	return found;
}

/* what: the path. */
static enum check_result judge_read_only(struct host *h, const struct host_rule *r)
{
	struct mount m;

	if (!h->cache || !mount_of(buf_all(h->cache), str_c(r->what), &m))
		return CHECK_UNKNOWN;
	host_say(h, m.path);
	host_say(h, m.options);
	return mount_has(m.options, STR("ro")) || mount_has(m.super, STR("ro")) ? CHECK_PASS : CHECK_FAIL;
}

/* Verity devices are named so by cryptsetup, or made by the kernel from its command line (dm-mod.create). */
static enum check_result judge_verity(struct host *h, const struct host_rule *r unused_arg)
{
	auto_buf struct buf uuid = { 0 }, cmdline = { 0 };
	char path[96];
	struct mount m;
	bool missing;

	if (!h->cache || !mount_of(buf_all(h->cache), STR("/"), &m))
		return CHECK_UNKNOWN;
	snprintf(path, sizeof(path), "sys/dev/block/%.*s/dm/uuid", (int)(m.device.n < 32 ? m.device.n : 32),
		 m.device.p);
	host_say(h, m.type);
	if (!host_read(h, path, &uuid, &missing))
		return missing ? CHECK_FAIL : CHECK_UNKNOWN;
	if (str_starts(buf_all(&uuid), STR("CRYPT-VERITY-")))
		return CHECK_PASS;
	if (!host_read(h, "proc/cmdline", &cmdline, &missing))
		return CHECK_UNKNOWN;
	return str_find_str(buf_all(&cmdline), STR(" verity ")) >= 0 ? CHECK_PASS : CHECK_FAIL;
}

/* what: paths that must not be there, by ':'. */
static enum check_result judge_absent(struct host *h, const struct host_rule *r)
{
	struct str rest = str_c(r->what);
	bool good = true;

	for (struct str one; str_cut(&rest, ':', &one);) {
		char path[64];

		snprintf(path, sizeof(path), STR_FMT, STR_ARG(one));
		if (faccessat(h->root, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		host_say(h, one);
		good = false;
	}
	return good ? CHECK_PASS : CHECK_FAIL;
}

#define ROOT "Programs are those of the image: nobody adds one, and a changed byte is an error instead of a program."
#define WRITTEN "What can be written is data; whatever an attacker leaves there must be nothing more."
#define TOOLS "A node is replaced, never changed: such a tool serves only who has broken in."
#define DEBUG "It shows and changes the inside of the kernel, and a running node has no use for it."
#define OPTION(option)                                                                            \
	{                                                                                         \
		"node.written-" option, 1, "all that can be written is mounted " option, WRITTEN, \
			"Mount these with " option ", or read-only", judge_written, option        \
	}
static const struct host_rule node_rules[] = {
	{ "node.root-read-only", 1, "/ is read-only", ROOT, "Mount / with ro", judge_read_only, "/" },
	{ "node.root-verity", 1, "/ lies on a dm-verity device", ROOT, "Boot an image that has a verity root",
	  judge_verity, NULL },
	{ "node.etc-read-only", 1, "/etc is read-only", "Settings come from the image and its specification.",
	  "Remount /etc with ro once it is rendered", judge_read_only, "/etc" },
	{ "node.sys-read-only", 1, "/sys is read-only", "What is set in it is set when the machine starts.",
	  "Remount /sys with ro", judge_read_only, "/sys" },
	OPTION("nosuid"),
	OPTION("nodev"),
	OPTION("noexec"),
	{ "node.no-shell", 1, "there is no shell", TOOLS, "Leave it out of the image", judge_absent,
	  "bin/sh:bin/bash:bin/dash:bin/busybox:usr/bin/sh:usr/bin/bash:usr/bin/dash:usr/bin/busybox" },
	{ "node.no-package-manager", 1, "there is no package manager", TOOLS, "Leave it out of the image", judge_absent,
	  "sbin/apk:usr/bin/apt-get:usr/bin/dnf:usr/bin/dpkg:usr/bin/pacman:usr/bin/rpm:usr/bin/zypper" },
	{ "node.no-interpreter", 1, "there is no interpreter", TOOLS, "Leave it out of the image", judge_absent,
	  "usr/bin/lua:usr/bin/node:usr/bin/perl:usr/bin/php:usr/bin/python3:usr/bin/ruby:usr/bin/tclsh" },
	{ "node.no-debugfs", 1, "debugfs is not mounted", DEBUG, "Unmount it", judge_unmounted, "debugfs" },
	{ "node.no-tracefs", 1, "tracefs is not mounted", DEBUG, "Unmount it", judge_unmounted, "tracefs" },
};
const struct host_section node_section = { "node", node_rules, ARRAY_LEN(node_rules), node_open, node_close };
