/* csv: see csv.h. */
#include "vuln/feed/csv.h"

/* A field in quotes; a doubled quote stands for one. `at` is behind the first quote. */
static bool quoted(struct csv *c, struct str *ret)
{
	const char *start = c->at;
	bool doubled = false;
	size_t n = 0;
	char *out;

	for (;; c->at++) {
		if (c->at == c->end)
			return false;
		if (*c->at == '\n')
			c->line++;
		if (*c->at != '"')
			continue;
		if (c->at + 1 == c->end || c->at[1] != '"')
			break;
		doubled = true;
		c->at++;
	}
	*ret = str_n(start, (size_t)(c->at - start));
	c->at++;
	if (!doubled)
		return true;
	out = arena_alloc(c->arena, ret->n);
	for (size_t i = 0; i < ret->n; i++) {
		out[n++] = ret->p[i];
		i += ret->p[i] == '"';
	}
	*ret = str_n(out, n);
	return true;
}

/* The next field and whether it was the row's last. */
static bool field(struct csv *c, struct str *ret, bool *ret_last)
{
	const char *start = c->at;

	if (c->at < c->end && *c->at == '"') {
		c->at++;
		if (!quoted(c, ret))
			return false;
		start = NULL;
	}
	while (c->at < c->end && *c->at != ',' && *c->at != '\n')
		c->at++;
	if (start)
		*ret = str_trim(str_n(start, (size_t)(c->at - start)));
	*ret_last = c->at == c->end || *c->at == '\n';
	if (c->at < c->end)
		c->at++;
	if (*ret_last)
		c->line++;
	return true;
}

int csv_open(struct csv *ret, struct str text, const char *const *names, size_t count, struct arena *arena,
	     struct err *e)
{
	struct csv c = { .at = text.p, .end = text.p + text.n, .line = 1, .arena = arena, .wanted = count };
	size_t found = 0;
	bool last = false;
	struct str name;

	if (str_starts(text, STR("\xef\xbb\xbf")))
		c.at += 3;
	while (c.at < c.end && *c.at == '#') {
		while (c.at < c.end && *c.at != '\n')
			c.at++;
		c.at += c.at < c.end;
		c.line++;
	}
	for (size_t i = 0; i < CSV_COLUMNS_MAX; i++) {
		c.place[i] = -1;
		if (last)
			continue;
		if (!field(&c, &name, &last))
			return err_set(e, -EBADMSG, "unfinished quote in the heading");
		for (size_t k = 0; k < count; k++) {
			if (str_is(name, names[k])) {
				c.place[i] = (int)k;
				found++;
			}
		}
	}
	if (!last || found != count)
		return err_set(e, -EBADMSG, "the heading has not each of the wanted columns once");
	*ret = c;
	return 0;
}

int csv_next(struct csv *c, struct str *ret_row, struct err *e)
{
	bool last = false;
	struct str s;

	while (c->at < c->end && (*c->at == '\n' || *c->at == '\r'))
		c->at++;
	if (c->at == c->end)
		return 0;
	for (size_t i = 0; i < c->wanted; i++)
		ret_row[i] = STR_NONE;
	for (size_t i = 0; !last; i++) {
		size_t line = c->line;

		if (!field(c, &s, &last))
			return err_set(e, -EBADMSG, "unfinished quote in line %zu", line);
		if (i < CSV_COLUMNS_MAX && c->place[i] >= 0)
			ret_row[c->place[i]] = s;
	}
	return 1;
}
