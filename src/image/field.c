/* field: members of JSON objects, as Go reads them. See field.h. */
#include "image/field.h"

/* Go folds two letters outside ASCII onto ASCII ones: U+017F to s and U+212A to k (unicode.SimpleFold). */
static size_t fold_letter(struct str s, char *ret)
{
	if (str_starts(s, STR("\xc5\xbf"))) {
		*ret = 's';
		return 2;
	}
	if (str_starts(s, STR("\xe2\x84\xaa"))) {
		*ret = 'k';
		return 3;
	}
	*ret = to_lower(s.p[0]);
	return 1;
}

bool field_is(const struct fields *f, const char *name)
{
	struct str key = f->key;
	char c;

	for (; *name && key.n; name++) {
		key = str_from(key, fold_letter(key, &c));
		if (c != to_lower(*name))
			return false;
	}
	return !*name && !key.n;
}

bool field_next(struct fields *f)
{
	return json_key(f->json, &f->key);
}

/* True when a value of another kind than null stands there. */
static bool field_present(struct fields *f)
{
	if (json_peek(f->json) != JSON_NULL)
		return true;
	json_skip(f->json);
	return false;
}

void field_bad(struct fields *f, const char *name)
{
	if (!f->bad)
		f->bad = name;
}

bool field_str(struct fields *f, const char *name, struct str *ret)
{
	if (!field_is(f, name))
		return false;
	if (field_present(f) && !json_str(f->json, ret))
		field_bad(f, name);
	return true;
}

bool field_u64(struct fields *f, const char *name, uint64_t *ret)
{
	if (!field_is(f, name))
		return false;
	if (field_present(f) && !json_u64(f->json, ret))
		field_bad(f, name);
	return true;
}

bool field_bool(struct fields *f, const char *name, bool *ret)
{
	if (!field_is(f, name))
		return false;
	if (field_present(f) && !json_bool(f->json, ret))
		field_bad(f, name);
	return true;
}

bool field_object(struct fields *f, const char *name)
{
	if (!field_is(f, name) || !field_present(f))
		return false;
	if (json_object(f->json))
		return true;
	field_bad(f, name);
	return false;
}

bool field_array(struct fields *f, const char *name)
{
	if (!field_is(f, name) || !field_present(f))
		return false;
	if (json_array(f->json))
		return true;
	field_bad(f, name);
	return false;
}

int fields_finish(struct fields *f, struct err *e)
{
	int r = json_finish(f->json, e);

	if (r >= 0 && f->bad)
		return err_set(e, -EBADMSG, "JSON: \"%s\" has a value of the wrong type", f->bad);
	return r;
}
