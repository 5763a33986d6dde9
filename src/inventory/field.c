/* field: names, versions and licences as packages declare them. See field.h. */
#include "inventory/field.h"

#define LICENSES_MAX 16 /* of one package: the rest is left out */

bool field_ok(struct str s)
{
	if (!s.n || s.n > FIELD_BYTES_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

struct str field_license(struct str s)
{
	ptrdiff_t end = str_find(s, '\n');

	s = str_trim(str_head(s, end < 0 ? s.n : (size_t)end));
	if (str_eq_nocase(s, STR("UNKNOWN")) || str_eq_nocase(s, STR("NONE")))
		return STR("");
	return str_head(s, FIELD_BYTES_MAX);
}

/* A string, or an object with its type. */
static struct str one_license(struct json *j)
{
	struct str key, ret = STR("");

	if (json_peek(j) != JSON_OBJECT) {
		json_str(j, &ret);
		return field_license(ret);
	}
	json_object(j);
	while (json_key(j, &key))
		if (str_is(key, "type"))
			json_str(j, &ret);
	return field_license(ret);
}

struct str field_license_json(struct json *j)
{
	struct str all = STR("");
	unsigned int n = 0;

	if (json_peek(j) != JSON_ARRAY)
		return one_license(j);
	json_array(j);
	while (json_next(j)) {
		struct str one = one_license(j);

		if (!one.n || n++ >= LICENSES_MAX)
			continue;
		all = all.n ? arena_fmt(j->arena, STR_FMT " OR " STR_FMT, STR_ARG(all), STR_ARG(one)) : one;
	}
	return str_head(all, FIELD_BYTES_MAX);
}
