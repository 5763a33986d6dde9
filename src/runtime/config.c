/* config: an OCI runtime configuration. See config.h; process, linux and linux.resources are read in files of their
 * own.
 *
 * Section names are those of runtime-spec 1.3, config.md and config-linux.md. */
#include "runtime/config.h"

#include "base/num.h"
#include "runtime/config-part.h"

#define HOST_NAME_MAX_BYTES 64 /* as the kernel's __NEW_UTS_LEN */
#define HOOKS_MAX 1024	       /* of one kind */

/* ---- root, mounts, hooks ---- */

static const struct decode_member root_members[] = {
	ROW(oci_config, "path", decode_string, root_path, .max = PATH_MAX_BYTES),
	ROW(oci_config, "readonly", decode_bool, root_readonly),
	{ .name = NULL },
};

static const struct decode_member mount_members[] = {
	ROW(oci_mount, "destination", decode_string, destination, .max = PATH_MAX_BYTES),
	ROW(oci_mount, "type", decode_string, type),
	ROW(oci_mount, "source", decode_string, source),
	ROW(oci_mount, "options", decode_strings, options),
	ROW(oci_mount, "uidMappings", decode_array, uids, .list = &config_mapping_list),
	ROW(oci_mount, "gidMappings", decode_array, gids, .list = &config_mapping_list),
	{ .name = NULL },
};

/* "It MAY be a relative path, in which case it MUST be interpreted as relative to /". */
static int read_mount(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct oci_mount *mount = to;
	int r = decode_members(d, mount_members, mount);

	if (r < 0)
		return r;
	if (!mount->destination)
		return config_missing(d, "destination");
	if (*mount->destination != '/')
		mount->destination = arena_fmt(d->arena, "/%s", mount->destination).p;
	return 0;
}

static const struct decode_list mount_list = LIST(struct oci_mount, read_mount, CONFIG_MOUNTS_MAX);

static const struct decode_member hook_members[] = {
	ROW(oci_hook, "path", decode_path, path, .max = PATH_MAX_BYTES),
	ROW(oci_hook, "args", decode_strings, args),
	ROW(oci_hook, "env", decode_strings, env),
	ROW(oci_hook, "timeout", decode_opt_i64, timeout, .min = 1, .max = INT32_MAX),
	{ .name = NULL },
};

static int read_hook(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct oci_hook *hook = to;
	int r = decode_members(d, hook_members, hook);

	return r < 0 ? r : hook->path ? 0 : config_missing(d, "path");
}

static const struct decode_list hook_list = LIST(struct oci_hook, read_hook, HOOKS_MAX);

#define HOOK_ROW(name, kind) ROW(oci_config, name, decode_array, hooks[kind], .list = &hook_list)
static const struct decode_member hooks_members[] = {
	HOOK_ROW("prestart", HOOK_PRESTART),
	HOOK_ROW("createRuntime", HOOK_CREATE_RUNTIME),
	HOOK_ROW("createContainer", HOOK_CREATE_CONTAINER),
	HOOK_ROW("startContainer", HOOK_START_CONTAINER),
	HOOK_ROW("poststart", HOOK_POSTSTART),
	HOOK_ROW("poststop", HOOK_POSTSTOP),
	{ .name = NULL },
};

/* ---- the whole ---- */

static int read_has_process(struct decode *d, const struct decode_member *m, void *to)
{
	struct oci_config *c = to;

	c->has_process = true;
	return config_read_process(d, m, &c->process);
}

static const struct decode_member config_members[] = {
	ROW(oci_config, "ociVersion", decode_string, version),
	{ .name = "process", .read = read_has_process },
	{ .name = "root", .read = decode_object, .members = root_members },
	ROW(oci_config, "hostname", decode_string, hostname, .max = HOST_NAME_MAX_BYTES),
	ROW(oci_config, "domainname", decode_string, domainname, .max = HOST_NAME_MAX_BYTES),
	ROW(oci_config, "mounts", decode_array, mounts, .list = &mount_list),
	{ .name = "hooks", .read = decode_object, .members = hooks_members },
	ROW(oci_config, "annotations", decode_map, annotations, .list = &config_text_map),
	{ .name = "linux", .read = config_read_linux },
	{ .name = NULL },
};

/* SemVer of a major version that is known: 1, and what came before it and is the same. */
static bool version_known(const char *version)
{
	struct str s = str_c(version), part;
	uint32_t major, minor;

	return str_cut(&s, '.', &part) && num_u32(part, &major) && major <= 1 && str_cut(&s, '.', &part) &&
	       num_u32(part, &minor) && s.n && is_digit(*s.p);
}

static int read_config(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct oci_config *c = to;
	int r = decode_members(d, config_members, c);

	if (r < 0)
		return r;
	if (!c->version)
		return config_missing(d, "ociVersion");
	if (!version_known(c->version))
		return decode_bad(d, "ociVersion: \"%s\" is not 1.x.y", c->version);
	return 0;
}

static int check_size(struct str text, const char *what, struct err *e)
{
	if (text.n > CONFIG_BYTES_MAX)
		return err_set(e, -E2BIG, "%s is longer than %u MiB", what, CONFIG_BYTES_MAX >> 20);
	return 0;
}

static int parse(struct str text, const char *what, struct arena *a, const struct decode_member *m, void *to,
		 struct oci_warnings *w, struct err *e)
{
	struct decode d = { .arena = a, .e = e, .arg = w, .any_case = w && w->compat };

	return decode_text_as(&d, text, what, m, to);
}

/* podman's --group-add keep-groups. */
static bool keeps_groups(const struct oci_config *c)
{
	const char *words = oci_annotation(c, "run.oci.keep_original_groups");

	return words && strcmp(words, "1") == 0;
}

int oci_config_parse(struct str text, struct arena *a, struct oci_config *ret, struct oci_warnings *warnings,
		     struct err *e)
{
	struct oci_config c = { 0 };
	int r = check_size(text, "the configuration", e);

	if (r >= 0)
		r = parse(text, "", a, &(struct decode_member){ .read = read_config }, &c, warnings, e);
	if (r < 0)
		return r;
	c.keep_groups = warnings && warnings->compat && keeps_groups(&c);
	*ret = c;
	return 0;
}

int oci_process_parse(struct str text, struct arena *a, struct oci_process *ret, struct oci_warnings *warnings,
		      struct err *e)
{
	struct oci_process p = { 0 };
	int r = check_size(text, "the process", e);

	if (r >= 0)
		r = parse(text, "process", a, &(struct decode_member){ .read = config_read_process }, &p, warnings, e);
	if (r >= 0)
		*ret = p;
	return r;
}

int oci_resources_parse(struct str text, struct arena *a, struct oci_resources *ret, struct oci_warnings *warnings,
			struct err *e)
{
	static const struct decode_member row = { .read = decode_object, .members = config_resources_members };
	struct oci_resources res = { 0 };
	int r = check_size(text, "the resources", e);

	if (r >= 0)
		r = parse(text, "resources", a, &row, &res, warnings, e);
	if (r >= 0)
		*ret = res;
	return r;
}

const char *oci_annotation(const struct oci_config *c, const char *key)
{
	for (size_t i = 0; i < c->annotation_count; i++)
		if (strcmp(c->annotations[i].key, key) == 0)
			return c->annotations[i].value;
	return NULL;
}
