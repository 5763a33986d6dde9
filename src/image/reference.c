/* reference: names of images in registries. See reference.h. */
#include "image/reference.h"

#include "base/num.h"

static const char default_host[] = "docker.io";

static bool is_lower_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z');
}

static bool is_alnum(char c)
{
	return is_digit(c) || is_alpha(c);
}

bool reference_tag_ok(struct str tag)
{
	if (!tag.n || tag.n > REFERENCE_TAG_MAX || tag.p[0] == '.' || tag.p[0] == '-')
		return false;
	for (size_t i = 0; i < tag.n; i++)
		if (!is_alnum(tag.p[i]) && tag.p[i] != '_' && tag.p[i] != '.' && tag.p[i] != '-')
			return false;
	return true;
}

/* separator := /[_.]|__|[-]+/ */
static size_t separator_length(struct str s)
{
	size_t n = 0;

	if (s.n && s.p[0] == '.')
		return 1;
	if (s.n && s.p[0] == '_')
		return s.n > 1 && s.p[1] == '_' ? 2 : 1;
	while (n < s.n && s.p[n] == '-')
		n++;
	return n;
}

/* path-component := alpha-numeric [separator alpha-numeric]*, alpha-numeric := /[a-z0-9]+/ */
static bool part_ok(struct str part)
{
	size_t at = 0;

	while (at < part.n) {
		size_t start = at;

		while (at < part.n && is_lower_alnum(part.p[at]))
			at++;
		if (at == start)
			return false;
		if (at == part.n)
			return true;
		at += separator_length(str_from(part, at));
		if (at == part.n || !is_lower_alnum(part.p[at]))
			return false;
	}
	return false;
}

static bool repository_ok(struct str repository)
{
	struct str part;

	if (!repository.n || repository.p[repository.n - 1] == '/')
		return false;
	for (struct str rest = repository; str_cut(&rest, '/', &part);)
		if (!part_ok(part))
			return false;
	return true;
}

/* domain-component := /([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])/ */
static bool host_name_ok(struct str name)
{
	struct str label;

	if (!name.n || name.p[name.n - 1] == '.')
		return false;
	for (struct str rest = name; str_cut(&rest, '.', &label);) {
		if (!label.n || !is_alnum(label.p[0]) || !is_alnum(label.p[label.n - 1]))
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!is_alnum(label.p[i]) && label.p[i] != '-')
				return false;
	}
	return true;
}

static bool port_ok(struct str port)
{
	uint32_t n;

	return port.n <= 5 && num_u32(port, &n) && n > 0 && n <= 65535;
}

/* ipv6address := "[" /[0-9a-fA-F:]+/ "]" */
static bool host6_ok(struct str host)
{
	ptrdiff_t close = str_find(host, ']');
	struct str after;

	if (close < 2)
		return false;
	for (size_t i = 1; i < (size_t)close; i++) {
		char c = to_lower(host.p[i]);

		if (!is_digit(c) && c != ':' && !(c >= 'a' && c <= 'f'))
			return false;
	}
	after = str_from(host, (size_t)close + 1);
	return !after.n || (after.p[0] == ':' && port_ok(str_from(after, 1)));
}

static bool host_ok(struct str host)
{
	struct str name = host, port;

	if (host.n && host.p[0] == '[')
		return host6_ok(host);
	if (!str_split(host, ':', &name, &port))
		return host_name_ok(host);
	return host_name_ok(name) && port_ok(port);
}

static bool looks_like_host(struct str part)
{
	return str_find(part, '.') >= 0 || str_find(part, ':') >= 0 || str_is(part, "localhost");
}

static int parse_digest(struct str text, struct digest *ret, struct err *e)
{
	if (digest_parse(text, ret))
		return 0;
	if (str_starts(text, STR("sha512:")) || str_starts(text, STR("sha384:")))
		return err_set(e, -ENOTSUP, "only sha256 digests are read, not \"" STR_FMT "\"",
			       STR_ARG(str_head(text, 16)));
	return err_set(e, -EBADMSG, "\"" STR_FMT "\" is no digest: sha256: and 64 lower-case hex digits are",
		       STR_ARG(str_head(text, 80)));
}

/* Splits off the tag: a ':' behind the last '/'. */
static int parse_tag(struct str *name, struct reference *ref, struct err *e)
{
	ptrdiff_t slash = str_rfind(*name, '/');
	ptrdiff_t colon = str_rfind(*name, ':');

	if (colon <= slash)
		return 0;
	ref->tag = str_from(*name, (size_t)colon + 1);
	*name = str_head(*name, (size_t)colon);
	if (!reference_tag_ok(ref->tag))
		return err_set(e, -EBADMSG, "\"" STR_FMT "\" is no tag", STR_ARG(str_head(ref->tag, 140)));
	return 0;
}

static int parse_name(struct str name, struct arena *a, struct reference *ref, struct err *e)
{
	struct str head, tail;

	ref->host = str_c(default_host);
	ref->repository = name;
	if (str_split(name, '/', &head, &tail) && looks_like_host(head)) {
		if (!host_ok(head))
			return err_set(e, -EBADMSG, "\"" STR_FMT "\" is no registry host", STR_ARG(head));
		ref->host = head;
		ref->repository = tail;
	}
	if (str_is(ref->host, "index.docker.io"))
		ref->host = str_c(default_host);
	if (!repository_ok(ref->repository))
		return err_set(e, -EBADMSG, "\"" STR_FMT "\" is no repository name", STR_ARG(ref->repository));
	if (str_is(ref->host, default_host) && str_find(ref->repository, '/') < 0)
		ref->repository = arena_fmt(a, "library/" STR_FMT, STR_ARG(ref->repository));
	if (ref->host.n + 1 + ref->repository.n > REFERENCE_REPOSITORY_MAX)
		return err_set(e, -EBADMSG, "the repository name is longer than %d bytes", REFERENCE_REPOSITORY_MAX);
	return 0;
}

int reference_parse(struct str text, struct arena *a, struct reference *ret, struct err *e)
{
	struct reference ref = { 0 };
	struct str name = text, digest;
	int r;

	if (!text.n)
		return err_set(e, -EBADMSG, "an image reference is empty");
	if (text.n > REFERENCE_BYTES_MAX)
		return err_set(e, -EBADMSG, "an image reference is longer than %d bytes", REFERENCE_BYTES_MAX);
	if (str_split(text, '@', &name, &digest)) {
		r = parse_digest(digest, &ref.digest, e);
		if (r < 0)
			return err_wrap(e, r, "reference " STR_FMT, STR_ARG(text));
	}
	r = parse_tag(&name, &ref, e);
	if (r >= 0)
		r = parse_name(name, a, &ref, e);
	if (r < 0)
		return err_wrap(e, r, "reference " STR_FMT, STR_ARG(text));
	if (!ref.tag.n && !ref.digest.set)
		ref.tag = STR("latest");
	*ret = ref;
	return 0;
}

struct str reference_text(struct arena *a, const struct reference *ref)
{
	char digest[DIGEST_TEXT_MAX];

	digest_text(&ref->digest, digest);
	return arena_fmt(a, STR_FMT "/" STR_FMT "%s" STR_FMT "%s%s", STR_ARG(ref->host), STR_ARG(ref->repository),
			 ref->tag.n ? ":" : "", STR_ARG(ref->tag), digest[0] ? "@" : "", digest);
}

struct str reference_api_host(const struct reference *ref)
{
	return str_is(ref->host, default_host) ? STR("registry-1.docker.io") : ref->host;
}

bool reference_is_loopback(const struct reference *ref)
{
	struct str host = ref->host, name, port;

	if (str_starts(host, STR("[::1]")))
		return true;
	if (str_split(host, ':', &name, &port))
		host = name;
	if (str_is(host, "localhost"))
		return true;
	/* 127.0.0.0/8 and nothing like 127.example.org */
	if (!str_starts(host, STR("127.")))
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (!is_digit(host.p[i]) && host.p[i] != '.')
			return false;
	return true;
}

bool reference_name_fits(struct str have, struct str want)
{
	char before;

	if (!want.n || !str_ends(have, want))
		return false;
	if (have.n == want.n)
		return true;
	before = have.p[have.n - want.n - 1];
	return before == ':' || before == '/';
}
