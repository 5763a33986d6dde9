/* container: limits changed while it is there. See container.h. */
#include "runtime/container-part.h"
#include "runtime/enforce.h"

int container_update(struct container *c, const struct oci_resources *over, struct err *e)
{
	struct oci_resources bounded = *over;
	struct limits newer = { 0 };
	enum status s = container_status(c);
	int r;

	if (s == STATUS_STOPPED || s == STATUS_CREATING)
		return err_set(e, -EINVAL, "container not running: it is %s", status_name(s));
	r = container_cgroup(c, e);
	if (r >= 0 && !c->has_cgroup)
		r = err_set(e, -ENOTSUP, "container \"%s\" has no cgroup of its own: it has no limits to change",
			    c->state.id);
	if (r >= 0 && c->state.tier && (over->memory.limit.set || over->pids.set))
		r = err_set(e, -ENOTSUP, "tier %s: memory and processes are the machine's, of a size for all its life",
			    c->state.tier);
	if (r >= 0)
		r = container_limit_update(c, &bounded, &newer, e);
	return r < 0 ? r : enforce_update(&c->cgroup, c->dir_fd, &bounded, &newer, &c->arena, e);
}
