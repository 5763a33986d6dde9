/* part: what the files of node/build share. Nobody else includes this. */
#ifndef NODE_BUILD_PART_H
#define NODE_BUILD_PART_H

#include "node/build/build.h"
#include "node/gpt.h"

/* An input, for lock.json. */
struct input {
	const char *kind, *name, *version; /* version may be "" */
	struct digest digest;
	uint64_t size;
};

/* Where a file of the root comes from. */
struct origin {
	const char *kind;	/* "yagura", "specification", "package", "image" */
	const char *name;	/* program, package, path */
	const char *version;	/* "" unknown */
	const char *maintainer; /* of a package, "" else */
	const char *archive;	/* how the package was vouched for, "" else */
};

struct root_file {
	struct str path; /* normal */
	uint32_t mode;	 /* permission bits; of a directory too */
	bool directory;
	struct str link; /* of a symbolic link, p is NULL else */
	struct str bytes;
	struct origin origin;
	struct digest digest; /* of a file */
	bool elf;
};

struct node_package {
	const char *name, *version, *arch, *maintainer;
};

struct output {
	struct digest digest;
	uint64_t size;
};

struct build {
	const struct node_build_options *o;
	struct node_build_report *report;
	struct arena arena;
	VEC(struct mapping) mappings;
	struct spec spec;
	const char *spec_dir;
	char key[PATH_BYTES_MAX]; /* what the manifest is signed with */
	const char *part;	  /* directory of the outputs that are not yet in place, absolute */
	int part_fd;
	uint64_t time; /* of everything that has a time: when the kernel's source was packaged */
	VEC(struct input) inputs;
	VEC(struct root_file) files;
	VEC(struct node_package) packages;
	struct {
		const char *dir;     /* in the cache: linux, out, fragment, bzImage, config */
		const char *image;   /* bzImage of this node */
		const char *version; /* of the source package */
		const char *source;  /* the tar archive */
		const char *llvm;    /* "-16", or "1" */
		struct digest source_digest;
		struct str fragment; /* all options asked for, a line each */
		struct str config;   /* the options it was built with */
		struct digest key;
	} kernel;
	struct {
		struct digest hash, salt;
		uint64_t data_bytes;  /* of the file system: the tree lies right behind it */
		struct output image;  /* root.img */
		struct gpt_uuid uuid; /* of a slot that holds it: the first 128 bits of the hash */
		const char *uuid_text;
	} root;
	struct output kernel_file, uki;
	const char *cmdline;
};

static inline void say(const struct build *b, const char *what)
{
	if (b->o->say)
		b->o->say(what);
}

/* ---- parts ---- */
int build_spec(struct build *b, struct err *e) must_check;     /* spec.c: reads, checks, adds spec.json and pods */
int build_kernel(struct build *b, struct err *e) must_check;   /* kernel.c: from the cache, or made */
int build_seal(struct build *b, struct err *e) must_check;     /* kernel.c: command line and policy compiled in */
int build_programs(struct build *b, struct err *e) must_check; /* root.c: our own files */
int build_profiles(struct build *b, struct err *e) must_check; /* profiles.c: of AppArmor, compiled */
int build_packages(struct build *b, struct err *e) must_check; /* packages.c */
int build_images(struct build *b, struct err *e) must_check;   /* images.c */
int build_root(struct build *b, struct err *e) must_check;     /* root.c: root.img, root hash */
int build_cmdline(struct build *b, struct err *e) must_check;  /* cmdline.c */
int build_uki(struct build *b, struct err *e) must_check;      /* uki.c */
int build_disk(struct build *b, struct err *e) must_check;     /* disk.c */
int build_texts(struct build *b, struct err *e) must_check;    /* texts.c: SBOM, provenance, lock, report */
int build_sign(struct build *b, struct err *e) must_check;     /* build.c: manifest.json, manifest.sig */

/* ---- helpers, part.c ---- */
struct input *input_add(struct build *b, const char *kind, const char *name, const char *version, struct str bytes);
/* A file that stays mapped until the build ends. */
int build_map(struct build *b, const char *path, struct str *ret, struct err *e) must_check;
/* A file or directory of the root; parents are made. -EEXIST when there is another. */
int root_put(struct build *b, const struct root_file *f, struct err *e) must_check;
/* Runs a program; what it prints goes to the log NAME.log below `part`, and its last line into the error. `env` are
 * words for env(1). stdin is nothing. */
int run_tool(struct build *b, const char *log, const char *const *argv, unsigned int timeout_ms,
	     struct err *e) must_check;
/* The same for one that takes long and prints a line for each step. `about`: how many there will be. */
struct tool_steps {
	struct str what;
	uint64_t about;
};
int run_tool_steps(struct build *b, const char *log, const char *const *argv, unsigned int timeout_ms,
		   const struct tool_steps *steps, struct err *e) must_check;
/* The same with its standard output as text in the arena, trimmed. */
int run_tool_text(struct build *b, const char *const *argv, struct str *ret, struct err *e) must_check;
const char *part_path(struct build *b, const char *name); /* "PART/NAME" */
int part_write(struct build *b, const char *name, struct str bytes, struct err *e) must_check;
int part_digest(struct build *b, const char *name, struct output *ret, struct err *e) must_check;

/* uki.c, a table of its own: a PE image with sections added (docs/node-build.md). */
struct pe_section {
	const char *name; /* at most 8 bytes */
	struct str bytes;
};
int pe_add_sections(struct str stub, const struct pe_section *sections, size_t n, struct buf *ret,
		    struct err *e) must_check;

/* A fragment's lines that the configuration does not have, written to *ret as "CONFIG_X=y (is not set), ..."; how many.
 */
size_t kconfig_not_taken(struct str fragment, struct str config, struct arena *a, struct str *ret);
/* Only the lines that are options. */
struct str kconfig_options(struct str text, struct arena *a);

struct fragment {
	const char *name;
	struct str text;
	bool cloud; /* for that variant alone */
};
extern const struct fragment *kernel_fragments(size_t *ret_n);

#endif
