/* purl: see purl.h. */
#include "vuln/feed/purl.h"

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = to_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct str decoded(struct arena *a, struct str s)
{
	char *out;
	size_t n = 0;

	if (str_find(s, '%') < 0)
		return s;
	out = arena_alloc(a, s.n);
	for (size_t i = 0; i < s.n; i++) {
		int high = s.p[i] == '%' && i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
		int low = high >= 0 ? hex_value(s.p[i + 2]) : -1;

		out[n++] = low >= 0 ? (char)(high * 16 + low) : s.p[i];
		i += low >= 0 ? 2 : 0;
	}
	return str_n(out, n);
}

struct feed_purl feed_purl(struct arena *a, struct str text)
{
	struct feed_purl u = { 0 };
	const struct {
		const char *key;
		struct str *to;
	} qualifiers[] = { { "arch", &u.arch }, { "epoch", &u.epoch }, { "rpmmod", &u.module } };
	struct str rest = text, query = STR_NONE, part, key, value;

	(void)str_split(rest, '?', &rest, &query);
	(void)str_split(rest, '@', &rest, &u.version);
	u.name = decoded(a, str_from(rest, (size_t)(str_rfind(rest, '/') + 1)));
	u.version = decoded(a, u.version);
	while (str_cut(&query, '&', &part))
		for (size_t i = 0; i < ARRAY_LEN(qualifiers); i++)
			if (str_split(part, '=', &key, &value) && str_is(key, qualifiers[i].key))
				*qualifiers[i].to = decoded(a, value);
	return u;
}
