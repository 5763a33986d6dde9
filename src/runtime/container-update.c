/* container: limits changed while it is there. See container.h. */
#include "base/num.h"
#include "runtime/container-part.h"
#include "runtime/enforce.h"

/* As the kernel has it: 0 where there is none. */
static uint64_t memory_limit(const struct cgroup *g)
{
	char text[CGROUP_VALUE_MAX];
	bool v2 = false;
	uint64_t v;

	if (cgroup_dir(g, CG_MEMORY, &v2) < 0 ||
	    cgroup_read(g, CG_MEMORY, v2 ? "memory.max" : "memory.limit_in_bytes", text) < 0 ||
	    !num_u64(str_trim(str_c(text)), 10, &v) || v > INT64_MAX / 2)
		return 0;
	return v;
}

/* Memory and processes are the guest's, everything else is the host's. */
static int update_machine(struct container *c, enum status s, struct oci_resources *over, struct limits *newer,
			  struct err *e)
{
	struct tier_inside inside = { 0 };
	struct opt_i64 memory = over->memory.limit;
	const struct oci_resources none = { 0 };
	struct oci_resources bounded = *over;
	enum policy_tier tier;
	int r;

	if (over->memory.reservation.set || over->memory.kernel.set || over->memory.kernel_tcp.set ||
	    over->memory.swappiness.set || (over->memory.swap.set && !memory.set))
		return err_set(e, -ENOTSUP, "tier %s: of memory only the limit can be changed", c->state.tier);
	if ((over->memory.limit.set || over->pids.set) && s != STATUS_RUNNING)
		return err_set(e, -EBUSY, "tier %s: memory and processes can be changed while it runs: it is %s",
			       c->state.tier, status_name(s));
	bounded.memory = none.memory; /* never more than it was made with */
	r = container_limit_update(c, &bounded, newer, e);
	bounded.memory.limit = memory;
	if (r >= 0)
		r = tier_of_name(str_c(c->state.tier), &tier) ? 0 : -EINVAL;
	if (r >= 0)
		r = tier_update(tier, c->state.pid, memory_limit(&c->cgroup), &bounded, &inside, e);
	if (r >= 0)
		r = enforce_record_inside(c->dir_fd, inside.memory_bytes, inside.pids, e);
	*over = bounded;
	return r;
}

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
	if (r >= 0 && c->state.tier)
		r = update_machine(c, s, &bounded, &newer, e);
	else if (r >= 0)
		r = container_limit_update(c, &bounded, &newer, e);
	return r < 0 ? r : enforce_update(&c->cgroup, c->dir_fd, &bounded, &newer, &c->arena, e);
}
