/* mounts: everything that is mounted on a node, in tables. See node.h and docs/node.md.
 *
 * The rule: what is writable is nosuid and nodev, and noexec. /dev alone has devices (and is noexec); nothing executes
 * from a writable mount of ours. Containers bring overlays of their own. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/init/node.h"
#include "node/layout.h"

#define FENCED (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define ETC_BYTES_MAX (256u << 10) /* of one file of the root's own /etc */
#define ETC_DEPTH_MAX 8

struct row {
	const char *source, *target, *type;
	unsigned long flags;
	const char *data;
	bool optional, make; /* make: the directory is on a file system that we mounted */
};

static int mount_row(const struct row *r, struct err *e)
{
	if (r->make && mkdir(r->target, 0755) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "mkdir %s", r->target);
	if (mount(r->source, r->target, r->type, r->flags, r->data) == 0)
		return 0;
	/* The kernel itself has mounted /dev, with other flags. */
	if (errno == EBUSY && mount(NULL, r->target, NULL, MS_REMOUNT | MS_BIND | r->flags, NULL) == 0)
		return 0;
	return r->optional ? 0 : err_errno(e, -errno, "mount %s", r->target);
}

int mounts_early(struct err *e)
{
	static const struct row rows[] = {
		{ "proc", "/proc", "proc", FENCED, "hidepid=2", false, false },
		{ "sysfs", "/sys", "sysfs", FENCED, NULL, false, false },
		{ "securityfs", "/sys/kernel/security", "securityfs", FENCED, NULL, true, false },
		{ "devtmpfs", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755", false, false },
		{ "devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666,gid=5", false, true },
		{ "tmpfs", "/dev/shm", "tmpfs", FENCED, "size=10%,mode=1777", false, true },
		{ "tmpfs", "/run", "tmpfs", FENCED, "size=10%,mode=0755", false, false },
		{ "tmpfs", "/tmp", "tmpfs", FENCED, "size=10%,mode=1777", false, false },
		{ "cgroup2", "/sys/fs/cgroup", "cgroup2", FENCED, NULL, false, false },
	};
	int r = 0;

	/* Nobody's mounts reach us, ours reach nobody; and nothing on the root gives privileges. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
		return err_errno(e, -errno, "mount /");
	for (size_t i = 0; i < ARRAY_LEN(rows) && r == 0; i++)
		r = mount_row(&rows[i], e);
	if (r == 0 && mkdir(NODE_RUN, 0755) < 0)
		r = err_errno(e, -errno, "mkdir " NODE_RUN);
	return r;
}

/* ---- /etc ---- */

static int copy_file(int from, int to, const char *name, const struct stat *st)
{
	auto_buf struct buf b = { 0 };
	int r = file_read(from, name, ETC_BYTES_MAX, &b, NULL);

	r = r < 0 ? r : file_write(to, name, buf_all(&b), false, NULL);
	if (r == 0 && fchmodat(to, name, st->st_mode & 0755, 0) < 0)
		r = -errno;
	return r;
}

static int copy_link(int from, int to, const char *name)
{
	char target[PATH_BYTES_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = 0;
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

/* The verified root's own /etc, which the tmpfs covers. What is too large for it is left out and said. */
static int copy_tree(int from, int to, unsigned int depth)
{
	int list = fcntl(from, F_DUPFD_CLOEXEC, 3), r = 0;
	DIR *dir = list < 0 ? NULL : fdopendir(list);

	if (!dir)
		return -errno;
	for (struct dirent *d; r == 0 && (d = readdir(dir));) {
		struct stat st;
		auto_close int below = -1, there = -1;

		if (str_is(str_c(d->d_name), ".") || str_is(str_c(d->d_name), "..") ||
		    fstatat(from, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode)) {
			r = copy_file(from, to, d->d_name, &st);
		} else if (S_ISLNK(st.st_mode)) {
			r = copy_link(from, to, d->d_name);
		} else if (S_ISDIR(st.st_mode) && depth < ETC_DEPTH_MAX) {
			if (mkdirat(to, d->d_name, 0755) < 0)
				r = -errno;
			below = fd_open(from, d->d_name, O_RDONLY | O_DIRECTORY);
			there = fd_open(to, d->d_name, O_RDONLY | O_DIRECTORY);
			r = r < 0 ? r : below < 0 || there < 0 ? -EIO : copy_tree(below, there, depth + 1);
		}
		if (r < 0)
			say("/etc/.../%s is left out: %s", d->d_name, strerror(-r));
		r = 0;
	}
	closedir(dir);
	return r;
}

static int write_etc(const char *name, const struct buf *b, struct err *e)
{
	int r = buf_finish(b);

	r = r < 0 ? r : file_write(AT_FDCWD, name, buf_all(b), false, e);
	if (r == 0 && chmod(name, 0644) < 0)
		r = err_errno(e, -errno, "%s", name);
	return r;
}

static int render_names(const struct spec *s, const struct settings *kept, struct err *e)
{
	auto_buf struct buf host = { 0 }, hosts = { 0 };
	char text[SPEC_IP4_TEXT_MAX];
	const char *name = s->hostname ? s->hostname : s->name;
	int r;

	buf_init(&host, 256);
	buf_init(&hosts, 16384);
	buf_fmt(&host, "%s\n", name);
	buf_fmt(&hosts, "127.0.0.1 localhost %s\n::1 localhost\n", name);
	for (size_t i = 0; i < kept->host_count; i++)
		buf_fmt(&hosts, "%s %s\n", spec_ip4_text(kept->hosts[i].address, text), kept->hosts[i].name);
	r = write_etc("/etc/hostname", &host, e);
	r = r < 0 ? r : write_etc("/etc/hosts", &hosts, e);
	if (r == 0 && sethostname(name, strlen(name)) < 0)
		r = err_errno(e, -errno, "host name");
	return r;
}

/* Names for the numbers that the services run as. */
static int render_users(const struct spec *s, struct err *e)
{
	auto_buf struct buf users = { 0 }, groups = { 0 };
	int r;

	buf_init(&users, 64u << 10);
	buf_init(&groups, 64u << 10);
	buf_str(&users, STR("root:x:0:0:root:/run:/sbin/nologin\n"));
	buf_str(&groups, STR("root:x:0:\ntty:x:5:\n"));
	for (size_t i = 0; i < s->service_count; i++) {
		const struct spec_service *v = &s->services[i];
		bool known = !v->user || v->user == 65534;

		for (size_t k = 0; k < i; k++)
			known |= s->services[k].user == v->user;
		if (known)
			continue;
		buf_fmt(&users, "%s:x:%u:%u::/home/%s:/sbin/nologin\n", v->name, v->user, v->user, v->name);
		buf_fmt(&groups, "%s:x:%u:\n", v->name, v->user);
	}
	buf_str(&users, STR("nobody:x:65534:65534:nobody:/:/sbin/nologin\n"));
	buf_str(&groups, STR("nogroup:x:65534:\n"));
	r = write_etc("/etc/passwd", &users, e);
	return r < 0 ? r : write_etc("/etc/group", &groups, e);
}

static int render_links(struct err *e)
{
	static const struct {
		const char *name, *target;
	} links[] = {
		{ "/etc/resolv.conf", NODE_RESOLV },
		{ "/etc/mtab", "/proc/self/mounts" },
		{ "/etc/os-release", "/usr/lib/os-release" },
	};

	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		(void)unlink(links[i].name);
		if (symlink(links[i].target, links[i].name) < 0)
			return err_errno(e, -errno, "%s", links[i].name);
	}
	return 0;
}

int mounts_etc(const struct spec *s, const struct settings *kept, struct err *e)
{
	static const struct row row = { "tmpfs", "/etc", "tmpfs", FENCED, "size=1m,mode=0755", false, false };
	auto_close int own = fd_open(AT_FDCWD, "/etc", O_RDONLY | O_DIRECTORY), etc = -1;
	int r = mount_row(&row, e);

	if (r < 0)
		return r;
	etc = fd_open(AT_FDCWD, "/etc", O_RDONLY | O_DIRECTORY);
	if (own >= 0 && etc >= 0)
		(void)copy_tree(own, etc, 0);
	r = render_names(s, kept, e);
	r = r < 0 ? r : render_users(s, e);
	r = r < 0 ? r : render_links(e);
	if (r == 0 && mount(NULL, "/etc", NULL, MS_REMOUNT | MS_RDONLY | FENCED, "size=1m,mode=0755") < 0)
		r = err_errno(e, -errno, "/etc read-only");
	return r;
}

/* ---- /data ---- */

static int make_directories(struct err *e)
{
	static const struct {
		const char *name;
		mode_t mode;
	} rows[] = {
		{ NODE_LOG, 0750 },
		{ NODE_HOME, 0755 },
		{ NODE_DATA "/images", 0700 },
		{ NODE_DATA "/settings", 0700 },
		{ NODE_DATA "/agent", 0700 },
		{ NODE_DATA "/containers", 0711 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (mkdir(rows[i].name, rows[i].mode) < 0 && errno != EEXIST)
			return err_errno(e, -errno, "mkdir %s", rows[i].name);
	return 0;
}

static int bind_mount(const char *from, const char *to, struct err *e)
{
	if (mount(from, to, NULL, MS_BIND, NULL) < 0 || mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | FENCED, NULL) < 0)
		return err_errno(e, -errno, "mount %s", to);
	return 0;
}

static int bind_all(struct err *e)
{
	int r = make_directories(e);

	r = r < 0 ? r : bind_mount(NODE_LOG, "/var/log", e);
	return r < 0 ? r : bind_mount(NODE_HOME, "/home", e);
}

int mounts_data(const char *device, struct err *e)
{
	static const struct row memory = { "tmpfs", NODE_DATA, "tmpfs", FENCED, "size=25%,mode=0755", false, false };
	const struct row disk = { device, NODE_DATA, "ext4", FENCED | MS_NOATIME, "errors=remount-ro", false, false };
	int r;

	if (!device) {
		r = mount_row(&memory, e);
		return r < 0 ? r : bind_all(e);
	}
	r = mount_row(&disk, e);
	if (r < 0)
		return r;
	/* A full one has its directories from before. */
	r = bind_all(e);
	if (r < 0)
		(void)umount2(NODE_DATA, MNT_DETACH);
	return r;
}

void mounts_seal(void)
{
	static const char *const rows[] = { "/sys", "/sys/kernel/security" };

	(void)umount2(rows[1], MNT_DETACH);
	if (mount(NULL, rows[0], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | FENCED, NULL) < 0)
		say("/sys stays writable: %s", strerror(errno));
}

void mounts_end(void)
{
	static const char *const rows[] = { "/var/log", "/home" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		(void)umount2(rows[i], MNT_DETACH);
	sync();
	if (umount2(NODE_DATA, 0) < 0 && mount(NULL, NODE_DATA, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		say("/data cannot be taken away in good order: %s", strerror(errno));
	sync();
}
