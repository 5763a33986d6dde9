/* admit: may an image run? See admit.h. */
#include "engine/admit.h"

static bool counts(const struct admit_policy *p, const struct finding *f)
{
	if (p->fixed_only && f->status != FINDING_FIXED)
		return false;
	return !f->unimportant && (f->severity == SEV_UNKNOWN || f->severity >= p->severity);
}

static size_t count(const struct admit_policy *p, const struct verdict *v, const struct finding **ret_worst)
{
	size_t n = 0;

	*ret_worst = NULL;
	for (size_t i = 0; i < v->findings.n; i++) {
		const struct finding *f = &v->findings.v[i];

		if (!counts(p, f))
			continue;
		n++;
		if (!*ret_worst || f->severity > (*ret_worst)->severity)
			*ret_worst = f;
	}
	return n;
}

bool admit_judge(const struct admit_policy *p, const struct verdict *v, char line[ADMIT_LINE_MAX])
{
	static const char *const words[] = {
		[ADMIT_WARN] = "started all the same", [ADMIT_DENY] = "not started", [ADMIT_OFF] = ""
	};
	const struct finding *worst;
	size_t n = count(p, v, &worst), unknown = p->unassessed ? v->inventory->notes.n : 0;
	bool bad = n || unknown || (p->unassessed && !v->database_built.n);

	if (!bad) {
		snprintf(line, ADMIT_LINE_MAX,
			 v->database_built.n ? "nothing of severity %s or worse is known against it: started"
					     : "there is no vulnerability database, nothing was judged: started",
			 severity_name(p->severity));
		return true;
	}
	if (worst)
		snprintf(line, ADMIT_LINE_MAX, "%zu %s of severity %s or worse, the worst " STR_FMT " (%s): %s", n,
			 n == 1 ? "vulnerability" : "vulnerabilities", severity_name(p->severity),
			 STR_ARG(str_head(worst->id, 64)), severity_name(worst->severity), words[p->action]);
	else
		snprintf(line, ADMIT_LINE_MAX, "not everything could be assessed: %s", words[p->action]);
	return p->action != ADMIT_DENY;
}
