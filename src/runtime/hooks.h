/* hooks: programs that the configuration names for points in a container's life (runtime-spec config.md,
 * "POSIX-platform Hooks"), those that run in the runtime's own namespaces.
 *
 * A hook gets the container's state as JSON on its standard input and exactly the environment its entry lists (R17:
 * nothing of ours, nothing of the container's; `inherit`: one that lists none has ours, as with runc and crun). Its
 * output is kept for the message when it fails. */
#ifndef RUNTIME_HOOKS_H
#define RUNTIME_HOOKS_H

#include "runtime/config.h"

#define HOOK_OUTPUT_MAX 4096 /* bytes of a hook's output that are looked at; more is read and dropped */

struct hooks_how {
	const char *kind;
	struct str state;
	int bundle_fd; /* the directory they run in */
	bool go_on;    /* after one that fails: poststop */
	bool inherit;
};

/* All hooks of one kind in order. The first that fails ends it, unless `go_on` (then the first failure is in *e, and
 * the others have run). */
int hooks_run(const struct oci_hooks *hooks, const struct hooks_how *how, struct err *e) must_check;

#endif
