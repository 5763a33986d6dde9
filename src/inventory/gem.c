/* gem: gemspecs as RubyGems writes them on installation (Gem::Specification#to_ruby): Ruby source of a fixed shape.
 *
 *     # stub: rake 13.0.6 ruby lib
 *     s.name = "rake".freeze
 *     s.version = "13.0.6"                 or  Gem::Version.new("13.0.6")
 *     s.licenses = ["MIT".freeze]
 *
 * Older versions write %q{rake} for "rake". What is not a literal is taken from the stub line. */
#include "inventory/field.h"
#include "inventory/readers.h"

#define LICENSES_MAX 16 /* of one gem: the rest is left out */

/* The next literal in *s, which is moved behind it: "x", 'x', %q{x}. No escapes: names and versions have none. */
static bool next_literal(struct str *s, struct str *ret)
{
	static const struct {
		struct str open;
		char close;
	} kinds[] = { { { "\"", 1 }, '"' }, { { "'", 1 }, '\'' }, { { "%q{", 3 }, '}' } };

	for (; s->n; *s = str_from(*s, 1)) {
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
			struct str from = str_from(*s, kinds[i].open.n);
			ptrdiff_t end;

			if (!str_starts(*s, kinds[i].open))
				continue;
			end = str_find(from, kinds[i].close);
			if (end < 0)
				return false;
			*ret = str_head(from, (size_t)end);
			*s = str_from(from, (size_t)end + 1);
			return true;
		}
	}
	return false;
}

/* "VARIABLE.KEY = VALUE": the key and the value's text. */
static bool assignment(struct str line, struct str *ret_key, struct str *ret_value)
{
	struct str left, right, variable;

	if (!str_split(line, '=', &left, &right) || !str_split(str_trim(left), '.', &variable, ret_key))
		return false;
	if (!variable.n || !is_alpha(variable.p[0]) || str_find(variable, ' ') >= 0)
		return false;
	*ret_value = str_trim(right);
	return true;
}

/* The value when it is one literal, or a version made of one; "" when it is anything else. */
static struct str literal_value(struct str value)
{
	struct str ret;

	if (str_starts(value, STR("Gem::Version.new")))
		value = str_from(value, 16);
	while (value.n && (value.p[0] == '(' || value.p[0] == ' '))
		value = str_from(value, 1);
	if (!value.n || !(value.p[0] == '"' || value.p[0] == '\'' || value.p[0] == '%'))
		return STR("");
	return next_literal(&value, &ret) ? ret : STR("");
}

static struct str licenses(struct str value, struct arena *arena)
{
	struct str all = STR("");
	struct str one;

	for (unsigned int n = 0; n < LICENSES_MAX && next_literal(&value, &one); n++) {
		one = field_license(one);
		if (one.n)
			all = all.n ? arena_fmt(arena, STR_FMT " OR " STR_FMT, STR_ARG(all), STR_ARG(one)) : one;
	}
	return str_head(all, FIELD_BYTES_MAX);
}

/* "# stub: NAME VERSION PLATFORM PATHS" */
static void take_stub(struct str rest, struct package *stub)
{
	str_cut(&rest, ' ', &stub->name);
	str_cut(&rest, ' ', &stub->version);
}

static void take_line(struct str line, struct package *p, struct package *stub, struct arena *arena)
{
	static const struct str stub_head = { "# stub: ", 8 };
	struct str key, value;

	line = str_trim(line);
	if (str_starts(line, stub_head) && !stub->name.n)
		take_stub(str_from(line, stub_head.n), stub);
	if (!assignment(line, &key, &value))
		return;
	if (str_is(key, "name") && !p->name.n)
		p->name = literal_value(value);
	else if (str_is(key, "version") && !p->version.n)
		p->version = literal_value(value);
	else if ((str_is(key, "licenses") || str_is(key, "license")) && !p->license.n)
		p->license = licenses(value, arena);
}

int gem_read(struct file *f, struct facts *ret, struct err *e)
{
	struct package p = { .type = PKG_GEM }, stub = { 0 };
	auto_arena struct arena arena = { 0 };
	struct str rest;

	if (!file_all(f, &rest))
		return -EAGAIN;
	for (struct str line; str_cut(&rest, '\n', &line);)
		take_line(line, &p, &stub, &arena);
	if (!field_ok(p.name))
		p.name = stub.name;
	if (!field_ok(p.version))
		p.version = stub.version;
	if (!field_ok(p.name))
		return err_set(e, -EBADMSG, "gemspec without a name");
	if (!field_ok(p.version))
		return err_set(e, -EBADMSG, "gem " STR_FMT ": its version is not a literal", STR_ARG(p.name));
	facts_package(ret, &p);
	return 0;
}
