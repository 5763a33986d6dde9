/* manifest: see manifest.h. */
#include "node/manifest.h"

#include "node/spec.h"

static int read_digest(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct digest digest;
	struct str s;
	int r = decode_str(d, DIGEST_TEXT_MAX, &s);

	if (r < 0)
		return r;
	if (!digest_parse(s, &digest))
		return decode_bad(d, "is no sha256:... digest");
	memcpy(to, &digest, sizeof(digest));
	return 0;
}

static int read_version(struct decode *d, const struct decode_member *m unused_arg, void *to unused_arg)
{
	uint64_t v = 0;

	if (!json_u64(&d->json, &v) || v != MANIFEST_VERSION)
		return decode_bad(d, "must be %d", MANIFEST_VERSION);
	*(bool *)d->arg = true;
	return 0;
}

/* It goes to the kernel or a terminal as it is: no line's end, no control. */
static int read_line(struct decode *d, const struct decode_member *m, void *to)
{
	struct str s;
	int r = decode_str(d, m->max, &s);

	if (r < 0)
		return r;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return decode_bad(d, "has a byte that is not printable");
	memcpy(to, &s.p, sizeof(s.p));
	return 0;
}

#define AT(member) offsetof(struct node_manifest, member)

static const struct decode_member kernel_members[] = {
	{ "digest", read_digest, AT(kernel.digest) - AT(kernel), .max = 0 },
	{ "size", decode_u64, AT(kernel.size_bytes) - AT(kernel), .max = UINT64_MAX },
	{ "sealed", decode_bool, AT(kernel.sealed) - AT(kernel), .max = 0 },
	{ NULL },
};
static const struct decode_member root_members[] = {
	{ "hash", read_digest, AT(root.hash) - AT(root), .max = 0 },
	{ "image", read_digest, AT(root.image) - AT(root), .max = 0 },
	{ "size", decode_u64, AT(root.size_bytes) - AT(root), .max = UINT64_MAX },
	{ NULL },
};
static const struct decode_member members[] = {
	{ "version", read_version, 0, .max = 0 },
	{ "name", read_line, AT(name), .max = SPEC_NAME_MAX },
	{ "release", read_line, AT(release), .max = 128 },
	{ "epoch", decode_u64, AT(epoch), .max = SPEC_EPOCH_MAX },
	{ "kernel", decode_object, AT(kernel), { .members = kernel_members }, .max = 0 },
	{ "command_line", read_line, AT(command_line), .max = MANIFEST_LINE_MAX },
	{ "root", decode_object, AT(root), { .members = root_members }, .max = 0 },
	{ NULL },
};
static const struct decode_member whole = { "", decode_object, 0, { .members = members }, .max = 0 };

int node_manifest_parse(struct str json, struct arena *a, struct node_manifest *ret, struct err *e)
{
	struct node_manifest m = { 0 };
	bool version = false;
	int r;

	if (json.n > MANIFEST_BYTES_MAX)
		return err_set(e, -E2BIG, "the manifest has more than %u bytes", MANIFEST_BYTES_MAX);
	r = decode_text_strict(json, "", a, &whole, &m, &version, e);
	if (r < 0)
		return r;
	if (!version || !m.name || !*m.name || !m.release || !*m.release || !m.command_line || !m.kernel.digest.set ||
	    !m.root.hash.set || !m.root.image.set)
		return err_set(e, -EBADMSG, "the manifest lacks version, name, release, command_line, kernel or root");
	*ret = m;
	return 0;
}

void node_manifest_write(const struct node_manifest *m, struct out *out)
{
	struct json_out w;

	json_out_init(&w, out);
	json_out_object(&w);
	json_out_key_u64(&w, "version", MANIFEST_VERSION);
	json_out_key_str(&w, "name", str_c(m->name));
	json_out_key_str(&w, "release", str_c(m->release));
	json_out_key_u64(&w, "epoch", m->epoch);
	json_out_key_object(&w, "kernel");
	json_out_key_digest(&w, "digest", &m->kernel.digest);
	json_out_key_u64(&w, "size", m->kernel.size_bytes);
	json_out_key_bool(&w, "sealed", m->kernel.sealed);
	json_out_end_object(&w);
	json_out_key_str(&w, "command_line", str_c(m->command_line));
	json_out_key_object(&w, "root");
	json_out_key_digest(&w, "hash", &m->root.hash);
	json_out_key_digest(&w, "image", &m->root.image);
	json_out_key_u64(&w, "size", m->root.size_bytes);
	json_out_end_object(&w);
	json_out_end_object(&w);
	out_str(out, STR("\n"));
}
