/* resolve: from the name of a base image to its lock. See resolve.h. */
#include "node/image/resolve.h"

#include <unistd.h>

#include "codec/inflate.h"
#include "codec/sha256.h"
#include "node/image/packages.h"
#include "node/image/store.h"

#define COMPONENT "main"
#define NAME_BYTES 256

const char *const static_base[] = { "base-files", "ca-certificates", "netbase", "tzdata", NULL };
const char *const static_without[] = { "debconf", "debconf-2.0", "dpkg", "install-info", "init-system-helpers", NULL };
static const char *const full_names[] = { "apt", NULL };

/* dpkg's names, OCI's (those of Go). */
static const struct {
	const char *dpkg, *oci, *variant;
} archs[] = {
	{ "amd64", "amd64", "" },     { "arm64", "arm64", "v8" }, { "armhf", "arm", "v7" },	{ "i386", "386", "" },
	{ "ppc64el", "ppc64le", "" }, { "s390x", "s390x", "" },	  { "riscv64", "riscv64", "" },
};

const char *machine_arch(void)
{
#if defined(__x86_64__)
	return "amd64";
#elif defined(__aarch64__)
	return "arm64";
#elif defined(__arm__)
	return "armhf";
#elif defined(__i386__)
	return "i386";
#elif defined(__powerpc64__)
	return "ppc64el";
#elif defined(__s390x__)
	return "s390x";
#else
	return "riscv64";
#endif
}

struct str arch_oci(struct str arch, struct str *ret_variant)
{
	*ret_variant = STR_NONE;
	for (size_t i = 0; i < ARRAY_LEN(archs); i++) {
		if (!str_is(arch, archs[i].dpkg))
			continue;
		*ret_variant = str_c(archs[i].variant);
		return str_c(archs[i].oci);
	}
	return STR_NONE;
}

struct resolving {
	struct machine *m;
	const struct resolve_options *o;
	struct str arch;
	struct lock *lock;
	struct resolve_report *report;
	struct packages packages;
};

/* -------- repositories -------- */

static struct str last_part(struct str uri)
{
	ptrdiff_t at = str_rfind(uri, '/');

	return at < 0 ? uri : str_from(uri, (size_t)at + 1);
}

static struct str without_slash(struct str uri)
{
	while (uri.n && uri.p[uri.n - 1] == '/')
		uri.n--;
	return uri;
}

/* Of the machine: the suite itself, else whoever has its sister suites. */
static const struct apt_entry *machine_entry(const struct machine *m, const char *archive, const char *suite)
{
	const struct apt_entry *beside = NULL;

	for (size_t i = 0; i < m->entries.all.n; i++) {
		const struct apt_entry *t = &m->entries.all.v[i];

		if (!str_is(last_part(t->uri), archive))
			continue;
		if (str_is(t->suite, suite))
			return t;
		if (!beside)
			beside = t;
	}
	return beside;
}

/* Where a mirror has its security suites: at the given place, in the archive itself, or beside it. */
static struct str security_uri(struct resolving *x, struct str mirror)
{
	const struct image_release *r = x->o->release;

	if (x->o->security_mirror)
		return str_c(x->o->security_mirror);
	if (strcmp(r->archive, r->security_archive) == 0 || !str_is(last_part(mirror), r->archive))
		return mirror;
	return arena_fmt(&x->m->arena, STR_FMT "%s", STR_ARG(str_head(mirror, mirror.n - strlen(r->archive))),
			 r->security_archive);
}

static int key_missing(struct resolving *x, struct err *e)
{
	return err_set(e, -ENOENT, "there are no keys of %s here: %s is missing; name a key file with --keyring",
		       x->o->release->id, x->o->release->keyring);
}

static int entry_for(struct resolving *x, size_t i, struct apt_entry *ret, struct err *e)
{
	const struct image_release *r = x->o->release;
	bool security = i == RELEASE_SUITES - 1;
	const char *archive = security ? r->security_archive : r->archive;
	const struct apt_entry *had;
	struct apt_entry t = { .component = { STR(COMPONENT) }, .component_count = 1 };
	char suite[NAME_BYTES];

	image_suite_name(r, i, suite, sizeof(suite));
	t.suite = arena_str(&x->m->arena, str_c(suite));
	had = machine_entry(x->m, archive, suite);
	if (x->o->mirror) {
		t.uri = without_slash(str_c(x->o->mirror));
		t.uri = security ? without_slash(security_uri(x, t.uri)) : t.uri;
	} else if (had) {
		t.uri = had->uri;
		t.key = had->key;
		t.signed_by = str_eq(had->suite, t.suite) ? had->signed_by : STR_NONE;
	} else {
		return err_set(e, -ENOENT,
			       "apt's sources of this machine have no repository of %s: name one with --mirror",
			       archive);
	}
	if (x->m->keyring) {
		t.key = t.signed_by = STR_NONE;
	} else if (!t.key.n && !t.signed_by.n) {
		if (access(r->keyring, R_OK) < 0)
			return key_missing(x, e);
		t.signed_by = str_c(r->keyring);
	}
	*ret = t;
	return 0;
}

/* -------- indexes -------- */

/* The store has it, or the mirror gives it. */
static int index_get(struct resolving *x, const struct apt_entry *t, const struct apt_release *release,
		     const struct apt_index *index, struct buf *ret, struct err *e)
{
	auto_close int fd = store_take(x->o->store, &index->digest, index->size);
	int r;

	if (fd >= 0)
		return fd_read_all(fd, MACHINE_INDEX_BYTES_MAX, ret, e);
	r = machine_index(x->m, t, release, index, ret, e);
	if (r < 0)
		return r;
	x->report->bytes += ret->n;
	if (store_put(x->o->store, buf_all(ret), &index->digest, NULL) < 0)
		return 0; /* it will be fetched again */
	return 0;
}

static int index_read(struct resolving *x, const struct apt_entry *t, const struct apt_release *release, uint32_t suite,
		      struct err *e)
{
	const struct apt_index *index = apt_release_binaries(release, STR(COMPONENT), x->arch);
	auto_buf struct buf packed = { 0 };
	struct buf plain;
	int r;

	if (!index)
		return err_set(e, -ENOENT, "it has no packages for " STR_FMT, STR_ARG(x->arch));
	r = index_get(x, t, release, index, &packed, e);
	if (r == 0)
		r = inflate_all(buf_all(&packed), MACHINE_INDEX_PLAIN_MAX, &plain, e);
	if (r < 0)
		return r;
	return packages_parse(machine_keep(x->m, &plain), x->arch, suite, &x->packages, e);
}

static void note_expired(struct resolving *x, const struct apt_entry *t, const struct apt_release *release)
{
	int64_t late = release->valid_until ? x->o->now - release->valid_until : 0;

	if (late > 0)
		snprintf(x->report->note, sizeof(x->report->note), STR_FMT ": the mirror's data expired %lld days ago",
			 STR_ARG(str_head(t->suite, 60)), (long long)(late / 86400));
}

static int suite_read(struct resolving *x, size_t i, struct err *e)
{
	struct arena *a = &x->lock->arena;
	struct apt_release release = { 0 };
	struct lock_suite s = { .components = STR(COMPONENT) };
	struct apt_entry t;
	struct str text;
	int r = entry_for(x, i, &t, e);

	if (r < 0)
		return r;
	r = machine_release(x->m, &t, &text, &release, e);
	if (r == 0)
		r = index_read(x, &t, &release, (uint32_t)i, e);
	if (r < 0) {
		apt_release_done(&release);
		return err_wrap(e, r, STR_FMT " " STR_FMT, STR_ARG(t.uri), STR_ARG(t.suite));
	}
	note_expired(x, &t, &release);
	s.uri = arena_str(a, t.uri);
	s.suite = arena_str(a, t.suite);
	s.origin = arena_str(a, release.origin);
	s.codename = arena_str(a, release.codename);
	s.date = release.date;
	sha256_of(text, &s.release);
	apt_release_done(&release);
	if (s.date > x->lock->date)
		x->lock->date = s.date;
	vec_push(&x->lock->suites, s);
	return 0;
}

/* -------- packages -------- */

static size_t names_add(struct str *names, size_t n, const char *const *list)
{
	for (; *list; list++)
		names[n++] = str_c(*list);
	return n;
}

static int packages_take(struct resolving *x, struct err *e)
{
	enum image_variant v = x->o->variant;
	struct str names[LOCK_INCLUDES_MAX + 8];
	struct packages_wish wish = { .essential = v != VARIANT_STATIC,
				      .required = v == VARIANT_FULL,
				      .names = names,
				      .without = v == VARIANT_STATIC ? static_without : NULL,
				      .alone = v == VARIANT_STATIC ? static_base : NULL };
	struct arena *a = &x->lock->arena;
	struct packages_chosen chosen;
	size_t n = 0;
	int r;

	if (v == VARIANT_STATIC)
		n = names_add(names, n, static_base);
	if (v == VARIANT_FULL)
		n = names_add(names, n, full_names);
	/* the other way to satisfy who asks for it is a script that moves files of a running system */
	if (v != VARIANT_STATIC && packages_named(&x->packages, STR("usr-is-merged")))
		names[n++] = STR("usr-is-merged");
	for (size_t i = 0; i < x->o->include_count; i++) {
		names[n++] = x->o->includes[i];
		vec_push(&x->lock->includes, arena_str(a, x->o->includes[i]));
	}
	wish.name_count = n;
	r = packages_choose(&x->packages, &wish, &chosen, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < chosen.all.n; i++) {
		const struct deb_package *p = chosen.all.v[i];

		vec_push(&x->lock->packages, ((struct lock_package){ .name = arena_str(a, p->name),
								     .version = arena_str(a, p->version),
								     .arch = arena_str(a, p->arch),
								     .source = arena_str(a, p->source),
								     .source_version = arena_str(a, p->source_version),
								     .path = arena_str(a, p->path),
								     .size = p->size,
								     .digest = p->digest,
								     .suite = p->suite,
								     .essential = p->essential }));
	}
	vec_done(&chosen.all);
	return 0;
}

int lock_resolve(struct machine *machine, const struct resolve_options *o, struct lock *ret,
		 struct resolve_report *ret_report, struct err *e)
{
	struct resolving x = { .m = machine, .o = o, .lock = ret, .report = ret_report };
	int r;

	*ret = (struct lock){ .release = o->release, .variant = o->variant };
	*ret_report = (struct resolve_report){ 0 };
	x.arch = arena_str(&ret->arena, str_c(o->arch ? o->arch : machine_arch()));
	ret->arch = x.arch;
	r = o->include_count > LOCK_INCLUDES_MAX
		    ? err_set(e, -E2BIG, "more than %u packages to include", LOCK_INCLUDES_MAX)
		    : machine_read(machine, e);
	for (size_t i = 0; i < RELEASE_SUITES && r == 0; i++)
		r = suite_read(&x, i, e);
	if (r == 0) {
		packages_index(&x.packages);
		r = packages_take(&x, e);
	}
	packages_done(&x.packages);
	if (r < 0)
		lock_done(ret);
	return r;
}
