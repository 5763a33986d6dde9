/* match-explain: why an id is, or is not, reported for the packages of an inventory. See match.h. */
#include "vuln/match.h"

#include "base/num.h"
#include "vuln/rules.h"

#define EXPLAIN_VULNS_MAX 64 /* vulnerabilities one id may stand for */
#define EXPLAIN_ID_MAX 128   /* longer ids are in no feed */

struct explaining {
	const struct db *db;
	const struct inventory *inv;
	const struct inv_package *p;
	struct out *out;
	struct rules rules;
	const struct version_scheme *scheme;
	struct rules_decision decision,
		lent; /* the package's own, and what its siblings have; .affected when there is one */
	bool asked;   /* at least one statement is about the package */
	bool damaged;
};

static void print_statement(struct explaining *x, struct str ns, const struct db_statement *st)
{
	struct feed_info feed = { 0 };

	if (db_feed(x->db, st->feed, &feed) < 0)
		x->damaged = true;
	out_fmt(x->out, "  statement: " STR_FMT, STR_ARG(ns));
	if (st->said.n)
		out_fmt(x->out, ", as " STR_FMT, STR_ARG(st->said));
	if (st->a.bulletin.n)
		out_fmt(x->out, ", " STR_FMT, STR_ARG(st->a.bulletin));
	if (st->a.channel.n)
		out_fmt(x->out, ", channel " STR_FMT, STR_ARG(st->a.channel));
	if (st->a.module.n)
		out_fmt(x->out, ", module " STR_FMT, STR_ARG(st->a.module));
	out_fmt(x->out, ", %s%s (feed " STR_FMT ", %s" STR_FMT ")\n", advisory_status_name(st->a.status),
		st->a.unimportant ? ", unimportant" : "", STR_ARG(feed.name), feed.date.n ? "of " : "no date",
		STR_ARG(feed.date));
	if (st->a.reason.n)
		out_fmt(x->out, "    the vendor says: " STR_FMT "\n", STR_ARG(st->a.reason));
}

static void print_ranges(struct explaining *x, const struct db_statement *st)
{
	for (size_t i = 0; i < st->a.range_count; i++) {
		struct adv_range r;

		if (db_range(x->db, st, i, &r) < 0) {
			x->damaged = true;
			return;
		}
		out_fmt(x->out, "    affected: from %s" STR_FMT, r.introduced.n ? "" : "the beginning",
			STR_ARG(r.introduced));
		if (adv_range_is_limited(&r))
			out_fmt(x->out, ", before " STR_FMT "\n", STR_ARG(r.fixed));
		else if (r.fixed.n)
			out_fmt(x->out, ", fixed in " STR_FMT "\n", STR_ARG(r.fixed));
		else if (r.last_affected.n)
			out_fmt(x->out, " to " STR_FMT "\n", STR_ARG(r.last_affected));
		else
			out_str(x->out, STR(", no fix\n"));
	}
	if (st->a.version_count)
		out_fmt(x->out, "    affected: %zu %s by name\n", st->a.version_count,
			num_plural(st->a.version_count, "version", "versions"));
}

static const char *sign(struct explaining *x, const struct rules_eval *eval)
{
	int c;

	if (!x->scheme->valid(eval->installed) || !x->scheme->valid(eval->other))
		return "cannot be compared with";
	c = x->scheme->compare(eval->installed, eval->other);
	return c < 0 ? "<" : c > 0 ? ">" : "=";
}

static void seen(void *ctx, struct str ns, uint32_t statement, const struct rules_eval *eval)
{
	static const char *const words[] = {
		[RULES_SKIP] = "does not count",	  [RULES_VETO] = "not affected",
		[RULES_FIX] = "affected, a fix is known", [RULES_OPEN] = "affected, no fix known",
		[RULES_CLEARED] = "the fix is installed", [RULES_OUTSIDE] = "outside the affected versions",
		[RULES_UNDECIDED] = "not assessed",
	};
	struct explaining *x = ctx;
	struct db_statement st;

	if (db_statement(x->db, statement, &st) < 0) {
		x->damaged = true;
		return;
	}
	print_statement(x, ns, &st);
	print_ranges(x, &st);
	if (eval->other.n)
		out_fmt(x->out, "    " STR_FMT " %s " STR_FMT " (%s)\n", STR_ARG(eval->installed), sign(x, eval),
			STR_ARG(eval->other), x->scheme->name);
	out_fmt(x->out, "    so: %s%s%s\n", words[eval->outcome], eval->why ? ": " : "", eval->why ? eval->why : "");
}

static void decided(void *ctx, const struct rules_decision *d)
{
	struct explaining *x = ctx;

	if (d->affected)
		x->decision = *d;
}

static void print_decision(struct explaining *x, const char *undecided)
{
	static const char *const origins[] = {
		[RULES_OWN] = "",
		[RULES_NEWER] = ", inferred from a newer branch",
		[RULES_PARENT] = ", inferred from the distribution it is rebuilt from",
	};
	const struct rules_decision *d =
		x->lent.affected && (!x->decision.affected || x->lent.fixed.n) ? &x->lent : &x->decision;

	if (!d->affected) {
		out_fmt(x->out, "  decision: %s%s\n",
			undecided  ? "not assessed: "
			: x->asked ? "not affected"
				   : "no finding, since no feed names this package",
			undecided ? undecided : "");
		return;
	}
	out_fmt(x->out, "  decision: affected, status %s", finding_status_name(d->status));
	if (d->fixed.n)
		out_fmt(x->out, ", fixed in " STR_FMT, STR_ARG(d->fixed));
	out_fmt(x->out, "%s\n", d == &x->lent ? ", inferred from its sibling" : origins[d->origin]);
}

static void print_package(struct explaining *x)
{
	const struct inv_package *p = x->p;

	out_fmt(x->out, "package " STR_FMT " " STR_FMT " (%s)\n", STR_ARG(p->p.name), STR_ARG(p->p.version),
		pkg_type_row(p->p.type)->name);
	out_fmt(x->out, "  evidence: " STR_FMT "%s" STR_FMT, STR_ARG(p->path), p->p.inner.n ? " in it " : "",
		STR_ARG(p->p.inner));
	if (p->layer != NO_LAYER)
		out_fmt(x->out, ", layer %u", p->layer);
	out_str(x->out, STR("\n"));
	if (p->owner != NO_OWNER && p->owner < x->inv->packages.n)
		out_fmt(x->out, "  owner: the file belongs to OS package " STR_FMT "%s\n",
			STR_ARG(x->inv->packages.v[p->owner].p.name),
			p->owner_foreign ? ", which the distribution did not build" : "");
}

static void print_mapping(struct explaining *x, const struct subject *s)
{
	out_fmt(x->out, "  looked up: " STR_FMT " in " STR_FMT, STR_ARG(package_source(s->p)), STR_ARG(s->ns));
	if (!str_eq(package_source(s->p), s->p->name))
		out_fmt(x->out, " (source, version " STR_FMT ") and " STR_FMT, STR_ARG(package_source_version(s->p)),
			STR_ARG(s->p->name));
	if (s->p->module.n)
		out_fmt(x->out, ", module " STR_FMT, STR_ARG(s->p->module));
	out_str(x->out, STR("\n"));
	if (s->os && x->rules.fallbacks && !x->rules.no_inferred)
		out_fmt(x->out, "  and where it says nothing: " STR_FMT "%s\n", STR_ARG(x->rules.fallback[0]),
			x->rules.fallbacks > 1 ? " and newer branches" : "");
}

/* Why a package is not judged at all, NULL when it is. */
static const char *not_judged(struct explaining *x, struct subject *s)
{
	const struct inv_package *p = x->p;
	const char *why = NULL;

	if (!pkg_type_row(p->p.type)->is_os && p->owner != NO_OWNER && !p->owner_foreign && x->rules.os_ns.n &&
	    db_has_ns(x->db, x->rules.os_ns))
		return "left to the distribution: an OS package owns the file";
	if (!rules_subject(&x->rules, &p->p, s, &why))
		return why;
	if (p->foreign)
		return "not assessed: not built by the distribution";
	if (!db_has_ns(x->db, s->ns))
		return "not assessed: the database has no advisories for this namespace";
	return NULL;
}

static void decided_sibling(void *ctx, const struct rules_decision *d)
{
	struct explaining *x = ctx;

	if (d->affected && d->origin == RULES_OWN && (!x->lent.affected || d->statement < x->lent.statement))
		x->lent = *d;
}

/* What one sibling has, without its trace. */
static int judge_sibling(struct explaining *x, const struct inv_package *p)
{
	struct rules quiet = x->rules;
	const char *why, *undecided = NULL;
	struct subject s;
	int r;

	if (!rules_subject(&quiet, &p->p, &s, &why))
		return 0;
	quiet.seen = NULL;
	quiet.decided = decided_sibling;
	r = rules_judge(&quiet, &s, &undecided);
	x->rules.refs = quiet.refs; /* room that may have moved */
	return r;
}

/* rpm: packages of the same build that are named where this one is not lend it their verdict, as in match.c. */
static int explain_siblings(struct explaining *x, const struct subject *s, uint32_t vuln)
{
	for (size_t i = 0; i < x->inv->packages.n && !x->rules.no_inferred; i++) {
		const struct inv_package *o = &x->inv->packages.v[i];

		if (o == x->p || !rules_siblings(o, x->p) || rules_speaks(x->db, s->ns, o->p.name, vuln) != 1)
			continue;
		out_fmt(x->out,
			"  sibling: " STR_FMT " of the same source and version is named; its verdict holds here\n",
			STR_ARG(o->p.name));
		if (judge_sibling(x, o) < 0)
			return -EBADMSG;
	}
	return 0;
}

static int explain_package(struct explaining *x, uint32_t vuln)
{
	const char *why, *undecided = NULL;
	struct subject s;
	int r;

	print_package(x);
	why = not_judged(x, &s);
	if (why) {
		out_fmt(x->out, "  decision: %s\n", why);
		return 0;
	}
	print_mapping(x, &s);
	x->scheme = s.scheme;
	x->decision = x->lent = (struct rules_decision){ 0 };
	x->rules.only_vuln = vuln;
	r = rules_judge(&x->rules, &s, &undecided);
	if (r < 0)
		return r;
	x->asked = r > 0;
	if (r == 0)
		out_str(x->out, STR("  nothing is known about this id and this package\n"));
	if (rules_speaks(x->db, s.ns, s.p->name, vuln) == 0 && explain_siblings(x, &s, vuln) < 0)
		return -EBADMSG;
	print_decision(x, undecided);
	return 0;
}

static bool wanted(const struct inv_package *p, struct str name)
{
	return !name.n || str_eq(p->p.name, name) || str_eq(package_source(&p->p), name);
}

/* Without a package named, those of which the database says nothing about the id are passed over. */
static bool concerned(struct explaining *x, const struct inv_package *p, struct str name, uint32_t vuln)
{
	struct subject s;
	const char *why;

	if (name.n || !rules_subject(&x->rules, &p->p, &s, &why))
		return name.n;
	if (rules_speaks(x->db, s.ns, package_source(&p->p), vuln) == 1 ||
	    rules_speaks(x->db, s.ns, p->p.name, vuln) == 1)
		return true;
	for (size_t i = 0; s.os && i < x->rules.fallbacks; i++)
		if (rules_speaks(x->db, x->rules.fallback[i], package_source(&p->p), vuln) == 1 ||
		    rules_speaks(x->db, x->rules.fallback[i], p->p.name, vuln) == 1)
			return true;
	for (size_t i = 0; i < x->inv->packages.n && !x->rules.no_inferred; i++)
		if (rules_siblings(&x->inv->packages.v[i], p) &&
		    rules_speaks(x->db, s.ns, x->inv->packages.v[i].p.name, vuln) == 1)
			return true;
	return false;
}

static int explain_vuln(struct explaining *x, uint32_t vuln, struct str package)
{
	struct db_vuln v;
	struct str alias;
	int n = 0;

	if (db_vuln(x->db, vuln, &v) < 0)
		return -EBADMSG;
	out_fmt(x->out, STR_FMT, STR_ARG(v.info.id));
	for (size_t i = 0; i < v.info.alias_count; i++)
		if (db_alias(x->db, &v, i, &alias) == 0)
			out_fmt(x->out, "%s" STR_FMT, i ? ", " : " = ", STR_ARG(alias));
	out_fmt(x->out, "%s" STR_FMT "\n", v.info.title.n ? ": " : "", STR_ARG(v.info.title));
	if (v.info.withdrawn)
		out_str(x->out, STR("the record was withdrawn: its statements do not count\n"));
	for (size_t i = 0; i < x->inv->packages.n; i++) {
		x->p = &x->inv->packages.v[i];
		if (!wanted(x->p, package) || !concerned(x, x->p, package, vuln))
			continue;
		n++;
		if (explain_package(x, vuln) < 0)
			return -EBADMSG;
	}
	return n;
}

/* "cve-2024-3094" as "CVE-2024-3094"; GitHub writes what follows its "GHSA-" in small letters. */
static struct str usual_spelling(struct str id, char room[EXPLAIN_ID_MAX])
{
	bool ghsa = str_eq_nocase(str_head(id, 5), STR("GHSA-"));

	if (id.n > EXPLAIN_ID_MAX)
		return id;
	for (size_t i = 0; i < id.n; i++) {
		room[i] = to_lower(id.p[i]);
		if (is_alpha(room[i]) && (!ghsa || i < 5))
			room[i] = (char)(room[i] - 'a' + 'A');
	}
	return str_n(room, id.n);
}

static void print_unknown(struct explaining *x, struct str id)
{
	out_fmt(x->out, "nothing is known about " STR_FMT ": no feed of the database has a statement under this id\n",
		STR_ARG(id));
	if (!str_starts(id, STR("CVE-")) && !str_starts(id, STR("GHSA-")))
		out_str(x->out, STR("a notice of a distribution is found by the CVEs it names\n"));
}

static int explain_all(struct explaining *x, struct str id, struct str package)
{
	uint32_t vulns[EXPLAIN_VULNS_MAX];
	char room[EXPLAIN_ID_MAX];
	int n = db_find_id(x->db, id, vulns, ARRAY_LEN(vulns)), looked = 0;

	if (n == 0)
		n = db_find_id(x->db, usual_spelling(id, room), vulns, ARRAY_LEN(vulns));
	if (n < 0)
		return n;
	if (n == 0)
		print_unknown(x, usual_spelling(id, room));
	for (int i = 0; i < n && i < EXPLAIN_VULNS_MAX; i++) {
		int r = explain_vuln(x, vulns[i], package);

		if (r < 0)
			return r;
		looked += r;
	}
	if (n > 0 && looked == 0 && package.n)
		out_fmt(x->out, "there is no package " STR_FMT " here\n", STR_ARG(package));
	else if (n > 0 && looked == 0)
		out_str(x->out, STR("no package here is named by any statement about it\n"));
	return looked;
}

int match_explain(const struct db *db, struct inventory *inv, const struct match_options *options, struct str id,
		  struct str package, struct out *out, struct err *e)
{
	struct explaining x = { .db = db, .inv = inv, .out = out };
	int r;

	if (!db) {
		out_str(out, STR("there is no vulnerability database\n"));
		return 0;
	}
	rules_init(&x.rules, db, inv->os_ns, inv->os_eol_known && inv->os_eol);
	x.rules.pro_attached = options->pro_attached;
	x.rules.no_inferred = options->no_inferred;
	x.rules.decided = decided;
	x.rules.seen = seen;
	x.rules.ctx = &x;
	x.rules.only = true;
	r = explain_all(&x, id, package);
	rules_done(&x.rules);
	if (r < 0 || x.damaged)
		return err_set(e, -EBADMSG, "database is damaged: build it again");
	return r;
}
