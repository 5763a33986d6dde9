/* cgroup-scope: groups that systemd makes. See cgroup.h, systemd.h. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "runtime/cgroup-part.h"
#include "runtime/systemd.h"

static struct systemd_unit unit_of(const struct cgroup *c)
{
	struct str path = str_c(c->path);

	return (struct systemd_unit){ path_base(path_dir(path)), path_base(path), c->rootless, c->oom_group };
}

void cgroup_scope_settle(struct cgroup *c)
{
	if (c->holder <= 0)
		return;
	kill(c->holder, SIGKILL);
	while (waitpid(c->holder, NULL, 0) < 0 && errno == EINTR)
		;
	c->holder = 0;
}

/* A scope is made around processes, and the container's is to be cloned into its groups: a process that does nothing
 * keeps them until then. It dies with us. */
int cgroup_scope_make(struct cgroup *c, struct err *e)
{
	const struct systemd_unit unit = unit_of(c);
	pid_t pid = fork();
	int r;

	if (pid < 0)
		return err_errno(e, -errno, "cgroup: systemd: fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	c->holder = pid;
	r = systemd_start(&unit, pid, e);
	if (r == 0) /* below systemd's own group, which is not always the root */
		r = cgroup_take_place(c, pid, unit.name, e);
	if (r < 0)
		cgroup_scope_settle(c);
	return r;
}

int cgroup_systemd_set(const struct cgroup *c, const struct cgroup_plan *p, struct err *e)
{
	const struct systemd_unit unit = unit_of(c);

	return c->systemd ? systemd_set(&unit, p, e) : 0;
}

int cgroup_systemd_stop(const struct cgroup *c, struct err *e)
{
	const struct systemd_unit unit = unit_of(c);

	return c->systemd ? systemd_stop(&unit, e) : 0;
}
