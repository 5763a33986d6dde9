/* name: canonical package names. See name.h. */
#include "vuln/name.h"

static char same(char c)
{
	return c;
}

static char dash(char c)
{
	return c == '_' ? '-' : c;
}

/* https://peps.python.org/pep-0503/#normalized-names */
static char pep503(char c)
{
	return c == '_' || c == '.' ? '-' : to_lower(c);
}

static const struct name_rule {
	struct str ns;
	char (*letter)(char c);
	bool squeeze; /* a run of '-' is one */
} rules[] = {
	{ STR("pypi"), pep503, true },
	{ STR("nuget"), to_lower, false },
	{ STR("composer"), to_lower, false },
	{ STR("cargo"), dash, false },
};

static const struct name_rule *rule_for(struct str ns)
{
	static const struct name_rule as_is = { { NULL, 0 }, same, false };

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (str_eq(rules[i].ns, ns))
			return &rules[i];
	return &as_is;
}

struct str name_canonical(struct str ns, struct str name, char room[NAME_BYTES_MAX])
{
	const struct name_rule *rule = rule_for(ns);
	size_t n = 0;

	if (rule->letter == same || name.n > NAME_BYTES_MAX)
		return name;
	for (size_t i = 0; i < name.n; i++) {
		char c = rule->letter(name.p[i]);

		if (rule->squeeze && c == '-' && n && room[n - 1] == '-')
			continue;
		room[n++] = c;
	}
	return str_n(room, n);
}
