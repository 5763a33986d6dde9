/* dotnet: NAME.deps.json beside a .NET application or in the shared runtime.
 * https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md
 *
 *     "libraries": { "Newtonsoft.Json/13.0.1": { "type": "package", ... }, "App/1.0.0": { "type": "project" } }
 *
 *     "targets": { ".NETCoreApp,Version=v8.0": { "Newtonsoft.Json/13.0.1": { "runtime": { "lib/x.dll": {} } } } }
 *
 * Packages come from NuGet. One whose entry in the running target names no file was resolved and not shipped: a
 * metapackage, or one that the shared runtime replaces (System.Net.Http). A "runtimepack" is the runtime shipped with a
 * self-contained application: NuGet's package of that name without its "runtimepack." head. The other types (project,
 * reference) are the application's own. */
#include "base/map.h"
#include "base/path.h"
#include "inventory/field.h"
#include "inventory/readers.h"

#define LIBRARIES_MAX 100000 /* of one file; large applications have some hundreds */

static const struct str pack_head = { "runtimepack.", 12 };

/* Lists of files in a target's entry. */
static bool lists_files(struct str key)
{
	static const char *const keys[] = { "runtime", "runtimeTargets", "native", "resources" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_is(key, keys[i]))
			return true;
	return false;
}

/* Whether a target's entry names a file; "_._" stands for none. */
static bool ships(struct json *j)
{
	struct str key, file;
	bool any = false;

	if (!json_object(j))
		return true;
	while (json_key(j, &key))
		if (lists_files(key) && json_object(j))
			while (json_key(j, &file))
				any |= !str_is(path_base(file), "_._");
	return any;
}

/* The libraries of which the target `name` ships nothing. */
static void read_target(struct json *j, struct str name, struct map *ret)
{
	struct str key, library;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (!str_eq(key, name) || !json_object(j))
			continue;
		while (json_key(j, &library))
			if (!ships(j) && !j->why && ret->n < LIBRARIES_MAX)
				map_put(ret, library, 0, NULL);
	}
}

/* What is damaged here is told when the libraries are read. */
static void read_targets(struct str all, struct arena *arena, struct map *ret)
{
	struct str key, name = STR_NONE, targets = STR_NONE;
	const struct json_want want[] = { { "name", &name, false } };
	struct json j;

	json_init(&j, all, arena);
	if (!json_object(&j))
		return;
	while (json_key(&j, &key)) {
		if (str_is(key, "runtimeTarget"))
			(void)json_take_all(&j, want, ARRAY_LEN(want));
		else if (str_is(key, "targets"))
			targets = json_raw(&j);
	}
	if (!name.n || !targets.n)
		return;
	json_init(&j, targets, arena);
	read_target(&j, name, ret);
}

/* A member of "libraries": its key and type. */
static void take_library(struct str key, struct str type, const struct map *unshipped, struct facts *ret)
{
	struct package p = { .type = PKG_NUGET };
	bool pack = str_eq_nocase(type, STR("runtimepack"));

	if ((!pack && !str_eq_nocase(type, STR("package"))) || map_get(unshipped, key))
		return;
	if (!str_split(key, '/', &p.name, &p.version))
		p.name = key;
	if (pack && str_starts(p.name, pack_head))
		p.name = str_from(p.name, pack_head.n);
	if (field_ok(p.name) && field_ok(p.version))
		facts_package(ret, &p);
	else
		facts_note(ret, "not assessed: a library without a name and a version");
}

static int read_libraries(struct json *j, const struct map *unshipped, struct facts *ret, struct err *e)
{
	struct str library, key, type;
	size_t n = 0;

	if (!json_object(j))
		return err_set(e, -EBADMSG, "deps.json: \"libraries\" is no object");
	while (json_key(j, &library)) {
		if (n++ >= LIBRARIES_MAX)
			return err_set(e, -E2BIG, "deps.json: more than %d libraries", LIBRARIES_MAX);
		type = STR("");
		if (!json_object(j))
			continue;
		while (json_key(j, &key))
			if (str_is(key, "type"))
				json_str(j, &type);
		if (!j->why)
			take_library(library, type, unshipped, ret);
	}
	return 0;
}

int dotnet_read(struct file *f, struct facts *ret, struct err *e)
{
	auto_arena struct arena arena = { 0 };
	auto_map struct map unshipped = { 0 };
	struct str all, key;
	struct json j;
	int r;

	if (!file_all(f, &all))
		return -EAGAIN;
	read_targets(all, &arena, &unshipped);
	json_init(&j, all, &arena);
	if (!json_object(&j))
		return err_set(e, -EBADMSG, "deps.json: no object");
	while (json_key(&j, &key)) {
		if (!str_is(key, "libraries"))
			continue;
		r = read_libraries(&j, &unshipped, ret, e);
		if (r < 0)
			return r;
	}
	r = json_finish(&j, e);
	return r < 0 ? err_wrap(e, r, "deps.json") : 0;
}
