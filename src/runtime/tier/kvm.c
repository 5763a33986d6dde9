/* kvm: does it work? See kvm.h.
 *
 * A child makes a machine with one page of memory that says `mov al, 1; hlt` and runs it. Where /dev/kvm is missing,
 * refuses, or hangs in whichever call, the answer is no: the child is killed when its time is over. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/tier/kvm.h"
#include "sandbox/run.h"

#define PAGE 4096u
#define TINY_MS 1000  /* for two instructions */
#define BOOT_MS 10000 /* for a kernel and yagura-init: a second where it works */
#define ANSWER_DIR "/run/yagura"
#define ANSWER ANSWER_DIR "/kvm" /* "BOOT_ID yes" or "BOOT_ID no" */
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define SAID_MAX (256u << 10)

static bool run_guest(void)
{
	static const uint8_t code[] = { 0xb0, 0x01, 0xf4 };
	auto_close int kvm = fd_open(AT_FDCWD, "/dev/kvm", O_RDWR);
	auto_close int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	auto_close int cpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
	void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = { .guest_phys_addr = PAGE,
						      .memory_size = PAGE,
						      .userspace_addr = (uintptr_t)memory };
	struct kvm_regs regs = { .rip = PAGE, .rflags = 2 };
	struct kvm_sregs sregs;
	struct kvm_run *run;
	int size;

	if (cpu < 0 || memory == MAP_FAILED || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return false;
	memcpy(memory, code, sizeof(code));
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	run = size < (int)sizeof(*run) ? MAP_FAILED
				       : mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	if (run == MAP_FAILED || ioctl(cpu, KVM_GET_SREGS, &sregs) < 0)
		return false;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(cpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(cpu, KVM_SET_REGS, &regs) < 0 || ioctl(cpu, KVM_RUN, 0) < 0)
		return false;
	return run->exit_reason == KVM_EXIT_HLT && ioctl(cpu, KVM_GET_REGS, &regs) == 0 && (regs.rax & 0xff) == 1;
}

/* In a child: a call that hangs must not take us with it. */
static bool tiny_guest_runs(void)
{
	pid_t pid = fork();
	int status = 0;
	auto_close int pidfd = -1;
	struct pollfd p = { -1, POLLIN, 0 };

	if (pid == 0)
		_exit(run_guest() ? 0 : 1);
	if (pid < 0)
		return false;
	p.fd = pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	while (pidfd >= 0 && poll(&p, 1, TINY_MS) < 0 && errno == EINTR)
		;
	/* One that hangs inside the kernel may not even die: it is not waited for. */
	(void)kill(pid, SIGKILL);
	for (int i = 0; i < TINY_MS / 10 && waitpid(pid, &status, WNOHANG) == 0; i++)
		usleep(10000);
	return p.revents && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* There are hosts where the tiny guest runs and a kernel does not. It is our own kernel, so QEMU need not be confined
 * for it. */
static bool kernel_boots(const struct kvm_guest *g)
{
	const char *const argv[] = { "qemu-system-x86_64",
				     "-M",
				     "microvm,acpi=on,rtc=off,pit=off,pic=off",
				     "-accel",
				     "kvm",
				     "-cpu",
				     "host",
				     "-m",
				     "192",
				     "-no-user-config",
				     "-nodefaults",
				     "-no-reboot",
				     "-display",
				     "none",
				     "-monitor",
				     "none",
				     "-serial",
				     "stdio",
				     "-kernel",
				     g->kernel,
				     "-append",
				     g->command_line,
				     g->initramfs ? "-initrd" : NULL,
				     g->initramfs,
				     NULL };
	auto_close int said = memfd_create("console", MFD_CLOEXEC);
	const int fds[] = { -1, said, -1 };
	struct run run = { .argv = argv, .fds = fds, .fd_count = 3, .timeout_ms = BOOT_MS };
	auto_buf struct buf text = { 0 };
	int status, r = run_program(&run, &status, NULL);

	/* Whether it also powers off is not the question. */
	if ((r < 0 && r != -ETIMEDOUT) || lseek(said, 0, SEEK_SET) < 0 || fd_read_all(said, SAID_MAX, &text, NULL) < 0)
		return false;
	return str_find_str(buf_all(&text), str_c(g->says)) >= 0;
}

static bool answer_known(struct str boot, bool *ret)
{
	auto_buf struct buf b = { 0 };
	struct str id, word;

	if (file_read(AT_FDCWD, ANSWER, 256, &b, NULL) < 0 || !str_split(str_trim(buf_all(&b)), ' ', &id, &word) ||
	    !str_eq(id, boot))
		return false;
	*ret = str_is(word, "yes");
	return *ret || str_is(word, "no");
}

static void answer_keep(struct str boot, bool works)
{
	char line[128];

	snprintf(line, sizeof(line), STR_FMT " %s\n", STR_ARG(str_head(boot, 100)), works ? "yes" : "no");
	/* Without it the next one asks again. */
	if (dir_make(AT_FDCWD, ANSWER_DIR) == 0)
		(void)!file_write(AT_FDCWD, ANSWER, str_c(line), false, NULL);
}

bool kvm_works(const struct kvm_guest *g)
{
	auto_buf struct buf boot = { 0 };
	bool works = false, known = file_read(AT_FDCWD, BOOT_ID, 128, &boot, NULL) == 0;

	if (!tiny_guest_runs())
		return false;
	if (known && answer_known(str_trim(buf_all(&boot)), &works))
		return works;
	works = kernel_boots(g);
	if (known)
		answer_keep(str_trim(buf_all(&boot)), works);
	return works;
}
