/* container: what becomes of a configuration before it is used: the node's policy, the limits that result, strict
 * defaults. See container.h. */
#include "runtime/container-part.h"
#include "runtime/limits.h"
#include "runtime/policy.h"
#include "runtime/strict.h"

static bool memory_is_v2(const struct cgroup_host *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->h[i].v2 && h->h[i].controllers & (1u << CG_MEMORY))
			return true;
	return false;
}

int container_limits(struct container *c, struct limits *ret, struct err *e)
{
	struct limit_policy rows[LIMITS] = { 0 };
	auto_policy struct policy policy = { 0 };
	struct policy_selector subject = policy_subject(c->rt->name, &c->config);
	int r = policy_load(POLICY_DIR, &c->arena, &policy, e);

	if (r >= 0)
		r = container_tier(c, policy_tier(&policy, &subject), e);
	if (r < 0)
		return r;
	policy_limits(&policy, &subject, rows);
	return limits_resolve(&c->config, rows, c->state.compat, ret, e);
}

int container_limit(struct container *c, struct err *e)
{
	int r = runtime_host(c->rt, e);

	if (r >= 0)
		r = container_limits(c, &c->limits, e);
	if (r >= 0 && c->rt->manager == MANAGER_DISABLED)
		r = limits_without_groups(&c->limits, e);
	return r < 0 ? r : limits_to_config(&c->limits, memory_is_v2(&c->rt->host), &c->arena, &c->config, e);
}

int container_strict(struct container *c, struct err *e)
{
	/* a layer of limited size takes what is written */
	const struct strict_wish wish = { .writable_root = limit_is_set(&c->limits, LIMIT_DISK_SIZE) };

	if (c->state.compat)
		return 0;
	return strict_apply(&c->config, &c->arena, &wish, &c->strict, e);
}

void container_strict_process(struct container *c, struct oci_process *p)
{
	const struct strict_wish wish = { 0 };

	if (!c->state.compat)
		strict_process(p, &c->arena, &wish);
}
