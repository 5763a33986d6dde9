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

/* CVSS 4.0 section 8. A vector belongs to a MacroVector of equivalence classes, which has a score; from that goes off
 * how far the vector lies below the worst of its class, as a part of what the next lower class would cost, on average
 * over the classes. With base metrics alone the threat class (EQ5) is its worst, and the requirements (EQ6) follow from
 * EQ3. */
enum { V4_METRICS = 11 };

static const struct {
	const char *metric, *levels; /* from severe to harmless */
	size_t class;
} v4_metrics[V4_METRICS] = {
	{ "AV", "NALP", 0 }, { "PR", "NLH", 0 }, { "UI", "NPA", 0 }, { "AC", "LH", 1 },
	{ "AT", "NP", 1 },   { "VC", "HLN", 2 }, { "VI", "HLN", 2 }, { "VA", "HLN", 2 },
	{ "SC", "HLN", 3 },  { "SI", "HLN", 3 }, { "SA", "HLN", 3 },
};
enum { V4_AV, V4_PR, V4_UI, V4_AC, V4_AT, V4_VC, V4_VI, V4_VA, V4_SC, V4_SI, V4_SA };

/* Section 8.3, in tenths: by EQ1 and EQ2, for EQ3 = 0, 1, 2 each with SC, SI or SA high and with none. */
static const uint8_t v4_score[3][2][3][2] = {
	{ { { 100, 93 }, { 93, 88 }, { 79, 69 } }, { { 95, 92 }, { 92, 84 }, { 71, 63 } } },
	{ { { 94, 87 }, { 86, 72 }, { 65, 53 } }, { { 90, 77 }, { 74, 61 }, { 58, 23 } } },
	{ { { 86, 70 }, { 72, 53 }, { 47, 24 } }, { { 73, 54 }, { 61, 46 }, { 24, 10 } } },
};
/* The next lower class of EQ3 and EQ6 together; for EQ3 = 2 there is none. */
static const uint8_t v4_lower[3][2][2][2] = {
	{ { { 96, 90 }, { 92, 80 } }, { { 92, 84 }, { 82, 70 } } },
	{ { { 89, 75 }, { 76, 57 } }, { { 77, 66 }, { 59, 52 } } },
	{ { { 74, 54 }, { 57, 36 } }, { { 61, 46 }, { 51, 18 } } },
};
/* Section 8.2: how deep a class is, and the levels of its worst vectors together. */
static const struct {
	int depth, worst;
} v4_class[4][3] = {
	{ { 1, 0 }, { 4, 1 }, { 5, 3 } },
	{ { 1, 0 }, { 2, 1 }, { 1, 0 } },
	{ { 7, 0 }, { 8, 1 }, { 10, 3 } },
	{ { 5, 0 }, { 4, 3 }, { 1, 0 } }, /* EQ4 without safety: from its second class */
};
#define V4_DEPTHS 280 /* what every depth divides */
#define V4_NO_LOWER (-1)

static void v4_classes(const int level[V4_METRICS], size_t ret[4])
{
	int best = (level[V4_AV] == 0) + (level[V4_PR] == 0) + (level[V4_UI] == 0);

	ret[0] = best == 3 ? 0 : best && level[V4_AV] < 3 ? 1 : 2;
	ret[1] = level[V4_AC] || level[V4_AT];
	ret[2] = !level[V4_VC] && !level[V4_VI] ? 0 : !level[V4_VC] || !level[V4_VI] || !level[V4_VA] ? 1 : 2;
	ret[3] = level[V4_SC] && level[V4_SI] && level[V4_SA];
}

static bool score_v4(struct str vector, double *ret)
{
	int level[V4_METRICS], distance[4] = { 0 }, off = 0, classes = 1 /* EQ5, which never costs anything */,
			       impact = 0;
	size_t eq[4];

	for (size_t i = 0; i < V4_METRICS; i++) {
		char c = metric(vector, v4_metrics[i].metric);
		const char *at = c ? strchr(v4_metrics[i].levels, c) : NULL;

		if (!at)
			return false;
		level[i] = (int)(at - v4_metrics[i].levels);
		distance[v4_metrics[i].class] += level[i];
		impact += i >= V4_VC && level[i] < 2;
	}
	v4_classes(level, eq);
	const uint8_t(*row)[2] = v4_score[eq[0]][eq[1]];
	const int score = row[eq[2]][eq[3]];
	const int lower[4] = {
		eq[0] < 2 ? v4_score[eq[0] + 1][eq[1]][eq[2]][eq[3]] : V4_NO_LOWER,
		eq[1] < 1 ? v4_score[eq[0]][eq[1] + 1][eq[2]][eq[3]] : V4_NO_LOWER,
		eq[2] < 2 ? v4_lower[eq[0]][eq[1]][eq[2]][eq[3]] : V4_NO_LOWER,
		eq[3] < 1 ? row[eq[2]][eq[3] + 1] : V4_NO_LOWER,
	};
	for (size_t i = 0; i < 4; i++) {
		if (lower[i] == V4_NO_LOWER)
			continue;
		classes++;
		off += (score - lower[i]) * (distance[i] - v4_class[i][eq[i]].worst) *
		       (V4_DEPTHS / v4_class[i][eq[i]].depth);
	}
	/* Half up, in whole numbers: score - off / (classes * V4_DEPTHS). */
	int unit = classes * V4_DEPTHS, exact = score * unit - off;

	*ret = impact ? (double)((2 * exact + unit) / (2 * unit)) / 10 : 0;
	return true;
}

bool cvss_score(struct str vector, double *ret)
{
	if (vector.n > CVSS_VECTOR_BYTES_MAX)
		return false;
	if (str_starts(vector, STR("CVSS:3.")))
		return score_v3(vector, ret);
	if (str_starts(vector, STR("CVSS:4.0/")))
		return score_v4(vector, ret);
	if (str_starts(vector, STR("CVSS:2.0/")) || str_starts(vector, STR("AV:")))
		return score_v2(vector, ret);
	return false;
}
