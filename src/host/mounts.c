/* mounts: what programs may do on the file systems that anybody writes to, and which security modules there are. */
#include "host/rule.h"

/* Fields: id, parent, device, root, path, options; any number of others; "-", type, source, options of the file system.
 */
static bool mount_parse(struct str line, struct mount *ret)
{
	struct str field[6], tail[3];

	for (size_t i = 0; i < ARRAY_LEN(field); i++)
		if (!str_cut(&line, ' ', &field[i]))
			return false;
	while (str_cut(&line, ' ', &tail[0]))
		if (str_is(tail[0], "-"))
			break;
	for (size_t i = 0; i < ARRAY_LEN(tail); i++)
		if (!str_cut(&line, ' ', &tail[i]))
			return false;
	*ret = (struct mount){ field[2], field[4], field[5], tail[0], tail[2] };
	return true;
}

bool mount_next(struct str *mountinfo, struct mount *ret)
{
	for (struct str line; str_cut(mountinfo, '\n', &line);)
		if (mount_parse(line, ret))
			return true;
	return false;
}

bool mount_has(struct str options, struct str want)
{
	for (struct str one; str_cut(&options, ',', &one);)
		if (str_eq(one, want))
			return true;
	return false;
}

/* what: "PATH OPTION". */
static enum check_result judge_option(struct host *h, const struct host_rule *r)
{
	auto_buf struct buf text = { 0 };
	struct str what = str_c(r->what), path, option, mountinfo;
	struct mount m, seen = { 0 };
	bool missing;

	if (!host_read(h, "proc/self/mountinfo", &text, &missing))
		return CHECK_UNKNOWN;
	(void)!str_split(what, ' ', &path, &option);
	mountinfo = buf_all(&text);
	while (mount_next(&mountinfo, &m))
		if (str_eq(m.path, path))
			seen = m; /* the last one mounted there is the one that is seen */
	if (!seen.path.p) {
		host_say(h, STR("no file system of its own"));
		return r->level > 1 ? CHECK_FAIL : CHECK_NONE;
	}
	host_say(h, seen.options);
	return mount_has(seen.options, option) || mount_has(seen.super, option) ? CHECK_PASS : CHECK_FAIL;
}

#define SUID "A set-user-id program that somebody puts there would run with its owner's rights."
#define DEV "A device file that somebody puts there would reach the hardware past every permission."
#define EXEC "What is written there should be data: attackers put their programs where everybody may write."
#define OPTION(id, level, path, option, why)                                                                      \
	{                                                                                                         \
		id, level, path " is mounted " option, why,                                                       \
			"Add " option " to the options of " path " in /etc/fstab, then remount it", judge_option, \
			path " " option                                                                           \
	}
static const struct host_rule mount_rules[] = {
	OPTION("mounts.tmp-nosuid", 1, "/tmp", "nosuid", SUID),
	OPTION("mounts.tmp-nodev", 1, "/tmp", "nodev", DEV),
	OPTION("mounts.tmp-noexec", 2, "/tmp", "noexec", EXEC),
	OPTION("mounts.shm-nosuid", 1, "/dev/shm", "nosuid", SUID),
	OPTION("mounts.shm-nodev", 1, "/dev/shm", "nodev", DEV),
	OPTION("mounts.shm-noexec", 2, "/dev/shm", "noexec", EXEC),
	OPTION("mounts.var-tmp-nosuid", 1, "/var/tmp", "nosuid", SUID),
	OPTION("mounts.home-nosuid", 1, "/home", "nosuid", SUID),
	OPTION("mounts.home-nodev", 1, "/home", "nodev", DEV),
	OPTION("mounts.proc-hidepid", 2, "/proc", "hidepid=invisible",
	       "Users need not see each other's processes and their arguments."),
};
const struct host_section mounts_section = { "mounts", mount_rules, ARRAY_LEN(mount_rules), NULL, NULL };

/* ---- security modules ---- */

static enum check_result judge_lsm(struct host *h, const struct host_rule *r)
{
	auto_buf struct buf text = { 0 };
	struct str want = str_c(r->what), list;
	bool missing, found = false;

	if (!host_read(h, "sys/kernel/security/lsm", &text, &missing)) {
		host_say(h, STR("/sys/kernel/security/lsm cannot be read"));
		return CHECK_UNKNOWN;
	}
	list = str_trim(buf_all(&text));
	host_say(h, list);
	for (struct str one; str_cut(&want, '|', &one);)
		found = found || mount_has(list, one);
	return found ? CHECK_PASS : CHECK_FAIL;
}

static enum check_result judge_lockdown(struct host *h, const struct host_rule *r unused_arg)
{
	auto_buf struct buf text = { 0 };
	bool missing;

	if (!host_read(h, "sys/kernel/security/lockdown", &text, &missing))
		return missing ? CHECK_FAIL : CHECK_UNKNOWN;
	host_say(h, str_trim(buf_all(&text)));
	return str_find_str(buf_all(&text), STR("[none]")) >= 0 ? CHECK_FAIL : CHECK_PASS;
}

static const struct host_rule lsm_rules[] = {
	{ "lsm.mandatory", 1, "a mandatory access control module is active",
	  "Services that are taken over can still do no more than their profile says.",
	  "Boot with apparmor=1 security=apparmor, or SELinux", judge_lsm, "apparmor|selinux|smack|tomoyo" },
	{ "lsm.yama", 1, "Yama is active", "Programs of one user cannot read each other's memory with ptrace.",
	  "Add yama to the kernel's lsm= list", judge_lsm, "yama" },
	{ "lsm.landlock", 1, "Landlock is active", "Programs can confine themselves, as yagura's workers do.",
	  "Add landlock to the kernel's lsm= list", judge_lsm, "landlock" },
	{ "lsm.lockdown", 2, "the kernel is locked down", "Not even root can change the running kernel.",
	  "Boot with lockdown=integrity", judge_lockdown, NULL },
};
const struct host_section lsm_section = { "security modules", lsm_rules, ARRAY_LEN(lsm_rules), NULL, NULL };
