/* files: who may read and write what decides over accounts, and files whose permissions give rights away. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/host.h"
#include "host/rule.h"

/* what: path; the title says the mode. The low bits that must not be set follow the path: "etc/shadow 0137". */
static enum check_result judge_mode(struct host *h, const struct host_rule *r)
{
	char path[64], said[32];
	unsigned int forbidden = 0;
	struct str what = str_c(r->what), name, mode;
	struct stat st;

	(void)!str_split(what, ' ', &name, &mode);
	for (size_t i = 0; i < mode.n; i++)
		forbidden = forbidden << 3 | (unsigned int)(mode.p[i] - '0');
	snprintf(path, sizeof(path), STR_FMT, STR_ARG(name));
	if (fstatat(h->root, path, &st, 0) < 0)
		return errno == ENOENT ? CHECK_NONE : CHECK_UNKNOWN;
	snprintf(said, sizeof(said), "%04o, owner %u", (unsigned int)st.st_mode & 07777, st.st_uid);
	host_say(h, str_c(said));
	return st.st_uid == 0 && !(st.st_mode & forbidden) ? CHECK_PASS : CHECK_FAIL;
}

/* ---- the whole tree ---- */

/* Programs that distributions give the bit for a known reason. */
static const char *const known_setid[] = {
	"at",
	"bsd-write",
	"chage",
	"chfn",
	"chsh",
	"crontab",
	"dbus-daemon-launch-helper",
	"dotlockfile",
	"expiry",
	"fusermount",
	"fusermount3",
	"gpasswd",
	"mount",
	"mount.cifs",
	"mount.nfs",
	"newgidmap",
	"newgrp",
	"newuidmap",
	"ntfs-3g",
	"pam_extrausers_chkpwd",
	"passwd",
	"ping",
	"pkexec",
	"polkit-agent-helper-1",
	"pppd",
	"screen",
	"snap-confine",
	"ssh-agent",
	"ssh-keysign",
	"staprun",
	"su",
	"sudo",
	"sudoedit",
	"umount",
	"unix_chkpwd",
	"utempter",
	"wall",
	"write",
	"Xorg.wrap",
};

struct tree {
	struct buf setid, writable; /* lists for evidence */
	uint64_t setid_count, writable_count, entries;
	bool cut; /* not all was looked at */
};

static bool is_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(known_setid); i++)
		if (strcmp(name, known_setid[i]) == 0)
			return true;
	return false;
}

static void add(struct buf *list, const char *directory, const char *name)
{
	if (list->n)
		buf_str(list, STR(", "));
	buf_fmt(list, "%s/%s", directory, name);
}

static void look(struct tree *t, const char *directory, const char *name, const struct stat *st)
{
	if (S_ISREG(st->st_mode) && st->st_mode & (S_ISUID | S_ISGID) && st->st_mode & 0111 && !is_known(name)) {
		t->setid_count++;
		add(&t->setid, directory, name);
	}
	/* Links have no mode of their own; a sticky directory keeps others' files safe. */
	if (!S_ISLNK(st->st_mode) && !S_ISSOCK(st->st_mode) && !S_ISCHR(st->st_mode) && st->st_mode & S_IWOTH &&
	    !(S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX)) {
		t->writable_count++;
		add(&t->writable, directory, name);
	}
}

/* One file system: what is mounted elsewhere has rules of its own. Links are not followed. */
static void walk(struct tree *t, int parent, const char *name, const char *path, dev_t device, unsigned int depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (!dir || depth > HOST_DEPTH_MAX) {
		t->cut = true;
		if (dir)
			closedir(dir);
		return;
	}
	while ((d = readdir(dir)) && t->entries < HOST_ENTRIES_MAX) {
		char below[4096];
		struct stat st;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
		    fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != device)
			continue;
		t->entries++;
		look(t, path, d->d_name, &st);
		if (!S_ISDIR(st.st_mode))
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", path, d->d_name) < (int)sizeof(below))
			walk(t, fd, d->d_name, below, device, depth + 1);
	}
	t->cut = t->cut || d;
	closedir(dir);
}

static void tree_open(struct host *h)
{
	struct tree *t = xcalloc(1, sizeof(*t));
	struct stat st;

	buf_init(&t->setid, HOST_EVIDENCE_MAX);
	buf_init(&t->writable, HOST_EVIDENCE_MAX);
	t->cut = fstat(h->root, &st) < 0;
	if (!t->cut)
		walk(t, h->root, ".", "", st.st_dev, 0);
	h->cache = t;
}

static void tree_close(struct host *h)
{
	struct tree *t = h->cache;

	buf_done(&t->setid);
	buf_done(&t->writable);
	free(t);
}

static enum check_result judge_list(struct host *h, const struct buf *list, uint64_t count)
{
	const struct tree *t = h->cache;

	host_say(h, buf_all(list));
	if (count)
		return CHECK_FAIL;
	return t->cut ? CHECK_UNKNOWN : CHECK_PASS;
}

static enum check_result judge_setid(struct host *h, const struct host_rule *r unused_arg)
{
	struct tree *t = h->cache;

	return judge_list(h, &t->setid, t->setid_count);
}

static enum check_result judge_writable(struct host *h, const struct host_rule *r unused_arg)
{
	struct tree *t = h->cache;

	return judge_list(h, &t->writable, t->writable_count);
}

#define ACCOUNTS "Whoever may change it decides over accounts; whoever may read hashes can guess passwords."
#define MODE(id, path, forbidden, title, fix)                               \
	{                                                                   \
		id, 1, title, ACCOUNTS, fix, judge_mode, path " " forbidden \
	}
static const struct host_rule file_rules[] = {
	MODE("files.passwd", "etc/passwd", "133", "/etc/passwd belongs to root and only root writes it",
	     "chmod 644 /etc/passwd"),
	MODE("files.group", "etc/group", "133", "/etc/group belongs to root and only root writes it",
	     "chmod 644 /etc/group"),
	MODE("files.shadow", "etc/shadow", "137", "/etc/shadow is for root and its group only",
	     "chmod 640 /etc/shadow"),
	MODE("files.gshadow", "etc/gshadow", "137", "/etc/gshadow is for root and its group only",
	     "chmod 640 /etc/gshadow"),
	MODE("files.sudoers", "etc/sudoers", "337", "/etc/sudoers can only be read, by root and its group",
	     "chmod 440 /etc/sudoers"),
	MODE("files.sshd-config", "etc/ssh/sshd_config", "133", "sshd_config belongs to root and only root writes it",
	     "chmod 644 /etc/ssh/sshd_config"),
	MODE("files.crontab", "etc/crontab", "133", "/etc/crontab belongs to root and only root writes it",
	     "chmod 644 /etc/crontab"),
	{ "files.set-id", 1, "no set-user-id or set-group-id programs but those of the distribution",
	  "Each is a way to the owner's rights for everybody who finds a hole in it.",
	  "chmod a-s those that are not needed", judge_setid, NULL },
	{ "files.world-writable", 1, "nothing on the root file system can be written by everybody",
	  "Anybody could change what others run or read.", "chmod o-w, or add the sticky bit to directories",
	  judge_writable, NULL },
};
const struct host_section files_section = { "files", file_rules, ARRAY_LEN(file_rules), tree_open, tree_close };
