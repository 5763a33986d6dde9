/* container: what becomes of a configuration before it is used: the node's policy, the tier and the limits that
 * result, strict defaults, the filter. See container.h. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/capability.h"
#include "base/num.h"
#include "runtime/container-part.h"
#include "runtime/enforce.h"
#include "runtime/limits.h"
#include "runtime/policy.h"
#include "runtime/strict.h"

#define TIER_ANNOTATION "yagura.tier"

static bool memory_is_v2(const struct cgroup_host *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->h[i].v2 && h->h[i].controllers & (1u << CG_MEMORY))
			return true;
	return false;
}

enum policy_tier runtime_tier(const char *argv0)
{
	return tier_of_program(argv0);
}

/* From the name of the program, its annotation and the policy: the strongest; into its state. */
static int choose_tier(struct container *c, enum policy_tier policy, struct err *e)
{
	const char *asked = oci_annotation(&c->config, TIER_ANNOTATION);
	enum policy_tier tier = c->rt->tier > policy ? c->rt->tier : policy, also = TIER_NS;

	if (asked && !tier_of_name(str_c(asked), &also))
		return err_set(e, -EINVAL, "annotation " TIER_ANNOTATION ": \"%s\" is none of: ns, uml, vm", asked);
	tier = also > tier ? also : tier; /* whoever asks can only make it stronger */
	if (tier <= TIER_NS && oci_annotation(&c->config, TIER_VOLUME_SIZE))
		return err_set(e, -ENOTSUP, "annotation " TIER_VOLUME_SIZE ": it is of the tiers uml and vm");
	if (tier <= TIER_NS)
		return 0;
	c->state.tier = tier_name(tier);
	if (c->rt->rootless)
		return err_set(e, -ENOTSUP, "tier %s needs the rights of root", c->state.tier);
	return 0;
}

/* What a strict container may keep is the policy's to say; an annotation can only take of it. */
static int grant(struct container *c, const struct policy *policy, const struct policy_selector *subject, struct err *e)
{
	const char *words = oci_annotation(&c->config, "yagura.strict.capabilities");
	const char *root = oci_annotation(&c->config, "yagura.strict.writable-root");
	struct enforce_granted g = { policy_capabilities(policy, subject),
				     policy_choice(policy, subject, POLICY_WRITABLE_ROOT) == 2 };
	uint64_t asked = g.capabilities;

	if (words && !policy_capability_words(str_c(words), &asked))
		return err_set(e, -EBADMSG, "annotation yagura.strict.capabilities: \"%s\" names no capabilities",
			       words);
	if (asked & ~g.capabilities)
		return err_set(e, -EPERM, "annotation yagura.strict.capabilities: the policy does not grant CAP_%s",
			       capability_name((unsigned int)__builtin_ctzll(asked & ~g.capabilities)));
	if (root && strcmp(root, "yes") != 0 && strcmp(root, "no") != 0)
		return err_set(e, -EBADMSG, "annotation yagura.strict.writable-root: \"%s\" is neither yes nor no",
			       root);
	if (root && !strcmp(root, "yes") && !g.writable_root)
		return err_set(e, -EPERM, "annotation yagura.strict.writable-root: the policy does not grant it");
	c->granted = (struct enforce_granted){ asked, g.writable_root && (!root || !strcmp(root, "yes")) };
	return 0;
}

int container_limits(struct container *c, struct limits *ret, struct err *e)
{
	struct limit_policy rows[LIMITS] = { 0 };
	auto_policy struct policy policy = { 0 };
	struct policy_selector subject = policy_subject(c->rt->name, &c->config);
	int r = policy_load(POLICY_DIR, &c->arena, &policy, e);

	if (r >= 0)
		r = choose_tier(c, policy_tier(&policy, &subject), e);
	if (r >= 0 && !c->state.compat)
		r = grant(c, &policy, &subject, e);
	if (r < 0)
		return r;
	policy_limits(&policy, &subject, rows);
	r = limits_resolve(&c->config, rows, c->state.compat, ret, e);
	return r < 0 ? r : limits_of_log(ret, c->rt->log_kept, e);
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

/* A share of a CPU is quota and period together: the half that is not asked for is the one in force. */
static void complete_cpu(const struct cgroup *g, struct oci_resources *over)
{
	char text[CGROUP_VALUE_MAX], period_text[CGROUP_VALUE_MAX];
	struct str quota, period;
	uint64_t v;
	bool v2 = false;

	if (!over->cpu.quota.v == !over->cpu.period.v || cgroup_dir(g, CG_CPU, &v2) < 0 ||
	    cgroup_read(g, CG_CPU, v2 ? "cpu.max" : "cpu.cfs_quota_us", text) < 0 ||
	    (!v2 && cgroup_read(g, CG_CPU, "cpu.cfs_period_us", period_text) < 0))
		return;
	quota = str_trim(str_c(text));
	period = v2 ? STR_NONE : str_trim(str_c(period_text));
	if (v2)
		(void)str_split(quota, ' ', &quota, &period);
	if (!over->cpu.period.v && num_u64(period, 10, &v))
		over->cpu.period = (struct opt_u64){ true, v };
	if (!over->cpu.quota.v)
		over->cpu.quota = (struct opt_i64){ true, num_u64(quota, 10, &v) && v <= INT64_MAX ? (int64_t)v : -1 };
}

int container_limit_update(struct container *c, struct oci_resources *over, struct limits *ret, struct err *e)
{
	const struct oci_config config = { .annotations = c->state.annotations,
					   .annotation_count = c->state.annotation_count };
	const struct oci_config none = { 0 };
	struct limit_policy rows[LIMITS] = { 0 };
	auto_policy struct policy policy = { 0 };
	struct policy_selector subject = policy_subject(c->rt->name, &config);
	int r = policy_load(POLICY_DIR, &c->arena, &policy, e);

	if (r < 0)
		return r;
	policy_limits(&policy, &subject, rows);
	enforce_limits(c->dir_fd, &c->limits, &c->granted);
	complete_cpu(&c->cgroup, over);
	return limits_update(c->state.compat ? &none : &config, rows, &c->limits, memory_is_v2(&c->rt->host), &c->arena,
			     over, ret, e);
}

static struct strict_wish wish_of(const struct container *c)
{
	return (struct strict_wish){ .capabilities = c->granted.capabilities,
				     /* a layer of limited size takes what is written */
				     .writable_root =
					     c->granted.writable_root || limit_is_set(&c->limits, LIMIT_DISK_SIZE) };
}

int container_strict(struct container *c, struct err *e)
{
	const struct strict_wish wish = wish_of(c);

	if (c->state.compat)
		return 0;
	return strict_apply(&c->config, &c->arena, &wish, &c->strict, e);
}

void container_strict_process(struct container *c, struct oci_process *p)
{
	const struct strict_wish wish = wish_of(c);

	if (!c->state.compat)
		strict_process(p, &c->arena, &wish);
}

int container_config(struct container *c, struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct oci_warnings none = { .compat = c->state.compat };
	int r;

	if (c->has_config)
		return 0;
	r = file_read(c->dir_fd, CONTAINER_CONFIG, CONFIG_BYTES_MAX, &text, e);
	if (r >= 0)
		r = oci_config_parse(buf_all(&text), &c->arena, &c->config, &none, e);
	vec_done(&none.lines);
	enforce_limits(c->dir_fd, &c->limits, &c->granted); /* strict asks whether there is a layer */
	if (r >= 0)
		r = container_strict(c, e);
	c->has_config = r >= 0;
	return r < 0 ? err_wrap(e, r, "container \"%s\"", c->state.id) : 0;
}

int container_seccomp(struct container *c, struct seccomp_program *ret, struct err *e)
{
	auto_close int cache = fd_open(c->rt->root_fd, CONTAINER_CACHE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	if (c->state.compat && !c->config.seccomp.set) {
		*ret = (struct seccomp_program){ 0 };
		return 0;
	}
	if (cache == -ENOENT && mkdirat(c->rt->root_fd, CONTAINER_CACHE, 0700) == 0)
		cache = fd_open(c->rt->root_fd, CONTAINER_CACHE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	return seccomp_compile(&c->config.seccomp, c->state.compat ? SECCOMP_AS_GIVEN : SECCOMP_STRICT, cache, ret, e);
}
