/* parts: what the files that make up a tier share. See tier.h. */
#ifndef TIER_PARTS_H
#define TIER_PARTS_H

#include "guest/job.h"
#include "runtime/tier/tier.h"

#define ROOT_IMAGE "root.img"
#define LAYER_IMAGE "layer.img"
#define INITRAMFS "initramfs"
#define SKELETON "root" /* the monitor's root: mount points and nothing else */

/* A volume on the host's side; its place in the guest is the plan's volume of the same index. */
struct volume {
	const char *source; /* a directory that is copied, or if writable gets an image; an image or block device */
	bool directory, writable;
};
struct volumes {
	uint64_t make_bytes; /* of an image in an empty directory; 0: none is made */
	struct volume v[TIER_VOLUMES_MAX];
	int held[TIER_VOLUMES_MAX]; /* locks on them: handed to the monitor */
	size_t n, held_count;
};

/* A machine as its kind needs it. Paths are inside the monitor's root. */
struct machine_build {
	const struct tier_request *request;
	struct arena *arena;
	int dir; /* request->dir */
	bool writable;
	uint64_t memory; /* of the guest, bytes */
	struct job job;
	struct volumes volumes;
	uint32_t first_volume; /* its place among the guest's disks: the machine's kind says */
	VEC(struct oci_mount) mounts;
	VEC(const char *) args;
	VEC(const char *) env;
};

/* machine.c */
void machine_arg(struct machine_build *m, const char *fmt, ...) printf_like(2, 3);
/* A mount point of the kind of its source, below the skeleton. Whom the machine runs as has to find its way. */
int machine_point(const struct machine_build *m, const char *target, bool directory, struct err *e) must_check;
void machine_mount(struct machine_build *m, const char *target, const char *type, const char *source,
		   const char *const *options, size_t n); /* texts are borrowed */
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
int image_volume(const struct machine_build *m, const char *directory, const char *name, struct err *e) must_check;

/* The file system of a mount that is a volume; NULL: it is none. */
const char *volume_type(const struct oci_mount *m);
/* What the guest has to write before it ends. */
bool volumes_are_written(const struct oci_config *c);
/* volume.c: each comes into the monitor's root, in the one place where Landlock lets devices be asked things. */
#define VOLUME_NAME "volume%zu"
#define VOLUME_PATH "dev/" VOLUME_NAME
int volumes_build(struct machine_build *m, struct err *e) must_check;
void volumes_release(struct volumes *v);

/* An initramfs with yagura-init and those of the named modules that are not built in, with what they need, in order.
 * modules: a directory with modules.dep. */
int initramfs_write(struct machine_build *m, const char *modules, const char *const *names, size_t n,
		    struct err *e) must_check;

/* The container's configuration as the guest's plan. */
int plan_of_container(const struct tier_request *r, struct arena *a, struct guest_plan *ret,
		      struct volumes *ret_volumes, struct err *e) must_check;
int plan_of_process(const struct oci_process *p, struct str filter, struct arena *a, struct guest_plan *ret,
		    struct err *e) must_check;

#endif
