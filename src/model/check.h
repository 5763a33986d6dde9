/* check: what was asked of a host's configuration, and what the answer is. */
#ifndef MODEL_CHECK_H
#define MODEL_CHECK_H

#include "base/mem.h"
#include "model/advisory.h"

enum check_result {
	CHECK_PASS,
	CHECK_FAIL,
	CHECK_UNKNOWN, /* not assessed: what it would have looked at could not be read */
	CHECK_NONE,    /* does not apply: what it is about is not here */
	CHECK_RESULTS,
};
const char *check_result_name(enum check_result r); /* "pass", "fail", "not-assessed", "not-applicable" */

struct check {
	struct str id;	     /* stable: "kernel.INIT_ON_ALLOC_DEFAULT_ON" */
	const char *section; /* "kernel", "mounts", ... */
	unsigned int level;  /* 1: every host; 2: where more isolation is worth what it costs */
	enum check_result result;
	struct str title;    /* what should be so */
	struct str evidence; /* what is so */
	const char *why;     /* the reason for asking */
	struct str fix;	     /* how to make it so */
	bool ignored;	     /* by the ignore file */
	struct str ignore_reason;
};

struct audit {
	struct arena arena; /* owns the strs */
	VEC(struct check) checks;
	struct str target, kernel; /* what was looked at; release of its kernel, "" unknown */
};
void audit_done(struct audit *a);

/* How a failed check weighs beside findings: level 1 medium, level 2 low. */
enum severity check_severity(const struct check *c);

struct check_counts {
	size_t result[CHECK_RESULTS]; /* without ignored ones */
	size_t ignored;
};
/* Of one section, NULL: of all; of level `level` and below. */
struct check_counts check_count(const struct audit *a, const char *section, unsigned int level);

#endif
