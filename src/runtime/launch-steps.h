/* launch-steps: the steps of a plan (runtime/plan.h), from a configuration. */
#ifndef RUNTIME_LAUNCH_STEPS_H
#define RUNTIME_LAUNCH_STEPS_H

#include "runtime/launch-part.h"

int launch_steps_create(const struct launch *l, struct launch_steps *ret, struct err *e) must_check;
int launch_steps_exec(const struct launch_exec *x, struct launch_steps *ret, struct err *e) must_check;

#endif
