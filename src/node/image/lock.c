/* lock: everything a base image is made of, by digest. See lock.h. */
#include "node/image/lock.h"

#include "base/date.h"
#include "base/json.h"
#include "base/path.h"
#include "codec/sha256.h"
#include "node/image/packages.h"

#define LOCK_VERSION 1

void lock_done(struct lock *l)
{
	vec_done(&l->suites);
	vec_done(&l->includes);
	vec_done(&l->packages);
	arena_done(&l->arena);
}

void lock_name(const struct lock *l, char *text, size_t size)
{
	snprintf(text, size, "%s:%s:%s", l->release->id, l->release->version, image_variants[l->variant].name);
}

bool lock_same_packages(const struct lock *a, const struct lock *b)
{
	if (a->packages.n != b->packages.n)
		return false;
	for (size_t i = 0; i < a->packages.n; i++)
		if (!digest_eq(&a->packages.v[i].digest, &b->packages.v[i].digest))
			return false;
	return true;
}

/* -------- writing -------- */

static void key_digest(struct json_out *w, const char *key, const struct digest *d)
{
	char text[DIGEST_TEXT_MAX];

	json_out_key_str(w, key, str_c(digest_text(d, text)));
}

static void key_date(struct json_out *w, const char *key, int64_t date)
{
	char text[DATE_TEXT_MAX];

	json_out_key_str(w, key, str_c(date_time_text((uint64_t)date, text)));
}

static void suite_write(struct json_out *w, const struct lock_suite *s)
{
	json_out_object(w);
	json_out_key_str(w, "uri", s->uri);
	json_out_key_str(w, "suite", s->suite);
	json_out_key_str(w, "components", s->components);
	json_out_key_str(w, "origin", s->origin);
	json_out_key_str(w, "codename", s->codename);
	key_date(w, "date", s->date);
	key_digest(w, "release", &s->release);
	json_out_end_object(w);
}

static void package_write(struct json_out *w, const struct lock_package *p)
{
	json_out_object(w);
	json_out_key_str(w, "name", p->name);
	json_out_key_str(w, "version", p->version);
	json_out_key_str(w, "arch", p->arch);
	json_out_key_opt(w, "source", p->source);
	json_out_key_opt(w, "source_version", p->source_version);
	json_out_key(w, "suite");
	json_out_u64(w, p->suite);
	json_out_key_str(w, "path", p->path);
	json_out_key(w, "size");
	json_out_u64(w, p->size);
	key_digest(w, "digest", &p->digest);
	if (p->essential) {
		json_out_key(w, "essential");
		json_out_bool(w, true);
	}
	json_out_end_object(w);
}

void lock_write(const struct lock *l, struct out *out)
{
	struct json_out w;
	char name[64];

	snprintf(name, sizeof(name), "%s:%s", l->release->id, l->release->version);
	json_out_init(&w, out);
	json_out_object(&w);
	json_out_key(&w, "version");
	json_out_u64(&w, LOCK_VERSION);
	json_out_key_str(&w, "image", str_c(name));
	json_out_key_str(&w, "variant", str_c(image_variants[l->variant].name));
	json_out_key_str(&w, "arch", l->arch);
	key_date(&w, "date", l->date);
	json_out_key(&w, "include");
	json_out_array(&w);
	for (size_t i = 0; i < l->includes.n; i++)
		json_out_str(&w, l->includes.v[i]);
	json_out_end_array(&w);
	json_out_key(&w, "suites");
	json_out_array(&w);
	for (size_t i = 0; i < l->suites.n; i++)
		suite_write(&w, &l->suites.v[i]);
	json_out_end_array(&w);
	json_out_key(&w, "packages");
	json_out_array(&w);
	for (size_t i = 0; i < l->packages.n; i++)
		package_write(&w, &l->packages.v[i]);
	json_out_end_array(&w);
	json_out_end_object(&w);
	out_str(out, STR("\n"));
}

int lock_text(const struct lock *l, struct buf *ret, struct digest *ret_digest, struct err *e)
{
	struct out out;

	out_init(&out, -1);
	lock_write(l, &out);
	if (out.failed < 0 || out.b.n > LOCK_BYTES_MAX) {
		buf_done(&out.b);
		return err_set(e, -E2BIG, "a lock of more than %u bytes", LOCK_BYTES_MAX);
	}
	*ret = out.b;
	sha256_of(buf_all(ret), ret_digest);
	return 0;
}

/* -------- reading -------- */

/* One reader for all members: the first that is not as it should be is kept. */
struct reading {
	struct json j;
	struct lock *l;
	const char *bad;
};

static void bad(struct reading *r, const char *what)
{
	if (!r->bad)
		r->bad = what;
}

/* Texts become parts of URLs, paths and command lines: printable, no white space but where `spaces`. */
static void text_read(struct reading *r, const char *what, bool spaces, struct str *ret)
{
	struct str s = STR_NONE;

	if (!json_str(&r->j, &s) || !s.n || s.n > 2000)
		bad(r, what);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] == 0x7f || (s.p[i] == ' ' && !spaces))
			bad(r, what);
	*ret = arena_str(&r->l->arena, s);
}

static void date_read(struct reading *r, const char *what, int64_t *ret)
{
	struct str s = STR_NONE;
	uint64_t seconds = 0;

	if (!json_str(&r->j, &s) || !date_parse(s, &seconds))
		bad(r, what);
	*ret = (int64_t)seconds;
}

static void digest_read(struct reading *r, const char *what, struct digest *ret)
{
	struct str s = STR_NONE;

	if (!json_str(&r->j, &s) || !digest_parse(s, ret))
		bad(r, what);
}

static void suite_read(struct reading *r)
{
	struct lock_suite s = { 0 };
	struct str key;

	if (!json_object(&r->j)) {
		bad(r, "suites");
		return;
	}
	while (json_key(&r->j, &key)) {
		if (str_is(key, "uri"))
			text_read(r, "uri", false, &s.uri);
		else if (str_is(key, "suite"))
			text_read(r, "suite", false, &s.suite);
		else if (str_is(key, "components"))
			text_read(r, "components", true, &s.components);
		else if (str_is(key, "origin"))
			text_read(r, "origin", true, &s.origin);
		else if (str_is(key, "codename"))
			text_read(r, "codename", false, &s.codename);
		else if (str_is(key, "date"))
			date_read(r, "date", &s.date);
		else if (str_is(key, "release"))
			digest_read(r, "release", &s.release);
		else
			bad(r, "a member of suites");
	}
	if (!s.suite.n || !s.release.set || (!str_starts(s.uri, STR("http://")) && !str_starts(s.uri, STR("https://"))))
		bad(r, "suites");
	if (r->l->suites.n < LOCK_SUITES_MAX)
		vec_push(&r->l->suites, s);
	else
		bad(r, "suites: too many");
}

static bool path_usable(struct str path)
{
	char room[PATH_BYTES_MAX];
	struct str normal;

	return path.n && path_normal(path, room, &normal) == 0 && str_eq(normal, path);
}

static void package_read(struct reading *r)
{
	struct lock_package p = { 0 };
	struct str key;
	uint64_t suite = 0;

	if (!json_object(&r->j)) {
		bad(r, "packages");
		return;
	}
	while (json_key(&r->j, &key)) {
		if (str_is(key, "name"))
			text_read(r, "name", false, &p.name);
		else if (str_is(key, "version"))
			text_read(r, "version", false, &p.version);
		else if (str_is(key, "arch"))
			text_read(r, "arch", false, &p.arch);
		else if (str_is(key, "source"))
			text_read(r, "source", false, &p.source);
		else if (str_is(key, "source_version"))
			text_read(r, "source_version", false, &p.source_version);
		else if (str_is(key, "path"))
			text_read(r, "path", false, &p.path);
		else if (str_is(key, "digest"))
			digest_read(r, "digest", &p.digest);
		else if (str_is(key, "suite")	    ? !json_u64(&r->j, &suite)
			 : str_is(key, "size")	    ? !json_u64(&r->j, &p.size)
			 : str_is(key, "essential") ? !json_bool(&r->j, &p.essential)
						    : true)
			bad(r, "a member of packages");
	}
	p.suite = (uint32_t)suite;
	if (!p.name.n || !p.version.n || !p.arch.n || !p.digest.set || !p.size || suite >= LOCK_SUITES_MAX ||
	    !path_usable(p.path) || !path_usable(p.name) || str_find(p.name, '/') >= 0 ||
	    (r->l->packages.n && str_cmp(r->l->packages.v[r->l->packages.n - 1].name, p.name) >= 0))
		bad(r, "packages: incomplete, no usable name, or not sorted");
	if (r->l->packages.n < PACKAGES_CHOSEN_MAX)
		vec_push(&r->l->packages, p);
	else
		bad(r, "packages: too many");
}

static void include_read(struct reading *r)
{
	struct str s;

	text_read(r, "include", false, &s);
	if (r->l->includes.n < LOCK_INCLUDES_MAX)
		vec_push(&r->l->includes, s);
	else
		bad(r, "include: too many");
}

static void array_read(struct reading *r, const char *what, void (*one)(struct reading *r))
{
	if (!json_array(&r->j)) {
		bad(r, what);
		return;
	}
	while (json_next(&r->j))
		one(r);
}

struct top {
	struct str image, variant;
	uint64_t version;
};

static void top_read(struct reading *r, struct top *t)
{
	struct str key;

	if (!json_object(&r->j))
		bad(r, "no object");
	while (json_key(&r->j, &key)) {
		if (str_is(key, "version"))
			(void)!json_u64(&r->j, &t->version);
		else if (str_is(key, "image"))
			text_read(r, "image", false, &t->image);
		else if (str_is(key, "variant"))
			text_read(r, "variant", false, &t->variant);
		else if (str_is(key, "arch"))
			text_read(r, "arch", false, &r->l->arch);
		else if (str_is(key, "date"))
			date_read(r, "date", &r->l->date);
		else if (str_is(key, "include"))
			array_read(r, "include", include_read);
		else if (str_is(key, "suites"))
			array_read(r, "suites", suite_read);
		else if (str_is(key, "packages"))
			array_read(r, "packages", package_read);
		else
			bad(r, "an unknown member");
	}
}

static int lock_judge(struct reading *r, const struct top *t, struct err *e)
{
	char name[200];
	struct lock *l = r->l;

	if (json_finish(&r->j, e) < 0)
		return err_wrap(e, -EBADMSG, "lock");
	if (t->version != LOCK_VERSION)
		return err_set(e, -ENOTSUP, "lock: version %llu, known is %d", (unsigned long long)t->version,
			       LOCK_VERSION);
	if (r->bad)
		return err_set(e, -EBADMSG, "lock: not as it should be: %s", r->bad);
	if (!l->arch.n || !l->date || !l->suites.n || !l->packages.n || str_find(t->image, ':') < 0 || !t->variant.n)
		return err_set(e, -EBADMSG, "lock: incomplete");
	for (size_t i = 0; i < l->packages.n; i++)
		if (l->packages.v[i].suite >= l->suites.n)
			return err_set(e, -EBADMSG, "lock: " STR_FMT " is of no suite", STR_ARG(l->packages.v[i].name));
	snprintf(name, sizeof(name), STR_FMT ":" STR_FMT, STR_ARG(str_head(t->image, 90)),
		 STR_ARG(str_head(t->variant, 90)));
	if (image_name_parse(str_c(name), &l->release, &l->variant, e) < 0)
		return err_wrap(e, -EBADMSG, "lock");
	return 0;
}

int lock_parse(struct str text, struct lock *ret, struct err *e)
{
	struct reading r = { .l = ret };
	struct top top = { 0 };
	int result;

	*ret = (struct lock){ 0 };
	json_init(&r.j, text, &ret->arena);
	top_read(&r, &top);
	result = lock_judge(&r, &top, e);
	if (result < 0)
		lock_done(ret);
	return result;
}
