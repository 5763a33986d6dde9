/* stage 2: a domain of Landlock, whose rights were computed outside (runtime/landlock.h). */
#include "runtime/stage2/stage2.h"

#include <linux/landlock.h>

/* Those a rule on something that is no directory may name. */
#define FILE_RIGHTS                                                                                  \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | \
	 1ull << 14 /* truncate */ | 1ull << 15 /* ioctl of devices */)

static long domain = -1;

long step_landlock(const struct plan_step *s)
{
	/* struct landlock_ruleset_attr as of version 6; an older kernel takes it when what it does not know is 0 */
	const uint64_t handled[3] = { s->arg[0], s->arg[1], s->arg[2] };

	domain = sys(__NR_landlock_create_ruleset, handled, sizeof(handled), 0);
	return fail(domain, "landlock_create_ruleset");
}

long step_landlock_path(const struct plan_step *s)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = s->arg[0] };
	struct statx st;
	long fd = inside_open(plan_text(s, 1), O_PATH), r;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	r = fd < 0 ? fd : fd_stat(fd, &st);
	if (r < 0)
		return fail(r, "open");
	if ((st.stx_mode & S_IFMT) != S_IFDIR)
		rule.allowed_access &= FILE_RIGHTS;
	rule.parent_fd = (int)fd;
	if (rule.allowed_access)
		r = sys(__NR_landlock_add_rule, domain, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	sys(__NR_close, fd);
	return fail(r, "landlock_add_rule");
}

long step_landlock_enter(const struct plan_step *s unused_arg)
{
	return fail(sys(__NR_landlock_restrict_self, domain, 0), "landlock_restrict_self");
}
