/* deb822: see deb822.h. */
#include "base/deb822.h"

bool deb822_paragraph(struct str *rest, struct str *ret)
{
	struct str line, after = *rest;
	const char *start = NULL, *end = NULL;

	while (str_cut(&after, '\n', &line)) {
		if (!str_trim(line).n) {
			if (start)
				break;
			continue;
		}
		if (!start)
			start = line.p;
		end = line.p + line.n;
	}
	*rest = after;
	if (!start)
		return false;
	*ret = str_n(start, (size_t)(end - start));
	return true;
}

static bool is_continued(struct str line)
{
	return line.n && (line.p[0] == ' ' || line.p[0] == '\t');
}

/* The lines that go on with a value; comments may stand between them. */
static void take_continued(struct str *rest, struct str *value)
{
	struct str line;

	for (struct str after = *rest; str_cut(&after, '\n', &line) && line.n; *rest = after) {
		if (is_continued(line))
			value->n = (size_t)(line.p + line.n - value->p);
		else if (line.p[0] != '#')
			return;
	}
}

bool deb822_field(struct str *rest, struct str *ret_name, struct str *ret_value)
{
	struct str line, name = STR_NONE, value;

	while (str_cut(rest, '\n', &line)) {
		if (!str_trim(line).n || line.p[0] == '#' || is_continued(line))
			continue;
		if (!str_split(line, ':', &name, &value))
			value = line;
		take_continued(rest, &value);
		*ret_name = name;
		*ret_value = str_trim(value);
		return true;
	}
	return false;
}

void deb822_take(struct str paragraph, const struct deb822_want *want, size_t n)
{
	struct str name, value;

	while (deb822_field(&paragraph, &name, &value))
		for (size_t i = 0; i < n; i++)
			if (str_eq_nocase(name, str_c(want[i].name)))
				*want[i].to = value;
}
