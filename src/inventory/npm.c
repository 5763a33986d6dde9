/* npm: package.json of packages installed below a node_modules directory.
 * https://docs.npmjs.com/cli/v10/configuring-npm/package-json
 *
 * An image has up to tens of thousands of these, so reading stops as soon as all that is wanted was seen. Files without
 * a name and a version are not packages: {"type": "module"} marks a directory, test data has anything. */
#include "inventory/field.h"
#include "inventory/readers.h"

/* True for node_modules/NAME/package.json and node_modules/@SCOPE/NAME/package.json: where npm installs. */
static bool is_installed(struct str path)
{
	static const struct str modules = { "node_modules/", 13 };
	struct str rest = path;
	ptrdiff_t at, parts = 0;

	while ((at = str_find_str(rest, modules)) >= 0)
		rest = str_from(rest, (size_t)at + modules.n);
	for (size_t i = 0; i < rest.n; i++)
		parts += rest.p[i] == '/';
	return parts == (str_starts(rest, STR("@")) ? 2 : 1);
}

int npm_read(struct file *f, struct facts *ret, struct err *e)
{
	struct package p = { .type = PKG_NPM };
	auto_arena struct arena arena = { 0 };
	struct str all, key;
	struct json j;
	int r;

	if (!file_all(f, &all))
		return -EAGAIN;
	json_init(&j, all, &arena);
	if (!json_object(&j))
		return is_installed(f->path) ? err_set(e, -EBADMSG, "package.json: no object") : 0;
	while (!(p.name.n && p.version.n && p.license.n) && json_key(&j, &key)) {
		if (str_is(key, "name"))
			json_str(&j, &p.name);
		else if (str_is(key, "version"))
			json_str(&j, &p.version);
		else if (str_is(key, "license") || (str_is(key, "licenses") && !p.license.n))
			p.license = field_license_json(&j);
	}
	if (field_ok(p.name) && field_ok(p.version)) {
		facts_package(ret, &p);
		return 0;
	}
	/* Damaged files lie about as test data of packages; they matter where a package should be. */
	r = json_finish(&j, e);
	return r < 0 && is_installed(f->path) ? err_wrap(e, r, "package.json") : 0;
}
