/* checks: what `audit` and `scan host` share: this host held to the baseline, and the exceptions somebody granted. */
#ifndef CMD_CHECKS_H
#define CMD_CHECKS_H

#include "model/check.h"

#define CHECKS_LEVEL_MAX 2

/* What is looked at. */
enum checks_of { CHECKS_KERNEL, CHECKS_HOST, CHECKS_NODE };

int checks_run(enum checks_of what, struct audit *a, struct err *e) must_check;
/* The exceptions of a file, "" for none; those past their day are told on stderr. */
int checks_forgive(struct str path, struct audit *a, struct err *e) must_check;
/* Whether that file is one, before any work. */
int checks_forgivable(struct str path, struct err *e) must_check;

#endif
