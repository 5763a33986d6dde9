/* spec: what a node is built from and runs, as plain structs (docs/formats/node-spec.md).
 *
 * People write YAML; the builder turns it into JSON (codec/yaml.h), and the node's own root carries that JSON, so
 * builder, init and agent read it with this one reader. Its own format: a member that is not known, of another type or
 * out of range is an error that names its path ("services[1].memory: ...").
 *
 * Everything lives in the arena given; a `const char *` is NULL where the member may be left out and was. Addresses are
 * numbers in the machine's own byte order: 10.0.0.1 is 0x0a000001. */
#ifndef NODE_SPEC_H
#define NODE_SPEC_H

#include "base/decode.h"

#define SPEC_VERSION 1
#define SPEC_BYTES_MAX (1u << 20)      /* of the JSON text */
#define SPEC_NAME_MAX 63	       /* bytes of a name: a DNS label */
#define SPEC_INTERFACES_MAX 16	       /* network interfaces */
#define SPEC_SERVERS_MAX 8	       /* name servers of an interface, time servers */
#define SPEC_SYSCTL_MAX 256	       /* sysctls */
#define SPEC_RULES_MAX 256	       /* open ports */
#define SPEC_CLIENTS_MAX 64	       /* certificates of the agent's clients */
#define SPEC_SERVICES_MAX 32	       /* services */
#define SPEC_PACKAGES_MAX 512	       /* packages */
#define SPEC_FILES_MAX 4096	       /* files */
#define SPEC_IMAGES_MAX 128	       /* images */
#define SPEC_PODS_MAX 256	       /* pods */
#define SPEC_WORDS_MAX 256	       /* of a command, of the kernel's command line */
#define SPEC_EPOCH_MAX UINT32_MAX      /* of the downgrade barrier */
#define SPEC_DATA_MAX (16ull << 40)    /* bytes of the data partition */
#define SPEC_DATA_MIN (16ull << 20)    /* an ext4 with a journal, and room */
#define SPEC_SERVICE_MEMORY_MIN 262144 /* bytes: less does not start a program */

enum spec_variant {
	SPEC_VIRTIO, /* a QEMU machine's devices */
	SPEC_CLOUD,  /* and those of clouds and of bare metal */
};
enum spec_proto { SPEC_TCP, SPEC_UDP };

struct spec_subnet {
	uint32_t address; /* as written: the host's own, or the first of the network */
	unsigned int prefix;
};

struct spec_interface {
	const char *interface;
	bool dhcp;		    /* or all of: */
	struct spec_subnet address; /* prefix 1 to 32 */
	uint32_t gateway;	    /* 0: none */
	uint32_t *dns;
	size_t dns_count;
};

struct spec_rule {
	enum spec_proto proto;
	uint32_t port;		 /* 1 to 65535 */
	struct spec_subnet from; /* 0.0.0.0/0: anybody */
};

struct spec_service {
	const char *name;
	struct strings command; /* command.v[0] is absolute */
	uint32_t user;		/* and group */
	uint64_t capabilities;	/* bit N: capability N */
	uint64_t memory_bytes;	/* 0: not limited */
	uint32_t pids;		/* 0: not limited */
	bool network;		/* sees the node's network */
};

struct spec_file {
	const char *path;   /* absolute, normal, on the node */
	const char *source; /* relative to the specification */
	uint32_t mode;	    /* permission bits alone */
};

struct spec_image {
	const char *name;   /* what pods call it */
	const char *source; /* any target of `yagura scan` */
};

struct spec {
	const char *name, *release;
	uint64_t epoch;
	struct {
		int64_t variant; /* enum spec_variant */
		bool sealed;
		struct strings command_line; /* words added to the built-in ones */
	} kernel;
	const char *hostname;
	struct spec_interface *network;
	size_t network_count;
	uint32_t *time;
	size_t time_count;
	struct key_value *sysctl;
	size_t sysctl_count;
	struct spec_rule *firewall;
	size_t firewall_count;
	struct {
		uint32_t vsock;		/* port; 0: does not listen there */
		uint32_t tcp;		/* port; 0: does not listen there */
		struct strings clients; /* PEM certificates that may connect by TCP */
	} agent;
	struct spec_service *services;
	size_t service_count;
	struct strings packages;
	struct spec_file *files;
	size_t file_count;
	struct spec_image *images;
	size_t image_count;
	struct strings
		pods; /* files: in the specification relative to it, on the node absolute (/usr/lib/yagura/pods) */
	uint64_t data_bytes; /* of the data partition in the disk image; 0: what is left, at first boot */
};

/* JSON text in. -EBADMSG with the member's path, -E2BIG past a limit. */
int spec_parse(struct str json, struct arena *a, struct spec *ret, struct err *e) must_check;

/* The same specification as JSON in one form: all members, in the order above, so that equal ones have equal bytes.
 * Appended to *out. spec_parse() gives the same struct back. */
void spec_write(const struct spec *s, struct out *out);
/* The words of these members, in the order of their values. */
extern const struct decode_word spec_protos[], spec_variants[];

/* "10.0.0.1", strictly; "10.0.0.0/8", with the prefix. */
bool spec_ip4(struct str s, uint32_t *ret) must_check;
bool spec_ip4_subnet(struct str s, struct spec_subnet *ret) must_check;
#define SPEC_IP4_TEXT_MAX 20 /* with a prefix */
char *spec_ip4_text(uint32_t address, char text[SPEC_IP4_TEXT_MAX]);

/* [a-z0-9-]{1,63}, no '-' at either end. */
bool spec_name_form(struct str s);

#endif
