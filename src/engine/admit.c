/* admit: may an image run? See admit.h. */
#include "engine/admit.h"

#include "base/buf.h"

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

/* What is known: findings that count, or that there are none. */
static void say_known(const struct admit_policy *p, const struct verdict *v, const struct finding *worst, size_t n,
		      struct buf *line)
{
	const char *severity = severity_name(p->severity);

	if (!v->database_built.n)
		buf_fmt(line, "there is no vulnerability database (run `yagura db update`), nothing was judged");
	else if (!worst)
		buf_fmt(line, "nothing of severity %s or worse is known against it", severity);
	else
		buf_fmt(line, "%zu %s of severity %s or worse, the worst " STR_FMT " (%s)", n,
			n == 1 ? "vulnerability" : "vulnerabilities", severity, STR_ARG(str_head(worst->id, 64)),
			severity_name(worst->severity));
}

bool admit_judge(const struct admit_policy *p, const struct verdict *v, char line[ADMIT_LINE_MAX])
{
	static const char *const words[] = {
		[ADMIT_WARN] = "started all the same", [ADMIT_DENY] = "not started", [ADMIT_OFF] = ""
	};
	const struct finding *worst;
	size_t n = count(p, v, &worst), unassessed = v->inventory->notes.n;
	bool bad = n || (p->unassessed && (unassessed || !v->database_built.n));
	struct buf text;

	buf_init(&text, ADMIT_LINE_MAX);
	say_known(p, v, worst, n, &text);
	if (unassessed && v->database_built.n)
		buf_fmt(&text, "; %zu %s not be assessed", unassessed,
			unassessed == 1 ? "thing could" : "things could");
	buf_fmt(&text, ": %s", bad ? words[p->action] : "started");
	snprintf(line, ADMIT_LINE_MAX, STR_FMT, STR_ARG(buf_all(&text)));
	buf_done(&text);
	return !bad || p->action != ADMIT_DENY;
}
