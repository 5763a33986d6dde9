/* composer: vendor/composer/installed.json of PHP's Composer: an array of packages (Composer 1), or an object that has
 * it as "packages" (Composer 2). https://getcomposer.org/doc/04-schema.md */
#include "inventory/field.h"
#include "inventory/readers.h"

#define PACKAGES_MAX 100000 /* of one file; the largest applications have some hundreds */

/* One element of the array. An element of another shape is damage worth a note, not the end of the file. */
static void read_package(struct json *j, struct facts *ret)
{
	struct package p = { .type = PKG_COMPOSER };
	struct str key;

	json_object(j);
	while (json_key(j, &key)) {
		if (str_is(key, "name"))
			json_str(j, &p.name);
		else if (str_is(key, "version"))
			json_str(j, &p.version);
		else if (str_is(key, "license"))
			p.license = field_license_json(j);
	}
	if (j->why)
		return;
	if (field_ok(p.name) && field_ok(p.version))
		facts_package(ret, &p);
	else
		facts_note(ret, "not assessed: package %.200s without a name or a version",
			   p.name.n && p.name.n < 200 ? arena_str(j->arena, p.name).p : "");
}

static int read_packages(struct json *j, struct facts *ret, struct err *e)
{
	if (!json_array(j))
		return err_set(e, -EBADMSG, "installed.json: \"packages\" is no array");
	while (json_next(j)) {
		if (ret->packages >= PACKAGES_MAX)
			return err_set(e, -E2BIG, "installed.json: more than %d packages", PACKAGES_MAX);
		if (json_peek(j) == JSON_OBJECT)
			read_package(j, ret);
	}
	return 0;
}

int composer_read(struct file *f, struct facts *ret, struct err *e)
{
	auto_arena struct arena arena = { 0 };
	struct str all, key;
	struct json j;
	int r = 0;

	if (!file_all(f, &all))
		return -EAGAIN;
	json_init(&j, all, &arena);
	if (json_peek(&j) == JSON_ARRAY) {
		r = read_packages(&j, ret, e);
	} else if (json_object(&j)) {
		while (r == 0 && json_key(&j, &key))
			if (str_is(key, "packages"))
				r = read_packages(&j, ret, e);
	}
	if (r < 0)
		return r;
	r = json_finish(&j, e);
	return r < 0 ? err_wrap(e, r, "installed.json") : 0;
}
