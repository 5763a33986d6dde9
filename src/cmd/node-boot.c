/* node-boot: `yagura node boot`: an image that its manifest vouches for, in a machine. */
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cmd/cmd.h"
#include "cmd/node-key.h"
#include "cmd/node.h"
#include "codec/ed25519.h"
#include "codec/sha256.h"
#include "node/boot/boot.h"
#include "node/manifest.h"
#include "runtime/tier/kvm.h"

#define KERNEL_MAX (64u << 20)	 /* bytes; ours have 7 MB */
#define VARIABLES_MAX (4u << 20) /* bytes of a firmware's variables */
#define MEMORY_DEFAULT (256u << 20)
#define DATA_DEFAULT (1ull << 30)
#define FIRMWARE "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"

static struct str arg_key, arg_disk, arg_firmware, arg_vars, arg_tap;
static bool arg_uefi;
static uint64_t arg_accel, arg_memory = MEMORY_DEFAULT, arg_data_size = DATA_DEFAULT, arg_processors = 1, arg_cid;
static struct option_list arg_forward;

enum { ACCEL_AUTO, ACCEL_KVM, ACCEL_TCG };
static const char *const accels[] = { "auto", "kvm", "tcg", NULL };

const struct option node_boot_options[] = {
	{ "key", 'k', OPTION_TEXT, &arg_key, "FILE",
	  "The public Ed25519 key, PEM, that has signed the image's manifest. Default: your own, of ~/.config/yagura.",
	  NULL },
	{ "data-disk", 'd', OPTION_TEXT, &arg_disk, "FILE",
	  "The disk for what is kept; made when it is not there. Without it nothing outlives the machine.", NULL },
	{ "data-size", 0, OPTION_SIZE, &arg_data_size, "SIZE", "How large such a disk is made; 1GiB otherwise.", NULL },
	{ "forward", 'p', OPTION_LIST, &arg_forward, "[udp:]PORT:NODEPORT",
	  "Pass a port of 127.0.0.1 on to one of the node's; may be given several times.", NULL },
	{ "tap", 0, OPTION_TEXT, &arg_tap, "INTERFACE", "Use this interface of the host's for the network.", NULL },
	{ "vsock", 0, OPTION_NUMBER, &arg_cid, "CID",
	  "Give the machine this address for vsock (needs /dev/vhost-vsock).", NULL },
	{ "memory", 'm', OPTION_SIZE, &arg_memory, "SIZE", "Of the machine; 256MiB otherwise.", NULL },
	{ "processors", 0, OPTION_NUMBER, &arg_processors, "N", "Of the machine; 1 otherwise.", NULL },
	{ "uefi", 0, OPTION_FLAG, &arg_uefi, NULL,
	  "Let firmware with Secure Boot start the signed kernel from the image's disk.", NULL },
	{ "firmware", 0, OPTION_TEXT, &arg_firmware, "FILE", "The firmware, with --uefi; " FIRMWARE " otherwise.",
	  NULL },
	{ "vars", 0, OPTION_TEXT, &arg_vars, "FILE",
	  "The firmware's variables with the keys it trusts, needed with --uefi; the machine gets a copy.", NULL },
	{ "accel", 0, OPTION_CHOICE, &arg_accel, "HOW",
	  "Whether to use KVM: where it works, unless this says otherwise.", accels },
	{ NULL },
};

/* A file's bytes held so that nobody changes them any more. */
static int hold(struct str bytes, const char *name, int *ret, struct err *e)
{
	auto_close int fd = memfd_create(name, MFD_ALLOW_SEALING);
	int r = fd < 0 ? -errno : fd_write(fd, bytes.p, bytes.n);

	if (r == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		r = -errno;
	if (r < 0)
		return err_errno(e, r, "%s", name);
	*ret = take_fd(&fd);
	return 0;
}

/* Others find our descriptors by this name as well. */
static const char *name_of(int fd, struct arena *a)
{
	return arena_fmt(a, "/proc/%d/fd/%d", (int)getpid(), fd).p;
}

static int read_manifest(int dir, struct arena *a, struct node_manifest *ret, struct err *e)
{
	auto_buf struct buf json = { 0 }, signature = { 0 }, key = { 0 };
	char own[PATH_BYTES_MAX];
	int r = arg_key.n ? 0 : node_key_public(own, e);

	r = r < 0 ? r : file_read(AT_FDCWD, arg_key.n ? arg_z(arg_key) : own, ED25519_PEM_MAX, &key, e);
	r = r < 0 ? r : file_read(dir, MANIFEST_JSON, MANIFEST_BYTES_MAX, &json, e);
	r = r < 0 ? r : file_read(dir, MANIFEST_SIGNATURE, ED25519_SIGNATURE, &signature, e);
	if (r < 0)
		return r;
	r = ed25519_verify(buf_all(&key), buf_all(&json), buf_all(&signature), e);
	/* Only what was vouched for is parsed. */
	r = r < 0 ? r : node_manifest_parse(buf_all(&json), a, ret, e);
	return r < 0 ? err_wrap(e, r, MANIFEST_JSON) : 0;
}

static int read_kernel(int dir, const struct node_manifest *m, int *ret, struct err *e)
{
	auto_buf struct buf bytes = { 0 };
	struct digest digest;
	int r = file_read(dir, "kernel", KERNEL_MAX, &bytes, e);

	if (r < 0)
		return r;
	sha256_of(buf_all(&bytes), &digest);
	if (bytes.n != m->kernel.size_bytes || !digest_eq(&digest, &m->kernel.digest))
		return err_set(e, -EBADMSG, "kernel: not the one that the manifest vouches for");
	return hold(buf_all(&bytes), "kernel", ret, e);
}

/* The one that is kept, or one that goes with the machine. */
static int open_data(int *ret, struct err *e)
{
	auto_close int fd = -1;
	struct stat st;

	if (arg_disk.n) {
		fd = open(arg_z(arg_disk), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	} else {
		const char *dir = getenv("TMPDIR");

		fd = open(dir && dir[0] ? dir : "/var/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, -errno, "%s", arg_disk.n ? arg_disk.p : "a disk for the machine's data");
	if (S_ISREG(st.st_mode) && !st.st_size && ftruncate(fd, (off_t)arg_data_size) < 0)
		return err_errno(e, -errno, "a disk for the machine's data");
	*ret = take_fd(&fd);
	return 0;
}

static int open_variables(int *ret, struct err *e)
{
	auto_close int fd = memfd_create("variables", 0);
	auto_buf struct buf bytes = { 0 };
	int r = file_read(AT_FDCWD, arg_z(arg_vars), VARIABLES_MAX, &bytes, e);

	if (r == 0 && (fd < 0 || fd_write(fd, bytes.p, bytes.n) < 0))
		r = err_errno(e, -errno, "the firmware's variables");
	if (r == 0)
		*ret = take_fd(&fd);
	return r;
}

static bool use_kvm(const struct boot_machine *m)
{
	if (arg_accel != ACCEL_AUTO)
		return arg_accel == ACCEL_KVM;
	/* Without a root it gets as far as looking for one. */
	return !m->uefi && kvm_works(&(struct kvm_guest){ .kernel = m->kernel,
							  .command_line = "console=ttyS0 quiet panic=-1 reboot=t",
							  .says = "Kernel panic - not syncing" });
}

static int check_usage(struct boot_forward *forwards, size_t *ret_count)
{
	size_t n = arg_forward.values.n;

	if (arg_uefi && !arg_vars.n)
		return cmd_usage("--uefi needs --vars: the keys that the firmware trusts");
	if (arg_memory < BOOT_MEMORY_MIN || arg_memory > BOOT_MEMORY_MAX)
		return cmd_usage("--memory is from 64MiB to 64GiB");
	if (arg_processors < 1 || arg_processors > 64)
		return cmd_usage("--processors is from 1 to 64");
	if (arg_cid && (arg_cid < 3 || arg_cid > UINT32_MAX - 1))
		return cmd_usage("--vsock is from 3 up");
	if (n > BOOT_FORWARDS_MAX)
		return cmd_usage("--forward: at most %d", BOOT_FORWARDS_MAX);
	for (size_t i = 0; i < n; i++)
		if (!boot_forward_parse(arg_forward.values.v[i], &forwards[i]))
			return cmd_usage("--forward " STR_FMT ": not [udp:]PORT:NODEPORT",
					 STR_ARG(arg_forward.values.v[i]));
	*ret_count = n;
	return 0;
}

struct files {
	int kernel, data, variables;
};

static int open_files(int dir, const struct node_manifest *m, struct files *f, struct err *e)
{
	int r = arg_uefi ? open_variables(&f->variables, e) : read_kernel(dir, m, &f->kernel, e);

	return r < 0 ? r : open_data(&f->data, e);
}

/* The machine takes this process's place, and with it the terminal. */
static int become(const struct boot_machine *m, struct arena *a, struct err *e)
{
	struct strings argv;

	boot_arguments(m, a, &argv);
	execvp(argv.v[0], (char *const *)(uintptr_t)argv.v);
	return err_errno(e, -errno, "%s", argv.v[0]);
}

int node_boot_run(const struct invocation *in)
{
	struct boot_forward forwards[BOOT_FORWARDS_MAX];
	auto_arena struct arena a = { 0 };
	struct files f = { -1, -1, -1 };
	struct boot_machine m = { .uefi = arg_uefi };
	struct node_manifest manifest;
	struct err e = { 0 };
	auto_close int dir = -1;
	int r = check_usage(forwards, &m.forward_count);

	if (r)
		return r;
	sha256_setup();
	dir = open(in->args.v[0].p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		r = err_errno(&e, -errno, "%s", in->args.v[0].p);
	r = r < 0 ? r : read_manifest(dir, &a, &manifest, &e);
	r = r < 0 ? r : open_files(dir, &manifest, &f, &e);
	if (r < 0)
		return cmd_fail(&e);
	m.kernel = name_of(f.kernel, &a);
	m.command_line = manifest.kernel.sealed ? "" : manifest.command_line;
	m.sealed = manifest.kernel.sealed;
	m.firmware = arg_firmware.n ? arg_z(arg_firmware) : FIRMWARE;
	m.variables = name_of(f.variables, &a);
	m.disk = arena_fmt(&a, "%s/disk.img", in->args.v[0].p).p;
	m.data = name_of(f.data, &a);
	m.memory_bytes = arg_memory;
	m.processors = (uint32_t)arg_processors;
	m.forwards = forwards;
	m.tap = arg_tap.n ? arg_z(arg_tap) : NULL;
	m.vsock_cid = (uint32_t)arg_cid;
	m.kvm = use_kvm(&m);
	/* They have to be there in the machine's program as well. */
	for (size_t i = 0; i < 3; i++) {
		int fd = (const int[]){ f.kernel, f.data, f.variables }[i];

		if (fd >= 0)
			(void)fcntl(fd, F_SETFD, 0);
	}
	(void)become(&m, &a, &e);
	return cmd_fail(&e);
}
