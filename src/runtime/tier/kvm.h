/* kvm: does it work on this host, for a kernel and not only by its device?
 *
 * First a guest of two instructions is run in a child that is killed after a second, then, once for each boot of the
 * host, the kernel given, within ten seconds; /run/yagura/kvm keeps the answer. */
#ifndef RUNTIME_TIER_KVM_H
#define RUNTIME_TIER_KVM_H

#include "base/err.h"

struct kvm_guest {
	const char *kernel, *initramfs; /* initramfs NULL: none */
	const char *command_line;
	const char *says; /* on its console, when it has got far enough */
};
bool kvm_works(const struct kvm_guest *g);

#endif
