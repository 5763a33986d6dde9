/* policy: the node's rules, read and looked up. See policy.h. */
#include "runtime/policy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/capability.h"
#include "base/quantity.h"

static const char *const namespace_keys[] = { "io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace" };
static const char *const image_keys[] = { "io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName",
					  "io.podman.image-name", "org.opencontainers.image.ref.name" };
/* The words in the order of their enums: enum policy_tier from TIER_NS, admit.h's enum admit_action, enum severity. */
static const struct {
	const char *name, *words[8];
} choices[POLICY_CHOICES] = {
	[POLICY_TIER] = { "tier", { "ns", "uml", "vm" } },
	[POLICY_ADMIT] = { "admit", { "warn", "deny", "off" } },
	[POLICY_ADMIT_SEVERITY] = { "admit.severity",
				    { "unknown", "negligible", "low", "medium", "high", "critical" } },
	[POLICY_ADMIT_FIXED_ONLY] = { "admit.fixed-only", { "no", "yes" } },
	[POLICY_ADMIT_UNASSESSED] = { "admit.unassessed", { "no", "yes" } },
	[POLICY_WRITABLE_ROOT] = { "strict.writable-root", { "no", "yes" } },
	[POLICY_CAPABILITIES] = { "strict.capabilities", { NULL } },
};

void policy_done(struct policy *p)
{
	vec_done(&p->rules);
}

struct reader {
	const char *file;
	unsigned int line;
	struct arena *a;
	struct policy *p;
	struct policy_selector where;
	struct err *e;
};

static int bad(const struct reader *r, const char *why, struct str what)
{
	return err_set(r->e, -EBADMSG, "%s:%u: '" STR_FMT "': %s", r->file, r->line, STR_ARG(what), why);
}

/* "[namespace=team-* image=docker.io/x]": all of them must fit; "[]" is everything again. */
static int section(struct reader *r, struct str text)
{
	struct policy_selector where = { 0 };
	struct str rest = str_n(text.p + 1, text.n - 2);

	if (!str_ends(text, STR("]")))
		return bad(r, "a section ends with ]", text);
	for (struct str word; str_cut(&rest, ' ', &word);) {
		struct str key, value;
		struct str *to;

		if (!word.n)
			continue;
		if (!str_split(word, '=', &key, &value) || !value.n || value.n > POLICY_PATTERN_MAX)
			return bad(r, "not NAME=PATTERN", word);
		to = str_is(key, "runtime")	? &where.runtime
		     : str_is(key, "namespace") ? &where.name_space
		     : str_is(key, "image")	? &where.image
						: NULL;
		if (!to || to->n)
			return bad(r, to ? "twice in one section" : "not runtime, namespace or image", key);
		*to = arena_str(r->a, value);
	}
	r->where = where;
	return 0;
}

static int add(struct reader *r, struct policy_rule rule, struct str line)
{
	if (r->p->rules.n >= POLICY_RULES_MAX)
		return bad(r, "more rules than are read", line);
	rule.where = r->where;
	vec_push(&r->p->rules, rule);
	return 0;
}

bool policy_capability_words(struct str words, uint64_t *ret)
{
	uint64_t all = 0, bit = 0;
	size_t n = 0;

	for (struct str word; str_cut(&words, ' ', &word);) {
		if (!word.n)
			continue;
		if (!str_is(word, "none") && !capability_bit(word, &bit))
			return false;
		all |= bit;
		n++;
	}
	*ret = all;
	return n > 0;
}

static int choice_rule(struct reader *r, enum policy_choice which, bool ceiling, struct str value, struct str line)
{
	uint64_t mask;

	if (which == POLICY_CAPABILITIES) {
		if (ceiling || !policy_capability_words(value, &mask))
			return bad(r, "not NAME = names of capabilities, or none", line);
		return add(r, (struct policy_rule){ .limit = LIMITS, .choice = which, .v = mask }, line);
	}
	for (unsigned int i = 0; choices[which].words[i] && !ceiling; i++)
		if (str_is(value, choices[which].words[i]))
			return add(r, (struct policy_rule){ .limit = LIMITS, .choice = which, .v = i + 1 }, line);
	return bad(r, "not NAME = one of its words", line);
}

static int rule(struct reader *r, struct str line)
{
	struct str name, value;
	bool ceiling;
	uint64_t v;

	if (!str_split(line, '=', &name, &value))
		return bad(r, "neither NAME = VALUE nor NAME <= VALUE", line);
	ceiling = str_ends(name, STR("<"));
	name = str_trim(str_head(name, name.n - ceiling));
	value = str_trim(value);
	for (unsigned int i = 0; i < POLICY_CHOICES; i++)
		if (str_is(name, choices[i].name))
			return choice_rule(r, i, ceiling, value, line);
	for (unsigned int i = 0; i < LIMITS; i++) {
		const struct limit_row *row = &limit_rows[i];

		if (!str_is(name, row->name))
			continue;
		if (!ceiling && str_is(value, "none"))
			return add(r, (struct policy_rule){ .limit = i, .v = LIMIT_NONE }, line);
		if (!quantity_parse(value, row->per_unit, &v) || v < row->min || v > row->max)
			return bad(r, "not a quantity in range", value);
		return add(r, (struct policy_rule){ .limit = i, .ceiling = ceiling, .v = v }, line);
	}
	return bad(r, "there is no such limit", name);
}

int policy_parse(struct str text, const char *file, struct arena *a, struct policy *p, struct err *e)
{
	struct reader r = { .file = file, .a = a, .p = p, .e = e };
	int s = 0;

	if (text.n > POLICY_BYTES_MAX)
		return err_set(e, -E2BIG, "%s: larger than %u bytes", file, POLICY_BYTES_MAX);
	for (struct str line; s == 0 && str_cut(&text, '\n', &line);) {
		r.line++;
		line = str_trim(line);
		if (!line.n || line.p[0] == '#')
			continue;
		s = line.p[0] == '[' ? section(&r, line) : rule(&r, line);
	}
	return s;
}

static int load_one(int dir, const char *name, struct arena *a, struct policy *p, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_close int fd = fd_open(dir, name, O_RDONLY | O_NONBLOCK);
	struct stat st;
	int r = fd;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, fd < 0 ? fd : -errno, "policy %s", name);
	if (!S_ISREG(st.st_mode) || st.st_mode & (S_IWGRP | S_IWOTH) || (st.st_uid != 0 && st.st_uid != geteuid()))
		return err_set(e, -EPERM, "policy %s: not a file that only its owner, root, may write", name);
	r = fd_read_all(fd, POLICY_BYTES_MAX, &text, e);
	return r < 0 ? err_wrap(e, r, "policy %s", name) : policy_parse(buf_all(&text), name, a, p, e);
}

static int by_name(const struct dirent **x, const struct dirent **y)
{
	return strcmp((*x)->d_name, (*y)->d_name);
}

static int is_policy(const struct dirent *d)
{
	return d->d_name[0] != '.' && str_ends(str_c(d->d_name), STR(".conf"));
}

int policy_load(const char *dir, struct arena *a, struct policy *ret, struct err *e)
{
	auto_close int fd = fd_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);
	struct policy p = { 0 };
	struct dirent **names = NULL;
	int n, r = 0;

	*ret = p;
	if (fd == -ENOENT)
		return 0;
	n = fd < 0 ? -1 : scandirat(fd, ".", &names, is_policy, by_name);
	if (n < 0)
		return err_errno(e, fd < 0 ? fd : -errno, "policy %s", dir);
	if (n > POLICY_FILES_MAX)
		r = err_set(e, -E2BIG, "policy %s: more than %d files", dir, POLICY_FILES_MAX);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = load_one(fd, names[i]->d_name, a, &p, e);
		free(names[i]);
	}
	free(names);
	if (r < 0)
		policy_done(&p);
	else
		*ret = p;
	return r;
}

static struct str first_annotation(const struct oci_config *c, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *v = oci_annotation(c, keys[i]);

		if (v)
			return str_c(v);
	}
	return STR_NONE;
}

struct policy_selector policy_subject(const char *runtime, const struct oci_config *c)
{
	return (struct policy_selector){
		str_c(runtime),
		first_annotation(c, namespace_keys, ARRAY_LEN(namespace_keys)),
		first_annotation(c, image_keys, ARRAY_LEN(image_keys)),
	};
}

static bool fits(const struct policy_selector *where, const struct policy_selector *s)
{
	return (!where->runtime.n || str_glob(where->runtime, s->runtime)) &&
	       (!where->name_space.n || str_glob(where->name_space, s->name_space)) &&
	       (!where->image.n || str_glob(where->image, s->image));
}

void policy_limits(const struct policy *p, const struct policy_selector *subject, struct limit_policy ret[LIMITS])
{
	memset(ret, 0, sizeof(*ret) * LIMITS);
	for (size_t i = 0; i < p->rules.n; i++) {
		const struct policy_rule *r = &p->rules.v[i];
		struct limit_policy *to = r->limit < LIMITS ? &ret[r->limit] : NULL;

		if (!to || !fits(&r->where, subject))
			continue;
		if (!r->ceiling)
			to->fallback = (struct limit_value){ LIMIT_POLICY, r->v };
		else if (to->ceiling.from == LIMIT_UNSET || r->v < to->ceiling.v)
			to->ceiling = (struct limit_value){ LIMIT_CEILING, r->v };
	}
}

static uint64_t last_of(const struct policy *p, const struct policy_selector *subject, enum policy_choice which)
{
	uint64_t found = 0;

	for (size_t i = 0; i < p->rules.n; i++) {
		const struct policy_rule *r = &p->rules.v[i];

		if (r->limit == LIMITS && r->choice == which && fits(&r->where, subject))
			found = r->v;
	}
	return found;
}

unsigned int policy_choice(const struct policy *p, const struct policy_selector *subject, enum policy_choice which)
{
	return (unsigned int)last_of(p, subject, which);
}

uint64_t policy_capabilities(const struct policy *p, const struct policy_selector *subject)
{
	return last_of(p, subject, POLICY_CAPABILITIES);
}

enum policy_tier policy_tier(const struct policy *p, const struct policy_selector *subject)
{
	return (enum policy_tier)policy_choice(p, subject, POLICY_TIER);
}
