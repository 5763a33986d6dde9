/* cvss: base scores. See cvss.h. */
#include "vuln/feed/cvss.h"

#include <math.h>

/* The value of a metric, 0 when it is not there. Each occurs once in a valid vector; the first one counts. */
static char metric(struct str vector, const char *name)
{
	struct str key = str_c(name), part;

	for (struct str rest = vector; str_cut(&rest, '/', &part);)
		if (part.n == key.n + 2 && part.p[key.n] == ':' && str_starts(part, key))
			return part.p[key.n + 1];
	return 0;
}

struct weight {
	const char *metric, *letters;
	double value[4];
};

static bool weigh(struct str vector, const struct weight *w, double *ret)
{
	char c = metric(vector, w->metric);
	const char *at = c ? strchr(w->letters, c) : NULL;

	if (!at)
		return false;
	*ret = w->value[at - w->letters];
	return true;
}

/* CVSS 3.1 appendix A: the smallest number of one decimal that is not less, free of floating point's own error. */
static double round_up(double x)
{
	int64_t scaled = (int64_t)llround(x * 100000);

	return scaled % 10000 == 0 ? (double)scaled / 100000 : (floor((double)scaled / 10000) + 1) / 10;
}

/* CVSS 3.1 section 7.4 */
static const struct weight v3_av = { "AV", "NALP", { 0.85, 0.62, 0.55, 0.2 } };
static const struct weight v3_ac = { "AC", "LH", { 0.77, 0.44 } };
static const struct weight v3_pr = { "PR", "NLH", { 0.85, 0.62, 0.27 } };
static const struct weight v3_pr_changed = { "PR", "NLH", { 0.85, 0.68, 0.5 } };
static const struct weight v3_ui = { "UI", "NR", { 0.85, 0.62 } };
static const struct weight v3_cia[] = {
	{ "C", "HLN", { 0.56, 0.22, 0 } },
	{ "I", "HLN", { 0.56, 0.22, 0 } },
	{ "A", "HLN", { 0.56, 0.22, 0 } },
};

/* CVSS 3.1 section 7.1. 3.0 has the same formula and differs only in rounding, by the error 3.1 repairs. */
static bool score_v3(struct str vector, double *ret)
{
	double av, ac, pr, ui, c, i, a;
	char scope = metric(vector, "S");
	bool changed = scope == 'C';

	if ((scope != 'C' && scope != 'U') || !weigh(vector, &v3_av, &av) || !weigh(vector, &v3_ac, &ac) ||
	    !weigh(vector, changed ? &v3_pr_changed : &v3_pr, &pr) || !weigh(vector, &v3_ui, &ui) ||
	    !weigh(vector, &v3_cia[0], &c) || !weigh(vector, &v3_cia[1], &i) || !weigh(vector, &v3_cia[2], &a))
		return false;
	double iss = 1 - (1 - c) * (1 - i) * (1 - a);
	double impact = changed ? 7.52 * (iss - 0.029) - 3.25 * pow(iss - 0.02, 15) : 6.42 * iss;
	double exploitability = 8.22 * av * ac * pr * ui;
	double sum = changed ? 1.08 * (impact + exploitability) : impact + exploitability;

	*ret = impact <= 0 ? 0 : round_up(fmin(sum, 10));
	return true;
}

/* CVSS 2.0 guide section 3.2.1 */
static const struct weight v2_weights[] = {
	{ "AV", "LAN", { 0.395, 0.646, 1.0 } }, { "AC", "HML", { 0.35, 0.61, 0.71 } },
	{ "Au", "MSN", { 0.45, 0.56, 0.704 } }, { "C", "NPC", { 0, 0.275, 0.660 } },
	{ "I", "NPC", { 0, 0.275, 0.660 } },	{ "A", "NPC", { 0, 0.275, 0.660 } },
};

static bool score_v2(struct str vector, double *ret)
{
	double w[ARRAY_LEN(v2_weights)];

	for (size_t i = 0; i < ARRAY_LEN(w); i++)
		if (!weigh(vector, &v2_weights[i], &w[i]))
			return false;
	double impact = 10.41 * (1 - (1 - w[3]) * (1 - w[4]) * (1 - w[5]));
	double exploitability = 20 * w[0] * w[1] * w[2];
	double base = (0.6 * impact + 0.4 * exploitability - 1.5) * (impact > 0 ? 1.176 : 0);

	*ret = (double)llround(base * 10) / 10;
	return true;
}

bool cvss_score(struct str vector, double *ret)
{
	if (vector.n > CVSS_VECTOR_BYTES_MAX)
		return false;
	if (str_starts(vector, STR("CVSS:3.")))
		return score_v3(vector, ret);
	if (str_starts(vector, STR("CVSS:2.0/")) || str_starts(vector, STR("AV:")))
		return score_v2(vector, ret);
	return false;
}
