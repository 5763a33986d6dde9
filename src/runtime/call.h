/* call: system calls as people read them: names, and which arguments tell what was wanted. */
#ifndef RUNTIME_CALL_H
#define RUNTIME_CALL_H

#include <linux/audit.h>
#include <linux/seccomp.h>

#include "base/buf.h"

#if defined(__x86_64__)
#define SECCOMP_ARCH_HERE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SECCOMP_ARCH_HERE AUDIT_ARCH_AARCH64
#else
#error "system calls are counted on x86-64 and arm64"
#endif

struct call_facts {
	int nr;
	unsigned int args;     /* bit N: argument N tells what was wanted */
	unsigned int path_arg; /* 1 + the number of the argument that is a path, 0: none */
};
/* NULL: the name says it all. */
const struct call_facts *call_facts(int nr);

/* The telling arguments as one number: 32 bits for the first, 32 for the second. */
uint64_t call_detail(const struct call_facts *f, const struct seccomp_data *d);

/* "socket(AF_PACKET, 3)", "mount" */
void call_text(int nr, uint64_t detail, struct buf *ret);

#endif
