/* profiles: those of AppArmor, from the verified root into the kernel before anything else runs. See node.h and
 * docs/node.md. */
#include <fcntl.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/init/init.h"
#include "node/init/node.h"
#include "node/layout.h"

#define APPARMOR "/sys/kernel/security/apparmor"
#define PROFILE_BYTES_MAX (1u << 20)
#define LIST_BYTES_MAX (64u << 10)

/* The agent has none: with no_new_privs nothing that it starts could leave it again, and pods' containers are to. */
static const char *const of_fence[] = {
	[FENCE_SERVICE] = "yagura-service",
	[FENCE_AGENT] = NULL,
	[FENCE_NET] = "yagura-net",
	[FENCE_AUDIT] = "yagura-audit",
};

/* The kernel takes a profile whole or not at all (apparmorfs.c, policy_update()). */
static int load(const char *name, struct err *e)
{
	auto_close int to = fd_open(AT_FDCWD, APPARMOR "/.load", O_WRONLY);
	auto_buf struct buf bytes = { 0 };
	char path[PATH_BYTES_MAX];
	int r;

	if (to < 0)
		return err_errno(e, to, APPARMOR "/.load");
	snprintf(path, sizeof(path), NODE_PROFILES "/%s", name);
	r = file_read(AT_FDCWD, path, PROFILE_BYTES_MAX, &bytes, e);
	if (r < 0)
		return r;
	r = fd_write(to, bytes.p, bytes.n);
	return r < 0 ? err_errno(e, r, "%s: the kernel does not take it", path) : 0;
}

/* In the kernel's own list: "NAME (enforce)", a line each. */
static int read_back(const char *name, struct err *e)
{
	auto_buf struct buf list = { 0 };
	int r = file_read(AT_FDCWD, APPARMOR "/profiles", LIST_BYTES_MAX, &list, e);
	struct str rest, line, mode;

	if (r < 0)
		return r;
	rest = buf_all(&list);
	while (str_cut(&rest, '\n', &line))
		if (str_split(line, ' ', &line, &mode) && str_is(line, name) && str_is(mode, "(enforce)"))
			return 0;
	return err_set(e, -EIO, "the kernel does not have %s to be enforced", name);
}

static int load_one(const char *name, struct err *e)
{
	int r = load(name, e);

	return r < 0 ? r : read_back(name, e);
}

int profiles_load(struct err *e)
{
	int r = load_one(NODE_PROFILE_POD, e);

	for (size_t i = 0; i < ARRAY_LEN(of_fence) && r == 0; i++)
		r = of_fence[i] ? load_one(of_fence[i], e) : 0;
	return r < 0 ? err_wrap(e, r, "AppArmor") : 0;
}

int profile_enter(enum fence_profile p, struct err *e)
{
	char text[64];

	if (!of_fence[p])
		return 0;
	snprintf(text, sizeof(text), "exec %s", of_fence[p]);
	return knob_write("/proc/self/attr/apparmor/exec", text, e);
}
