/* hooks: programs that the configuration names for points in a container's life (runtime-spec config.md,
 * "POSIX-platform Hooks"), those that run in the runtime's own namespaces.
 *
 * A hook gets the container's state as JSON on its standard input and exactly the environment its entry lists (R17:
 * nothing of ours, nothing of the container's). Its output is kept for the message when it fails. */
#ifndef RUNTIME_HOOKS_H
#define RUNTIME_HOOKS_H

#include "runtime/config.h"

#define HOOK_OUTPUT_MAX 4096 /* bytes of a hook's output that are looked at; more is read and dropped */

/* All hooks of one kind in order, in the directory `bundle_fd`. The first that fails ends it, unless `go_on` (then
 * the first failure is in *e, and the others have run: poststop). */
int hooks_run(const struct oci_hooks *hooks, const char *kind, struct str state, int bundle_fd, bool go_on,
	      struct err *e) must_check;

#endif
