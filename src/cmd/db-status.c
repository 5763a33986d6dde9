/* db-status: see db-status.h. The JSON is described in docs/formats/db-status.md. */
#include "cmd/db-status.h"

#include <unistd.h>

#include "base/json.h"
#include "base/num.h"
#include "cmd/cmd.h"
#include "vuln/update/update.h"

#define NAME_COLUMNS_MAX 40

struct row {
	struct feed_info info;
	size_t index; /* of the database; SIZE_MAX: never fetched, or not built in */
	size_t group;
	struct str failed; /* when */
};

/* The files of one feed. */
struct group {
	struct str name, date, fetched, source;
	uint64_t files, records, warnings;
	bool sources; /* from more than one place: `source` is what they have in common */
};

struct status {
	const struct db *db;
	const struct db_status_options *o;
	VEC(struct row) rows;
	VEC(struct group) groups;
	struct arena arena;
	struct out out;
};

/* "alpine-secdb:v3.18/main", or "alpine-secdb/v3.18_main.json" where the file is not in the database. */
static struct str feed_of(struct str file)
{
	size_t n = 0;

	while (n < file.n && file.p[n] != ':' && file.p[n] != '/')
		n++;
	return str_head(file, n);
}

static struct str common_start(struct str a, struct str b)
{
	size_t n = 0;

	while (n < a.n && n < b.n && a.p[n] == b.p[n])
		n++;
	return str_head(a, n);
}

static struct str later(struct str a, struct str b)
{
	return str_cmp(a, b) < 0 ? b : a;
}

static size_t group_for(struct status *s, struct str name)
{
	struct group *g;

	for (size_t i = 0; i < s->groups.n; i++)
		if (str_eq(s->groups.v[i].name, name))
			return i;
	g = vec_add(&s->groups);
	*g = (struct group){ .name = name };
	return s->groups.n - 1;
}

static struct row *add_row(struct status *s, const struct feed_info *f, size_t index)
{
	struct row *r = vec_add(&s->rows);
	struct group *g;

	*r = (struct row){ .info = *f, .index = index, .group = group_for(s, feed_of(f->name)) };
	g = &s->groups.v[r->group];
	g->sources |= g->files && !str_eq(g->source, f->source);
	g->source = g->files ? common_start(g->source, f->source) : f->source;
	g->files++;
	g->records += f->records;
	g->warnings += f->warnings;
	g->date = later(g->date, f->date);
	g->fetched = later(g->fetched, f->fetched);
	return r;
}

/* What the last update could not fetch is told as it stands now, also of files the database has nothing from. */
static void take_failure(void *ctx, const struct update_state *state)
{
	struct status *s = ctx;
	struct str name = str_from(state->file, (size_t)str_find(state->file, '/') + 1);
	struct row *r = NULL;

	for (size_t i = 0; i < s->rows.n && !r; i++) {
		struct str source = s->rows.v[i].info.source;

		if (source.n && (str_eq(source, state->url) || str_eq(source, state->file)))
			r = &s->rows.v[i];
	}
	if (!r)
		r = add_row(s, &(struct feed_info){ .name = name, .source = state->url }, SIZE_MAX);
	if (!r->info.failure.n || r->index == SIZE_MAX)
		r->info.failure = state->failure;
	r->failed = state->failed;
}

static int gather(struct status *s)
{
	for (size_t i = 0; i < db_feed_count(s->db); i++) {
		struct feed_info f;
		int r = db_feed(s->db, i, &f);

		if (r < 0)
			return r;
		add_row(s, &f, i);
	}
	update_failures(s->o->data_dir, &s->arena, take_failure, s);
	return 0;
}

/* ---- for a person ---- */

static int name_columns(const struct status *s)
{
	size_t n = 4;

	for (size_t i = 0; i < s->groups.n; i++)
		if (s->groups.v[i].name.n > n)
			n = s->groups.v[i].name.n;
	for (size_t i = 0; s->o->all && i < s->rows.n; i++)
		if (s->rows.v[i].info.name.n + 2 > n)
			n = s->rows.v[i].info.name.n + 2;
	return n < NAME_COLUMNS_MAX ? (int)n : NAME_COLUMNS_MAX;
}

static struct str day(struct str date)
{
	return date.n ? str_head(date, 10) : STR("-");
}

static void print_file(struct status *s, const struct row *r, int columns)
{
	const struct feed_info *f = &r->info;
	struct str warning;

	out_fmt(&s->out, "  %-*.*s %5s %-10.*s %-10.*s %8llu %8llu  " STR_FMT "\n", columns - 2, STR_ARG(f->name), "",
		STR_ARG(day(f->date)), STR_ARG(day(f->fetched)), (unsigned long long)f->records,
		(unsigned long long)f->warnings, STR_ARG(f->source));
	for (size_t k = 0; k < DB_WARNINGS_KEPT && db_feed_warning(s->db, r->index, k, &warning); k++)
		out_fmt(&s->out, "    " STR_FMT "\n", STR_ARG(warning));
}

static void print_failure(struct status *s, const struct row *r, size_t more)
{
	out_fmt(&s->out, "    failed: " STR_FMT, STR_ARG(r->info.name));
	if (r->failed.n)
		out_fmt(&s->out, " (" STR_FMT ")", STR_ARG(day(r->failed)));
	if (more)
		out_fmt(&s->out, " and %zu more", more);
	out_fmt(&s->out, ": " STR_FMT "%s\n", STR_ARG(r->info.failure),
		r->index == SIZE_MAX ? "; nothing of it is in the database" : "");
}

static bool same_failure(const struct row *a, const struct row *b)
{
	return a->group == b->group && (a->index == SIZE_MAX) == (b->index == SIZE_MAX) &&
	       str_eq(a->info.failure, b->info.failure);
}

/* The failure of a row; a server that is away is said once for all files of a feed. */
static void print_failures(struct status *s, size_t at)
{
	const struct row *r = &s->rows.v[at];
	size_t more = 0;

	for (size_t k = 0; k < s->rows.n && !s->o->all; k++) {
		if (k == at || !same_failure(&s->rows.v[k], r))
			continue;
		if (k < at)
			return;
		more++;
	}
	print_failure(s, r, more);
}

static void print_group(struct status *s, size_t i, int columns)
{
	const struct group *g = &s->groups.v[i];

	out_fmt(&s->out, "%-*.*s %5llu %-10.*s %-10.*s %8llu %8llu  " STR_FMT "%s\n", columns, STR_ARG(g->name),
		(unsigned long long)g->files, STR_ARG(day(g->date)), STR_ARG(day(g->fetched)),
		(unsigned long long)g->records, (unsigned long long)g->warnings, STR_ARG(g->source),
		g->sources ? "..." : "");
	for (size_t k = 0; k < s->rows.n; k++) {
		const struct row *r = &s->rows.v[k];

		if (r->group != i)
			continue;
		if (s->o->all && r->index != SIZE_MAX)
			print_file(s, r, columns);
		if (r->info.failure.n)
			print_failures(s, k);
	}
}

static void print_table(struct status *s)
{
	char digest[DIGEST_TEXT_MAX], size[NUM_BYTES_TEXT_MAX];
	struct digest seal = db_digest(s->db);
	int columns = name_columns(s);

	out_fmt(&s->out, "built " STR_FMT ", %s, %zu %s, %zu %s, %zu %s\n%s\n\n", STR_ARG(db_built(s->db)),
		num_bytes_text(db_size_bytes(s->db), size), db_key_count(s->db),
		num_plural(db_key_count(s->db), "package", "packages"), db_statement_count(s->db),
		num_plural(db_statement_count(s->db), "statement", "statements"), db_vuln_count(s->db),
		num_plural(db_vuln_count(s->db), "vulnerability", "vulnerabilities"), digest_text(&seal, digest));
	out_fmt(&s->out, "%-*s %5s %-10s %-10s %8s %8s  %s\n", columns, "FEED", "FILES", "NEWEST", "FETCHED", "RECORDS",
		"WARNINGS", "FROM");
	for (size_t i = 0; i < s->groups.n; i++)
		print_group(s, i, columns);
}

/* ---- for a program ---- */

static void write_file(struct status *s, struct json_out *w, const struct row *r)
{
	struct str warning;

	json_out_object(w);
	json_out_key_str(w, "name", r->info.name);
	json_out_key_str(w, "source", r->info.source);
	json_out_key_opt(w, "newest", r->info.date);
	json_out_key_opt(w, "fetched", r->info.fetched);
	if (r->info.digest.set)
		json_out_key_digest(w, "digest", &r->info.digest);
	json_out_key_bool(w, "in_database", r->index != SIZE_MAX);
	json_out_key_u64(w, "records", r->info.records);
	json_out_key_u64(w, "warnings", r->info.warnings);
	json_out_key_opt(w, "failed", r->failed);
	json_out_key_opt(w, "failure", r->info.failure);
	json_out_key_array(w, "first_warnings");
	for (size_t k = 0;
	     r->index != SIZE_MAX && k < DB_WARNINGS_KEPT && db_feed_warning(s->db, r->index, k, &warning); k++)
		json_out_str(w, warning);
	json_out_end_array(w);
	json_out_end_object(w);
}

static void write_group(struct status *s, struct json_out *w, size_t i)
{
	const struct group *g = &s->groups.v[i];

	json_out_object(w);
	json_out_key_str(w, "name", g->name);
	json_out_key_opt(w, "newest", g->date);
	json_out_key_opt(w, "fetched", g->fetched);
	json_out_key_u64(w, "records", g->records);
	json_out_key_u64(w, "warnings", g->warnings);
	json_out_key_array(w, "files");
	for (size_t k = 0; k < s->rows.n; k++)
		if (s->rows.v[k].group == i)
			write_file(s, w, &s->rows.v[k]);
	json_out_end_array(w);
	json_out_end_object(w);
}

static void print_json(struct status *s)
{
	struct digest seal = db_digest(s->db);
	struct json_out w;

	json_out_init(&w, &s->out);
	json_out_object(&w);
	json_out_key_u64(&w, "schema_version", 1);
	json_out_key_str(&w, "built", db_built(s->db));
	json_out_key_digest(&w, "digest", &seal);
	json_out_key_u64(&w, "size_bytes", db_size_bytes(s->db));
	json_out_key_u64(&w, "packages", db_key_count(s->db));
	json_out_key_u64(&w, "statements", db_statement_count(s->db));
	json_out_key_u64(&w, "vulnerabilities", db_vuln_count(s->db));
	json_out_key_array(&w, "feeds");
	for (size_t i = 0; i < s->groups.n; i++)
		write_group(s, &w, i);
	json_out_end_array(&w);
	json_out_end_object(&w);
	out_str(&s->out, STR("\n"));
}

int db_status(const struct db *d, const struct db_status_options *o)
{
	struct status s = { .db = d, .o = o };
	struct err e = { 0 };
	int r = gather(&s);

	if (r == 0) {
		out_init(&s.out, STDOUT_FILENO);
		if (o->json)
			print_json(&s);
		else
			print_table(&s);
		r = out_finish(&s.out);
	}
	vec_done(&s.rows);
	vec_done(&s.groups);
	arena_done(&s.arena);
	if (r == 0 || r == -EPIPE)
		return EXIT_CLEAN;
	err_errno(&e, r, "standard output");
	return cmd_fail(&e);
}
