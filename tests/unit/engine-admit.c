/* May an image run, and what is said of it. */
#include "engine/admit.h"

#include "tap.h"

#define FINDINGS_MAX 3

static const struct {
	const char *name;
	struct admit_policy policy;
	const char *built;
	size_t notes;
	struct finding findings[FINDINGS_MAX]; /* up to the first without an id */
	bool may;
	const char *line;
} rows[] = {
	{ "nothing known",
	  { ADMIT_DENY, SEV_HIGH, false, true },
	  "now",
	  0,
	  { { 0 } },
	  true,
	  "nothing of severity high or worse is known against it: started" },
	{ "nothing known, much not assessed",
	  { ADMIT_WARN, SEV_HIGH, false, false },
	  "now",
	  15,
	  { { 0 } },
	  true,
	  "nothing of severity high or worse is known against it; 15 things could not be assessed: started" },
	{ "which counts",
	  { ADMIT_WARN, SEV_HIGH, false, true },
	  "now",
	  1,
	  { { 0 } },
	  true,
	  "nothing of severity high or worse is known against it; 1 thing could not be assessed: started all the "
	  "same" },
	{ "and is refused",
	  { ADMIT_DENY, SEV_CRITICAL, false, true },
	  "now",
	  1,
	  { { 0 } },
	  false,
	  "nothing of severity critical or worse is known against it; 1 thing could not be assessed: not started" },
	{ "no database",
	  { ADMIT_DENY, SEV_HIGH, false, false },
	  "",
	  3,
	  { { 0 } },
	  true,
	  "there is no vulnerability database (run `yagura db update`), nothing was judged: started" },
	{ "no database, which counts",
	  { ADMIT_DENY, SEV_HIGH, false, true },
	  "",
	  0,
	  { { 0 } },
	  false,
	  "there is no vulnerability database (run `yagura db update`), nothing was judged: not started" },
	{ "the worst is named",
	  { ADMIT_WARN, SEV_HIGH, false, false },
	  "now",
	  0,
	  { { .id = STR("CVE-1"), .severity = SEV_HIGH }, { .id = STR("CVE-2"), .severity = SEV_CRITICAL } },
	  true,
	  "2 vulnerabilities of severity high or worse, the worst CVE-2 (critical): started all the same" },
	{ "below the severity",
	  { ADMIT_DENY, SEV_HIGH, false, false },
	  "now",
	  0,
	  { { .id = STR("CVE-1"), .severity = SEV_MEDIUM } },
	  true,
	  "nothing of severity high or worse is known against it: started" },
	{ "what nobody rated counts",
	  { ADMIT_DENY, SEV_CRITICAL, false, false },
	  "now",
	  2,
	  { { .id = STR("CVE-1"), .severity = SEV_UNKNOWN } },
	  false,
	  "1 vulnerability of severity critical or worse, the worst CVE-1 (unknown); 2 things could not be assessed: "
	  "not started" },
	{ "only what can be repaired",
	  { ADMIT_DENY, SEV_LOW, true, false },
	  "now",
	  0,
	  { { .id = STR("CVE-1"), .severity = SEV_HIGH, .status = FINDING_WONT_FIX } },
	  true,
	  "nothing of severity low or worse is known against it: started" },
	{ "the distribution calls it unimportant",
	  { ADMIT_DENY, SEV_UNKNOWN, false, false },
	  "now",
	  0,
	  { { .id = STR("CVE-1"), .severity = SEV_HIGH, .unimportant = true } },
	  true,
	  "nothing of severity unknown or worse is known against it: started" },
};

TEST(lines)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct inventory inventory = { .notes.n = rows[i].notes }; /* only counted */
		struct verdict v = { .inventory = &inventory, .database_built = str_c(rows[i].built) };
		char line[ADMIT_LINE_MAX];

		for (size_t k = 0; k < FINDINGS_MAX && rows[i].findings[k].id.n; k++)
			vec_push(&v.findings, rows[i].findings[k]);
		row("%s", rows[i].name);
		OK(admit_judge(&rows[i].policy, &v, line) == rows[i].may);
		EQ_Z(line, rows[i].line);
		vec_done(&v.findings);
	}
}
