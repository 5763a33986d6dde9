/* vm: QEMU's microvm as a container's machine. See tier.h.
 *
 * Two disks, one port of virtio-serial, one serial line out for the kernel's messages, and no other device. */
#include "runtime/tier/kvm.h"
#include "runtime/tier/parts.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"

#define QEMU_PROGRAM "/usr/bin/qemu-system-x86_64"
#define QEMU_TCG "/usr/lib/x86_64-linux-gnu/qemu/accel-tcg-x86_64.so" /* Debian builds it as a module */
#define BOOT_MS 120000						      /* emulated, on a loaded machine */
#define BOOT_KVM_MS 30000
#define TSC_MEASURE_NS 20000000
#define KERNEL_WORDS "console=ttyS0 quiet panic=-1 reboot=t nokaslr yagura_channel=virtio yagura_disk=vd"
#define CODE_CACHE_MIB 48 /* of translated code */

const struct machine_costs vm_costs = {
	.memory = 160u << 20,
	.pids = 32,
	.memory_min = 96u << 20,
};

/* vmlinuz and modules/ in one directory: an option, or where a package or an operator would put it. */
static const char *find_kernel(const struct machine_build *m, struct err *e)
{
	const char *const dirs[] = { m->request->kernel, "/etc/yagura/guest-kernel", "/usr/lib/yagura/guest-kernel" };

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (dirs[i] && access(arena_fmt(m->arena, "%s/vmlinuz", dirs[i]).p, R_OK) == 0)
			return dirs[i];
	err_set(e, -ENOENT, "tier vm: no kernel for the guest (looked for %s/vmlinuz)",
		m->request->kernel ? m->request->kernel : dirs[1]);
	return NULL;
}

/* A microvm with ACPI has no timer that an emulated processor could be measured against, so the guest's kernel is told
 * how fast the emulated time stamp counter, which is the host's, runs. */
static unsigned long tsc_khz(void)
{
	const struct timespec pause = { 0, TSC_MEASURE_NS };
	uint64_t from = clock_ns(), ticks = __rdtsc();

	nanosleep(&pause, NULL);
	ticks = __rdtsc() - ticks;
	return (unsigned long)(ticks * 1000000 / (clock_ns() - from));
}

/* `cache`: what dies with the machine needs no flush. */
static void disk(struct machine_build *m, const char *image, const char *cache, bool writable)
{
	struct str id = path_base(str_c(image));

	machine_arg(m, "-drive");
	machine_arg(m, "if=none,format=raw,id=" STR_FMT ",file=/%s,cache=%s,aio=threads,discard=unmap%s", STR_ARG(id),
		    image, cache, writable ? "" : ",readonly=on");
	machine_arg(m, "-device");
	machine_arg(m, "virtio-blk-device,drive=" STR_FMT, STR_ARG(id));
}

static void arguments(struct machine_build *m, bool kvm)
{
	static const char *const fixed[] = {
		"-no-user-config",
		"-nodefaults",
		"-no-reboot",
		"-display",
		"none",
		"-monitor",
		"none",
		"-kernel",
		"/vmlinuz",
		"-initrd",
		"/initramfs",
		"-serial",
		"stdio",
		"-chardev",
		"socket,id=channel,fd=3",
		"-device",
		"virtio-serial-device,max_ports=2",
		"-device",
		"virtserialport,chardev=channel,name=yagura",
	};
	const char *layer = m->writable ? "" : " yagura_layer=no";

	machine_arg(m, QEMU_PROGRAM);
	machine_arg(m, "-M");
	machine_arg(m, "microvm,acpi=on,rtc=off,pit=off,pic=off,isa-serial=on");
	machine_arg(m, "-accel");
	if (kvm)
		machine_arg(m, "kvm");
	else
		machine_arg(m, "tcg,thread=multi,tb-size=%d", CODE_CACHE_MIB);
	machine_arg(m, "-cpu");
	machine_arg(m, kvm ? "host" : "max");
	machine_arg(m, "-m");
	machine_arg(m, "%lluk", (unsigned long long)(m->memory >> 12 << 2));
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		machine_arg(m, "%s", fixed[i]);
	machine_arg(m, "-append");
	if (kvm)
		machine_arg(m, KERNEL_WORDS "%s", layer);
	else
		machine_arg(m, KERNEL_WORDS "%s mitigations=off tsc=reliable tsc_early_khz=%lu", layer, tsc_khz());
	disk(m, ROOT_IMAGE, "unsafe", false);
	if (m->writable)
		disk(m, LAYER_IMAGE, "unsafe", true);
	m->first_volume = m->writable ? 2 : 1; /* letters leave no gap */
	for (size_t i = 0; i < m->volumes.n; i++)
		disk(m, arena_fmt(m->arena, VOLUME_PATH, i).p, "writeback", m->volumes.v[i].writable);
}

int vm_build(struct machine_build *m, struct err *e)
{
	static const char *const modules[] = { "virtio_mmio", "virtio_blk", "virtio_console", "erofs", "overlay" };
	const char *kernel = find_kernel(m, e), *vmlinuz;
	bool kvm;
	int r;

	if (!kernel)
		return -ENOENT;
	vmlinuz = arena_fmt(m->arena, "%s/vmlinuz", kernel).p;
	r = initramfs_write(m, arena_fmt(m->arena, "%s/modules", kernel).p, modules, ARRAY_LEN(modules), e);
	r = r < 0 ? r : machine_program(m, QEMU_PROGRAM, QEMU_PROGRAM, e);
	kvm = r == 0 &&
	      kvm_works(&(struct kvm_guest){ .kernel = vmlinuz,
					     .initramfs = arena_fmt(m->arena, "%s/" INITRAMFS, m->request->dir).p,
					     .command_line = "console=ttyS0 quiet panic=-1 reboot=t yagura_probe=1",
					     .says = "yagura-init: it runs" });
	r = r < 0 ? r : machine_bind(m, vmlinuz, "/vmlinuz", false, e);
	r = r < 0 ? r : machine_bind(m, "/usr/share/qemu", "/usr/share/qemu", false, e);
	r = r < 0 ? r : machine_bind(m, "/usr/share/seabios", "/usr/share/seabios", false, e);
	if (r == 0 && !kvm && access(QEMU_TCG, R_OK) == 0)
		r = machine_program(m, QEMU_TCG, QEMU_TCG, e);
	if (r == 0 && kvm)
		r = machine_bind(m, "/dev/kvm", "/dev/kvm", true, e);
	if (r < 0)
		return r;
	arguments(m, kvm);
	m->job.machine = MACHINE_VM;
	m->job.boot_ms = kvm ? BOOT_KVM_MS : BOOT_MS;
	return 0;
}
