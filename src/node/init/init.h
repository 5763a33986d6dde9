/* init: yagura-init as the first process of a light virtual machine (User-Mode Linux or QEMU; node.h: of a node).
 *
 * It is the only program in the initramfs. It mounts what a system needs, loads the modules that lie beside it, puts
 * the root together from block devices, and then does what the host asks for over one channel (guest/frame.h): runs the
 * container's process in namespaces of its own, further ones beside it, passes on their streams and ends, and powers
 * off.
 *
 * The kernel's command line tells it where things are (words of the form name=value become init's environment):
 *     yagura_channel=ttyS0 | virtio    yagura_disk=ubd | vd    yagura_layer=no (the second disk is not the writable
 * layer) yagura_probe=1 (says that it runs, and powers off) Failures go to the console as one line "yagura-init: ..."
 * and power the machine off. */
#ifndef NODE_INIT_H
#define NODE_INIT_H

#include <sys/types.h>

#include "guest/frame.h"
#include "guest/plan.h"

#define CONTAINER_ROOT "/container"
#define CONTAINER_CGROUP "/sys/fs/cgroup/container"

/* boot.c */
int knob_write(const char *path, const char *value, struct err *e); /* a file of /proc or of a cgroup */
int boot_mounts(struct err *e) must_check;
int boot_loopback(struct err *e) must_check; /* where ports are connected to */
/* Every *.ko there, or *.ko.xz and the like, in the order of names; then no more. */
int boot_modules(const char *dir, struct err *e) must_check;
int boot_channel(const char *name, struct err *e) must_check; /* a descriptor, raw */
/* A read-only image below, a writable file system above it if there is one (`layer`), at CONTAINER_ROOT. */
int boot_root(const char *disk, bool layer, struct err *e) must_check;
/* A volume at VOLUMES/INDEX; and what it holds written to its disk, before the machine is switched off. */
#define VOLUMES "/volumes"
int boot_volume(const struct plan_volume *v, size_t index, struct err *e) must_check;
void boot_volumes_end(size_t n);

/* A process started for the host. */
struct started {
	pid_t pid;
	int in, out, err; /* our ends, non-blocking; with a terminal `in` and `out` are the same master, err is -1 */
	int hold;	  /* the terminal kept open, so that its master never reports that nobody is there; else -1 */
};

/* container.c: what the first process does before it becomes the container's program. In the child. */
struct container_sources {
	int pts;      /* our devpts, as a detached mount */
	int console;  /* the terminal, likewise; -1: none */
	int null;     /* /dev/null, likewise */
	int *files;   /* plan->files, likewise */
	int *volumes; /* plan->volumes, likewise */
};
int container_sources(const struct guest_plan *p, int terminal, struct container_sources *ret,
		      struct err *e) must_check; /* before the clone */
void container_sources_close(struct container_sources *s, const struct guest_plan *p);
int container_enter(const struct guest_plan *p, const struct container_sources *s, struct err *e) must_check;

/* process.c. `container` is a pidfd of the container's first process, or -1 to start that one. */
int process_start(const struct guest_plan *p, int container, struct started *ret, struct err *e) must_check;

/* group.c: the container's own limits, and what it has used. */
int group_make(const struct guest_plan *p, struct err *e) must_check;
/* While it runs: written, and read back. 0: as it is. */
int group_limit(uint64_t memory, uint64_t pids, struct err *e) must_check;
uint64_t group_oom_kills(void); /* of the whole machine, since its start */
void group_figures(uint64_t oom_before, struct guest_figures *ret);

/* datagrams.c: to the container's ports from the host's clients, and back. What finds no place is dropped. */
struct datagrams {
	struct datagram_client {
		int fd; /* -1: it never sent anything */
		uint8_t head[DATAGRAM_HEAD];
	} c[GUEST_CLIENTS_MAX];
	unsigned int next; /* whose turn it is */
};
void datagrams_init(struct datagrams *d);
void datagrams_in(struct datagrams *d, const struct frame *f);
void datagrams_out(struct datagrams *d, unsigned int number, struct buf *out); /* one, if there is one */

/* serve.c: the host's wishes until it says STOP or the channel ends. */
int serve(int channel, struct err *e) must_check;

#endif
