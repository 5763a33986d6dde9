/* build: the steps, in order, and the outputs put in place. See build.h. */
#include "node/build/build.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/ed25519.h"
#include "codec/sha256.h"
#include "node/build/part.h"
#include "node/manifest.h"

/* manifest.json and its signature come last: with them the others count. */
const char *const node_build_outputs[] = { "kernel",	  "config",	    "root.img",		"disk.img",
					   "uki.efi",	  "sbom.spdx.json", "provenance.json",	"lock.json",
					   "report.json", MANIFEST_JSON,    MANIFEST_SIGNATURE, "manifest.pub",
					   NULL };

static int put_kernel(struct build *b, struct err *e)
{
	struct str image;
	int r = build_map(b, b->kernel.image, &image, e);

	r = r < 0 ? r : part_write(b, "kernel", image, e);
	r = r < 0 ? r : part_write(b, "config", b->kernel.config, e);
	r = r < 0 ? r : part_digest(b, "kernel", &b->kernel_file, e);
	b->report->kernel_bytes = image.n;
	return r;
}

static int write_manifest(struct build *b, struct str *ret, struct err *e)
{
	struct out o;
	int r;

	out_init(&o, -1);
	node_manifest_write(
		&(struct node_manifest){
			.name = b->spec.name,
			.release = b->spec.release,
			.epoch = b->spec.epoch,
			.kernel = { b->kernel_file.digest, b->kernel_file.size, b->spec.kernel.sealed },
			.command_line = b->cmdline,
			.root = { b->root.hash, b->root.image.digest, b->root.image.size },
		},
		&o);
	*ret = arena_str(&b->arena, buf_all(&o.b));
	r = part_write(b, MANIFEST_JSON, *ret, e);
	buf_done(&o.b);
	return r;
}

static int sign(const struct build *b, struct str text, uint8_t signature[ED25519_SIGNATURE], struct err *e)
{
	auto_buf struct buf key = { 0 };
	int r = file_read(AT_FDCWD, b->key, ED25519_PEM_MAX, &key, e);

	r = r < 0 ? r : ed25519_sign(buf_all(&key), text, signature, e);
	if (key.n)
		explicit_bzero(key.p, key.n);
	return r < 0 ? err_wrap(e, r, "%s", b->key) : 0;
}

/* A key that is none is found out before the kernel is compiled, not half an hour later. */
static int check_keys(struct build *b, struct err *e)
{
	const char *const others[] = { b->o->sb_key, b->o->sb_cert };
	uint8_t signature[ED25519_SIGNATURE];
	int r = 0;

	if (b->o->key)
		snprintf(b->key, sizeof(b->key), "%s", b->o->key);
	else
		r = b->o->own_key(b->key, e);
	r = r < 0 ? r : sign(b, STR_NONE, signature, e);
	for (size_t i = 0; i < ARRAY_LEN(others) && r == 0; i++) {
		auto_close int fd = others[i] ? fd_open(AT_FDCWD, others[i], O_RDONLY) : -1;

		if (others[i] && fd < 0)
			r = err_errno(e, fd, "%s", others[i]);
	}
	return r;
}

int build_sign(struct build *b, struct err *e)
{
	const char *const public[] = { "openssl", "pkey", "-in", b->key, "-pubout", NULL };
	uint8_t signature[ED25519_SIGNATURE];
	struct str text, pem;
	int r = write_manifest(b, &text, e);

	r = r < 0 ? r : sign(b, text, signature, e);
	r = r < 0 ? r : part_write(b, MANIFEST_SIGNATURE, str_n(signature, sizeof(signature)), e);
	r = r < 0 ? r : run_tool_text(b, public, &pem, e);
	return r < 0 ? r : part_write(b, "manifest.pub", arena_fmt(&b->arena, STR_FMT "\n", STR_ARG(pem)), e);
}

/* ---- the directory ---- */

static int remove_part(struct build *b, struct err *e)
{
	const char *const rm[] = { "rm", "-rf", "--one-file-system", b->part, NULL };
	struct str nothing;

	return run_tool_text(b, rm, &nothing, e);
}

static int open_part(struct build *b, struct err *e)
{
	auto_free char *out = NULL;
	int r = dir_make(AT_FDCWD, b->o->out);

	if (r < 0)
		return err_errno(e, r, "%s", b->o->out);
	out = realpath(b->o->out, NULL);
	if (!out)
		return err_errno(e, -errno, "%s", b->o->out);
	b->part = arena_fmt(&b->arena, "%s/.part", out).p;
	r = remove_part(b, e);
	if (r < 0)
		return r;
	if (mkdir(b->part, 0755) < 0)
		return err_errno(e, -errno, "%s", b->part);
	b->part_fd = fd_open(AT_FDCWD, b->part, O_RDONLY | O_DIRECTORY);
	return b->part_fd < 0 ? err_errno(e, b->part_fd, "%s", b->part) : 0;
}

/* Old outputs go first: no manifest ever stands beside files of another build. */
static int put_in_place(struct build *b, struct err *e)
{
	auto_close int out = fd_open(b->part_fd, "..", O_RDONLY | O_DIRECTORY);

	if (out < 0)
		return err_errno(e, out, "%s", b->o->out);
	if (unlinkat(out, MANIFEST_SIGNATURE, 0) < 0 && errno != ENOENT)
		return err_errno(e, -errno, MANIFEST_SIGNATURE);
	for (size_t i = 0; node_build_outputs[i]; i++) {
		auto_close int fd = fd_open(b->part_fd, node_build_outputs[i], O_RDONLY);

		if (fd < 0 || fsync(fd) < 0 ||
		    renameat(b->part_fd, node_build_outputs[i], out, node_build_outputs[i]) < 0)
			return err_errno(e, fd < 0 ? fd : -errno, "%s", node_build_outputs[i]);
	}
	return fsync(out) < 0 ? err_errno(e, -errno, "%s", b->o->out) : 0;
}

static void build_done(struct build *b)
{
	for (size_t i = 0; i < b->mappings.n; i++)
		mapping_close(&b->mappings.v[i]);
	vec_done(&b->mappings);
	vec_done(&b->inputs);
	vec_done(&b->files);
	vec_done(&b->packages);
	fd_close(&b->part_fd);
	if (b->part)
		(void)!remove_part(b, NULL);
	arena_done(&b->arena);
}

int node_build(const struct node_build_options *o, struct node_build_report *ret, struct err *e)
{
	static int (*const steps[])(struct build * b, struct err * e) = {
		open_part,    build_spec,   check_keys,	 build_programs, build_profiles, build_packages,
		build_images, build_kernel, build_root,	 build_cmdline,	 build_seal,	 put_kernel,
		build_uki,    build_disk,   build_texts, build_sign,	 put_in_place,
	};
	struct node_build_report report = { 0 };
	struct build b = { .o = o, .report = &report, .part_fd = -1 };
	int r = 0;

	sha256_setup();
	for (size_t i = 0; i < ARRAY_LEN(steps) && r == 0; i++)
		r = steps[i](&b, e);
	build_done(&b);
	if (r == 0)
		*ret = report;
	return r;
}
