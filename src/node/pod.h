/* pod: a Kubernetes Pod manifest, the part of it that a node runs.
 *
 * JSON bytes become a struct; YAML is turned into JSON before (codec/yaml.h). What is here is the common subset: what a
 * manifest asks for besides - a member without a row - is an error that names its path, because a limit or a probe that
 * is asked for and passed over would look as if it were there. What can only be asked for in one way here
 * (allowPrivilegeEscalation: false) is accepted in that way.
 *
 * Strings are NUL-terminated and live in the arena; NULL means absent. Documents: Kubernetes API v1 (core/v1 Pod),
 * docs/formats/node-pod.md. */
#ifndef NODE_POD_H
#define NODE_POD_H

#include "base/decode.h"

#define POD_BYTES_MAX (256u << 10) /* of a manifest; Kubernetes' own objects end at 1.5 MiB */
#define POD_NAME_MAX 63		   /* bytes of a pod's, container's, volume's name: a DNS label */
#define POD_CONTAINERS_MAX 32	   /* containers, and as many that run before them */
#define POD_VOLUMES_MAX 64
#define POD_DISK_SIZE_MIN (12u << 20) /* bytes: the least sizeLimit of a volume on disk */
#define POD_PORTS_MAX 64	      /* of one container */
#define POD_ENV_MAX 1024	      /* variables of one container */
#define POD_ANNOTATIONS_MAX 64	      /* and as many labels */
#define POD_GRACE_MAX 600	      /* seconds between TERM and KILL */
#define POD_HOST_ROOT "/data/home"    /* hostPath volumes lie below it and nowhere else */

enum pod_restart { POD_RESTART_ALWAYS, POD_RESTART_ON_FAILURE, POD_RESTART_NEVER };
enum pod_volume_kind { POD_VOLUME_DISK, POD_VOLUME_MEMORY, POD_VOLUME_HOST };

struct pod_port {
	const char *name;
	uint32_t container, host; /* host 0: not published */
	bool udp;
	uint32_t address; /* hostIP, host byte order; 0: any */
};

struct pod_mount {
	const char *volume, *path; /* path: absolute */
	size_t index;		   /* of the pod's volumes */
	bool read_only;
};

/* Of a container or, as default of all of them, of the pod. */
struct pod_security {
	struct opt_u64 user, group;
	struct opt_bool non_root, read_only;
	uint64_t capabilities; /* that are added: bit N is capability N; there are none otherwise */
};

struct pod_container {
	const char *name, *image;
	struct strings command, args; /* instead of the image's Entrypoint and Cmd */
	struct key_value *env;
	size_t env_count;
	const char *directory; /* NULL: the image's */
	struct pod_port *ports;
	size_t port_count;
	struct pod_mount *mounts;
	size_t mount_count;
	uint64_t cpu_milli, memory_bytes, disk_bytes; /* limits; 0: none */
	uint64_t cpu_request_milli, memory_request_bytes;
	struct pod_security security; /* the pod's where it says nothing */
};

struct pod_volume {
	const char *name;
	enum pod_volume_kind kind;
	uint64_t size_bytes; /* 0: none said */
	const char *path;    /* of the host, below POD_HOST_ROOT */
};

struct pod {
	const char *name;
	struct key_value *labels;
	size_t label_count;
	struct key_value *annotations;
	size_t annotation_count;
	struct pod_container *init; /* one after the other, before the others */
	size_t init_count;
	struct pod_container *containers;
	size_t container_count;
	struct pod_volume *volumes;
	size_t volume_count;
	enum pod_restart restart;
	bool host_network;
	const char *hostname; /* the pod's name when it says none */
	uint32_t grace_seconds;
	uint32_t *groups; /* supplementalGroups and fsGroup */
	size_t group_count;
	struct opt_u64 fs_group; /* that owns disk and memory volumes */
};

/* -EBADMSG or -E2BIG with the member's path. */
int pod_parse(struct str json, struct arena *a, struct pod *ret, struct err *e) must_check;

/* A DNS label: a-z, 0-9 and '-' inside, at most POD_NAME_MAX bytes. */
bool pod_name_ok(struct str name) must_check;

#endif
