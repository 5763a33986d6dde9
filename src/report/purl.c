/* purl: see purl.h. */
#include "report/purl.h"

enum namespace_rule {
	NS_NONE,  /* the name is the name */
	NS_OS,	  /* the distribution */
	NS_SLASH, /* up to the last '/' of the name */
	NS_COLON, /* up to the ':' of the name */
};

static const struct rule {
	enum namespace_rule ns;
	bool lower;	 /* names are blind to case, written in lower case */
	bool underscore; /* '_' is written '-' */
} rules[PKG_TYPE_COUNT] = {
	[PKG_DEB] = { NS_OS, true, false },	    [PKG_RPM] = { NS_OS, false, false },
	[PKG_APK] = { NS_OS, true, false },	    [PKG_ALPM] = { NS_OS, true, false },
	[PKG_PYPI] = { NS_NONE, true, true },	    [PKG_NPM] = { NS_SLASH, true, false },
	[PKG_GOLANG] = { NS_SLASH, true, false },   [PKG_CARGO] = { NS_NONE, false, false },
	[PKG_MAVEN] = { NS_COLON, false, false },   [PKG_GEM] = { NS_NONE, false, false },
	[PKG_COMPOSER] = { NS_SLASH, true, false }, [PKG_NUGET] = { NS_NONE, false, false },
};

static const struct rule as_is = { 0 };

/* Vendors that the types' definitions call by another name than os-release does. */
static const struct {
	const char *id, *vendor;
} vendors[] = {
	{ "rhel", "redhat" },
	{ "opensuse-leap", "opensuse" },
	{ "opensuse-tumbleweed", "opensuse" },
	{ "sles", "suse" },
	{ "amzn", "amazon" },
	{ "ol", "oracle" },
};

/* "Character encoding": letters, digits and these stay as they are; capitals, '_' and '/' depend on the rule. */
static const bool stays[256] = {
	['a' ... 'z'] = true, ['0' ... '9'] = true, ['.'] = true, ['-'] = true, ['~'] = true, [':'] = true,
};

static size_t put_other(char *to, char c, const struct rule *rule, bool slash)
{
	static const char hex[] = "0123456789ABCDEF";

	if (c == '_' || is_alpha(c) || (c == '/' && slash)) {
		*to = c == '_' && rule->underscore ? '-' : rule->lower ? to_lower(c) : c;
		return 1;
	}
	to[0] = '%';
	to[1] = hex[(unsigned char)c >> 4];
	to[2] = hex[c & 15];
	return 3;
}

static void add_encoded(struct buf *b, struct str s, const struct rule *rule, bool slash)
{
	char *to = buf_room(b, 3 * s.n);
	size_t n = 0;

	for (size_t i = 0; to && i < s.n; i++) {
		if (stays[(unsigned char)s.p[i]])
			to[n++] = s.p[i];
		else
			n += put_other(to + n, s.p[i], rule, slash);
	}
	if (to)
		b->n -= 3 * s.n - n;
}

static struct str vendor_of(const struct release *os)
{
	for (size_t i = 0; os && i < ARRAY_LEN(vendors); i++)
		if (str_is(os->id, vendors[i].id))
			return str_c(vendors[i].vendor);
	return os ? os->id : STR_NONE;
}

static void split_name(const struct package *p, const struct release *os, struct str *ret_ns, struct str *ret_name)
{
	enum namespace_rule rule = rules[p->type].ns;
	ptrdiff_t at = -1;

	*ret_ns = rule == NS_OS ? vendor_of(os) : STR_NONE;
	*ret_name = p->name;
	/* a directory in place of a Go module */
	while (rule == NS_SLASH && str_ends(*ret_name, STR("/")))
		*ret_name = str_head(*ret_name, ret_name->n - 1);
	if (rule == NS_SLASH)
		at = str_rfind(*ret_name, '/');
	else if (rule == NS_COLON)
		at = str_find(p->name, ':');
	if (at < 0)
		return;
	*ret_ns = str_head(*ret_name, (size_t)at);
	*ret_name = str_from(*ret_name, (size_t)at + 1);
}

/* Begins a qualifier. */
static void add_key(struct buf *b, char *mark, struct str key)
{
	buf_char(b, *mark);
	buf_str(b, key);
	buf_char(b, '=');
	*mark = '&';
}

static void add_qualifier(struct buf *b, char *mark, struct str key, struct str value)
{
	if (!value.n)
		return;
	add_key(b, mark, key);
	add_encoded(b, value, &as_is, false);
}

static void add_distro(struct buf *b, char *mark, const struct release *os)
{
	add_key(b, mark, STR("distro"));
	add_encoded(b, os->id, &as_is, false);
	if (os->version_id.n)
		buf_char(b, '-');
	add_encoded(b, os->version_id, &as_is, false);
}

static struct str cut_epoch(const struct package *p, struct str *version)
{
	struct str epoch = STR_NONE, rest;

	if (p->type != PKG_RPM || !str_split(*version, ':', &epoch, &rest))
		return STR_NONE;
	*version = rest;
	return str_is(epoch, "0") ? STR_NONE : epoch;
}

void purl_write(struct buf *b, const struct package *p, const struct release *os)
{
	const struct pkg_type_row *type = pkg_type_row(p->type);
	struct str ns, name, version = p->version, epoch = cut_epoch(p, &version);
	char mark = '?';

	split_name(p, os, &ns, &name);
	if (p->type == PKG_UNKNOWN || !name.n)
		return;
	buf_str(b, STR("pkg:"));
	buf_str(b, str_c(type->name));
	buf_char(b, '/');
	if (ns.n) {
		add_encoded(b, ns, &rules[p->type], true);
		buf_char(b, '/');
	}
	add_encoded(b, name, &rules[p->type], false);
	if (version.n) {
		buf_char(b, '@');
		add_encoded(b, version, &as_is, false);
	}
	if (!type->is_os)
		return;
	add_qualifier(b, &mark, STR("arch"), p->arch);
	if (os && os->id.n)
		add_distro(b, &mark, os);
	add_qualifier(b, &mark, STR("epoch"), epoch);
}
