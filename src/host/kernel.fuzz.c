/* A kernel's configuration, command line and sysctls, parted by NULs: refused with a reason, or every rule has an
 * answer. */
#include <assert.h>

#include "host/kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_n(data, size);
	struct kernel_input in = { .proc_sys = -1, .cmdline = STR(""), .sysctl = STR("") };
	struct audit a = { 0 };
	struct err e = { 0 };

	in.config = all;
	if (str_split(all, 0, &in.config, &all))
		(void)!str_split(all, 0, &in.cmdline, &in.sysctl);
	if (kernel_audit(&in, &a, &e) < 0)
		assert(e.msg[0]);
	else
		assert(a.checks.n > 300);
	audit_done(&a);
	return 0;
}
