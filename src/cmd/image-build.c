/* image-build: `yagura image build`. */
#include "base/num.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "cmd/progress.h"
#include "codec/sha256.h"
#include "node/image/build.h"

#include <fcntl.h>
#include <unistd.h>

static struct str arg_output, arg_lock, arg_arch;
static struct option_list arg_include;

const struct option image_build_options[] = {
	{ "output", 'o', OPTION_TEXT, &arg_output, "DIR", "The OCI layout to write; one that is there is replaced.",
	  NULL },
	{ "lock", 0, OPTION_TEXT, &arg_lock, "FILE", "Build what this lock says, nothing newer.", NULL },
	{ "include", 0, OPTION_LIST, &arg_include, "PACKAGE",
	  "A package to add, with what it depends on; may be given several times.", NULL },
	{ "arch", 0, OPTION_TEXT, &arg_arch, "ARCH",
	  "Architecture as dpkg calls it; other than this machine's for static images only.", NULL },
	IMAGE_SOURCE_ROWS,
	IMAGE_KEY_ROWS,
	{ NULL },
};

static int lock_get(const struct invocation *in, int store, struct lock *ret)
{
	struct resolve_options o = { .arch = arg_z(arg_arch),
				     .includes = arg_include.values.v,
				     .include_count = arg_include.values.n,
				     .store = store };
	struct err e = { 0 };

	if (arg_lock.n)
		return image_lock_read(arg_lock.p, ret);
	if (image_name_parse(in->args.v[0], &o.release, &o.variant, &e) < 0)
		return cmd_usage("%s", e.msg);
	return image_lock_make(&o, ret);
}

static void say(const struct lock *l, const struct build_image_report *report)
{
	char name[128], digest[DIGEST_TEXT_MAX], layer[NUM_BYTES_TEXT_MAX], fetched[NUM_BYTES_TEXT_MAX];

	lock_name(l, name, sizeof(name));
	printf("%s %s\n", name, digest_text(&report->manifest, digest));
	if (!arg_quiet)
		fprintf(stderr, "%llu packages, layer of %s, %s fetched\n", (unsigned long long)report->packages,
			num_bytes_text(report->layer_bytes, layer), num_bytes_text(report->fetched_bytes, fetched));
}

struct str arg_image_key, arg_image_name;

static int secret_key(struct ecdsa_key **ret)
{
	auto_buf struct buf pem = { 0 };
	struct err e = { 0 };
	int r = arg_image_key.n ? file_read(AT_FDCWD, arg_image_key.p, ECDSA_PEM_MAX, &pem, &e) : 0;

	if (r == 0 && arg_image_key.n && (r = ecdsa_secret_read(buf_all(&pem), ret, &e)) < 0)
		err_wrap(&e, r, "%s", arg_image_key.p);
	if (pem.n)
		explicit_bzero(pem.p, pem.n);
	return r < 0 ? cmd_fail(&e) : 0;
}

int image_build_lock(const struct lock *l, int store, struct str place)
{
	struct build_image_options o = {
		.store = store, .place = place, .identity = arg_image_name, .mirror = arg_z(arg_image_source.mirror)
	};
	struct ecdsa_key *key = NULL;
	struct build_image_report report;
	struct progress_bar bar;
	struct err e = { 0 };
	int r = secret_key(&key);

	if (r)
		return r;
	o.key = key;
	progress_start(&bar, STDERR_FILENO, arg_quiet);
	o.progress = &bar.progress;
	r = image_build(l, &o, &report, &e);
	progress_end(&bar);
	ecdsa_free(key);
	if (r < 0)
		return cmd_fail(&e);
	say(l, &report);
	return EXIT_CLEAN;
}

int image_build_run(const struct invocation *in)
{
	auto_close int store = -1;
	struct lock lock;
	int r;

	sha256_setup();
	if (!arg_output.n)
		return cmd_usage("image build: --output DIR is needed");
	if (!arg_lock.n == !in->args.n)
		return cmd_usage("image build: name an image, or a lock with --lock");
	if (arg_lock.n && (arg_include.values.n || arg_arch.n))
		return cmd_usage("image build: --lock says which packages and which architecture");
	r = image_store(&store);
	if (r == 0)
		r = lock_get(in, store, &lock);
	if (r)
		return r;
	r = image_build_lock(&lock, store, arg_output);
	lock_done(&lock);
	return r;
}
