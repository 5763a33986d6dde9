/* image-push: `yagura image push`, `yagura image verify` and `yagura image key`. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "cmd/target.h"
#include "codec/sha256.h"
#include "node/image/push.h"
#include "node/image/verify.h"

#define NAME_BYTES 4200

/* -------- push -------- */

static struct str arg_mount;

const struct option image_push_options[] = {
	{ "mount", 0, OPTION_TEXT, &arg_mount, "REPOSITORY",
	  "Another repository of that registry: blobs it has are taken from there.", NULL },
	TARGET_LOGIN_ROW,
	TARGET_REGISTRY_ROWS,
	{ NULL },
};

int image_push_run(const struct invocation *in)
{
	struct push_options o = { .image = target_image_options(), .mount = arg_z(arg_mount) };
	struct push_report report;
	char digest[DIGEST_TEXT_MAX], bytes[NUM_BYTES_TEXT_MAX];
	struct err e = { 0 };

	sha256_setup();
	if (image_push(in->args.v[0].p, in->args.v[1], &o, &report, &e) < 0)
		return cmd_fail(&e);
	printf(STR_FMT " %s\n", STR_ARG(in->args.v[1]), digest_text(&report.manifest, digest));
	if (!arg_quiet)
		fprintf(stderr, "%llu blobs sent (%s), %llu were there, %llu mounted; %llu manifests\n",
			(unsigned long long)report.blobs_sent, num_bytes_text(report.bytes_sent, bytes),
			(unsigned long long)report.blobs_there, (unsigned long long)report.blobs_mounted,
			(unsigned long long)report.manifests);
	return EXIT_CLEAN;
}

/* -------- verify -------- */

static struct str arg_key;

const struct option image_verify_options[] = {
	{ "key", 0, OPTION_TEXT, &arg_key, "FILE", "The public key, PEM.", NULL },
	TARGET_LOGIN_ROW,
	TARGET_REGISTRY_ROWS,
	{ NULL },
};

static int public_key(struct ecdsa_key **ret)
{
	auto_buf struct buf pem = { 0 };
	struct err e = { 0 };
	int r = file_read(AT_FDCWD, arg_key.p, ECDSA_PEM_MAX, &pem, &e);

	if (r == 0 && ecdsa_public_read(buf_all(&pem), ret, &e) == 0)
		return 0;
	if (r == 0)
		err_wrap(&e, e.code, "%s", arg_key.p);
	return cmd_fail(&e);
}

int image_verify_run(const struct invocation *in)
{
	auto_close int scratch = target_scratch();
	struct image_options o = target_image_options();
	struct image_verified found;
	struct ecdsa_key *key = NULL;
	char digest[DIGEST_TEXT_MAX];
	struct err e = { 0 };
	int r;

	sha256_setup();
	if (!arg_key.n)
		return cmd_usage("image verify: --key FILE is needed");
	r = public_key(&key);
	if (r)
		return r;
	o.scratch_dir = scratch;
	r = image_verify(in->args.v[0], key, &o, &found, &e);
	ecdsa_free(key);
	if (r < 0) {
		err_wrap(&e, r, STR_FMT, STR_ARG(in->args.v[0]));
		return cmd_fail(&e);
	}
	printf(STR_FMT " %s is signed by this key; %llu %s, %llu %s about it\n", STR_ARG(in->args.v[0]),
	       digest_text(&found.manifest, digest), (unsigned long long)found.layers,
	       num_plural(found.layers, "layer", "layers"), (unsigned long long)found.statements,
	       num_plural(found.statements, "statement", "statements"));
	return EXIT_CLEAN;
}

/* -------- key -------- */

/* Never over one that is there: what it signed could not be verified any more. */
static int key_write(const char *name, const char *tail, mode_t mode, struct str pem, struct err *e)
{
	char path[NAME_BYTES];
	auto_close int fd = -1;
	int r;

	if (snprintf(path, sizeof(path), "%s%s", name, tail) >= (int)sizeof(path))
		return err_set(e, -ENAMETOOLONG, "%s", name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return err_errno(e, -errno, "%s", path);
	r = fd_write(fd, pem.p, pem.n);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? err_errno(e, r, "%s", path) : 0;
}

int image_key_run(const struct invocation *in)
{
	auto_buf struct buf secret, public;
	const char *name = in->args.v[0].p;
	struct err e = { 0 };
	int r;

	buf_init(&secret, ECDSA_PEM_MAX);
	buf_init(&public, ECDSA_PEM_MAX);
	r = ecdsa_generate(&secret, &public, &e);
	if (r == 0)
		r = key_write(name, ".key", 0600, buf_all(&secret), &e);
	if (r == 0)
		r = key_write(name, ".pub", 0644, buf_all(&public), &e);
	explicit_bzero(secret.p, secret.n);
	return r < 0 ? cmd_fail(&e) : EXIT_CLEAN;
}
