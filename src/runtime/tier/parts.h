/* parts: what the files that make up a tier share. See tier.h. */
#ifndef TIER_PARTS_H
#define TIER_PARTS_H

#include "guest/job.h"
#include "runtime/tier/tier.h"

#define ROOT_IMAGE "root.img"
#define LAYER_IMAGE "layer.img"
#define INITRAMFS "initramfs"
#define SKELETON "root" /* the monitor's root: mount points and nothing else */

/* A machine as its kind needs it. Paths are inside the monitor's root. */
struct machine_build {
	const struct tier_request *request;
	struct arena *arena;
	int dir; /* request->dir */
	bool writable;
	uint64_t memory; /* of the guest, bytes */
	struct job job;
	VEC(struct oci_mount) mounts;
	VEC(const char *) args;
	VEC(const char *) env;
};
void machine_arg(struct machine_build *m, const char *fmt, ...) printf_like(2, 3);
/* A file of the host's that is there under `target` in the monitor's root. */
int machine_bind(struct machine_build *m, const char *source, const char *target, bool writable,
		 struct err *e) must_check;
/* A program and the libraries it needs, under their own names but for `target`. */
int machine_program(struct machine_build *m, const char *path, const char *target, struct err *e) must_check;
/* A file that is installed with yagura-run, or lies beside it in a build directory: its path in the arena. */
int machine_own(struct machine_build *m, const char *name, const char **ret, struct err *e) must_check;

/* What is not the container's: kernel, monitor, emulator, and what they keep for each of its processes. */
struct machine_costs {
	uint64_t memory; /* bytes */
	uint32_t pids;
	bool pid_per_process; /* each process of the guest is one of the host's */
	uint64_t memory_min;  /* of the guest: below it does not boot */
};
extern const struct machine_costs uml_costs, vm_costs;
int uml_build(struct machine_build *m, struct err *e) must_check;
int vm_build(struct machine_build *m, struct err *e) must_check;

/* Images, made by the distribution's programs. */
int image_root(const struct machine_build *m, struct err *e) must_check;
int image_layer(const struct machine_build *m, uint64_t bytes, struct err *e) must_check;

/* An initramfs with yagura-init and those of the named modules that are not built in, with what they need, in order.
 * modules: a directory with modules.dep. */
int initramfs_write(struct machine_build *m, const char *modules, const char *const *names, size_t n,
		    struct err *e) must_check;

/* The container's configuration as the guest's plan. */
int plan_of_container(const struct tier_request *r, struct arena *a, struct guest_plan *ret, struct err *e) must_check;
int plan_of_process(const struct oci_process *p, struct str filter, struct arena *a, struct guest_plan *ret,
		    struct err *e) must_check;

#endif
