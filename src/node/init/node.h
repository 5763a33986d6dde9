/* node: the first process of a node (docs/node.md). yagura-init is it where the root has a specification
 * (node/layout.h); otherwise it is that of a light machine (init.h).
 *
 * One process, one loop, no threads. What reads bytes of others (the network, audit records) are services of their own,
 * this program again by another name, without privileges but for what they are about. What fails is said on the console
 * and in NODE_STATE, and the node goes on: only a node that cannot have its mounts, firewall or fences ends, by a
 * panic. */
#ifndef NODE_INIT_NODE_H
#define NODE_INIT_NODE_H

#include <net/if.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/settings.h"
#include "node/spec.h"

#define DETAIL_MAX 200
#define SERVICES_MAX (SPEC_SERVICES_MAX + 3)

/* ---- say.c: a line for people, on the console and in the log ---- */
void say(const char *fmt, ...) printf_like(1, 2);
void say_line(const char *who, struct str line); /* of a service */

/* ---- lock.c: what is done first and once ---- */
struct lock_state {
	char pinned[DETAIL_MAX]; /* LoadPin and the policy of IMA */
	bool ima, ipe;		 /* a policy is loaded; is there and enforces */
	int measured_fd;	 /* says how much IMA has measured; -1: nothing does */
	char lsm[DETAIL_MAX];
	char root_hash[DETAIL_MAX]; /* of the verified root, as the kernel's device mapper has it; "": not verified */
};
void lock_kernel(struct lock_state *ret);
bool lock_measured(const struct lock_state *l, uint64_t *ret); /* IMA's entries until now */
int lock_sysctl(const struct spec *s, struct err *e) must_check;
/* No process may write the disk that the root lies on, or open the data partition as a device, from here on. */
void lock_devices(const char *data_device);

/* ---- mounts.c ---- */
int mounts_early(struct err *e) must_check; /* /proc, /sys, securityfs, /dev, /run, /tmp, cgroups */
int mounts_etc(const struct spec *s, const struct settings *kept, struct err *e) must_check;
int mounts_data(const char *device, struct err *e) must_check; /* NULL: a tmpfs in its place; then what is bound */
void mounts_seal(void);					       /* what has to be writable only until here */
void mounts_end(void);					       /* before the machine goes down */

/* ---- data.c ---- */
enum data_state { DATA_OK, DATA_MADE, DATA_FULL, DATA_MISSING, DATA_SMALL, DATA_DAMAGED, DATA_UNUSABLE };
struct data {
	enum data_state state;
	char device[64], detail[DETAIL_MAX];
	uint64_t size_bytes, free_bytes;
};
void data_find(struct data *d); /* finds, checks, makes; d->device is "" where there is nothing to be mounted */
void data_grow(struct data *d); /* once mounted: to the size of its partition */
void data_look(struct data *d); /* how full it is */
const char *data_state_name(enum data_state s);

/* ---- block.c: an attribute of a disk or a partition, as text and as a number ---- */
bool block_text(const char *name, const char *file, struct buf *ret);
bool block_number(const char *name, const char *file, uint64_t *ret);

/* ---- table.c: the partition's table, when its disk is larger than that says ---- */
void table_grow(const char *partition);

/* ---- firewall.c ---- */
int firewall_load(const struct spec *s, struct err *e) must_check;

/* ---- net.c: the service `net` ---- */
#define NET_SERVERS_MAX 8
enum net_source { NET_NONE, NET_STATIC, NET_DHCP, NET_TIME };
/* What it tells init, one write each. */
struct net_report {
	uint32_t source; /* enum net_source */
	char interface[IFNAMSIZ];
	uint32_t address, prefix, gateway, dns_count, dns[NET_SERVERS_MAX];
	uint32_t server;    /* NET_TIME: whose time */
	int64_t stepped_ns; /* by how much the clock was wrong */
};
/* Its arguments are net_arguments()'s. */
int net_main(char *const *argv);
/* argv for it, NULL-terminated, in the arena: after program and "net" the host name, the time before which it cannot be
 * (seconds since 1970), then a word for each interface and time server. */
const char *const *net_arguments(const struct spec *s, uint64_t not_before, struct arena *a);
bool net_report_sound(const struct net_report *r);

/* ---- auditd.c: the service `audit`, and what init does before there is any ---- */
int auditd_main(void);
int audit_lock(struct err *e) must_check; /* rules, then no more changes of them */

/* ---- fence.c: what a process is held to before it executes; in the child ---- */
enum fence_profile { FENCE_SERVICE, FENCE_AGENT, FENCE_NET, FENCE_AUDIT };
struct fence {
	enum fence_profile profile;
	uint32_t user;
	uint64_t capabilities;
	const char *home; /* writable below; NULL: nothing is */
};
int fence_enter(const struct fence *f, struct err *e) must_check;
/* The filter of a profile; the buffer is given and its number of instructions returned. */
#define FENCE_FILTER_MAX 1024
struct sock_filter;
size_t fence_filter(enum fence_profile p, struct sock_filter *ret);

/* ---- profiles.c: AppArmor ---- */
/* All of them are loaded and enforced, or the node cannot run. */
int profiles_load(struct err *e) must_check;
/* What this process executes next is held to the profile of such a service; in the child, before fence_enter(). */
int profile_enter(enum fence_profile p, struct err *e) must_check;

/* ---- service.c ---- */
enum service_state { SERVICE_WAITING, SERVICE_RUNNING, SERVICE_ENDED };
struct service {
	const char *name;
	const char *const *argv;
	struct fence fence;
	uint64_t memory_bytes;
	uint32_t pids;
	bool network, reports, quiet; /* reports: descriptor 3 is a pipe to us; quiet: not on the console */
	bool last;		      /* when it ends it is not started again: the node goes down */
	enum service_state state;
	pid_t pid;
	int out, report; /* -1: none */
	struct buf line;
	uint64_t since_ms, next_ms;
	unsigned int restarts, backoff_ms;
	int wait_status; /* of the last end */
	struct log *log;
};
void service_start(struct service *s, uint64_t now_ms);
void service_output(struct service *s); /* what it wrote, to the log */
/* True when it was this one's. */
bool service_ended(struct service *s, pid_t pid, int wait_status, uint64_t now_ms);
void service_signal(struct service *s, int signal); /* to all its processes, when it is SIGKILL */
int services_groups(struct err *e) must_check;

/* ---- log.c: two files, neither of which grows beyond LOG_BYTES_MAX by more than a line ---- */
#define LOG_BYTES_MAX (1u << 20)
struct log;
struct log *log_open(const char *name);
void log_line(struct log *l, struct str line); /* what cannot be written is counted, never waited for */
void logs_end(void);			       /* nothing is written any more */
uint64_t log_lost(void);		       /* lines, of all logs */

/* ---- state.c ---- */
struct node {
	struct arena arena;
	struct spec spec; /* with what the settings say instead */
	struct settings settings;
	struct lock_state lock;
	struct data data;
	struct service services[SERVICES_MAX];
	size_t service_count;
	struct net_report net[SPEC_INTERFACES_MAX];
	size_t net_count;
	struct net_report time;
	bool audit_locked, firewall, watchdog;
	char trouble[DETAIL_MAX]; /* what else went wrong at boot */
};
void state_write(const struct node *n);

int node_main(void);

#endif
