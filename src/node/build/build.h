/* build: a node image out of its specification (docs/node-build.md): kernel, verified root, command line, signed
 * manifest, disk image, UKI, and what tells where each byte comes from.
 *
 * Everything but the two signatures follows from the inputs that lock.json names by digest: the same inputs give the
 * same bytes, in any directory, at any time. Ed25519 has no choice left either; the UKI's signature has the time in it,
 * so a build that is to be compared takes over the signature of the first (`uki_signature`). */
#ifndef NODE_BUILD_BUILD_H
#define NODE_BUILD_BUILD_H

#include "base/digest.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/path.h"
#include "model/check.h"
#include "node/spec.h"
#include "node/stored.h"

#define BUILD_FILE_MAX (512ull << 20) /* bytes of one file of the root */
#define BUILD_CMDLINE_MAX 2047	      /* bytes: COMMAND_LINE_SIZE of x86 less the NUL */
#define BUILD_FILES_MAX 100000u	      /* files of the root */
#define BUILD_SLOT_MIN (64ull << 20)  /* bytes of a slot: room for images to come */
#define BUILD_SLOT_FACTOR 4u	      /* a slot is so many times today's root */

struct node_build_options {
	const char *spec;	      /* file */
	const char *out;	      /* directory, made when absent */
	const char *cache;	      /* directory in which kernels are kept */
	const char *key;	      /* Ed25519 private key, PEM; NULL: own_key() */
	const char *sb_key, *sb_cert; /* of Secure Boot, PEM; NULL: the UKI is not signed */
	const char *lock;	      /* a lock.json that the inputs must be those of; NULL */
	const char *uki_signature;    /* a UKI whose signature is taken over when it fits; NULL */
	/* Where this machine's own key is, made if there is none: not before the specification is known to be good. */
	int (*own_key)(char path[PATH_BYTES_MAX], struct err *e);
	/* Reads a container image: the record but for its layers' root hashes and sizes, in the arena, and an open
	 * EROFS file for each layer (room for STORED_LAYERS_MAX; the caller closes them). */
	int (*image)(const struct spec_image *s, struct arena *a, struct stored *ret, int *ret_fds, struct err *e);
	void (*say)(const char *what);	 /* a step begins; may be NULL */
	const struct progress *progress; /* of what takes long; may be NULL */
};

/* What the build prints, and report.json has. */
struct node_build_report {
	uint64_t kernel_bytes, root_bytes, root_data_bytes, disk_bytes, uki_bytes;
	unsigned int files, elf_files, setuid_files, listening, packages, profiles;
	unsigned int options_y, options_m;
	struct check_counts kernel, together; /* the kernel's options alone; with command line and sysctls */
	char root_hash[DIGEST_TEXT_MAX];
	bool kernel_cached, uki_signed;
};

/* -EBADMSG: the specification; -ENOENT: something that is needed is not installed, said with the package's name.
 * Nothing but whole outputs are ever in `out`. */
int node_build(const struct node_build_options *o, struct node_build_report *ret, struct err *e) must_check;

/* The outputs, for those who compare two builds; NULL at the end. */
extern const char *const node_build_outputs[];

#endif
