/* landlock: what a strict container may reach in its own tree. See landlock.h. */
#include "runtime/landlock.h"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights newer than Debian 12's header. */
#define FS_REFER (1ull << 13)	  /* 2 */
#define FS_TRUNCATE (1ull << 14)  /* 3 */
#define FS_IOCTL_DEV (1ull << 15) /* 5 */
#define FS_FIRST ((1ull << 13) - 1)
#define SCOPE_ABSTRACT_UNIX 1ull /* 6 */

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE)
#define CHANGE (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define DEVICES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)
#define WRITE ((FS_FIRST & ~DEVICES & ~READ) | FS_REFER | FS_TRUNCATE)

int landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version < 0 ? 0 : (int)version;
}

static uint64_t rights_of(int version)
{
	return FS_FIRST | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
	       (version >= 5 ? FS_IOCTL_DEV : 0);
}

static bool option(const struct oci_mount *m, const char *name)
{
	for (size_t i = 0; i < m->options.n; i++) {
		if (str_is(str_c(m->options.v[i]), name))
			return true;
	}
	return false;
}

/* Files that are there always: terminals, null, a process's own entries. */
static const struct landlock_rule fixed[] = {
	{ "/dev", CHANGE | FS_IOCTL_DEV },
	{ "/proc", CHANGE },
};

void landlock_rules(const struct oci_config *c, int version, struct arena *a, struct landlock *ret)
{
	struct landlock_rule *rules = arena_array(a, struct landlock_rule, 1 + ARRAY_LEN(fixed) + c->mount_count);
	uint64_t known = rights_of(version);
	size_t n = 0;

	rules[n++] = (struct landlock_rule){ "/", READ | (c->root_readonly ? 0 : WRITE) };
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		rules[n++] = fixed[i];
	for (size_t i = 0; i < c->mount_count; i++) {
		const struct oci_mount *m = &c->mounts[i];

		if (!option(m, "ro") && !option(m, "rro"))
			rules[n++] = (struct landlock_rule){ m->destination, WRITE };
	}
	for (size_t i = 0; i < n; i++)
		rules[i].rights &= known;
	*ret = (struct landlock){
		.fs = known,
		.scoped = version >= 6 && !c->namespaces[NS_NETWORK].set ? SCOPE_ABSTRACT_UNIX : 0,
		.rules = rules,
		.n = n,
	};
}
