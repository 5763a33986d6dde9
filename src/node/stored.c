/* stored: an image of a node's store. See stored.h. */
#include "node/stored.h"

#include <stddef.h>

#include "codec/sha256.h"

#define TEXT_MAX 4096u
#define VERITY_BLOCK_BYTES 4096u

const struct digest stored_salt = { .set = true };

struct raw_stored {
	struct stored r;
	uint64_t version;
};

bool stored_name_ok(struct str name)
{
	if (!name.n || name.n > STORED_NAME_MAX || (!is_alpha(name.p[0]) && !is_digit(name.p[0])))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!is_alpha(name.p[i]) && !is_digit(name.p[i]) && (!name.p[i] || !strchr("._/:@-", name.p[i])))
			return false;
	return str_find_str(name, STR("//")) < 0 && str_find_str(name, STR("..")) < 0 && name.p[name.n - 1] != '/';
}

static int read_name(struct decode *d, const struct decode_member *m, void *to)
{
	const char *z;
	int r = decode_text_as_is(d, m, &z);

	if (r < 0)
		return r;
	if (!stored_name_ok(str_c(z)))
		return decode_bad(d, "\"%s\" is no name of an image", z);
	memcpy(to, &z, sizeof(z));
	return 0;
}

static int read_root(struct decode *d, const struct decode_member *m, void *to)
{
	const char *z;
	int r = decode_text_as_is(d, m, &z);

	return r < 0 ? r : digest_parse_hex(str_c(z), to) ? 0 : decode_bad(d, "must be 64 hexadecimal digits");
}

static int read_bytes(struct decode *d, const struct decode_member *m, void *to)
{
	uint64_t v;
	int r = decode_u64(d, m, &v);

	if (r >= 0 && (!v || v % VERITY_BLOCK_BYTES))
		return decode_bad(d, "must be a multiple of %u", VERITY_BLOCK_BYTES);
	if (r >= 0)
		memcpy(to, &v, sizeof(v));
	return r;
}

static const struct decode_member layer_members[] = {
	{ .name = "root", .read = read_root, .at = offsetof(struct stored_layer, root) },
	{ .name = "bytes",
	  .read = read_bytes,
	  .at = offsetof(struct stored_layer, bytes),
	  .max = STORED_LAYER_BYTES_MAX },
	{ .name = "diff_id", .read = decode_text_as_is, .at = offsetof(struct stored_layer, diff_id), .max = 128 },
	{ NULL },
};
static const struct decode_list layer_list = {
	sizeof(struct stored_layer), STORED_LAYERS_MAX, decode_object, { layer_members }, 0, 0
};
static const struct decode_member stored_members[] = {
	{ .name = "version", .read = decode_u64, .at = offsetof(struct raw_stored, version), .max = STORED_VERSION },
	{ .name = "name", .read = read_name, .at = offsetof(struct raw_stored, r.name) },
	{ .name = "image", .read = decode_text_as_is, .at = offsetof(struct raw_stored, r.image), .max = 128 },
	{ .name = "layers", .read = decode_array, .at = offsetof(struct raw_stored, r.layers), .list = &layer_list },
	{ .name = "entrypoint", .read = decode_strings, .at = offsetof(struct raw_stored, r.entrypoint) },
	{ .name = "command", .read = decode_strings, .at = offsetof(struct raw_stored, r.command) },
	{ .name = "env", .read = decode_strings, .at = offsetof(struct raw_stored, r.env) },
	{ .name = "user", .read = decode_text_as_is, .at = offsetof(struct raw_stored, r.user), .max = TEXT_MAX },
	{ .name = "directory",
	  .read = decode_text_as_is,
	  .at = offsetof(struct raw_stored, r.directory),
	  .max = TEXT_MAX },
	{ NULL },
};

int stored_parse(struct str json, struct arena *a, struct stored *ret, struct err *e)
{
	static const struct decode_member whole = { .read = decode_object, .members = stored_members };
	struct raw_stored raw = { .r = { .image = "", .user = "", .directory = "" } };
	int r;

	if (json.n > STORED_BYTES_MAX)
		return err_set(e, -E2BIG, "an image's record has at most %u bytes", STORED_BYTES_MAX);
	r = decode_text_strict(json, "", a, &whole, &raw, NULL, e);
	if (r < 0)
		return r;
	if (raw.version != STORED_VERSION)
		return err_set(e, -EBADMSG, "version: must be %d", STORED_VERSION);
	if (!raw.r.name || !raw.r.layer_count)
		return err_set(e, -EBADMSG, "%s: is missing", raw.r.name ? "layers" : "name");
	for (size_t i = 0; i < raw.r.layer_count; i++)
		if (!raw.r.layers[i].root.set || !raw.r.layers[i].bytes)
			return err_set(e, -EBADMSG, "layers[%zu]: root and bytes are needed", i);
	for (size_t i = 0; i < raw.r.env.n; i++)
		if (!strchr(raw.r.env.v[i], '='))
			return err_set(e, -EBADMSG, "env[%zu]: must be NAME=VALUE", i);
	if (*raw.r.directory && *raw.r.directory != '/')
		return err_set(e, -EBADMSG, "directory: must be absolute");
	*ret = raw.r;
	return 0;
}

static void write_words(struct json_out *w, const char *key, const struct strings *s)
{
	json_out_key_array(w, key);
	for (size_t i = 0; i < s->n; i++)
		json_out_str(w, str_c(s->v[i]));
	json_out_end_array(w);
}

void stored_write(const struct stored *r, struct out *out)
{
	char text[DIGEST_TEXT_MAX];
	struct json_out w;

	json_out_init(&w, out);
	json_out_object(&w);
	json_out_key_u64(&w, "version", STORED_VERSION);
	json_out_key_str(&w, "name", str_c(r->name));
	json_out_key_opt(&w, "image", str_c(r->image));
	json_out_key_array(&w, "layers");
	for (size_t i = 0; i < r->layer_count; i++) {
		const struct stored_layer *l = &r->layers[i];

		json_out_object(&w);
		json_out_key_str(&w, "root", str_from(str_c(digest_text(&l->root, text)), sizeof("sha256:") - 1));
		json_out_key_u64(&w, "bytes", l->bytes);
		json_out_key_opt(&w, "diff_id", str_c(l->diff_id));
		json_out_end_object(&w);
	}
	json_out_end_array(&w);
	write_words(&w, "entrypoint", &r->entrypoint);
	write_words(&w, "command", &r->command);
	write_words(&w, "env", &r->env);
	json_out_key_opt(&w, "user", str_c(r->user));
	json_out_key_opt(&w, "directory", str_c(r->directory));
	json_out_end_object(&w);
	out_str(out, STR("\n"));
}

void stored_layer_path(const struct digest *root, char path[STORED_PATH_MAX])
{
	char text[DIGEST_TEXT_MAX];

	snprintf(path, STORED_PATH_MAX, "layers/%s", digest_text(root, text) + sizeof("sha256:") - 1);
}

void stored_path(struct str name, char path[STORED_PATH_MAX])
{
	char text[DIGEST_TEXT_MAX];
	struct digest d;

	sha256_of(name, &d);
	snprintf(path, STORED_PATH_MAX, "records/%s.json", digest_text(&d, text) + sizeof("sha256:") - 1);
}
