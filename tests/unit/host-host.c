/* A host made of plain files: each rule once as it should be and once as it should not. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/host.h"
#include "host/ignore.h"

#include "base/fd.h"
#include "tap.h"

struct put {
	const char *path, *text;
	unsigned int mode; /* 0: 0644 */
};

static const struct put bad_files[] = {
	{ "proc/self/mountinfo",
	  "20 1 0:1 / /tmp rw,nosuid - tmpfs tmpfs rw\n21 1 0:2 / /dev/shm rw,nosuid,nodev,noexec - tmpfs tmpfs rw\n"
	  "22 1 0:3 / /proc rw,nosuid - proc proc rw,hidepid=invisible\n23 20 0:4 / /tmp rw,nosuid,noexec - tmpfs t "
	  "rw\nshort\n",
	  0 },
	{ "sys/kernel/security/lsm", "capability,yama\n", 0 },
	{ "sys/kernel/security/lockdown", "[none] integrity confidentiality\n", 0 },
	{ "etc/shadow", "x", 0644 },
	{ "etc/passwd", "x", 0644 },
	{ "usr/bin/odd", "x", 04755 },
	{ "usr/bin/passwd", "x", 04755 },
	{ "srv/everybody", "x", 0666 },
	{ "proc/net/tcp",
	  "  sl  local_address rem_address   st\n   0: 00000000:0947 00000000:0000 0A 0\n   1: 0100007F:0016 "
	  "00000000:0000 0A 0\n"
	  "   2: 0200000A:0016 0300000A:1234 01 0\n",
	  0 },
	{ "proc/net/tcp6", "  sl  local\n   0: 00000000000000000000000001000000:0050 0:0 0A 0\n", 0 },
	{ "usr/bin/dockerd", "x", 0755 },
	{ "etc/docker/daemon.json",
	  "{\"icc\": true, \"hosts\": [\"tcp://0.0.0.0:2375\"], \"insecure-registries\": [\"r\"], \"iptables\": false, "
	  "\"log-opts\": "
	  "{\"max-size\": \"10m\"}}",
	  0 },
	{ "run/docker.sock", "x", 0666 },
	{ "var/lib/docker/containers/aaaaaaaaaaaaaaaa/hostconfig.json",
	  "{\"Binds\":[\"/etc:/"
	  "host:ro\"],\"NetworkMode\":\"host\",\"PidMode\":\"\",\"Privileged\":true,\"CapAdd\":[\"SYS_ADMIN\"],"
	  "\"SecurityOpt\":[\"seccomp=unconfined\"],\"Memory\":0,\"PidsLimit\":null,\"ReadonlyRootfs\":false,"
	  "\"Devices\":[],"
	  "\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/run/docker.sock\",\"Target\":\"/s\"}]}",
	  0600 },
	{ "var/lib/docker/containers/bbbbbbbbbbbbbbbb/hostconfig.json",
	  "{\"Binds\":[\"/srv/etc:/"
	  "etc\"],\"NetworkMode\":\"bridge\",\"Privileged\":false,\"CapAdd\":null,\"UTSMode\":\"host\","
	  "\"SecurityOpt\":[\"no-new-privileges\"],\"Memory\":1048576,\"PidsLimit\":-1,\"ReadonlyRootfs\":true}",
	  0600 },
	{ "var/lib/kubelet/config.yaml",
	  "authentication:\n  anonymous:\n    enabled: true\n  webhook:\n    enabled: true\nauthorization:\n  mode: "
	  "Webhook\nreadOnlyPort: 10255\n"
	  "podPidsLimit: 4096\n",
	  0 },
	{ "run/reboot-required", "*** System restart required ***\n", 0 },
	{ "proc/77/maps", "7f00-7f01 r-xp 0 0:0 1 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)\n", 0 },
	{ "proc/77/comm", "oldserver\n", 0 },
};

static const struct {
	const char *id;
	enum check_result want;
} bad_rows[] = {
	{ "mounts.tmp-nosuid", CHECK_PASS },
	{ "mounts.tmp-nodev", CHECK_FAIL },
	{ "mounts.tmp-noexec", CHECK_PASS }, /* the mount on top counts */
	{ "mounts.shm-noexec", CHECK_PASS },
	{ "mounts.home-nodev", CHECK_NONE },
	{ "mounts.proc-hidepid", CHECK_PASS },
	{ "lsm.mandatory", CHECK_FAIL },
	{ "lsm.yama", CHECK_PASS },
	{ "lsm.landlock", CHECK_FAIL },
	{ "lsm.lockdown", CHECK_FAIL },
	{ "files.shadow", CHECK_FAIL },
	{ "files.passwd", CHECK_PASS },
	{ "files.gshadow", CHECK_NONE },
	{ "files.set-id", CHECK_FAIL },
	{ "files.world-writable", CHECK_FAIL },
	{ "ports.unauthenticated", CHECK_FAIL },
	{ "ports.plain-text", CHECK_PASS },
	{ "ports.none", CHECK_FAIL },
	{ "docker.icc", CHECK_FAIL },
	{ "docker.log-limits", CHECK_PASS },
	{ "docker.userns", CHECK_FAIL },
	{ "docker.insecure-registries", CHECK_FAIL },
	{ "docker.experimental", CHECK_PASS },
	{ "docker.tcp", CHECK_FAIL },
	{ "docker.socket", CHECK_FAIL },
	{ "docker.iptables", CHECK_FAIL },
	{ "docker.log-level", CHECK_PASS },
	{ "docker.ulimits", CHECK_FAIL },
	{ "containerd.socket", CHECK_NONE },
	{ "container.privileged", CHECK_FAIL },
	{ "container.unconfined", CHECK_FAIL },
	{ "container.capabilities", CHECK_FAIL },
	{ "container.network", CHECK_FAIL },
	{ "container.pid", CHECK_PASS },
	{ "container.uts", CHECK_FAIL },
	{ "container.host-binds", CHECK_FAIL },
	{ "container.engine-socket", CHECK_PASS },
	{ "container.host-mounts", CHECK_FAIL },
	{ "container.devices", CHECK_PASS },
	{ "container.memory", CHECK_FAIL },
	{ "container.pids", CHECK_FAIL },
	{ "container.no-new-privileges", CHECK_FAIL },
	{ "kubelet.anonymous", CHECK_FAIL },
	{ "kubelet.client-ca", CHECK_FAIL },
	{ "kubelet.firewall", CHECK_PASS },
	{ "kubelet.webhook", CHECK_PASS },
	{ "kubelet.read-only-port", CHECK_FAIL },
	{ "kubelet.pids", CHECK_PASS },
	{ "kubelet.rotate-certificates", CHECK_FAIL },
	{ "pending.reboot", CHECK_FAIL },
	{ "pending.libraries", CHECK_FAIL },
};

static const struct put empty_files[] = { { "proc/self/mountinfo", "", 0 }, { "proc/1/maps", "", 0 } };
static const struct {
	const char *id;
	enum check_result want;
} empty_rows[] = {
	{ "mounts.tmp-nosuid", CHECK_NONE }, { "mounts.tmp-noexec", CHECK_FAIL },
	{ "lsm.yama", CHECK_UNKNOWN },	     { "files.shadow", CHECK_NONE },
	{ "files.set-id", CHECK_PASS },	     { "ports.none", CHECK_UNKNOWN },
	{ "docker.icc", CHECK_NONE },	     { "container.privileged", CHECK_NONE },
	{ "kubelet.anonymous", CHECK_NONE }, { "pending.reboot", CHECK_PASS },
	{ "pending.libraries", CHECK_PASS },
};

static char place[] = "/tmp/yagura-host-XXXXXX";

static int make_root(const char *name, const struct put *files, size_t n)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", place, name);
	if (mkdir(path, 0755) < 0)
		return -errno;
	fd = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	for (size_t i = 0; i < n && fd >= 0; i++) {
		struct str dir = str_c(files[i].path);
		int file;

		snprintf(path, sizeof(path), STR_FMT, STR_ARG(str_head(dir, (size_t)str_rfind(dir, '/'))));
		file = dir_make(fd, path);
		file = file < 0 ? file : openat(fd, files[i].path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (file < 0 || fd_write(file, files[i].text, strlen(files[i].text)) < 0 ||
		    fchmod(file, files[i].mode ? files[i].mode : 0644) < 0)
			return -EIO;
		close(file);
	}
	return fd;
}

static const struct check *check_of(const struct audit *a, const char *id)
{
	for (size_t i = 0; i < a->checks.n; i++)
		if (str_is(a->checks.v[i].id, id))
			return &a->checks.v[i];
	return NULL;
}

static void expect(const struct audit *a, const char *id, enum check_result want)
{
	const struct check *c = check_of(a, id);

	row("%s", id);
	/* Files of somebody else than root are no host's. */
	if (geteuid() && (str_starts(str_c(id), STR("files.")) || str_ends(str_c(id), STR(".socket")))) {
		tap_skip("needs root");
		return;
	}
	if (OK(c != NULL))
		OK(c->result == want) || (printf("# %s: %s\n", check_result_name(c->result), c->evidence.p), 0);
}

TEST(a_host_with_faults)
{
	struct audit a = { 0 };
	struct err e = { 0 };
	int root;

	row("is looked at");
	OK(mkdtemp(place) != NULL);
	root = make_root("bad", bad_files, ARRAY_LEN(bad_files));
	OK(root >= 0);
	OK_ERR(host_audit(root, false, &a, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++)
		expect(&a, bad_rows[i].id, bad_rows[i].want);
	row("a container or a process that cannot be read is not passed over");
	{
		static const struct put cut[] = {
			{ "proc/self/mountinfo", "", 0 },
			{ "proc/1/maps/none", "", 0 },
			{ "proc/2/maps", "", 0 },
			{ "var/lib/docker/containers/cc/hostconfig.json", "{\"Privileged\":fal", 0600 },
		};
		auto_close int other = make_root("cut", cut, ARRAY_LEN(cut));
		struct audit b = { 0 };

		OK_ERR(host_audit(other, false, &b, &e), &e);
		expect(&b, "container.privileged", CHECK_UNKNOWN);
		expect(&b, "pending.libraries", CHECK_UNKNOWN);
		EQ_STR(check_of(&b, "pending.libraries")->evidence, STR("1 of 2 processes could not be read"));
		audit_done(&b);
	}
	row("evidence names what was found");
	EQ_STR(check_of(&a, "files.set-id")->evidence, STR("/usr/bin/odd"));
	EQ_STR(check_of(&a, "ports.unauthenticated")->evidence, STR("2375"));
	EQ_STR(check_of(&a, "pending.libraries")->evidence, STR("oldserver"));
	audit_done(&a);
	close(root);
}

TEST(a_host_with_little)
{
	struct audit a = { 0 };
	struct err e = { 0 };
	int root = make_root("empty", empty_files, ARRAY_LEN(empty_files));

	row("is looked at too");
	OK_ERR(host_audit(root, false, &a, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(empty_rows); i++)
		expect(&a, empty_rows[i].id, empty_rows[i].want);
	row("without /proc there is nothing to say");
	audit_done(&a);
	a = (struct audit){ 0 };
	close(root);
	root = make_root("none", NULL, 0);
	EQ_INT(host_audit(root, false, &a, &e), -ENOENT);
	audit_done(&a);
	close(root);
}

/* What a host has to be to pass as a node, and one that is nothing of it. */
static const struct put node_files[] = {
	{ "proc/self/mountinfo",
	  "20 1 253:0 / / ro,nosuid,nodev - erofs /dev/root ro\n21 20 0:1 / /etc ro,nosuid,nodev,noexec - tmpfs t rw\n"
	  "22 20 0:2 / /sys ro,nosuid,nodev,noexec - sysfs sysfs rw\n23 20 0:3 / /dev rw,nosuid,noexec shared:1 - "
	  "devtmpfs d rw\n"
	  "24 20 8:4 / /data rw,nosuid,nodev,noexec - ext4 /dev/vda4 rw\n25 20 0:4 net:[1] /run/n rw - nsfs nsfs rw\n",
	  0 },
	{ "sys/dev/block/253:0/dm/uuid", "\n", 0 },
	{ "proc/cmdline", "dm-mod.create=\"root,,,ro,0 8 verity 1 PARTUUID=x\" root=/dev/dm-0\n", 0 },
};
static const struct put other_files[] = {
	{ "proc/self/mountinfo",
	  "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n21 20 0:5 / /sys/kernel/debug rw,nosuid,nodev,noexec - debugfs d rw\n"
	  "22 20 0:6 / /srv ro - ext4 /dev/sdb rw\n23 20 0:7 / /etcetera ro - tmpfs t rw\n",
	  0 },
	{ "usr/bin/dash", "x", 0755 },
	{ "usr/bin/dpkg", "x", 0755 },
	{ "usr/bin/perl", "x", 0755 },
};
static const struct {
	const char *id, *evidence; /* of the other */
} node_rows[] = {
	{ "node.root-read-only", "/, rw" },
	{ "node.root-verity", "ext4" },
	{ "node.etc-read-only", "/, rw" },
	{ "node.sys-read-only", "/, rw" },
	{ "node.written-nosuid", "/" },
	{ "node.written-nodev", "/" },
	{ "node.written-noexec", "/" },
	{ "node.no-shell", "usr/bin/dash" },
	{ "node.no-package-manager", "usr/bin/dpkg" },
	{ "node.no-interpreter", "usr/bin/perl" },
	{ "node.no-debugfs", "/sys/kernel/debug" },
};

TEST(a_node)
{
	struct audit node = { 0 }, other = { 0 };
	struct err e = { 0 };
	int root = make_root("node", node_files, ARRAY_LEN(node_files));

	row("is looked at");
	OK_ERR(host_audit(root, true, &node, &e), &e);
	close(root);
	root = make_root("other", other_files, ARRAY_LEN(other_files));
	OK_ERR(host_audit(root, true, &other, &e), &e);
	close(root);
	for (size_t i = 0; i < ARRAY_LEN(node_rows); i++) {
		expect(&node, node_rows[i].id, CHECK_PASS);
		expect(&other, node_rows[i].id, CHECK_FAIL);
		EQ_STR(check_of(&other, node_rows[i].id)->evidence, str_c(node_rows[i].evidence));
	}
	expect(&other, "node.no-tracefs", CHECK_PASS);
	audit_done(&node);
	audit_done(&other);
}

static const struct {
	const char *text;
	int r;
	size_t expired;
	bool ignored;
} ignore_rows[] = {
	{ "# nothing\n\n", 0, 0, false },
	{ "a.fail 2026-12-31 accepted by the owner", 0, 0, true },
	{ "a.* 2026-12-31 all of them", 0, 0, true },
	{ "a.fail 2026-11-30 today still holds", 0, 0, true },
	{ "a.fail 2026-11-29 yesterday does not", 0, 1, false },
	{ "b.fail 2026-12-31 another", 0, 0, false },
	{ "a.fail 2026-12-31", -EBADMSG, 0, false },
	{ "a.fail 2026-12-31  ", -EBADMSG, 0, false },
	{ "a.fail never because", -EBADMSG, 0, false },
	{ "a.fail 2026-13-31 because", -EBADMSG, 0, false },
	{ "a.fail", -EBADMSG, 0, false },
};

TEST(exceptions)
{
	for (size_t i = 0; i < ARRAY_LEN(ignore_rows); i++) {
		struct audit a = { 0 };
		struct err e = { 0 };
		size_t expired = 0;

		row("\"%s\"", ignore_rows[i].text);
		*vec_add(&a.checks) =
			(struct check){ .id = STR("a.pass"), .section = "s", .level = 1, .result = CHECK_PASS };
		*vec_add(&a.checks) =
			(struct check){ .id = STR("a.fail"), .section = "s", .level = 1, .result = CHECK_FAIL };
		EQ_INT(ignore_apply(str_c(ignore_rows[i].text), 1796040000 /* 2026-11-30T12:00Z */, &a, &expired, &e),
		       ignore_rows[i].r);
		EQ_INT(expired, ignore_rows[i].expired);
		EQ_INT(a.checks.v[1].ignored, ignore_rows[i].ignored);
		EQ_INT(a.checks.v[0].ignored, false);
		EQ_INT(check_count(&a, NULL, 1).result[CHECK_FAIL], !ignore_rows[i].ignored);
		audit_done(&a);
	}
}

static __attribute__((destructor)) void clean_up(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", place);
	if (!str_ends(str_c(place), STR("XXXXXX")) && system(command) < 0)
		return;
}
