/* bundle: the OCI configuration of a container that `yagura run` starts.
 *
 * The caller says what differs from one container to the next; all else is one fixed text: the namespaces, the mounts
 * every Linux program expects (/proc, /dev, /dev/pts, /dev/shm, /dev/mqueue, /sys and the control groups read-only),
 * paths of the kernel's that are masked. What yagura-run's strict default takes away is not asked for here. Document:
 * OCI runtime-spec config.md, config-linux.md. */
#ifndef ENGINE_BUNDLE_H
#define ENGINE_BUNDLE_H

#include "base/fd.h"
#include "engine/user.h"
#include "model/image.h"
#include "runtime/config.h"

#define BUNDLE_IDS 65536u /* ids of a container of its own user namespace */

struct bundle_mount {
	struct str source, target; /* absolute */
	bool read_only;
	const char *type; /* of the file system in a file or block device; NULL: a directory or file as it is */
};

struct bundle_annotation {
	const char *key;
	struct str value;
};

struct bundle {
	const char *hostname;
	const char *netns; /* path; NULL: a new one with nothing in it; "": the host's */
	uint32_t first_id; /* of the host: what root inside is; BUNDLE_IDS of them. 0: ids are the host's */
	struct oci_mappings uids, gids; /* instead of first_id, where a user without rights has been granted ids */
	const char *root;		/* NULL: "rootfs" of the bundle */
	struct texts args, env;
	struct str directory; /* working directory; "" = / */
	const struct user_ids *user;
	const char *apparmor; /* profile that it is held to; NULL: none of its own */
	bool terminal, read_only;
	uint64_t capabilities;			/* asked for: bit N is number N; the node's policy has the last word */
	uint64_t cpu_milli, memory_bytes, pids; /* 0: not said */
	VEC(struct bundle_mount) mounts;
	VEC(struct bundle_annotation) annotations;
};

void bundle_done(struct bundle *b); /* its lists */

struct bundle_place {
	int fd;		  /* the bundle's directory */
	const char *path; /* the same, absolute */
	const char *root; /* of the container's file system */
	struct arena *arena;
};
/* A file of our own in the place of /etc/NAME, read-only. What an image does not have is not made in it. */
int bundle_etc_file(struct bundle *b, const struct bundle_place *place, const char *name, struct str text,
		    struct err *e) must_check;

/* Writes config.json into a directory where there is none yet. */
int bundle_write(int dir_fd, const struct bundle *b, struct err *e) must_check;

#endif
