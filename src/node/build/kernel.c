/* kernel: built from Debian's source with our fragments, once for each set of source, fragments and compiler. See
 * part.h.
 *
 *     CACHE/kernel/DIGEST/   linux (the source), out (objects), fragment, log; bzImage, config: there when it is done
 *
 * DIGEST is of the text that key_text() writes. It also seeds the layout of structures: a secret that has to be the
 * same for who builds again is none anyway, and two kernels of different inputs differ in it. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/num.h"
#include "codec/sha256.h"
#include "node/build/part.h"

#define SOURCE_PACKAGE "linux-source-6.12"
#define SOURCE_FILE "/usr/src/" SOURCE_PACKAGE ".tar.xz"
#define COMPILER_MIN 16 /* kCFI as the fragments ask for it */
#define COMPILER_MAX 40
#define KEY_VERSION 1	  /* of what is done with the inputs */
#define BUILD_MS 14400000 /* four hours */
#define BUILD_STEPS 2500  /* lines that make prints for the base fragments, counted: what its progress is told by */
#define UNPACK_MS 1800000

static int find_source(struct build *b, struct err *e)
{
	const char *const query[] = { "dpkg-query", "-W", "-f", "${Version}", SOURCE_PACKAGE, NULL };
	struct str version, text;
	struct stat st;
	int r;

	if (stat(SOURCE_FILE, &st) < 0)
		return err_set(e, -ENOENT, SOURCE_FILE " is not there: install the package " SOURCE_PACKAGE);
	r = run_tool_text(b, query, &version, e);
	r = r < 0 ? r : build_map(b, SOURCE_FILE, &text, e);
	if (r < 0)
		return r;
	b->kernel.source = SOURCE_FILE;
	b->kernel.version = version.p;
	b->kernel.source_digest = input_add(b, "kernel source", SOURCE_PACKAGE, version.p, text)->digest;
	b->time = (uint64_t)st.st_mtime; /* of the archive as it was packaged */
	return 0;
}

/* The first line of `NAME --version`. */
static int tool_version(struct build *b, const char *name, struct str *ret, struct err *e)
{
	const char *const argv[] = { name, "--version", NULL };
	struct str text;
	int r = run_tool_text(b, argv, &text, e);

	if (r == 0 && str_cut(&text, '\n', ret))
		return 0;
	return r < 0 ? r : err_set(e, -ENOENT, "%s does not tell its version", name);
}

/* The oldest compiler that will do: what the fragments were tried with. */
static int find_compiler(struct build *b, struct str *ret_clang, struct str *ret_lld, const char **ret_names,
			 struct err *e)
{
	for (int v = COMPILER_MIN; v <= COMPILER_MAX; v++) {
		ret_names[0] = arena_fmt(&b->arena, "clang-%d", v).p;
		ret_names[1] = arena_fmt(&b->arena, "ld.lld-%d", v).p;
		b->kernel.llvm = arena_fmt(&b->arena, "-%d", v).p;
		if (tool_version(b, ret_names[0], ret_clang, NULL) == 0 &&
		    tool_version(b, ret_names[1], ret_lld, NULL) == 0)
			return 0;
	}
	return err_set(e, -ENOENT, "no clang-N with ld.lld-N from version %d on: install clang-%d, lld-%d and llvm-%d",
		       COMPILER_MIN, COMPILER_MIN, COMPILER_MIN, COMPILER_MIN);
}

static void add_line(struct buf *key, const char *kind, const char *name, const struct digest *d)
{
	char text[DIGEST_TEXT_MAX];

	buf_fmt(key, "%s %s %s\n", kind, name, digest_text(d, text));
}

static void add_fragments(struct build *b, struct buf *key)
{
	size_t n;
	const struct fragment *all = kernel_fragments(&n);
	struct str fragment = STR("");

	for (size_t i = 0; i < n; i++) {
		struct str options = kconfig_options(all[i].text, &b->arena);
		struct digest d;

		if (all[i].cloud && b->spec.kernel.variant != SPEC_CLOUD)
			continue;
		sha256_of(options, &d);
		add_line(key, "fragment", all[i].name, &d);
		input_add(b, "kernel fragment", all[i].name, YAGURA_VERSION, all[i].text);
		fragment = arena_fmt(&b->arena, STR_FMT STR_FMT, STR_ARG(fragment), STR_ARG(options));
	}
	b->kernel.fragment = fragment;
}

static int make_key(struct build *b, struct err *e)
{
	auto_buf struct buf key;
	const char *names[2];
	struct str clang, lld;
	char text[DIGEST_TEXT_MAX];
	int r = find_compiler(b, &clang, &lld, names, e);

	if (r < 0)
		return r;
	buf_init(&key, 65536);
	buf_fmt(&key, "yagura kernel %d\n", KEY_VERSION);
	buf_fmt(&key, "source " SOURCE_PACKAGE " %s %s\n", b->kernel.version,
		digest_text(&b->kernel.source_digest, text));
	add_fragments(b, &key);
	buf_fmt(&key, "tool %s " STR_FMT "\ntool %s " STR_FMT "\n", names[0], STR_ARG(clang), names[1], STR_ARG(lld));
	sha256_of(buf_all(&key), &b->kernel.key);
	input_add(b, "tool", names[0], clang.p ? arena_str(&b->arena, clang).p : "", clang);
	input_add(b, "tool", names[1], arena_str(&b->arena, lld).p, lld);
	b->kernel.dir = arena_fmt(&b->arena, "%s/kernel/%s", b->o->cache, digest_text(&b->kernel.key, text) + 7).p;
	return 0;
}

/* ---- building ---- */

static int write_at(const char *path, struct str bytes, unsigned int mode, struct err *e)
{
	int r = file_write(AT_FDCWD, path, bytes, false, e);

	return r == 0 && chmod(path, mode) < 0 ? err_errno(e, -errno, "%s", path) : r;
}

/* In place of the one that asks for random bytes. */
static int write_seed(struct build *b, struct err *e)
{
	char hex[DIGEST_TEXT_MAX];
	const char *seed = digest_text(&b->kernel.key, hex) + 7;
	const char *path = arena_fmt(&b->arena, "%s/linux/scripts/gen-randstruct-seed.sh", b->kernel.dir).p;
	struct str script = arena_fmt(&b->arena,
				      "#!/bin/sh\necho \"%s\" >\"$1\"\n"
				      "HASH=$(echo -n \"%s\" | sha256sum | cut -d\" \" -f1)\n"
				      "echo \"#define RANDSTRUCT_HASHED_SEED \\\"$HASH\\\"\" >\"$2\"\n",
				      seed, seed);

	return write_at(path, script, 0755, e);
}

static int unpack(struct build *b, struct err *e)
{
	const char *tree = arena_fmt(&b->arena, "%s/linux", b->kernel.dir).p;
	const char *const rm[] = { "rm", "-rf", "--one-file-system", tree, NULL };
	const char *const tar[] = {
		"tar", "-xf", b->kernel.source, "-C", tree, "--strip-components=1", "--no-same-owner", NULL
	};
	int r = run_tool(b, "kernel.log", rm, UNPACK_MS, e);

	r = r < 0 ? r : dir_make(AT_FDCWD, tree);
	r = r < 0 ? r : run_tool(b, "kernel.log", tar, UNPACK_MS, e);
	return r < 0 ? r : write_seed(b, e);
}

/* "2026-11-14 12:56:01 UTC" */
static const char *build_timestamp(struct build *b)
{
	char text[DATE_TEXT_MAX];

	date_time_text(b->time, text);
	return arena_fmt(&b->arena, "%.10s %.8s UTC", text, text + 11).p;
}

/* `make` in an object directory. */
static int make(struct build *b, const char *out, const char *target, unsigned int timeout_ms, struct err *e)
{
	struct arena *a = &b->arena;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const char *const argv[] = {
		"env",
		arena_fmt(a, "KBUILD_BUILD_TIMESTAMP=%s", build_timestamp(b)).p,
		"KBUILD_BUILD_USER=yagura",
		"KBUILD_BUILD_HOST=node",
		"KBUILD_BUILD_VERSION=1",
		"CCACHE_DISABLE=1", /* it does not see the seed: objects of two layouts would be one kernel */
		"make",
		"-C",
		arena_fmt(a, "%s/linux", b->kernel.dir).p,
		arena_fmt(a, "O=%s", out).p,
		arena_fmt(a, "LLVM=%s", b->kernel.llvm).p,
		arena_fmt(a, "KCONFIG_ALLCONFIG=%s/fragment", out).p,
		arena_fmt(a, "-j%ld", cpus > 0 ? cpus : 1).p,
		target,
		NULL,
	};

	return run_tool_steps(b, "kernel.log", argv, timeout_ms, &(struct tool_steps){ STR("kernel"), BUILD_STEPS }, e);
}

/* Options are dropped without a word where they do not exist or something that they need is not there. */
static int configure(struct build *b, const char *out, struct str fragment, struct str *ret_config, struct err *e)
{
	auto_buf struct buf config = { 0 };
	struct str missing;
	size_t n;
	int r = dir_make(AT_FDCWD, out);

	r = r < 0 ? err_errno(e, r, "%s", out) : 0;
	r = r < 0 ? r : write_at(arena_fmt(&b->arena, "%s/fragment", out).p, fragment, 0644, e);
	r = r < 0 ? r : make(b, out, "allnoconfig", BUILD_MS, e);
	r = r < 0 ? r : file_read(AT_FDCWD, arena_fmt(&b->arena, "%s/.config", out).p, BUILD_FILE_MAX, &config, e);
	if (r < 0)
		return r;
	n = kconfig_not_taken(fragment, buf_all(&config), &b->arena, &missing);
	if (n)
		return err_set(e, -EBADMSG, "%zu options of the kernel were not taken: " STR_FMT, n, STR_ARG(missing));
	*ret_config = arena_str(&b->arena, buf_all(&config));
	return 0;
}

static int copy(struct build *b, const char *from, const char *to, struct err *e)
{
	struct str bytes;
	int r = build_map(b, from, &bytes, e);

	return r < 0 ? r : file_write(AT_FDCWD, to, bytes, true, e);
}

static int build_it(struct build *b, struct err *e)
{
	const char *out = arena_fmt(&b->arena, "%s/out", b->kernel.dir).p;
	struct str config;
	int r;

	say(b, "unpacking the kernel's source");
	r = unpack(b, e);
	r = r < 0 ? r : configure(b, out, b->kernel.fragment, &config, e);
	if (r < 0)
		return r;
	say(b, "building the kernel: some thirty minutes of one processor");
	r = make(b, out, "bzImage", BUILD_MS, e);
	r = r < 0 ? r : file_write(AT_FDCWD, arena_fmt(&b->arena, "%s/config", b->kernel.dir).p, config, true, e);
	return r < 0 ? r : copy(b, arena_fmt(&b->arena, "%s/arch/x86/boot/bzImage", out).p, b->kernel.image, e);
}

/* Another build may be under way. */
static int lock_kernel(struct build *b, int *ret, struct err *e)
{
	auto_close int lock =
		open(arena_fmt(&b->arena, "%s/lock", b->kernel.dir).p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_errno(e, -errno, "%s", b->kernel.dir);
	*ret = take_fd(&lock);
	return 0;
}

static int from_cache(struct build *b, struct err *e)
{
	auto_close int lock = -1;
	int r = dir_make(AT_FDCWD, b->kernel.dir);

	r = r < 0 ? err_errno(e, r, "%s", b->kernel.dir) : lock_kernel(b, &lock, e);
	if (r < 0)
		return r;
	b->report->kernel_cached = access(b->kernel.image, R_OK) == 0;
	return b->report->kernel_cached ? 0 : build_it(b, e);
}

int build_kernel(struct build *b, struct err *e)
{
	int r = find_source(b, e);

	r = r < 0 ? r : make_key(b, e);
	if (r < 0)
		return r;
	b->kernel.image = arena_fmt(&b->arena, "%s/bzImage", b->kernel.dir).p;
	r = from_cache(b, e);
	if (r < 0)
		return err_wrap(e, r, "kernel");
	return build_map(b, arena_fmt(&b->arena, "%s/config", b->kernel.dir).p, &b->kernel.config, e);
}

/* ---- sealed: the command line and the policy are part of the kernel ---- */

/* Documentation/admin-guide/LSM/ipe.rst: what the root hash does not vouch for is not executed. */
static struct str policy_text(struct build *b)
{
	char hex[DIGEST_TEXT_MAX];

	return arena_fmt(&b->arena,
			 "policy_name=node policy_version=0.0.1\nDEFAULT action=ALLOW\nDEFAULT op=EXECUTE action=DENY\n"
			 "op=EXECUTE dmverity_roothash=%s action=ALLOW\n",
			 digest_text(&b->root.hash, hex));
}

/* In a string of Kconfig's, quotes and backslashes are escaped. */
static struct str kconfig_string(struct build *b, const char *z)
{
	auto_buf struct buf text;

	buf_init(&text, 2 * BUILD_CMDLINE_MAX);
	for (; *z; z++) {
		if (*z == '"' || *z == '\\')
			buf_char(&text, '\\');
		buf_char(&text, *z);
	}
	return arena_str(&b->arena, buf_all(&text));
}

/* In the objects of the kernel it is made from: little is compiled again, most of it is linking. */
static int seal_it(struct build *b, struct err *e)
{
	const char *out = arena_fmt(&b->arena, "%s/out", b->kernel.dir).p;
	const char *policy = arena_fmt(&b->arena, "%s/ipe.pol", out).p;
	struct str line = kconfig_string(b, b->cmdline);
	struct str fragment = arena_fmt(&b->arena,
					STR_FMT "CONFIG_CMDLINE_BOOL=y\nCONFIG_CMDLINE=\"" STR_FMT
						/* Below the objects: a path of this machine would be in `config`. */
						"\"\nCONFIG_CMDLINE_OVERRIDE=y\nCONFIG_IPE_BOOT_POLICY=\"ipe.pol\"\n",
					STR_ARG(b->kernel.fragment), STR_ARG(line));
	int r = file_write(AT_FDCWD, policy, policy_text(b), false, e);

	r = r < 0 ? r : configure(b, out, fragment, &b->kernel.config, e);
	r = r < 0 ? r : make(b, out, "bzImage", BUILD_MS, e);
	b->kernel.image = part_path(b, "sealed-kernel");
	return r < 0 ? r : copy(b, arena_fmt(&b->arena, "%s/arch/x86/boot/bzImage", out).p, b->kernel.image, e);
}

int build_seal(struct build *b, struct err *e)
{
	auto_close int lock = -1;
	int r;

	if (!b->spec.kernel.sealed)
		return 0;
	say(b, "sealing the kernel");
	r = lock_kernel(b, &lock, e);
	r = r < 0 ? r : seal_it(b, e);
	return r < 0 ? err_wrap(e, r, "kernel") : 0;
}
