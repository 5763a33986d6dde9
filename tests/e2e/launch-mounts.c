/* launch-mounts: what a container sees of file systems and devices. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "box.h"
#include "tap.h"

TEST(bind_mounts)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "cat /data/a /file /deep/er/file; echo y > /rw/new && cat /rw/new; echo z > /data/b; "
		     "grep -c ' /data ro,nosuid' /proc/self/mountinfo");
	box_shell("mkdir -p %s/src && echo x > %s/src/a", b.dir, b.dir);
	box_mount(&b, "/data", "bind", "src", "bind,ro,nosuid");
	box_mount(&b, "/rw", "none", "src", "rbind");
	box_mount(&b, "/file", "bind", "src/a", "bind");
	box_mount(&b, "/deep/er/file", "bind", "src/a", "rbind,rro");
	BOX_PRINTS(&b, "x\nx\nx\ny\nsh: can't create /data/b: Read-only file system\n1");
}

/* As with an image whose resolv.conf leads to what only a running system has. */
TEST(dangling_links)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "cat /etc/resolv.conf; cut -d' ' -f5 /proc/self/mountinfo | grep -e run -e where");
	box_shell("cd %s && mkdir src && echo x > src/a && cd rootfs/etc && ln -s ../run/made/resolv.conf && "
		  "ln -s /where/ever dir && ln -s other loop && ln -s loop other",
		  b.dir);
	box_mount(&b, "/etc/resolv.conf", "bind", "src/a", "bind");
	box_mount(&b, "/etc/dir/below", "bind", "src", "bind");
	BOX_PRINTS(&b, "x\n/run/made/resolv.conf\n/where/ever/below");
	box_mount(&b, "/etc/loop/x", "bind", "src", "bind");
	EQ_INT(box_run(&b), -ELOOP);
}

TEST(read_only_below)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "touch /t/sub/x || echo no; touch /u/sub/y && echo yes");
	box_shell("mkdir -p %s/src/sub && mount -t tmpfs box %s/src/sub", b.dir, b.dir);
	box_mount(&b, "/t", "bind", "src", "rbind,rro");
	box_mount(&b, "/u", "bind", "src", "rbind,ro");
	EQ_INT(box_run(&b), 0);
	box_shell("umount %s/src/sub", b.dir);
	EQ_STR(box_printed(&b), STR("touch: /t/sub/x: Read-only file system\nno\nyes"));
}

TEST(copy_up)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b,
		 "cd /etc && cat a sub/b && readlink link && stat -c '%a %u %g' sub sub/b . && touch x && ls && mount");
	box_shell("cd %s/rootfs/etc && echo 1 > a && mkdir -m 750 sub && echo 2 > sub/b && chmod 4711 sub/b && "
		  "chown -R 7:8 sub && chmod 4711 sub/b && ln -s /nowhere link && mknod node c 7 300 && chmod 711 .",
		  b.dir);
	box_caps(&b, 1 << 1); /* DAC_OVERRIDE */
	box_mount(&b, "/etc", "tmpfs", "tmpfs", "tmpcopyup,size=1m,mode=755,ro");
	b.c.process.args.v[2] = "cd /etc && cat a sub/b && readlink link && stat -c '%a %u %g' sub sub/b . && "
				"stat -c %t:%T node && { touch x || echo closed; }";
	BOX_ENDS(&b, 0);
	EQ_STR(box_printed(&b),
	       STR("1\n2\n/nowhere\n750 7 8\n4711 7 8\n711 0 0\n7:12c\ntouch: x: Read-only file system\nclosed"));
	box_shell("[ $(ls %s/rootfs/etc | wc -l) = 4 ]", b.dir);
}

TEST(id_mapped)
{
	auto_box struct box b = { 0 };
	struct oci_mapping map = { 0, 200000, 1000 };
	struct oci_mount *m;

	NEEDS_BOX();
	box_init(&b, "stat -c %u /data/a /custom/a /own/a; touch /data/n && stat -c %u /data/n");
	box_shell("mkdir -p %s/src && touch %s/src/a && chown 5:5 %s/src/a && chmod 777 %s/src", b.dir, b.dir, b.dir,
		  b.dir);
	box_mount(&b, "/custom", "bind", "src", "bind,idmap=uids=5-77-1#0-70-1;gids=0-0-10");
	m = box_mount(&b, "/data", "bind", "src", "bind");
	m->uids = m->gids = (struct oci_mappings){ &map, 1 };
	m = box_mount(&b, "/own", "bind", "src", "bind");
	m->uids = m->gids = (struct oci_mappings){ &map, 1 };
	box_caps(&b, 0);
	EQ_INT(box_run(&b), 1); /* root of the box is not mapped in /data: it may not write there */
	OK_ERR(b.e.code, &b.e);
	OK(str_starts(box_printed(&b), STR("200005\n77\n200005\n")));
}

/* A user namespace whose root owns what 0 owns on disk. */
TEST(id_mapped_by_user_namespace)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "stat -c %u /data/a /plain/a /other/a; touch /data/n && echo made");
	box_user_namespace(&b, 100000, 65536);
	box_shell("mkdir -p %s/src && touch %s/src/a && chown 5:5 %s/src/a", b.dir, b.dir, b.dir);
	box_mount(&b, "/data", "bind", "src", "bind,idmap");
	box_mount(&b, "/plain", "bind", "src", "bind");
	box_mount(&b, "/other", "bind", "src", "bind,idmap=uids=@0-7-10;gids=+0-100000-10");
	BOX_PRINTS(&b, "5\n65534\n12\nmade");
	box_shell("[ $(stat -c %%u %s/src/n) = 0 ]", b.dir);
}

/* "@": an id of the container's, which must be one. */
TEST(idmap_of_no_id)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "true");
	box_user_namespace(&b, 100000, 65536);
	box_shell("mkdir -p %s/src", b.dir);
	box_mount(&b, "/data", "bind", "src", "bind,idmap=uids=@0-65536-1;gids=0-0-1");
	box_run(&b);
	EQ_INT(b.e.code, -EBADMSG);
	OK(strstr(b.e.msg, "\"@0-65536-1\" is no range"));
}

TEST(idmap_of_a_new_file_system)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "true");
	box_mount(&b, "/t", "tmpfs", "tmpfs", "idmap");
	EQ_INT(box_run(&b), -EBADMSG);
	EQ_Z(b.e.msg, "mounts[6] (/t): only a bind mount can be id-mapped");
}

static bool propagates(const char *root_propagation, const char *options)
{
	auto_box struct box b = { 0 };
	struct stat st;
	char path[128];
	bool seen;

	box_init(&b, "mount -t tmpfs inside /data/sub; echo settled; sleep 100");
	b.c.rootfs_propagation = root_propagation;
	box_caps(&b, 1ull << 21);
	box_shell("mkdir -p %s/src && mount --bind %s/src %s/src && mount --make-shared %s/src && mkdir %s/src/sub "
		  "%s/src/two",
		  b.dir, b.dir, b.dir, b.dir, b.dir, b.dir);
	box_mount(&b, "/data", "bind", "src", options);
	EQ_INT(box_create(&b), 0);
	OK_ERR(b.e.code, &b.e);
	box_until(&b, "settled");
	snprintf(path, sizeof(path), "%s/src/sub", b.dir);
	seen = stat(path, &st) == 0 && st.st_dev != makedev(0, 0) && ({
		       struct statfs fs;
		       statfs(path, &fs) == 0 && fs.f_type == 0x01021994;
	       });
	/* and the other way */
	box_shell("mount -t tmpfs outside %s/src/two", b.dir);
	{
		auto_buf struct buf out = { 0 };

		buf_init(&out, 4096);
		EQ_INT(box_exec(&b, "grep -c ' /data/two ' /proc/self/mountinfo || true", &out), 0);
		row("%s: from outside", options);
		EQ_STR(buf_all(&out), strstr(options, "private") ? STR("0\n") : STR("1\n"));
	}
	kill(b.launched.pid, SIGKILL);
	box_wait(&b);
	box_shell("umount %s/src/two; umount %s/src/sub 2>/dev/null; umount %s/src", b.dir, b.dir, b.dir);
	return seen;
}

TEST(propagation)
{
	NEEDS_BOX();
	row("rprivate");
	OK(!propagates(NULL, "rbind,rprivate"));
	row("rslave");
	OK(!propagates(NULL, "rbind,rslave"));
	row("rshared without a shared root stays inside");
	OK(!propagates(NULL, "rbind,rshared"));
	row("rshared");
	OK(propagates("rshared", "rbind,rshared"));
}

TEST(devices)
{
	auto_box struct box b = { 0 };
	struct oci_device d[] = {
		{ .path = "/dev/fuse",
		  .type = 'c',
		  .major = 10,
		  .minor = 229,
		  .mode = { true, 0640 },
		  .uid = { true, 5 },
		  .gid = { true, 6 } },
		{ .path = "/dev/dir/pipe", .type = 'p', .mode = { true, 0600 } },
		{ .path = "/dev/null", .type = 'c', .major = 1, .minor = 3, .mode = { true, 0600 } },
	};

	NEEDS_BOX();
	box_init(
		&b,
		"stat -c '%n %A %t:%T %u:%g' /dev/fuse /dev/dir/pipe /dev/null /dev/zero; head -c 3 /dev/zero | wc -c");
	b.c.devices = d;
	b.c.device_count = ARRAY_LEN(d);
	BOX_PRINTS(&b, "/dev/fuse crw-r----- a:e5 5:6\n/dev/dir/pipe prw------- 0:0 0:0\n"
		       "/dev/null crw------- 1:3 0:0\n/dev/zero crw-rw-rw- 1:5 0:0\n3");
}

/* Seen where it is wanted, and no node is left in the root. */
TEST(device_elsewhere)
{
	auto_box struct box b = { 0 };
	struct oci_device d = { .path = "/etc/new/null", .type = 'c', .major = 1, .minor = 3, .mode = { true, 0640 } };

	NEEDS_BOX();
	box_init(&b, "stat -c '%t:%T %a' /etc/new/null; echo x > /etc/new/null; ls -A /dev | grep -c elsewhere");
	b.c.devices = &d;
	b.c.device_count = 1;
	BOX_ENDS(&b, 1);
	EQ_STR(box_printed(&b), STR("1:3 640\n0"));
	box_shell("[ -f %s/rootfs/etc/new/null ]", b.dir);
}

/* Without a /dev of the configuration there is a tmpfs of ours, and the root's own /dev stays as it was. */
TEST(no_dev_mount)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "echo x > /dev/null; stat -c %t:%T /dev/null; grep -c ' /dev rw,nosuid' /proc/self/mountinfo");
	b.c.mount_count = 1; /* /proc */
	BOX_PRINTS(&b, "1:3\n1");
	box_shell("[ -z \"$(ls -A %s/rootfs/dev)\" ]", b.dir);
}

TEST(read_only_dev)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "touch /dev/x || echo x > /dev/null && echo well");
	b.c.mounts[1].options.v[b.c.mounts[1].options.n++] = "ro";
	BOX_PRINTS(&b, "touch: /dev/x: Read-only file system\nwell");
}

TEST(masked)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "cat /proc/keys /proc/timer_list /secret; ls -A /hidden; touch /hidden/x || echo closed; "
		     "echo 1 > /proc/sys/kernel/printk || echo closed; cat /proc/sys/kernel/ostype");
	box_shell("echo secret > %s/rootfs/secret; mkdir %s/rootfs/hidden; touch %s/rootfs/hidden/a", b.dir, b.dir,
		  b.dir);
	b.c.masked_paths.n = 0;
	b.c.masked_paths.v = (const char *[]){ "/proc/keys", "/proc/timer_list", "/secret", "/hidden", "/not/there" };
	b.c.masked_paths.n = 5;
	BOX_PRINTS(&b, "touch: /hidden/x: Read-only file system\nclosed\n"
		       "sh: can't create /proc/sys/kernel/printk: Read-only file system\nclosed\nLinux");
}

/* The kernel's own words reach the message. */
TEST(bad_option)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "true");
	box_mount(&b, "/t", "tmpfs", "tmpfs", "size=many");
	EQ_INT(box_run(&b), -EINVAL);
	OK(strstr(b.e.msg, "mounts[6] (/t): size"));
	box_mount(&b, "/u", "nonsense", "x", "");
	b.c.mounts[6] = b.c.mounts[7];
	b.c.mount_count--;
	EQ_INT(box_run(&b), -ENODEV);
	EQ_Z(b.e.msg, "mounts[6] (/u): fsopen: No such device");
}

TEST(missing_source)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "true");
	box_mount(&b, "/t", "bind", "/not/there", "bind");
	EQ_INT(box_run(&b), -ENOENT);
	EQ_Z(b.e.msg, "mounts[6] (/t): open_tree /not/there: No such file or directory");
}

TEST(writable_layer)
{
	auto_box struct box b = { 0 };

	NEEDS_BOX();
	box_init(&b, "echo new > /etc/x; cat /etc/x; rm /etc/y; ls /etc");
	box_shell("mkdir %s/layer && mount -t tmpfs layer %s/layer && touch %s/rootfs/etc/y", b.dir, b.dir, b.dir);
	b.l.writable_layer = fd_open(b.l.bundle_fd, "layer", O_PATH | O_DIRECTORY);
	BOX_PRINTS(&b, "new\nx");
	box_shell("[ \"$(ls %s/rootfs/etc)\" = y ] && [ -e %s/layer/upper/etc/x ]", b.dir, b.dir);
	fd_close(&b.l.writable_layer);
	box_shell("umount %s/layer", b.dir);
}

TEST(no_pivot)
{
	auto_box struct box b = { 0 };
	auto_buf struct buf out = { 0 };

	NEEDS_BOX();
	buf_init(&out, 4096);
	box_init(&b, "ls /; echo settled; sleep 100");
	b.l.no_pivot = true;
	EQ_INT(box_create(&b), 0);
	OK_ERR(b.e.code, &b.e);
	EQ_INT(box_exec(&b, "ls /; ls /../..", &out), 0);
	EQ_STR(buf_all(&out), STR("bin\ndev\netc\nproc\nsys\ntmp\nbin\ndev\netc\nproc\nsys\ntmp\n"));
}
