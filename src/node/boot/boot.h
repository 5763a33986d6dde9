/* boot: a node's image as the command line of a machine (QEMU). Pure: nothing is opened here.
 *
 * Directly: the kernel and its command line are handed over by us, after the manifest has vouched for both; QEMU's
 * microvm, to whose line QEMU itself adds where its devices are. With a sealed kernel, which takes no line, and under
 * KVM: the same on q35. By UEFI: firmware with Secure Boot finds the signed kernel image on the disk. */
#ifndef NODE_BOOT_BOOT_H
#define NODE_BOOT_BOOT_H

#include "base/decode.h"
#include "base/err.h"

#define BOOT_FORWARDS_MAX 32
#define BOOT_MEMORY_MIN (64ull << 20)
#define BOOT_MEMORY_MAX (64ull << 30)

struct boot_forward {
	bool udp;
	uint32_t host, guest; /* ports; host: on 127.0.0.1 */
};
/* "[udp:]HOST:GUEST". */
bool boot_forward_parse(struct str s, struct boot_forward *ret) must_check;

struct boot_machine {
	bool kvm, uefi, sealed;
	const char *kernel, *command_line; /* not with UEFI */
	const char *firmware, *variables;  /* with UEFI; the variables are written */
	const char *disk;		   /* never written */
	const char *data;		   /* a disk; NULL: none */
	uint64_t memory_bytes;
	uint32_t processors;
	const struct boot_forward *forwards;
	size_t forward_count;
	const char *tap;    /* an interface of the host's instead of QEMU's own network; NULL: that */
	uint32_t vsock_cid; /* 0: none */
};
/* argv, in the arena. Paths with a ',' are doubled as QEMU wants it. */
void boot_arguments(const struct boot_machine *m, struct arena *a, struct strings *ret);

#endif
