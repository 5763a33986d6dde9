/* Any text as /proc/self/mountinfo, for both who read it: hierarchies of control groups within their bounds, and kernel
 * mounts whose names are no longer than the text. */
#include <assert.h>

#include "runtime/cgroup.h"
#include "runtime/launch-host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hierarchies(struct str text)
{
	struct cgroup_host h;

	cgroup_host_parse(text, &h);
	assert(h.n <= CGROUP_HIERARCHIES);
	assert((h.mode == CGROUP_NONE) == (h.n == 0));
	for (size_t i = 0; i < h.n; i++) {
		assert(memchr(h.h[i].name, 0, sizeof(h.h[i].name)) && h.h[i].name[0]);
		assert(memchr(h.h[i].mount, 0, sizeof(h.h[i].mount)) && h.h[i].mount[0] == '/');
		assert(h.h[i].fd == -1 && (!h.h[i].v2 || !h.h[i].controllers));
	}
}

static void kernel_mounts(struct str text)
{
	auto_arena struct arena a = { 0 };
	struct strings found;
	size_t all = 0;

	launch_kernel_mounts_parse(text, &a, &found);
	for (size_t i = 0; i < found.n; i++)
		all += strlen(found.v[i]) + 1;
	assert(all <= text.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hierarchies(str_n(data, size));
	kernel_mounts(str_n(data, size));
	return 0;
}
