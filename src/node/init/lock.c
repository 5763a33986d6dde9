/* lock: what is done first and once: LoadPin, IMA, sysctls, devices. See node.h and docs/node.md. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "node/baseline.h"
#include "node/init/init.h"
#include "node/init/node.h"
#include "node/layout.h"
#include "runtime/bpf.h"

#define SECURITY "/sys/kernel/security"
#define DENIED_MAX 16
#define DM_BYTES 16384

static struct str read_line(const char *path, char *ret, size_t size)
{
	auto_buf struct buf b = { 0 };
	struct str s = STR_NONE;

	ret[0] = 0;
	if (file_read(AT_FDCWD, path, 65536, &b, NULL) == 0) {
		s = str_head(str_trim(buf_all(&b)), size - 1);
		if (s.n)
			memcpy(ret, s.p, s.n);
		ret[s.n] = 0;
	}
	return str_c(ret);
}

/* Tried, and put right again: on a device that can be written the kernel takes a 0. */
static bool pin_comes_off(void)
{
	static const char knob[] = "/proc/sys/kernel/loadpin/enforce";

	if (access(knob, F_OK) < 0 || knob_write(knob, "0", NULL) < 0)
		return false;
	(void)knob_write(knob, "1", NULL);
	return true;
}

/* By its name, so that the kernel reads the file: with it LoadPin is pinned to the file system it is on. */
static void load_ima(struct lock_state *l)
{
	auto_close int fd = fd_open(AT_FDCWD, SECURITY "/ima/policy", O_WRONLY);

	if (fd < 0)
		snprintf(l->pinned, sizeof(l->pinned), "the kernel has no IMA whose policy can be loaded");
	else if (write(fd, NODE_IMA_POLICY "\n", sizeof(NODE_IMA_POLICY)) < 0)
		snprintf(l->pinned, sizeof(l->pinned), "%s: %s", NODE_IMA_POLICY, strerror(errno));
	else
		l->ima = true;
	if (l->ima)
		snprintf(l->pinned, sizeof(l->pinned), "%s",
			 pin_comes_off() ? "pinned, can be switched off" : "pinned");
}

/* A policy that is active: without one IPE refuses nothing. */
static bool ipe_enforces(void)
{
	DIR *dir = opendir(SECURITY "/ipe/policies");
	char path[PATH_BYTES_MAX], text[8];
	bool active = false;

	for (struct dirent *d; dir && (d = readdir(dir));) {
		snprintf(path, sizeof(path), SECURITY "/ipe/policies/%.200s/active", d->d_name);
		active |= d->d_name[0] != '.' && str_is(read_line(path, text, sizeof(text)), "1");
	}
	if (dir)
		closedir(dir);
	return active && str_is(read_line(SECURITY "/ipe/enforce", text, sizeof(text)), "1");
}

/* The first target of the kernel's own device 0: "1 sha256 ROOT SALT ..." of verity's table. */
static void read_root_hash(struct lock_state *l)
{
	auto_free char *bytes = xcalloc(1, DM_BYTES);
	struct dm_ioctl *io = (struct dm_ioctl *)(void *)bytes;
	struct stat st;
	auto_close int fd = fd_open(AT_FDCWD, "/dev/mapper/control", O_RDWR);
	const struct dm_target_spec *t;
	struct str rest, word;

	if (fd < 0 || stat("/", &st) < 0)
		return;
	*io = (struct dm_ioctl){ .version = { DM_VERSION_MAJOR, 0, 0 },
				 .data_size = DM_BYTES,
				 .data_start = sizeof(*io),
				 .flags = DM_STATUS_TABLE_FLAG,
				 .dev = st.st_dev };
	if (ioctl(fd, DM_TABLE_STATUS, io) < 0 || io->target_count != 1 || io->data_start > DM_BYTES - sizeof(*t) - 1)
		return;
	bytes[DM_BYTES - 1] = 0;
	t = (const struct dm_target_spec *)(const void *)(bytes + io->data_start);
	rest = str_c((const char *)(t + 1));
	/* version, data and hash device, two block sizes, blocks, start, algorithm, root hash */
	for (int i = 0; str_is(str_c(t->target_type), "verity") && i < 9; i++)
		if (!str_cut(&rest, ' ', &word))
			return;
	if (str_is(str_c(t->target_type), "verity"))
		snprintf(l->root_hash, sizeof(l->root_hash), STR_FMT, STR_ARG(word));
}

void lock_kernel(struct lock_state *ret)
{
	struct lock_state l = { 0 };

	load_ima(&l);
	/* It outlasts the mount, which goes before anything else runs. */
	l.measured_fd = fd_open(AT_FDCWD, SECURITY "/ima/runtime_measurements_count", O_RDONLY);
	(void)read_line(SECURITY "/lsm", l.lsm, sizeof(l.lsm));
	l.ipe = ipe_enforces();
	read_root_hash(&l);
	*ret = l;
}

bool lock_measured(const struct lock_state *l, uint64_t *ret)
{
	char text[24];
	ssize_t n = l->measured_fd >= 0 ? pread(l->measured_fd, text, sizeof(text), 0) : -1;

	return n > 0 && num_u64(str_trim(str_n(text, (size_t)n)), 10, ret);
}

/* ---- sysctls ---- */

static int set_sysctl(const char *name, const char *value, struct err *e)
{
	char path[PATH_BYTES_MAX];

	snprintf(path, sizeof(path), "/proc/sys/%.200s", name);
	for (char *c = path; *c; c++)
		*c = *c == '.' ? '/' : *c;
	return access(path, F_OK) < 0 ? -ENOENT : knob_write(path, value, e);
}

/* A name that this kernel does not have is nothing that could be misused. */
static int set_or_absent(const char *name, const char *value, struct err *e)
{
	int r = value ? set_sysctl(name, value, e) : 0;

	return r == -ENOENT ? 0 : r;
}

int lock_sysctl(const struct spec *s, struct err *e)
{
	/* What is written is on the disk some seconds later: a power cut costs no more of the logs. */
	static const char *const own[][2] = {
		{ "vm.dirty_expire_centisecs", "500" },
		{ "vm.dirty_writeback_centisecs", "200" },
	};
	bool pods = access(NODE_AGENT, X_OK) == 0;
	int worst = 0;

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		int r = set_or_absent(own[i][0], own[i][1], e);

		worst = r < 0 ? r : worst;
	}
	for (size_t i = 0; i < baseline_sysctl_count; i++) {
		const struct baseline_sysctl *b = &baseline_sysctls[i];
		int r = set_or_absent(b->name, baseline_sysctl_value(b, pods), e);

		worst = r < 0 ? r : worst;
	}
	for (size_t i = 0; i < s->sysctl_count; i++) {
		int r = set_sysctl(s->sysctl[i].key, s->sysctl[i].value, e);

		if (r == -ENOENT)
			r = err_set(e, r, "sysctl %s: this kernel does not have it", s->sysctl[i].key);
		worst = r < 0 ? r : worst;
	}
	return worst;
}

/* ---- devices ---- */

struct denied {
	dev_t device;
	bool reading;
};

struct denials {
	struct denied v[DENIED_MAX];
	size_t n;
};

static void deny(struct denials *d, dev_t device, bool reading)
{
	if (d->n < DENIED_MAX)
		d->v[d->n++] = (struct denied){ device, reading };
}

static bool read_device(const char *path, dev_t *ret)
{
	char text[32];
	struct str major_text, minor_text;
	uint32_t a, b;

	if (!str_split(read_line(path, text, sizeof(text)), ':', &major_text, &minor_text) ||
	    !num_u32(major_text, &a) || !num_u32(minor_text, &b))
		return false;
	*ret = makedev(a, b);
	return true;
}

/* The disks below the root, whole: through a partition's number or the disk's it is the same bytes. */
static void deny_root(struct denials *d)
{
	char path[PATH_BYTES_MAX];
	struct stat st;
	DIR *dir;

	if (stat("/", &st) < 0)
		return;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves", major(st.st_dev), minor(st.st_dev));
	dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		dev_t device;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/class/block/%.64s/dev", e->d_name);
		if (read_device(path, &device))
			deny(d, device, false);
		snprintf(path, sizeof(path), "/sys/class/block/%.64s/../dev", e->d_name);
		if (read_device(path, &device))
			deny(d, device, false);
	}
	if (dir)
		closedir(dir);
}

/* r2: kind of device and access wanted, r3: major, r4: minor (struct bpf_cgroup_dev_ctx). */
static size_t device_program(const struct denials *d, struct bpf_insn *p)
{
	size_t n = 0;

	p[n++] = INSN_LOAD(BPF_W, 2, 1, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	p[n++] = INSN_LOAD(BPF_W, 3, 1, offsetof(struct bpf_cgroup_dev_ctx, major));
	p[n++] = INSN_LOAD(BPF_W, 4, 1, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (size_t i = 0; i < d->n; i++) {
		int access = BPF_DEVCG_ACC_WRITE | (d->v[i].reading ? BPF_DEVCG_ACC_READ : 0);

		p[n++] = INSN_MOV(5, 2);
		p[n++] = INSN_ALUI(BPF_AND, 5, 0xffff);
		p[n++] = INSN_JUMPI(BPF_JNE, 5, BPF_DEVCG_DEV_BLOCK, 8);
		p[n++] = INSN_JUMPI(BPF_JNE, 3, major(d->v[i].device), 7);
		p[n++] = INSN_JUMPI(BPF_JNE, 4, minor(d->v[i].device), 6);
		p[n++] = INSN_MOV(5, 2);
		p[n++] = INSN_ALUI(BPF_RSH, 5, 16);
		p[n++] = INSN_ALUI(BPF_AND, 5, access);
		p[n++] = INSN_JUMPI(BPF_JEQ, 5, 0, 2);
		p[n++] = INSN_MOVI(0, 0);
		p[n++] = INSN_RET();
	}
	p[n++] = INSN_MOVI(0, 1);
	p[n++] = INSN_RET();
	return n;
}

void lock_devices(const char *data_device)
{
	struct bpf_insn program[5 + 11 * DENIED_MAX];
	auto_close int group = fd_open(AT_FDCWD, "/sys/fs/cgroup", O_RDONLY | O_DIRECTORY), loaded = -1;
	struct denials d = { .n = 0 };
	struct err e = { 0 };
	struct stat st;
	int r;

	deny_root(&d);
	if (data_device[0] && stat(data_device, &st) == 0) {
		char path[64];
		dev_t disk;

		deny(&d, st.st_rdev, true);
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../dev", major(st.st_rdev), minor(st.st_rdev));
		if (read_device(path, &disk)) /* the disk that the partition is on */
			deny(&d, disk, true);
	}
	if (!d.n)
		return;
	loaded = bpf_load(BPF_PROG_TYPE_CGROUP_DEVICE, 0, "node_disks", program, device_program(&d, program), &e);
	r = loaded < 0 ? loaded : group < 0 ? group : bpf_attach(group, loaded, BPF_CGROUP_DEVICE);
	if (r < 0)
		say("the disks are not fenced off: %s", e.msg[0] ? e.msg : strerror(-r));
}
