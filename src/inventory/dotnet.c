/* dotnet: NAME.deps.json beside a .NET application or in the shared runtime.
 * https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md
 *
 *     "libraries": { "Newtonsoft.Json/13.0.1": { "type": "package", ... }, "App/1.0.0": { "type": "project" } }
 *
 * Packages come from NuGet. A "runtimepack" is the runtime shipped with a self-contained application: NuGet's package
 * of that name without its "runtimepack." head. The other types (project, reference) are the application's own. */
#include "inventory/field.h"
#include "inventory/readers.h"

#define LIBRARIES_MAX 100000 /* of one file; large applications have some hundreds */

static const struct str pack_head = { "runtimepack.", 12 };

/* A member of "libraries": its key and type. */
static void take_library(struct str key, struct str type, struct facts *ret)
{
	struct package p = { .type = PKG_NUGET };
	bool pack = str_eq_nocase(type, STR("runtimepack"));

	if (!pack && !str_eq_nocase(type, STR("package")))
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

static int read_libraries(struct json *j, struct facts *ret, struct err *e)
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
			take_library(library, type, ret);
	}
	return 0;
}

int dotnet_read(struct file *f, struct facts *ret, struct err *e)
{
	auto_arena struct arena arena = { 0 };
	struct str all, key;
	struct json j;
	int r;

	if (!file_all(f, &all))
		return -EAGAIN;
	json_init(&j, all, &arena);
	if (!json_object(&j))
		return err_set(e, -EBADMSG, "deps.json: no object");
	while (json_key(&j, &key)) {
		if (!str_is(key, "libraries"))
			continue;
		r = read_libraries(&j, ret, e);
		if (r < 0)
			return r;
	}
	r = json_finish(&j, e);
	return r < 0 ? err_wrap(e, r, "deps.json") : 0;
}
