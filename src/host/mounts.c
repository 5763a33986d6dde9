/* mounts: what programs may do on the file systems that anybody writes to, and which security modules there are. */
#include "host/rule.h"

/* The options of what is mounted on a path: proc(5), mountinfo: fifth field the mount point, sixth its options, behind
 * " - " the file system's. */
static bool options_of(struct str mountinfo, const char *path, struct str *ret, struct str *ret_super)
{
	bool found = false;

	for (struct str line; str_cut(&mountinfo, '\n', &line);) {
		struct str rest = line, field[6], super;
		bool whole = true;

		for (size_t i = 0; i < ARRAY_LEN(field); i++)
			whole = str_cut(&rest, ' ', &field[i]) && whole;
		if (!whole || !str_is(field[4], path))
			continue;
		super = str_from(line, (size_t)(str_rfind(line, ' ') + 1));
		/* The last one mounted there is the one that is seen. */
		*ret = field[5];
		*ret_super = super;
		found = true;
	}
	return found;
}

static bool has_option(struct str options, struct str want)
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
	struct str what = str_c(r->what), path, option, options, super;
	char path_z[64];
	bool missing;

	if (!host_read(h, "proc/self/mountinfo", &text, &missing))
		return CHECK_UNKNOWN;
	(void)!str_split(what, ' ', &path, &option);
	snprintf(path_z, sizeof(path_z), STR_FMT, STR_ARG(path));
	if (!options_of(buf_all(&text), path_z, &options, &super)) {
		host_say(h, STR("no file system of its own"));
		return r->level > 1 ? CHECK_FAIL : CHECK_NONE;
	}
	host_say(h, options);
	return has_option(options, option) || has_option(super, option) ? CHECK_PASS : CHECK_FAIL;
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
		found = found || has_option(list, one);
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
