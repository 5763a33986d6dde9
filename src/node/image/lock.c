/* lock: everything a base image is made of, by digest. See lock.h. */
#include "node/image/lock.h"

#include <stddef.h>

#include "base/date.h"
#include "base/decode.h"
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
	json_out_key_digest(w, "release", &s->release);
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
	json_out_key_u64(w, "suite", p->suite);
	json_out_key_str(w, "path", p->path);
	json_out_key_u64(w, "size", p->size);
	json_out_key_digest(w, "digest", &p->digest);
	if (p->essential) {
		json_out_key_bool(w, "essential", true);
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
	json_out_key_u64(&w, "version", LOCK_VERSION);
	json_out_key_str(&w, "image", str_c(name));
	json_out_key_str(&w, "variant", str_c(image_variants[l->variant].name));
	json_out_key_str(&w, "arch", l->arch);
	key_date(&w, "date", l->date);
	json_out_key_array(&w, "include");
	for (size_t i = 0; i < l->includes.n; i++)
		json_out_str(&w, l->includes.v[i]);
	json_out_end_array(&w);
	json_out_key_array(&w, "suites");
	for (size_t i = 0; i < l->suites.n; i++)
		suite_write(&w, &l->suites.v[i]);
	json_out_end_array(&w);
	json_out_key_array(&w, "packages");
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

#define TEXT_MAX 2000u

/* Texts become parts of URLs, paths and command lines: printable. */
static int printable_read(struct decode *d, bool spaces, struct str *ret)
{
	int r = decode_str(d, TEXT_MAX, ret);

	if (r == 0 && !ret->n)
		r = decode_bad(d, "is empty");
	for (size_t i = 0; r == 0 && i < ret->n; i++)
		if (ret->p[i] < ' ' || ret->p[i] == 0x7f || (ret->p[i] == ' ' && !spaces))
			r = decode_bad(d, "has a character that is not taken");
	return r;
}

static int read_word(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	return printable_read(d, false, to);
}

static int read_line(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	return printable_read(d, true, to);
}

static int read_path(struct decode *d, const struct decode_member *m, void *to)
{
	char room[PATH_BYTES_MAX];
	struct str *path = to, normal;
	int r = read_word(d, m, to);

	if (r < 0 || (path_normal(*path, room, &normal) == 0 && str_eq(normal, *path)))
		return r;
	return decode_bad(d, "is no path below a repository");
}

static int read_date(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct str s;
	uint64_t seconds;
	int r = decode_str(d, TEXT_MAX, &s);

	if (r < 0)
		return r;
	if (!date_parse(s, &seconds))
		return decode_bad(d, "is no date of RFC 3339");
	*(int64_t *)to = (int64_t)seconds;
	return 0;
}

static int read_digest(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct str s;
	int r = decode_str(d, TEXT_MAX, &s);

	return r < 0 || digest_parse(s, to) ? r : decode_bad(d, "is no sha256:HEX");
}

struct raw_lock {
	uint64_t version;
	struct str image, variant, arch;
	int64_t date;
	struct {
		struct str *v;
		size_t n;
	} includes;
	struct {
		struct lock_suite *v;
		size_t n;
	} suites;
	struct {
		struct lock_package *v;
		size_t n;
	} packages;
};

#define ROW(T, member, how, ...)                                                            \
	{                                                                                   \
		.name = #member, .read = how, .at = offsetof(struct T, member), __VA_ARGS__ \
	}

static const struct decode_member suite_members[] = {
	ROW(lock_suite, uri, read_word),	ROW(lock_suite, suite, read_word),
	ROW(lock_suite, components, read_line), ROW(lock_suite, origin, read_line),
	ROW(lock_suite, codename, read_word),	ROW(lock_suite, date, read_date),
	ROW(lock_suite, release, read_digest),	{ NULL },
};
static const struct decode_member package_members[] = {
	ROW(lock_package, name, read_path),
	ROW(lock_package, version, read_word),
	ROW(lock_package, arch, read_word),
	ROW(lock_package, source, read_word),
	ROW(lock_package, source_version, read_word),
	ROW(lock_package, suite, decode_u32, .max = LOCK_SUITES_MAX - 1),
	ROW(lock_package, path, read_path),
	ROW(lock_package, size, decode_u64),
	ROW(lock_package, digest, read_digest),
	ROW(lock_package, essential, decode_bool),
	{ NULL },
};
static const struct decode_list include_list = { sizeof(struct str), LOCK_INCLUDES_MAX, read_word, { NULL }, 0, 0 };
static const struct decode_list suite_list = {
	sizeof(struct lock_suite), LOCK_SUITES_MAX, decode_object, { suite_members }, 0, 0
};
static const struct decode_list package_list = {
	sizeof(struct lock_package), PACKAGES_CHOSEN_MAX, decode_object, { package_members }, 0, 0
};
static const struct decode_member lock_members[] = {
	ROW(raw_lock, version, decode_u64),
	ROW(raw_lock, image, read_word),
	ROW(raw_lock, variant, read_word),
	ROW(raw_lock, arch, read_word),
	ROW(raw_lock, date, read_date),
	{ .name = "include", .read = decode_array, .at = offsetof(struct raw_lock, includes), .list = &include_list },
	ROW(raw_lock, suites, decode_array, .list = &suite_list),
	ROW(raw_lock, packages, decode_array, .list = &package_list),
	{ NULL },
};

static bool suite_complete(const struct lock_suite *s)
{
	return s->suite.n && s->release.set &&
	       (str_starts(s->uri, STR("http://")) || str_starts(s->uri, STR("https://")));
}

static bool package_complete(const struct lock_package *p, size_t suites)
{
	return p->name.n && str_find(p->name, '/') < 0 && p->version.n && p->arch.n && p->path.n && p->size &&
	       p->digest.set && p->suite < suites;
}

static int raw_judge(const struct raw_lock *raw, struct err *e)
{
	if (!raw->arch.n || !raw->date || !raw->suites.n || !raw->packages.n || str_find(raw->image, ':') < 0 ||
	    !raw->variant.n)
		return err_set(e, -EBADMSG, "lock: incomplete");
	for (size_t i = 0; i < raw->suites.n; i++)
		if (!suite_complete(&raw->suites.v[i]))
			return err_set(e, -EBADMSG, "lock: suites[%zu]: incomplete", i);
	for (size_t i = 0; i < raw->packages.n; i++)
		if (!package_complete(&raw->packages.v[i], raw->suites.n))
			return err_set(e, -EBADMSG, "lock: packages[%zu]: incomplete, or of no suite", i);
		else if (i && str_cmp(raw->packages.v[i - 1].name, raw->packages.v[i].name) >= 0)
			return err_set(e, -EBADMSG, "lock: packages[%zu]: not sorted by name", i);
	return 0;
}

static int raw_take(const struct raw_lock *raw, struct lock *l, struct err *e)
{
	char name[200];

	snprintf(name, sizeof(name), STR_FMT ":" STR_FMT, STR_ARG(str_head(raw->image, 90)),
		 STR_ARG(str_head(raw->variant, 90)));
	if (image_name_parse(str_c(name), &l->release, &l->variant, e) < 0)
		return err_wrap(e, -EBADMSG, "lock");
	l->arch = raw->arch;
	l->date = raw->date;
	for (size_t i = 0; i < raw->includes.n; i++)
		vec_push(&l->includes, raw->includes.v[i]);
	for (size_t i = 0; i < raw->suites.n; i++)
		vec_push(&l->suites, raw->suites.v[i]);
	for (size_t i = 0; i < raw->packages.n; i++)
		vec_push(&l->packages, raw->packages.v[i]);
	return 0;
}

int lock_parse(struct str text, struct lock *ret, struct err *e)
{
	static const struct decode_member whole = { .read = decode_object, .members = lock_members };
	struct raw_lock raw = { 0 };
	int r;

	*ret = (struct lock){ 0 };
	r = decode_text_strict(text, "lock", &ret->arena, &whole, &raw, NULL, e);
	if (r == 0 && raw.version != LOCK_VERSION)
		r = err_set(e, -ENOTSUP, "lock: version %llu, known is %d", (unsigned long long)raw.version,
			    LOCK_VERSION);
	if (r == 0)
		r = raw_judge(&raw, e);
	if (r == 0)
		r = raw_take(&raw, ret, e);
	if (r < 0)
		lock_done(ret);
	return r;
}
