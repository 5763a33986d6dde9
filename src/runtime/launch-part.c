/* launch-part: steps of more than one part, and sources. See launch-part.h. */
#include "runtime/launch-part.h"

void launch_steps_init(struct launch_steps *s, struct arena *a, const char *bundle)
{
	*s = (struct launch_steps){ .a = a, .bundle = bundle, .state_slot = -1 };
	plan_init(&s->plan);
}

void launch_steps_done(struct launch_steps *s)
{
	plan_done(&s->plan);
	vec_done(&s->sources);
}

int steps_source(struct launch_steps *s, struct launch_source source)
{
	vec_push(&s->sources, source);
	return plan_passed(&s->plan);
}

const char *steps_host_path(struct launch_steps *s, const char *path)
{
	return path[0] == '/' ? path : arena_fmt(s->a, "%s/%s", s->bundle, path).p;
}

int steps_hooks(struct launch_steps *s, const struct oci_hooks *hooks, const char *about, bool has_state, struct err *e)
{
	if (hooks->n && !has_state)
		return err_set(e, -EINVAL, "%s: the caller gives no state", about);
	if (hooks->n && s->state_slot < 0)
		s->state_slot = steps_source(s, (struct launch_source){ .kind = SOURCE_STATE, .about = about });
	for (size_t i = 0; i < hooks->n; i++) {
		const struct oci_hook *h = &hooks->v[i];
		const char *what = arena_fmt(s->a, "%s[%zu]", about, i).p;
		size_t n = 0;
		const char **texts = arena_array(s->a, const char *, 3 + (h->args.n > h->env.n ? h->args.n : h->env.n));

		texts[n++] = what;
		for (size_t k = 0; k < h->env.n; k++)
			texts[n++] = h->env.v[k];
		plan_add(&s->plan, (struct plan_step){ .kind = PLAN_ENV, .slot = -1 }, texts, n, STR_NONE);
		n = 1;
		texts[n++] = h->path;
		if (!h->args.n)
			texts[n++] = h->path;
		for (size_t k = 0; k < h->args.n; k++)
			texts[n++] = h->args.v[k];
		plan_add(&s->plan,
			 (struct plan_step){ .kind = PLAN_HOOK,
					     .slot = s->state_slot,
					     .arg = { h->timeout.set ? (uint64_t)h->timeout.v : 0 } },
			 texts, n, STR_NONE);
	}
	return 0;
}
