/* table: a verdict for people, on a terminal of any width.
 *
 * Packages with the worst findings first; one line a finding; then the counts, what could not be judged, what it is all
 * based on, and the commands that repair what can be repaired. */
#include "base/num.h"
#include "report/hint.h"
#include "report/text.h"
#include "report/write.h"

#define TABLE_BYTES_MAX (256u << 20) /* of one package's lines at most; they are written out package by package */
#define ID_COLUMNS_MAX 24	     /* "GHSA-xxxx-xxxx-xxxx" and "ALSA-2024:12345" fit */
#define FIXED_COLUMNS_MIN 8
#define ID_COLUMNS_NARROW 19 /* on less than REPORT_COLUMNS: then the narrowest line fits REPORT_COLUMNS_MIN */
#define HEAD_COLUMNS 9	     /* "target   " */
#define PART_INDENT 3	     /* of what did not fit behind a package's name */
#define MARKS_INDENT 13	     /* under the id */
#define TITLE_COLUMNS_MIN 16 /* a shorter piece of a title says nothing */
#define FEEDS_OF_BASE_MAX 4  /* feeds named one by one; more are counted */
#define DATE_COLUMNS 10	     /* "2024-05-01" */
#define CHECKS_SHOWN_MAX 6   /* failed ones of a section named; more are counted */
#define NOTES_SHOWN_MAX 8    /* that many are listed one by one, more are counted by reason */

/* All findings of one package that are shown. */
struct group {
	uint32_t package;
	uint32_t first, end; /* in verdict->findings, with some between that are filtered out */
	uint32_t shown;
	enum severity worst;
	bool kev;
	bool alike;    /* shown with another one, whose `next` leads here */
	uint32_t next; /* package of the same build with the same findings, NO_GROUP at the end */
};
#define NO_GROUP UINT32_MAX

struct table {
	const struct verdict *v;
	const struct report_options *o;
	struct out *out;
	struct buf b;
	size_t columns;
	size_t id_columns, status_columns, fixed_columns;
	VEC(struct group) groups;
};

enum style { PLAIN, BOLD, DIM, RED, BRIGHT_RED, YELLOW, BLUE, GREEN };
static const char *const style_codes[] = { "0", "1", "2", "31", "1;31", "33", "34", "32" };

static const enum style severity_styles[] = {
	[SEV_UNKNOWN] = DIM,   [SEV_NEGLIGIBLE] = DIM, [SEV_LOW] = BLUE,
	[SEV_MEDIUM] = YELLOW, [SEV_HIGH] = RED,       [SEV_CRITICAL] = BRIGHT_RED,
};

static void style(struct table *t, enum style s)
{
	if (t->o->colour)
		buf_fmt(&t->b, "\033[%sm", style_codes[s]);
}

static void styled(struct table *t, enum style s, struct str text, size_t columns)
{
	style(t, s);
	text_pad(&t->b, text, columns);
	style(t, PLAIN);
}

static void flush(struct table *t)
{
	out_str(t->out, buf_all(&t->b));
	buf_clear(&t->b);
}

static const struct inv_package *package_of(const struct table *t, uint32_t index)
{
	return &t->v->inventory->packages.v[index];
}

/* ---- what is shown, and how wide ---- */

static int worst_first(const void *va, const void *vb)
{
	const struct group *a = va, *b = vb;

	if (a->worst != b->worst)
		return a->worst > b->worst ? -1 : 1;
	if (a->kev != b->kev)
		return a->kev ? -1 : 1;
	return (a->package > b->package) - (a->package < b->package);
}

static void measure(struct table *t, const struct finding *f)
{
	size_t id = text_width(f->id), status = strlen(finding_status_name(f->status)), fixed = text_width(f->fixed);

	t->id_columns = id > t->id_columns ? id : t->id_columns;
	t->status_columns = status > t->status_columns ? status : t->status_columns;
	t->fixed_columns = fixed > t->fixed_columns ? fixed : t->fixed_columns;
}

static size_t at_most(size_t n, size_t max)
{
	return n < max ? n : max;
}

/* Columns before the fixed version: indentation, severity, id, status and the spaces between. */
static size_t columns_before_fixed(const struct table *t)
{
	return 2 + 10 + 1 + t->id_columns + 1 + t->status_columns + 1;
}

/* The widest columns that leave room for the others. */
static void fit(struct table *t)
{
	t->id_columns = at_most(t->id_columns, t->columns < REPORT_COLUMNS ? ID_COLUMNS_NARROW : ID_COLUMNS_MAX);
	t->fixed_columns = at_most(t->fixed_columns, t->columns - columns_before_fixed(t));
	t->fixed_columns = at_most(t->fixed_columns, t->columns / 4);
	if (t->fixed_columns < FIXED_COLUMNS_MIN)
		t->fixed_columns = FIXED_COLUMNS_MIN;
}

static const struct finding *next_shown(const struct table *t, const struct group *g, uint32_t *at)
{
	while (*at < g->end) {
		const struct finding *f = &t->v->findings.v[(*at)++];

		if (report_wants(&t->o->filter, f))
			return f;
	}
	return NULL;
}

static int compare_findings(const struct table *t, const struct group *a, const struct group *b)
{
	uint32_t i = a->first, j = b->first;
	int r = 0;

	while (r == 0) {
		const struct finding *f = next_shown(t, a, &i), *g = next_shown(t, b, &j);

		if (!f || !g)
			return (f != NULL) - (g != NULL);
		r = str_cmp(f->id, g->id);
		r = r ? r : str_cmp(f->fixed, g->fixed);
		r = r ? r : (int)f->status - (int)g->status;
		r = r ? r : (int)f->severity - (int)g->severity;
		r = r ? r : f->inferred - g->inferred;
	}
	return r;
}

/* 0: packages of one build with the same findings, which are shown once. */
static int compare_builds(const struct table *t, const struct group *ga, const struct group *gb)
{
	const struct inv_package *a = package_of(t, ga->package), *b = package_of(t, gb->package);
	int r = (int)a->p.type - (int)b->p.type;

	if (r == 0 && !pkg_type_row(a->p.type)->is_os)
		return (ga->package > gb->package) - (ga->package < gb->package);
	r = r ? r : str_cmp(package_source(&a->p), package_source(&b->p));
	r = r ? r : str_cmp(a->p.version, b->p.version);
	r = r ? r : str_cmp(package_source_version(&a->p), package_source_version(&b->p));
	r = r ? r : str_cmp(a->p.arch, b->p.arch);
	r = r ? r : (a->layer > b->layer) - (a->layer < b->layer);
	return r ? r : compare_findings(t, ga, gb);
}

static int alike_order(const void *va, const void *vb, void *ctx)
{
	const struct table *t = ctx;
	uint32_t i = *(const uint32_t *)va, j = *(const uint32_t *)vb;
	int r = compare_builds(t, &t->groups.v[i], &t->groups.v[j]);

	return r ? r : (i > j) - (i < j);
}

static void join_alike(struct table *t)
{
	auto_free uint32_t *order = xcalloc(t->groups.n + 1, sizeof(*order));

	for (uint32_t i = 0; i < t->groups.n; i++)
		order[i] = i;
	if (t->groups.n)
		qsort_r(order, t->groups.n, sizeof(*order), alike_order, t);
	for (size_t i = 1; i < t->groups.n; i++) {
		struct group *before = &t->groups.v[order[i - 1]], *g = &t->groups.v[order[i]];

		if (compare_builds(t, before, g) != 0)
			continue;
		before->next = order[i];
		g->alike = true;
	}
}

static void gather(struct table *t)
{
	struct group *g = NULL;

	for (uint32_t i = 0; i < t->v->findings.n; i++) {
		const struct finding *f = &t->v->findings.v[i];

		if (!report_wants(&t->o->filter, f))
			continue;
		if (!g || g->package != f->package) {
			g = vec_add(&t->groups);
			g->package = f->package;
			g->first = i;
			g->next = NO_GROUP;
		}
		g->end = i + 1;
		g->shown++;
		g->worst = f->severity > g->worst ? f->severity : g->worst;
		g->kev |= f->kev;
		measure(t, f);
	}
	if (t->groups.n)
		qsort(t->groups.v, t->groups.n, sizeof(*t->groups.v), worst_first);
	join_alike(t);
	fit(t);
}

/* The version that repairs all of a package's findings that can be; "" when that is not known. */
static struct str upgrade_to(const struct table *t, const struct group *g)
{
	enum pkg_type type = package_of(t, g->package)->p.type;
	struct str best = STR_NONE;

	for (uint32_t i = g->first; i < g->end; i++) {
		const struct finding *f = &t->v->findings.v[i];

		if (f->status != FINDING_FIXED || !f->fixed.n || !report_wants(&t->o->filter, f))
			continue;
		if (!best.n)
			best = f->fixed;
		else if (t->o->version_compare && t->o->version_compare(type, f->fixed, best) > 0)
			best = f->fixed;
		else if (!t->o->version_compare && !str_eq(best, f->fixed))
			return STR_NONE;
	}
	return best;
}

/* ---- lines ---- */

/* Nothing is left standing at the end of a line but what was written there. */
static void end_line(struct table *t)
{
	while (t->b.n && t->b.p[t->b.n - 1] == ' ')
		t->b.n--;
	buf_char(&t->b, '\n');
}

/* Room for `width` columns, `gap` behind the column `used` of a line; where there is none, on a new line. */
static size_t make_room(struct table *t, size_t used, size_t gap, size_t width, size_t indent)
{
	if (used + gap + width > t->columns) {
		end_line(t);
		used = 0;
		gap = indent;
	}
	buf_fmt(&t->b, "%*s", (int)gap, "");
	return used + gap;
}

/* Words from column `used` on, broken at spaces; lines after the first are indented. A word that no line holds is
 * broken, not cut: somebody wants to copy it. */
static void add_wrapped_from(struct table *t, struct str text, size_t used, size_t indent)
{
	bool first = true;

	for (struct str word; str_cut(&text, ' ', &word); first = false) {
		if (!first)
			used = make_room(t, used, 1, text_width(word), indent);
		used = text_fold(&t->b, word, used, t->columns, indent);
	}
	buf_char(&t->b, '\n');
}

static void add_wrapped(struct table *t, struct str text, size_t indent)
{
	add_wrapped_from(t, text, 0, indent);
}

/* ---- head ---- */

static void head_pair(struct table *t, const char *key, struct str value)
{
	if (!value.n)
		return;
	styled(t, DIM, str_c(key), HEAD_COLUMNS);
	add_wrapped_from(t, value, HEAD_COLUMNS, HEAD_COLUMNS);
}

static void write_head(struct table *t)
{
	const struct image_info *image = t->v->image;
	const struct inventory *inv = t->v->inventory;
	char digest[DIGEST_TEXT_MAX];
	auto_buf struct buf line = { 0 };

	buf_init(&line, TABLE_BYTES_MAX);
	buf_fmt(&line, "%s:", image_kind_name(image->kind));
	buf_str(&line, image->target);
	head_pair(t, "target", image->kind == IMAGE_HOST ? STR("this host") : buf_all(&line));
	head_pair(t, "image", str_c(digest_text(&image->config, digest)));
	buf_clear(&line);
	buf_str(&line, inv->os.name.n ? inv->os.name : inv->os.id);
	if (!line.n)
		buf_str(&line, STR("no operating system was recognised"));
	if (inv->os_eol_known && inv->os_eol)
		buf_str(&line, STR(" (end of life: its vendor fixes nothing any more)"));
	head_pair(t, "system", buf_all(&line));
	buf_char(&t->b, '\n');
	flush(t);
}

/* ---- packages ---- */

static size_t add_part(struct table *t, struct str text, size_t used)
{
	used = make_room(t, used, 1, text_width(text), PART_INDENT);
	return text_fold(&t->b, text, used, t->columns, PART_INDENT);
}

/* Language packages are found by their file. */
static void write_place(struct table *t, const struct inv_package *ip)
{
	size_t used;

	if (pkg_type_row(ip->p.type)->is_os || !ip->path.n)
		return;
	buf_str(&t->b, STR("  in "));
	used = text_fold(&t->b, ip->path, strlen("  in "), t->columns, strlen("  in "));
	if (ip->p.inner.n) {
		used = make_room(t, used, 1, strlen("> ") + text_width(ip->p.inner), PART_INDENT);
		buf_str(&t->b, STR("> "));
		text_fold(&t->b, ip->p.inner, used + strlen("> "), t->columns, PART_INDENT);
	}
	buf_char(&t->b, '\n');
}

static void write_upgrade(struct table *t, struct str to, size_t used)
{
	static const char words[] = "upgrade to ";

	if (!to.n)
		return;
	used = make_room(t, used, 2, strlen(words) + text_width(to), PART_INDENT) + strlen(words);
	buf_fmt(&t->b, "%s", words);
	style(t, GREEN);
	text_fold(&t->b, to, used, t->columns, PART_INDENT);
	style(t, PLAIN);
}

static void write_package_line(struct table *t, const struct group *g)
{
	const struct inv_package *ip = package_of(t, g->package);
	auto_buf struct buf tag = { 0 };
	size_t used;

	buf_init(&tag, TABLE_BYTES_MAX);
	buf_fmt(&tag, "[%s", pkg_type_row(ip->p.type)->name);
	if (ip->layer != NO_LAYER)
		buf_fmt(&tag, ", layer %u", (unsigned int)ip->layer);
	buf_char(&tag, ']');
	style(t, BOLD);
	used = text_fold(&t->b, ip->p.name, 0, t->columns, PART_INDENT);
	style(t, PLAIN);
	used = add_part(t, ip->p.version, used);
	used = add_part(t, buf_all(&tag), used);
	write_upgrade(t, upgrade_to(t, g), used);
	buf_char(&t->b, '\n');
	write_place(t, ip);
}

/* The other packages of the same build, in lines of their own. */
static void write_alike(struct table *t, const struct group *g)
{
	auto_buf struct buf line = { 0 };

	if (g->next == NO_GROUP)
		return;
	buf_init(&line, TABLE_BYTES_MAX);
	buf_str(&line, STR("also"));
	for (uint32_t i = g->next; i != NO_GROUP; i = t->groups.v[i].next) {
		buf_char(&line, ' ');
		buf_str(&line, package_of(t, t->groups.v[i].package)->p.name);
		if (t->groups.v[i].next != NO_GROUP)
			buf_char(&line, ',');
	}
	buf_str(&t->b, STR("  "));
	add_wrapped_from(t, buf_all(&line), 2, 2);
}

static void add_marks(struct buf *b, const struct finding *f)
{
	const struct {
		bool set;
		const char *text;
	} marks[] = {
		{ f->kev, "exploited" },
		{ f->inferred, "inferred" },
		{ f->status == FINDING_SUBSCRIPTION, "" },
		{ f->unimportant, "unimportant" },
	};

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (!marks[i].set)
			continue;
		buf_fmt(b, "%s", b->n ? ", " : "");
		if (*marks[i].text)
			buf_fmt(b, "%s", marks[i].text);
		else
			buf_str(b, f->channel.n ? f->channel : STR("subscribers"));
	}
}

/* Marks and title in the columns that are left; on a line of their own when the marks do not fit. */
static void write_rest(struct table *t, const struct finding *f, size_t left)
{
	auto_buf struct buf marks = { 0 };

	buf_init(&marks, TABLE_BYTES_MAX);
	add_marks(&marks, f);
	if (marks.n && text_width(buf_all(&marks)) + 2 > left) {
		end_line(t);
		buf_fmt(&t->b, "%*s", MARKS_INDENT, "");
		left = t->columns - MARKS_INDENT;
	}
	if (marks.n) {
		buf_char(&t->b, '[');
		style(t, f->kev ? BRIGHT_RED : YELLOW);
		left -= text_add(&t->b, buf_all(&marks), left - 2) + 2;
		style(t, PLAIN);
		buf_char(&t->b, ']');
	}
	if (marks.n && left) {
		buf_char(&t->b, ' ');
		left--;
	}
	if (left >= TITLE_COLUMNS_MIN)
		text_add(&t->b, f->title, left);
}

/* What is wider than its column moves what stands behind it in this line. */
static size_t add_column(struct table *t, struct str text, size_t used, size_t columns)
{
	size_t end = used + columns;

	used = make_room(t, used, 0, text_width(text), MARKS_INDENT);
	for (used = text_fold(&t->b, text, used, t->columns, MARKS_INDENT); used < end; used++)
		buf_char(&t->b, ' ');
	if (used == t->columns)
		return used;
	buf_char(&t->b, ' ');
	return used + 1;
}

static void write_finding(struct table *t, const struct finding *f)
{
	size_t used = strlen("  unknown    ");

	buf_str(&t->b, STR("  "));
	styled(t, severity_styles[f->severity], str_c(severity_name(f->severity)), 10);
	buf_char(&t->b, ' ');
	used = add_column(t, f->id, used, t->id_columns);
	used = add_column(t, str_c(finding_status_name(f->status)), used, t->status_columns);
	used = add_column(t, f->fixed, used, t->fixed_columns);
	write_rest(t, f, t->columns > used ? t->columns - used : 0);
	end_line(t);
}

static void write_groups(struct table *t)
{
	for (size_t i = 0; i < t->groups.n; i++) {
		const struct group *g = &t->groups.v[i];

		if (g->alike)
			continue;
		write_package_line(t, g);
		write_alike(t, g);
		for (uint32_t k = g->first; k < g->end; k++)
			if (report_wants(&t->o->filter, &t->v->findings.v[k]))
				write_finding(t, &t->v->findings.v[k]);
		buf_char(&t->b, '\n');
		flush(t);
	}
}

/* ---- what it comes to ---- */

static void write_nothing(struct table *t, const struct report_counts *c)
{
	const struct inventory *inv = t->v->inventory;
	char line[256];

	if (!inv->packages.n)
		snprintf(line, sizeof(line), "No packages were found, so nothing can be said about vulnerabilities.");
	else if (!t->v->database_built.n)
		snprintf(line, sizeof(line), "%zu %s, but there is no vulnerability database: nothing was judged.",
			 inv->packages.n, num_plural(inv->packages.n, "package was found", "packages were found"));
	else if (t->v->unjudged == inv->packages.n)
		snprintf(line, sizeof(line), "%zu %s; %s (see below).", inv->packages.n,
			 num_plural(inv->packages.n, "package was found", "packages were found"),
			 num_plural(inv->packages.n, "it could not be judged", "none of them could be judged"));
	else if (c->hidden)
		snprintf(line, sizeof(line), "No vulnerability passes the filter; %zu %s known in %zu %s.", c->hidden,
			 num_plural(c->hidden, "is", "are"), inv->packages.n,
			 num_plural(inv->packages.n, "package", "packages"));
	else
		snprintf(line, sizeof(line), "No known vulnerability in %zu %s%s.", inv->packages.n,
			 num_plural(inv->packages.n, "package", "packages"),
			 inv->notes.n ? ", as far as they could be judged (see below)" : "");
	add_wrapped(t, str_c(line), 0);
}

static void write_counts(struct table *t, const struct report_counts *c)
{
	const char *comma = ": ";
	auto_buf struct buf line = { 0 };

	buf_init(&line, TABLE_BYTES_MAX);
	buf_fmt(&line, "%zu %s in %zu of %zu %s", c->findings,
		num_plural(c->findings, "vulnerability", "vulnerabilities"), c->packages, t->v->inventory->packages.n,
		num_plural(t->v->inventory->packages.n, "package", "packages"));
	for (int s = SEV_CRITICAL; s >= SEV_UNKNOWN; s--) {
		if (!c->severity[s])
			continue;
		buf_fmt(&line, "%s%zu %s", comma, c->severity[s], severity_name((enum severity)s));
		comma = ", ";
	}
	add_wrapped(t, buf_all(&line), 2);
	buf_clear(&line);
	buf_fmt(&line, "%zu can be repaired by an upgrade", c->fixed);
	if (c->subscription)
		buf_fmt(&line, ", %zu by a subscription", c->subscription);
	if (c->kev)
		buf_fmt(&line, "; %zu %s known to be exploited", c->kev, num_plural(c->kev, "is", "are"));
	if (c->inferred)
		buf_fmt(&line, "; %zu inferred from other branches", c->inferred);
	if (c->hidden)
		buf_fmt(&line, "; %zu not shown (filter)", c->hidden);
	add_wrapped(t, buf_all(&line), 2);
}

/* ---- what could not be judged ---- */

/* A file is named by its path. */
static void add_what(struct buf *b, const struct not_assessed *n)
{
	buf_str(b, str_is(n->what, "file") && n->path.n ? n->path : n->what);
}

static void write_note(struct table *t, const struct not_assessed *n)
{
	auto_buf struct buf line = { 0 };

	buf_init(&line, TABLE_BYTES_MAX);
	buf_str(&line, STR("- "));
	add_what(&line, n);
	if (!str_is(n->what, "file") && n->path.n) {
		buf_str(&line, STR(" ("));
		buf_str(&line, n->path);
		buf_char(&line, ')');
	}
	buf_str(&line, STR(": "));
	buf_str(&line, n->reason);
	add_wrapped(t, buf_all(&line), 2);
}

struct reason {
	struct str text;
	uint32_t first; /* an example */
	size_t count;
	bool whole; /* about all of the target: the first to be told, however many packages there are */
};

static bool is_whole(struct str what)
{
	return str_is(what, "release") || str_is(what, "target");
}

static int by_weight(const void *va, const void *vb)
{
	const struct reason *a = va, *b = vb;

	if (a->whole != b->whole)
		return a->whole ? -1 : 1;
	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return str_cmp(a->text, b->text);
}

static int by_reason(const void *va, const void *vb)
{
	const struct reason *a = va, *b = vb;
	int r = str_cmp(a->text, b->text);

	return r ? r : (a->first > b->first) - (a->first < b->first);
}

static void write_reasons(struct table *t)
{
	const struct inventory *inv = t->v->inventory;
	auto_free struct reason *reasons = xcalloc(inv->notes.n, sizeof(*reasons));
	size_t n = 0, rest = 0;

	for (uint32_t i = 0; i < inv->notes.n; i++)
		reasons[i] = (struct reason){ inv->notes.v[i].reason, i, 1, is_whole(inv->notes.v[i].what) };
	qsort(reasons, inv->notes.n, sizeof(*reasons), by_reason);
	for (size_t i = 0; i < inv->notes.n; i++) {
		if (n && str_eq(reasons[n - 1].text, reasons[i].text))
			reasons[n - 1].count++;
		else
			reasons[n++] = reasons[i];
	}
	qsort(reasons, n, sizeof(*reasons), by_weight);
	for (size_t i = 0; i < n; i++) {
		auto_buf struct buf line = { 0 };

		if (i >= NOTES_SHOWN_MAX) {
			rest += reasons[i].count;
			continue;
		}
		buf_init(&line, TABLE_BYTES_MAX);
		buf_fmt(&line, "- %zu: ", reasons[i].count);
		buf_str(&line, reasons[i].text);
		buf_fmt(&line, " (%s", reasons[i].count > 1 ? "first: " : "");
		add_what(&line, &inv->notes.v[reasons[i].first]);
		buf_char(&line, ')');
		add_wrapped(t, buf_all(&line), 2);
	}
	if (rest)
		buf_fmt(&t->b, "- %zu for other reasons (--format json lists all)\n", rest);
}

static void write_notes(struct table *t)
{
	const struct inventory *inv = t->v->inventory;

	if (!inv->notes.n)
		return;
	style(t, YELLOW);
	buf_fmt(&t->b, "\nNot assessed: %zu\n", inv->notes.n);
	style(t, PLAIN);
	if (inv->notes.n > NOTES_SHOWN_MAX)
		write_reasons(t);
	else
		for (size_t i = 0; i < inv->notes.n; i++)
			write_note(t, &inv->notes.v[i]);
}

/* ---- how the host is set up ---- */

static bool is_failed(const struct table *t, const struct check *c)
{
	return c->result == CHECK_FAIL && !c->ignored && report_wants_check(&t->o->filter, c);
}

/* The checks of one section that failed. */
static void write_section(struct table *t, const struct check *checks, size_t n)
{
	auto_buf struct buf line = { 0 };
	size_t failed = 0;

	for (size_t i = 0; i < n; i++)
		failed += is_failed(t, &checks[i]);
	if (!failed)
		return;
	buf_init(&line, TABLE_BYTES_MAX);
	buf_fmt(&line, "- %s, %zu:", checks->section, failed);
	for (size_t i = 0, shown = 0; i < n && shown < CHECKS_SHOWN_MAX; i++) {
		if (!is_failed(t, &checks[i]))
			continue;
		buf_str(&line, shown++ ? STR(", ") : STR(" "));
		buf_str(&line, checks[i].id);
	}
	if (failed > CHECKS_SHOWN_MAX)
		buf_fmt(&line, " and %zu more", failed - CHECKS_SHOWN_MAX);
	add_wrapped(t, buf_all(&line), 2);
}

static void write_checks(struct table *t)
{
	const struct audit *a = t->v->audit;
	auto_buf struct buf line = { 0 };
	struct check_counts n;

	if (!a || !t->o->filter.checks)
		return;
	n = check_count(a, NULL, t->o->filter.checks);
	buf_init(&line, TABLE_BYTES_MAX);
	buf_fmt(&line, "Checks of this host, level %u: %zu passed, %zu failed", t->o->filter.checks,
		n.result[CHECK_PASS], n.result[CHECK_FAIL]);
	if (n.result[CHECK_UNKNOWN])
		buf_fmt(&line, ", %zu not assessed", n.result[CHECK_UNKNOWN]);
	if (n.ignored)
		buf_fmt(&line, ", %zu ignored", n.ignored);
	buf_str(&line, STR("; why, and how to mend: yagura audit"));
	buf_char(&t->b, '\n');
	add_wrapped(t, buf_all(&line), 2);
	for (size_t i = 0, first = 0; i < a->checks.n; i++) {
		if (i + 1 < a->checks.n && strcmp(a->checks.v[i].section, a->checks.v[i + 1].section) == 0)
			continue;
		write_section(t, &a->checks.v[first], i + 1 - first);
		first = i + 1;
	}
}

/* ---- what it is based on, and what to do ---- */

/* "osv:PyPI": what stands before the colon, and behind it. */
static struct str feed_base(const struct feed_info *f)
{
	struct str base = f->name, rest;

	str_split(f->name, ':', &base, &rest);
	return base;
}

static void add_dated(struct buf *b, struct str name, struct str date)
{
	buf_str(b, name);
	if (name.n && date.n)
		buf_char(b, ' ');
	buf_str(b, str_head(date, DATE_COLUMNS));
}

/* Feeds of one base: "kev 2025-08-25", "osv (Go 2022-12-14, PyPI 2024-10-08)", "alpine-secdb (12 files)". */
static void add_feeds(struct buf *b, const struct feed_info *const *feeds, size_t n)
{
	struct str base = feed_base(feeds[0]), newest = STR_NONE;

	for (size_t i = 0; i < n; i++)
		if (str_cmp(feeds[i]->date, newest) > 0)
			newest = feeds[i]->date;
	if (feeds[0]->name.n == base.n) { /* nothing behind the colon: the same by other ways */
		add_dated(b, base, newest);
		return;
	}
	buf_str(b, base);
	buf_str(b, STR(" ("));
	if (n > FEEDS_OF_BASE_MAX) {
		buf_fmt(b, "%zu files%s", n, newest.n ? ", newest " : "");
		add_dated(b, STR_NONE, newest);
	}
	for (size_t i = 0; i < n && n <= FEEDS_OF_BASE_MAX; i++) {
		buf_str(b, i ? STR(", ") : STR(""));
		add_dated(b, str_from(feeds[i]->name, base.n + 1), feeds[i]->date);
	}
	buf_char(b, ')');
}

static void add_consulted(struct table *t, struct buf *b)
{
	auto_free const struct feed_info **feeds = xcalloc(t->v->feeds.n + 1, sizeof(*feeds));
	size_t n = 0;

	for (size_t i = 0; i < t->v->feeds.n; i++)
		if (t->v->feeds.v[i].consulted)
			feeds[n++] = &t->v->feeds.v[i];
	buf_str(b, n ? STR("; ") : STR("; no feed in it speaks of these packages"));
	for (size_t i = 0, count; i < n; i += count) {
		count = 1;
		while (i + count < n && str_eq(feed_base(feeds[i + count]), feed_base(feeds[i])))
			count++;
		buf_str(b, i ? STR(", ") : STR(""));
		add_feeds(b, feeds + i, count);
	}
}

static void add_failed(struct table *t, struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < t->v->feeds.n; i++) {
		const struct feed_info *f = &t->v->feeds.v[i];

		if (!f->failure.n || n++ >= FEEDS_OF_BASE_MAX)
			continue;
		buf_str(b, n == 1 ? STR("; last update failed: ") : STR(", "));
		buf_str(b, f->name);
	}
	if (n > FEEDS_OF_BASE_MAX)
		buf_fmt(b, " and %zu more", n - FEEDS_OF_BASE_MAX);
}

static void write_data(struct table *t)
{
	auto_buf struct buf line = { 0 };

	if (!t->v->database_built.n)
		return;
	buf_init(&line, TABLE_BYTES_MAX);
	buf_str(&line, STR("Data: database of "));
	buf_str(&line, t->v->database_built);
	add_consulted(t, &line);
	add_failed(t, &line);
	buf_str(&line, STR("; all: yagura db status"));
	buf_char(&t->b, '\n');
	add_wrapped(t, buf_all(&line), 2);
}

static void write_hints(struct table *t)
{
	auto_free uint32_t *packages = xcalloc(t->groups.n + 1, sizeof(*packages));
	auto_buf struct buf lines = { 0 };

	buf_init(&lines, TABLE_BYTES_MAX);
	for (enum pkg_type type = PKG_DEB; type < PKG_TYPE_COUNT; type++) {
		size_t n = 0;

		for (size_t i = 0; i < t->groups.n; i++)
			if (package_of(t, t->groups.v[i].package)->p.type == type && upgrade_to(t, &t->groups.v[i]).n)
				packages[n++] = t->groups.v[i].package;
		if (n)
			hint_add(&lines, t->v->inventory, type, packages, n, "  ", t->columns);
	}
	if (!lines.n)
		return;
	buf_fmt(&t->b, "\nTo repair what can be repaired%s:\n", t->v->image->layers.n ? " (in the Dockerfile)" : "");
	buf_str(&t->b, buf_all(&lines));
}

void table_write(const struct verdict *v, const struct report_options *o, struct out *out)
{
	struct report_counts c = report_count(v, &o->filter);
	struct table t = { .v = v, .o = o, .out = out };

	t.columns = o->columns ? o->columns : REPORT_COLUMNS;
	if (t.columns < REPORT_COLUMNS_MIN)
		t.columns = REPORT_COLUMNS_MIN;
	buf_init(&t.b, TABLE_BYTES_MAX);
	gather(&t);
	write_head(&t);
	write_groups(&t);
	if (c.findings)
		write_counts(&t, &c);
	else
		write_nothing(&t, &c);
	write_notes(&t);
	write_checks(&t);
	write_data(&t);
	if (!o->quiet)
		write_hints(&t);
	flush(&t);
	vec_done(&t.groups);
	buf_done(&t.b);
}
