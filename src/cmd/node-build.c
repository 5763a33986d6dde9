/* node-build: `yagura node build`. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/path.h"
#include "base/remove.h"
#include "cmd/cmd.h"
#include "cmd/node-key.h"
#include "cmd/node.h"
#include "cmd/progress.h"
#include "cmd/target.h"
#include "node/build/build.h"
#include "sandbox/run.h"
#include "scan/cache.h"
#include "scan/store.h"

static struct str arg_output, arg_key, arg_sb_key, arg_sb_cert, arg_lock;
static bool arg_verify, arg_verify_kernel;

const struct option node_build_options[] = {
	{ "output", 'o', OPTION_TEXT, &arg_output, "DIR", "Where the image goes; made when absent. Needed.", NULL },
	{ "key", 0, OPTION_TEXT, &arg_key, "FILE",
	  "Ed25519 key (PEM) that signs the manifest. Default: one made once, in ~/.config/yagura.", NULL },
	{ "sb-key", 0, OPTION_TEXT, &arg_sb_key, "FILE", "Key (PEM) that signs the UKI for Secure Boot.", NULL },
	{ "sb-cert", 0, OPTION_TEXT, &arg_sb_cert, "FILE", "Its certificate (PEM).", NULL },
	{ "lock", 0, OPTION_TEXT, &arg_lock, "FILE", "A lock.json of before: an input that differs is an error.",
	  NULL },
	{ "verify", 0, OPTION_FLAG, &arg_verify, NULL,
	  "Build again and compare every output; the kernel comes from the cache both times.", NULL },
	{ "verify-kernel", 0, OPTION_FLAG, &arg_verify_kernel, NULL,
	  "The same, and the kernel is compiled once more: half an hour, 1.5 GB in DIR.", NULL },
	{ NULL },
};

/* ---- places ---- */

static int cache_path(char path[PATH_BYTES_MAX], struct err *e)
{
	struct cache c = { 0 };
	char link[64];
	ssize_t n;
	int r = cache_open(&c, arg_z(arg_cache), e);

	if (r < 0)
		return r;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", c.dir_fd);
	n = readlink(link, path, PATH_BYTES_MAX - 1);
	cache_close(&c);
	if (n < 0)
		return err_errno(e, -errno, "cache");
	path[n] = 0;
	return 0;
}

/* ---- images of the specification ---- */

static int take_image(struct scan *scan, const struct spec_image *s, struct arena *a, struct stored *ret, int *ret_fds,
		      struct err *e)
{
	size_t n = scan->image.info.layers.n;
	struct progress_bar bar;
	char text[DIGEST_TEXT_MAX];
	int r;

	if (scan->image.root_fd >= 0 || !n || n > STORED_LAYERS_MAX)
		return err_set(e, n > STORED_LAYERS_MAX ? -E2BIG : -ENOTSUP, "%s: no image of 1 to %u layers",
			       s->source, STORED_LAYERS_MAX);
	node_record_fill(ret, &scan->image.info, str_c(s->name), a);
	ret->layers = arena_array(a, struct stored_layer, n);
	for (size_t i = 0; i < n; i++)
		ret->layers[i].diff_id =
			arena_str(a, str_c(digest_text(&scan->image.info.layers.v[i].diff_id, text))).p;
	progress_start(&bar, STDERR_FILENO, arg_quiet);
	r = store_layers(arg_z(arg_data), &scan->image, ret_fds, &bar.progress, e);
	progress_end(&bar);
	if (r == 0)
		ret->layer_count = n;
	return r;
}

static int read_image(const struct spec_image *s, struct arena *a, struct stored *ret, int *ret_fds, struct err *e)
{
	struct scan scan;
	int r;

	if (target_read(&scan, str_c(s->source)))
		return err_set(e, -EIO, "%s: could not be read", s->source);
	r = take_image(&scan, s, a, ret, ret_fds, e);
	scan_done(&scan);
	return r;
}

/* ---- the answer ---- */

static struct progress_bar bar;

static void say(const char *what)
{
	progress_end(&bar);
	if (!arg_quiet)
		fprintf(stderr, "%s\n", what);
}

static void print_report(const struct node_build_report *r)
{
	char kernel[NUM_BYTES_TEXT_MAX], root[NUM_BYTES_TEXT_MAX], all[NUM_BYTES_TEXT_MAX];

	printf("root hash        %s\n", r->root_hash);
	printf("size             %s: kernel %s%s, root %s\n", num_bytes_text(r->kernel_bytes + r->root_bytes, all),
	       num_bytes_text(r->kernel_bytes, kernel), r->kernel_cached ? " (built before)" : "",
	       num_bytes_text(r->root_bytes, root));
	printf("UKI              %s\n", r->uki_signed ? "signed" : "not signed (--sb-key)");
	printf("attack surface   %u files, %u ELF, %u set-user-id, %u listening, %u packages; kernel options %u, "
	       "modules %u; AppArmor profiles %u\n",
	       r->files, r->elf_files, r->setuid_files, r->listening, r->packages, r->options_y, r->options_m,
	       r->profiles);
	printf("hardening        kernel %zu OK, %zu FAIL; with command line and sysctls %zu OK, %zu FAIL\n",
	       r->kernel.result[CHECK_PASS], r->kernel.result[CHECK_FAIL], r->together.result[CHECK_PASS],
	       r->together.result[CHECK_FAIL]);
}

/* ---- --verify ---- */

/* 1: the same bytes. */
static int same_file(int one, int other, const char *name, struct err *e)
{
	auto_close int a = fd_open(one, name, O_RDONLY), b = fd_open(other, name, O_RDONLY);
	auto_mapping struct mapping m = { 0 }, n = { 0 };
	int r = a < 0 || b < 0 ? err_errno(e, a < 0 ? a : b, "%s", name) : mapping_open(a, &m, e);

	r = r < 0 ? r : mapping_open(b, &n, e);
	return r < 0 ? r : str_eq(str_n(m.p, m.n), str_n(n.p, n.n));
}

static int compare(const char *one, const char *other)
{
	auto_close int a = fd_open(AT_FDCWD, one, O_RDONLY | O_DIRECTORY);
	auto_close int b = fd_open(AT_FDCWD, other, O_RDONLY | O_DIRECTORY);
	struct err e = { 0 };
	int differences = 0, files = 0;

	for (; node_build_outputs[files]; files++) {
		int r = same_file(a, b, node_build_outputs[files], &e);

		if (r < 0)
			return cmd_fail(&e);
		if (!r) {
			printf("differs          %s\n", node_build_outputs[files]);
			differences++;
		}
	}
	if (!differences)
		printf("built again      %d files, all the same\n", files);
	return differences ? EXIT_FINDINGS : EXIT_CLEAN;
}

static int remove_again(const char *dir, struct err *e)
{
	int r = tree_remove(AT_FDCWD, dir);

	return r < 0 ? err_errno(e, r, "%s", dir) : 0;
}

/* With --verify-kernel the second build has a cache of its own, in its directory, in which there is no kernel. */
static int empty_cache(const char *dir, char path[PATH_BYTES_MAX], struct err *e)
{
	int r = dir_make(AT_FDCWD, dir);

	if (r < 0)
		return err_errno(e, r, "%s", dir);
	/* Absolute: make is told of it from another directory. */
	return realpath(dir, path) ? 0 : err_errno(e, -errno, "%s", dir);
}

static int verify(const struct node_build_options *first)
{
	char dir[PATH_BYTES_MAX], uki[PATH_BYTES_MAX], lock[PATH_BYTES_MAX], cache[PATH_BYTES_MAX];
	struct node_build_options o = *first;
	struct node_build_report report;
	struct err e = { 0 };
	int r;

	snprintf(dir, sizeof(dir), "%.3000s/.verify", first->out);
	snprintf(uki, sizeof(uki), "%.3000s/uki.efi", first->out);
	snprintf(lock, sizeof(lock), "%.3000s/lock.json", first->out);
	o.out = dir;
	o.lock = lock;
	o.uki_signature = first->sb_key ? uki : NULL;
	say("building again");
	r = remove_again(dir, &e); /* of one that was interrupted */
	if (r == 0 && arg_verify_kernel) {
		r = empty_cache(dir, cache, &e);
		o.cache = cache;
	}
	r = r < 0 ? r : node_build(&o, &report, &e);
	progress_end(&bar);
	r = r < 0 ? cmd_fail(&e) : compare(first->out, dir);
	if (remove_again(dir, &e) < 0)
		return cmd_fail(&e);
	return r;
}

int node_build_run(const struct invocation *in)
{
	char cache[PATH_BYTES_MAX];
	struct node_build_options o = {
		.spec = in->args.v[0].p,
		.out = arg_z(arg_output),
		.cache = cache,
		.key = arg_z(arg_key),
		.own_key = node_key_private,
		.sb_key = arg_z(arg_sb_key),
		.sb_cert = arg_z(arg_sb_cert),
		.lock = arg_z(arg_lock),
		.image = read_image,
		.say = say,
		.progress = &bar.progress,
	};
	struct node_build_report report;
	struct err e = { 0 };
	int r;

	if (!arg_output.n)
		return cmd_usage("node build: where to? -o DIR");
	if (!arg_sb_key.n != !arg_sb_cert.n)
		return cmd_usage("node build: --sb-key and --sb-cert go together");
	progress_start(&bar, STDERR_FILENO, arg_quiet);
	r = cache_path(cache, &e);
	r = r < 0 ? r : node_build(&o, &report, &e);
	progress_end(&bar);
	if (r < 0)
		return cmd_fail(&e);
	print_report(&report);
	return arg_verify || arg_verify_kernel ? verify(&o) : EXIT_CLEAN;
}
