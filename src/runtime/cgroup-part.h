/* cgroup-part: what the files of runtime/cgroup share among themselves. */
#ifndef RUNTIME_CGROUP_PART_H
#define RUNTIME_CGROUP_PART_H

#include "runtime/cgroup.h"

/* As a C string; false, and nothing copied, when it does not fit. */
bool cgroup_copy(char *to, size_t size, struct str s);

/* A file of one group: without the white space at its end; cut (never an error) at CGROUP_VALUE_MAX - 1 bytes. */
int cgroup_file_read(int dir, const char *file, char ret[CGROUP_VALUE_MAX]) must_check;
/* One write(2), as these files want it. */
int cgroup_file_write(int dir, const char *file, const char *value) must_check;

/* A wait that grows from a tenth of a millisecond to ten, until a point in time. */
struct deadline {
	uint64_t end_ns;
	uint64_t step_ns;
};
struct deadline deadline_in(unsigned int ms);
bool deadline_wait(struct deadline *d); /* false when the time is over */

/* /proc/PID/cgroup, 0: our own. */
int cgroup_of_process(pid_t pid, struct buf *ret, struct err *e) must_check;
/* The path in one hierarchy, from its lines "4:memory:/a/b" and "0::/a/b". */
bool cgroup_path_in(struct str text, const struct cgroup_hierarchy *h, struct str *ret) must_check;

/* With systemd (cgroup-scope.c): the scope is there, c->path is its place, c->holder keeps it. */
int cgroup_scope_make(struct cgroup *c, struct err *e) must_check;
/* The place of the group `name` that a process is in, in whatever hierarchy, becomes c->path. */
int cgroup_take_place(struct cgroup *c, pid_t pid, struct str name, struct err *e) must_check;

/* Device rules (cgroup-device.c): the whole list, and whether the kernel has it. */
int cgroup_devices_apply(const struct cgroup *c, const struct oci_device_rule *rules, size_t n,
			 struct err *e) must_check;

#endif
