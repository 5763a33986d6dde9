/* uml-xstate: lets User-Mode Linux 6.1 to 6.12 run on processors whose register state is larger than it knows.
 *
 * It keeps its processes' floating-point state in an area of 2,696 bytes (up to AVX-512 and PKRU) and hands exactly
 * that to PTRACE_SETREGSET. The host's kernel takes only its whole area, which is 11,008 bytes where the processor has
 * AMX, and says EFAULT: the guest's first process dies of it. This library, preloaded, stands in front of ptrace() and
 * widens the area: what User-Mode Linux does not know stays in its initial state, which no guest can change, for asking
 * for AMX is a system call that the guest's kernel answers itself. Nothing else differs, and on other processors
 * nothing at all. */
#include <cpuid.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SETREGSET 0x4205L  /* linux/ptrace.h */
#define XSTATE_NOTE 0x202L /* NT_X86_XSTATE, linux/elf.h */
#define AREA_BYTES 65536   /* above every area there is */
#define LEAF_XSTATE 13	   /* CPUID: sizes and offsets of the components (Intel SDM 1, 13.2) */
#define HEADER_AT 512	   /* XSTATE_BV, the components that are not in their initial state (13.4.2) */
#define COMPONENTS 63
#define PEEK_FIRST 1 /* PTRACE_PEEKTEXT, PEEKDATA, PEEKUSER: the C library's return the word */
#define PEEK_LAST 3

long ptrace(int request, ...);

/* The components that lie within n bytes. The first two are in the fixed part. */
static uint64_t components_within(size_t n)
{
	static uint64_t known;
	static size_t known_for;

	if (known_for == n)
		return known;
	known = 3;
	for (unsigned int i = 2; i < COMPONENTS; i++) {
		unsigned int size = 0, offset = 0, c, d;

		__cpuid_count(LEAF_XSTATE, i, size, offset, c, d);
		if (size && offset && (size_t)offset + size <= n)
			known |= 1ull << i;
	}
	known_for = n;
	return known;
}

static long set_state(long request, long pid, const struct iovec *given)
{
	static unsigned char area[AREA_BYTES] __attribute__((aligned(64)));
	struct iovec whole = { area, sizeof(area) };
	uint64_t present;

	if (given->iov_len < HEADER_AT + sizeof(present) || given->iov_len > sizeof(area))
		return syscall(SYS_ptrace, request, pid, XSTATE_NOTE, given);
	memcpy(area, given->iov_base, given->iov_len);
	memset(area + given->iov_len, 0, sizeof(area) - given->iov_len);
	memcpy(&present, area + HEADER_AT, sizeof(present));
	present &= components_within(given->iov_len);
	memcpy(area + HEADER_AT, &present, sizeof(present));
	return syscall(SYS_ptrace, request, pid, XSTATE_NOTE, &whole);
}

__attribute__((visibility("default"))) long ptrace(int request, ...)
{
	va_list args;
	long pid, address, result, word = 0;
	void *data;

	va_start(args, request);
	pid = va_arg(args, long);
	address = va_arg(args, long);
	data = va_arg(args, void *);
	va_end(args);
	if (request == SETREGSET && address == XSTATE_NOTE)
		return set_state(request, pid, data);
	if (request < PEEK_FIRST || request > PEEK_LAST)
		return syscall(SYS_ptrace, (long)request, pid, address, data);
	result = syscall(SYS_ptrace, (long)request, pid, address, &word);
	if (result < 0)
		return result;
	errno = 0;
	return word;
}
