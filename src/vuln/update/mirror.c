/* mirror: the distribution's own package mirror as a feed. See mirror.h. */
#include "vuln/update/mirror.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/date.h"
#include "base/fd.h"
#include "base/map.h"
#include "base/num.h"
#include "codec/inflate.h"
#include "codec/sha256.h"
#include "fetch/http.h"
#include "vuln/update/apt.h"
#include "vuln/update/changelog.h"
#include "vuln/update/machine.h"
#include "vuln/version/version.h"

#define STATUS_BYTES_MAX (64u << 20) /* dpkg's status */
#define DATA_BYTES_MAX (256u << 20)  /* a file of ours */
#define RETRIES 2
#define SAVE_EVERY 128 /* packages, so that an update that is killed has not worked for nothing */
#define PATH_TEXT_MAX 4200

/* What is known of one source package in one version: the lines behind its "source" line. */
struct record {
	struct str key;	 /* "name\tversion" */
	struct str body; /* "fix\t...\n..." */
};

struct update {
	int dir_fd;
	const struct mirror_options *o;
	const struct progress *progress;
	const struct version_scheme *scheme;
	struct machine machine; /* its arena and texts live to the end of the update */
	struct map installed;
	VEC(struct record) records;
	struct map known; /* key -> record */
	uint64_t bytes_left;
	struct mirror_results *results;
};

struct candidate {
	const struct apt_package *p;
	struct str key;
	bool wanted, installed;
	bool absent; /* wanted, but not where it was looked for last */
};

struct suite {
	struct update *u;
	const struct apt_entry *entry;
	struct mirror_result *result;
	struct str ns;
	struct digest release; /* of the verified InRelease */
	struct apt_release info;
	struct apt_packages index;
	VEC(struct candidate) packages; /* the newest version of each, by name */
	size_t to_do, done;
	char file[200]; /* "mirror/bookworm-security.tsv" */
};

bool mirror_mode_parse(struct str s, enum mirror_mode *ret)
{
	static const char *const names[] = { "budget", "all", "installed", "off" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!str_is(s, names[i]))
			continue;
		*ret = (enum mirror_mode)i;
		return true;
	}
	return false;
}

void mirror_results_done(struct mirror_results *r)
{
	free(take_ptr(r->suite));
	vec_done(&r->notes);
	arena_done(&r->arena);
}

/* -------- what the machine says -------- */

static void installed_read(struct update *u)
{
	struct apt_installed list = { 0 };
	struct buf b;

	if (machine_file(&u->machine, "/var/lib/dpkg/status", STATUS_BYTES_MAX, &b, NULL) < 0)
		return;
	apt_installed_parse(machine_keep(&u->machine, &b), &list);
	for (size_t i = 0; i < list.names.n; i++)
		map_put(&u->installed, list.names.v[i], 1, NULL);
	vec_done(&list.names);
}

/* -------- our own file -------- */

static void record_add(struct update *u, struct str key, struct str body)
{
	bool added;
	uint32_t *place = map_put(&u->known, key, (uint32_t)u->records.n, &added);

	if (added)
		vec_push(&u->records, ((struct record){ key, body }));
	else
		u->records.v[*place].body = body;
}

struct previous {
	struct str release, date;
	uint64_t missing;
	bool there;
};

/* Takes over the records of an earlier update. Damaged lines end it there: what follows is fetched again. */
static void previous_read(struct update *u, const char *file, struct previous *ret)
{
	struct str text, line, key = STR_NONE, name, value;
	const char *body = NULL;
	struct buf b;

	*ret = (struct previous){ 0 };
	if (file_read(u->dir_fd, file, DATA_BYTES_MAX, &b, NULL) < 0)
		return;
	text = machine_keep(&u->machine, &b);
	if (!str_cut(&text, '\n', &line) || !str_is(line, "yagura-mirror\t1"))
		return;
	while (str_cut(&text, '\n', &line) && str_split(line, '\t', &name, &value)) {
		if (str_is(name, "release"))
			ret->release = value;
		else if (str_is(name, "date"))
			ret->date = value;
		else if (str_is(name, "missing"))
			ret->there = num_u64(value, 10, &ret->missing);
		if (!str_is(name, "source"))
			continue;
		if (key.n)
			record_add(u, key, str_n(body, (size_t)(line.p - body)));
		key = value;
		body = line.p + line.n + 1;
	}
	/* The last record counts only if the file ends with a line end, as whole files do. */
	if (key.n && !text.n && b.n && b.p[b.n - 1] == '\n')
		record_add(u, key, str_n(body, (size_t)(b.p + b.n - body)));
}

static uint64_t missing_count(const struct suite *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->packages.n; i++)
		n += !map_get(&s->u->known, s->packages.v[i].key);
	return n;
}

static int suite_write(const struct suite *s, struct err *e)
{
	auto_buf struct buf b;
	char date[DATE_TEXT_MAX], now[DATE_TEXT_MAX], digest[DIGEST_TEXT_MAX];
	int r;

	buf_init(&b, DATA_BYTES_MAX);
	buf_fmt(&b, "yagura-mirror\t1\nsuite\t" STR_FMT "\nns\t" STR_FMT "\nurl\t" STR_FMT "\n",
		STR_ARG(s->entry->suite), STR_ARG(s->ns), STR_ARG(s->entry->uri));
	buf_fmt(&b, "date\t%s\nfetched\t%s\nrelease\t%s\nmissing\t%llu\n", date_time_text((uint64_t)s->info.date, date),
		date_time_text((uint64_t)s->u->o->now, now), digest_text(&s->release, digest),
		(unsigned long long)missing_count(s));
	for (size_t i = 0; i < s->packages.n; i++) {
		const uint32_t *place = map_get(&s->u->known, s->packages.v[i].key);

		if (!place)
			continue;
		buf_fmt(&b, "source\t" STR_FMT "\n", STR_ARG(s->packages.v[i].key));
		buf_str(&b, s->u->records.v[*place].body);
	}
	r = buf_finish(&b);
	if (r < 0)
		return err_set(e, r, "%s: more than %u bytes", s->file, DATA_BYTES_MAX);
	return file_write(s->u->dir_fd, s->file, buf_all(&b), true, e);
}

/* -------- source packages -------- */

struct fetch {
	struct suite *s;
	struct candidate *p;
	int fd;
	struct sha256 sha;
	uint64_t got;
};

static int fetch_start(void *ctx, const struct http_answer *a unused_arg)
{
	struct fetch *f = ctx;

	f->fd = openat(f->s->u->dir_fd, "mirror", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (f->fd < 0) /* not every file system can do that */
		f->fd = memfd_create("yagura", MFD_CLOEXEC);
	return f->fd < 0 ? -errno : 0;
}

static int fetch_body(void *ctx, const void *p, size_t n)
{
	struct fetch *f = ctx;

	sha256_add(&f->sha, p, n);
	f->got += n;
	return fd_write(f->fd, p, n);
}

/* The lines of a record: versions upwards would need a sort; the changelog's own order is as good. */
static struct str record_body(struct arena *a, const struct changelog_fixes *fixes)
{
	auto_buf struct buf b;
	struct str body;

	buf_init(&b, DATA_BYTES_MAX);
	for (size_t i = 0; i < fixes->all.n; i++) {
		const struct changelog_fix *f = &fixes->all.v[i];
		const struct changelog_fix *before = i ? f - 1 : NULL;

		if (before && before->open == f->open && str_eq(before->version, f->version))
			buf_fmt(&b, "," STR_FMT, STR_ARG(f->cve));
		else
			buf_fmt(&b, "%s%s\t" STR_FMT "\t" STR_FMT, i ? "\n" : "", f->open ? "open" : "fix",
				STR_ARG(f->version), STR_ARG(f->cve));
	}
	if (fixes->all.n)
		buf_char(&b, '\n');
	body = arena_str(a, buf_all(&b));
	return body;
}

static void unreadable(struct suite *s, const struct candidate *p, const struct err *e)
{
	if (!s->result->unreadable++)
		snprintf(s->result->note, sizeof(s->result->note), "%.*s: %.120s", (int)str_head(p->p->name, 60).n,
			 p->p->name.p, e->msg);
}

/* The file is here and is what the index says: reads its changelog. What cannot be read today cannot tomorrow: that is
 * kept as a record too. */
static void package_read(struct suite *s, const struct candidate *p, int fd)
{
	struct update *u = s->u;
	struct mapping map = { 0 };
	auto_buf struct buf text = { 0 };
	auto_arena struct arena scratch = { 0 };
	struct changelog_fixes fixes = { 0 };
	struct err e = { 0 };
	int r = mapping_open(fd, &map, &e);

	if (r == 0)
		r = changelog_extract(str_n(map.p, map.n), p->p->packing, &text, &e);
	if (r == 0)
		r = changelog_parse(buf_all(&text), p->p->version, u->scheme->compare, &scratch, &fixes, &e);
	if (r == 0) {
		record_add(u, p->key, record_body(&u->machine.arena, &fixes));
	} else {
		record_add(u, p->key, arena_fmt(&u->machine.arena, "unreadable\t%s\n", e.msg));
		unreadable(s, p, &e);
	}
	vec_done(&fixes.all);
	mapping_close(&map);
}

static void fetch_done(struct http_job *job, int result, struct http_answer *a, const struct err *e)
{
	struct fetch *f = job->ctx;
	struct suite *s = f->s;
	struct digest digest = { 0 };
	struct err why = { 0 };

	sha256_end(&f->sha, &digest);
	if (result < 0)
		why = *e;
	else if (a->status != 200)
		err_set(&why, a->status == 404 ? -ENOENT : -EIO, "status %u", a->status);
	else if (f->got != f->p->p->size || !digest_eq(&digest, &f->p->p->digest))
		err_set(&why, -EBADMSG, "the file is not the one the index names");
	f->p->absent = why.code == -ENOENT;
	if (why.code && why.code != -ENOENT) {
		unreadable(s, f->p, &why);
	} else if (!why.code) {
		s->result->fetched++;
		s->result->bytes += f->got;
		package_read(s, f->p, f->fd);
	}
	fd_close(&f->fd);
	s->done++;
	progress_at(s->u->progress, str_c(s->result->suite), s->done, s->to_do);
	if (s->done % SAVE_EVERY == 0 && suite_write(s, &why) < 0)
		unreadable(s, f->p, &why);
}

/* Where a file is looked for: in its own repository, or, for what a security suite has, where the release it belongs to
 * lies: files move there with a point release, and their hash is known. STR_NONE when there is no such place. */
static struct str place_of(const struct suite *s, const struct candidate *p, bool elsewhere, struct arena *a)
{
	static const struct str head = STR("pool/updates/");
	const struct apt_entries *l = &s->u->machine.entries;
	struct str release, other;

	if (!elsewhere)
		return machine_url(a, s->entry->uri, p->p->path);
	if (apt_suite_kind(s->entry->suite, &release) != APT_SUITE_SECURITY || !str_starts(p->p->path, head))
		return STR_NONE;
	for (size_t i = 0; i < l->all.n; i++)
		if (apt_suite_kind(l->all.v[i].suite, &other) == APT_SUITE_RELEASE && str_eq(other, release))
			return machine_url(a, l->all.v[i].uri,
					   arena_fmt(a, "pool/" STR_FMT, STR_ARG(str_from(p->p->path, head.n))));
	return STR_NONE;
}

static int round_fetch(struct suite *s, bool elsewhere, struct err *e)
{
	struct fetch *fetches = xcalloc(s->to_do + 1, sizeof(*fetches));
	struct http_job *jobs = xcalloc(s->to_do + 1, sizeof(*jobs));
	auto_arena struct arena urls = { 0 };
	size_t n = 0;
	int r;

	for (size_t i = 0; i < s->packages.n; i++) {
		struct candidate *p = &s->packages.v[i];
		struct str url = !p->wanted || (elsewhere && !p->absent) ? STR_NONE : place_of(s, p, elsewhere, &urls);

		if (!url.n)
			continue;
		fetches[n] = (struct fetch){ .s = s, .p = p, .fd = -1 };
		sha256_init(&fetches[n].sha);
		jobs[n].request = (struct http_request){
			.url = url.p, .size_max = p->p->size, .connect_ms = s->u->o->connect_ms, .retries = RETRIES
		};
		jobs[n].sink = (struct http_sink){ .ctx = &fetches[n], .start = fetch_start, .body = fetch_body };
		jobs[n].ctx = &fetches[n];
		n++;
	}
	r = http_many(jobs, n, MIRROR_PARALLEL, fetch_done, e);
	free(jobs);
	free(fetches);
	return r;
}

static int packages_fetch(struct suite *s, struct err *e)
{
	struct err gone = { 0 };
	int r = round_fetch(s, false, e);

	if (r == 0)
		r = round_fetch(s, true, e);
	err_set(&gone, -ENOENT, "its source package is not on the mirror: what it fixes is not known");
	for (size_t i = 0; i < s->packages.n; i++) {
		if (!s->packages.v[i].absent)
			continue;
		unreadable(s, &s->packages.v[i], &gone);
		if (s->u->o->mode != MIRROR_ALL)
			s->u->bytes_left += s->packages.v[i].p->size;
	}
	return r;
}

/* -------- which of them -------- */

static int by_source(const void *a, const void *b)
{
	return str_cmp(((const struct candidate *)a)->p->name, ((const struct candidate *)b)->p->name);
}

/* Changed by a point release: "+deb12u3", "~deb12u1" (Debian developers' reference 5.11.2). */
static bool is_point_update(struct str version)
{
	return str_find_str(version, STR("+deb")) >= 0 || str_find_str(version, STR("~deb")) >= 0;
}

/* The newest version of each package. */
static void packages_pick(struct suite *s, bool release_suite)
{
	auto_map struct map index = { 0 };
	struct update *u = s->u;

	for (size_t i = 0; i < s->index.all.n; i++) {
		const struct apt_package *p = &s->index.all.v[i];
		uint32_t *place;
		bool added;

		if (!u->scheme->valid(p->version) || (release_suite && !is_point_update(p->version)))
			continue;
		place = map_put(&index, p->name, (uint32_t)s->packages.n, &added);
		if (added)
			vec_push(&s->packages, ((struct candidate){ .p = p }));
		else if (u->scheme->compare(p->version, s->packages.v[*place].p->version) > 0)
			s->packages.v[*place].p = p;
	}
	qsort(s->packages.v, s->packages.n, sizeof(*s->packages.v), by_source);
	for (size_t i = 0; i < s->packages.n; i++) {
		struct candidate *p = &s->packages.v[i];

		p->key =
			arena_fmt(&u->machine.arena, STR_FMT "\t" STR_FMT, STR_ARG(p->p->name), STR_ARG(p->p->version));
		p->installed = map_get(&u->installed, p->p->name) != NULL;
	}
}

/* Installed ones first, then the smallest. */
static int by_use(const void *a, const void *b)
{
	const struct candidate *x = *(const struct candidate *const *)a, *y = *(const struct candidate *const *)b;

	if (x->installed != y->installed)
		return x->installed ? -1 : 1;
	if (x->p->size != y->p->size)
		return x->p->size < y->p->size ? -1 : 1;
	return str_cmp(x->key, y->key);
}

static void packages_choose(struct suite *s)
{
	struct update *u = s->u;
	struct candidate **order = xcalloc(s->packages.n + 1, sizeof(*order));
	size_t n = 0;

	for (size_t i = 0; i < s->packages.n; i++) {
		if (map_get(&u->known, s->packages.v[i].key))
			s->result->reused++;
		else if (s->packages.v[i].p->size <= MIRROR_FILE_MAX)
			order[n++] = &s->packages.v[i];
	}
	qsort(order, n, sizeof(*order), by_use);
	for (size_t i = 0; i < n; i++) {
		struct candidate *p = order[i];

		if (u->o->mode == MIRROR_INSTALLED && !p->installed)
			break;
		if (u->o->mode != MIRROR_ALL && p->p->size > u->bytes_left)
			continue;
		if (u->o->mode != MIRROR_ALL)
			u->bytes_left -= p->p->size;
		p->wanted = true;
		s->to_do++;
	}
	free(order);
}

/* -------- a suite -------- */

static int release_dates(struct suite *s, const struct previous *before, struct err *e)
{
	char date[DATE_TEXT_MAX];
	int64_t late = s->info.valid_until ? s->u->o->now - s->info.valid_until : 0;

	date_time_text((uint64_t)s->info.date, date);
	if (before->date.n && str_cmp(str_c(date), before->date) < 0)
		return err_set(e, -EBADMSG, "the mirror went back in time: %s after " STR_FMT, date,
			       STR_ARG(before->date));
	if (late <= 0)
		return 0;
	if (s->u->o->strict_dates)
		return err_set(e, -EBADMSG, "the mirror's data expired %lld days ago", (long long)(late / 86400));
	snprintf(s->result->note, sizeof(s->result->note), "the mirror's data expired %lld days ago (%s)",
		 (long long)(late / 86400), date);
	return 0;
}

/* Of all that decides which packages there are. */
static void release_digest(struct suite *s, struct str text)
{
	struct sha256 sha;

	sha256_init(&sha);
	sha256_add(&sha, text.p, text.n);
	for (size_t i = 0; i < s->entry->component_count; i++) {
		sha256_add(&sha, s->entry->component[i].p, s->entry->component[i].n);
		sha256_add(&sha, "\n", 1);
	}
	sha256_end(&sha, &s->release);
}

static int release_get(struct suite *s, const struct previous *before, struct err *e)
{
	struct machine *m = &s->u->machine;
	struct str text;
	int r = machine_release(m, s->entry, &text, &s->info, e);

	if (r < 0)
		return r;
	release_digest(s, text);
	s->result->date = s->info.date;
	s->ns = apt_release_namespace(&s->info, &m->arena);
	if (!s->ns.n)
		return err_set(e, -ENOTSUP, "a repository of " STR_FMT ", not of a numbered Debian or Ubuntu release",
			       STR_ARG(str_head(s->info.origin, 60)));
	return release_dates(s, before, e);
}

static int indexes_get(struct suite *s, struct err *e)
{
	struct update *u = s->u;

	for (size_t i = 0; i < s->entry->component_count; i++) {
		const struct apt_index *x = apt_release_sources(&s->info, s->entry->component[i]);
		struct buf packed, plain;
		int r;

		if (!x)
			continue;
		r = machine_index(&u->machine, s->entry, &s->info, x, &packed, e);
		if (r < 0)
			return r;
		r = inflate_all(buf_all(&packed), MACHINE_INDEX_PLAIN_MAX, &plain, e);
		buf_done(&packed);
		if (r == 0)
			r = apt_packages_parse(machine_keep(&u->machine, &plain), &u->machine.arena, &s->index, e);
		if (r < 0)
			return err_wrap(e, r, STR_FMT, STR_ARG(x->path));
	}
	return 0;
}

static int suite_work(struct suite *s, struct err *e)
{
	struct previous before;
	char digest[DIGEST_TEXT_MAX];
	struct str release;
	int r;

	previous_read(s->u, s->file, &before);
	progress_at(s->u->progress, str_c(s->result->suite), 0, 0);
	r = release_get(s, &before, e);
	if (r < 0)
		return r;
	if (before.there && !before.missing && str_eq(before.release, str_c(digest_text(&s->release, digest)))) {
		s->result->unchanged = true;
		return 0;
	}
	r = indexes_get(s, e);
	if (r < 0)
		return r;
	packages_pick(s, apt_suite_kind(s->entry->suite, &release) == APT_SUITE_RELEASE);
	s->result->packages = s->packages.n;
	packages_choose(s);
	r = packages_fetch(s, e);
	if (r == 0)
		r = suite_write(s, e);
	s->result->missing = missing_count(s);
	return r;
}

static void suite_update(struct update *u, const struct apt_entry *t, struct mirror_result *result)
{
	struct suite s = { .u = u, .entry = t, .result = result };

	*result = (struct mirror_result){ 0 };
	snprintf(result->suite, sizeof(result->suite), STR_FMT, STR_ARG(t->suite));
	snprintf(s.file, sizeof(s.file), "mirror/" STR_FMT ".tsv", STR_ARG(t->suite));
	for (char *p = s.file + strlen("mirror/"); *p; p++)
		if (*p == '/')
			*p = '_';
	result->status = suite_work(&s, &result->err);
	if (result->status < 0)
		err_wrap(&result->err, result->status, "%s", result->suite);
	apt_release_done(&s.info);
	apt_packages_done(&s.index);
	vec_done(&s.packages);
}

/* -------- the update -------- */

/* Whether a suite is one to read: security and updates suites, and the releases they belong to. Ubuntu never changes
 * the release suite itself. */
static bool entry_wanted(const struct update *u, const struct apt_entry *t, enum apt_suite_kind kind)
{
	struct str release, other;

	if (apt_suite_kind(t->suite, &release) != kind || !t->component_count)
		return false;
	if (kind != APT_SUITE_RELEASE)
		return kind != APT_SUITE_OTHER;
	for (size_t i = 0; i < u->machine.entries.all.n; i++) {
		const struct apt_entry *o = &u->machine.entries.all.v[i];

		if (apt_suite_kind(o->suite, &other) == APT_SUITE_SECURITY && str_eq(other, release) &&
		    str_find_str(o->uri, STR("ubuntu")) < 0)
			return true;
	}
	return false;
}

static struct mirror_result *result_of(struct mirror_results *r, struct str suite)
{
	for (size_t i = 0; i < r->count; i++)
		if (str_is(suite, r->suite[i].suite))
			return &r->suite[i];
	return r->count < MIRROR_SUITES_MAX ? &r->suite[r->count] : NULL;
}

static void suites_update(struct update *u, enum apt_suite_kind kind)
{
	for (size_t i = 0; i < u->machine.entries.all.n; i++) {
		const struct apt_entry *t = &u->machine.entries.all.v[i];
		struct mirror_result *result;

		if (!entry_wanted(u, t, kind) || t->suite.n >= sizeof(result->suite))
			continue;
		result = result_of(u->results, t->suite);
		/* A second repository of the same suite is another mirror of it: of use when the first failed. */
		if (!result || (result < u->results->suite + u->results->count && !result->status))
			continue;
		if (result == u->results->suite + u->results->count)
			u->results->count++;
		suite_update(u, t, result);
	}
}

static void update_done(struct update *u)
{
	machine_done(&u->machine);
	map_done(&u->installed);
	vec_done(&u->records);
	map_done(&u->known);
}

int mirror_update(int dir_fd, const struct mirror_options *options, const struct progress *progress,
		  struct mirror_results *ret, struct err *e)
{
	static const enum apt_suite_kind order[] = { APT_SUITE_SECURITY, APT_SUITE_UPDATES, APT_SUITE_RELEASE };
	struct update u = {
		.dir_fd = dir_fd,
		.o = options,
		.progress = progress,
		.results = ret,
		.machine = { .root = options->root,
			     .sources_file = options->sources_file,
			     .keyring = options->keyring,
			     .connect_ms = options->connect_ms },
	};
	int r;

	*ret = (struct mirror_results){ .suite = xcalloc(MIRROR_SUITES_MAX, sizeof(*ret->suite)) };
	if (options->mode == MIRROR_OFF)
		return 0;
	u.scheme = version_scheme_named(STR("dpkg"));
	u.bytes_left = options->bytes_max ? options->bytes_max : MIRROR_BYTES_DEFAULT;
	r = machine_read(&u.machine, e);
	if (r == 0 && (r = dir_make(dir_fd, "mirror")) < 0)
		err_errno(e, r, "cannot make mirror/");
	if (r == 0) {
		installed_read(&u);
		for (size_t i = 0; i < ARRAY_LEN(order); i++)
			suites_update(&u, order[i]);
		for (size_t i = 0; i < u.machine.entries.notes.n; i++)
			vec_push(&ret->notes, arena_str(&ret->arena, u.machine.entries.notes.v[i]));
		if (!ret->count)
			r = err_set(e, -ENOENT, "no security or updates suite of Debian or Ubuntu in apt's sources");
	}
	update_done(&u);
	return r;
}
