/* Reports of a hand-made verdict against tests/data/report, byte by byte. YAGURA_RENEW=1 writes those files anew: read
 * the difference before it is committed. */
#include "report/report.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "report/audit.h"
#include "report/text.h"
#include "tap.h"
#include "vuln/version/version.h"

#define FILE_BYTES_MAX (1u << 20)

struct world {
	struct image_info image;
	struct inventory inv;
	struct verdict v;
	struct audit audit;
};

static struct inv_package *add_package(struct world *w, enum pkg_type type, const char *name, const char *version)
{
	struct inv_package *ip = vec_add(&w->inv.packages);

	ip->p = (struct package){ .type = type, .name = str_c(name), .version = str_c(version) };
	ip->layer = NO_LAYER;
	ip->owner = NO_OWNER;
	return ip;
}

static struct finding *add_finding(struct world *w, uint32_t package, const char *id, enum severity s,
				   const char *fixed)
{
	struct finding *f = vec_add(&w->v.findings);

	*f = (struct finding){
		.package = package,
		.id = str_c(id),
		.severity = s,
		.fixed = str_c(fixed),
		.status = *fixed ? FINDING_FIXED : FINDING_AFFECTED,
		.cvss_score = -1,
		.epss = -1,
		.epss_percentile = -1,
		.feed = STR("debian-tracker"),
		.ns = STR("debian:12"),
	};
	return f;
}

static void add_packages(struct world *w)
{
	struct inv_package *ip = add_package(w, PKG_DEB, "libssl3", "3.0.11-1~deb12u1");

	ip->p.arch = STR("amd64");
	ip->p.source = STR("openssl");
	ip->p.license = STR("Apache-2.0");
	ip->path = STR("var/lib/dpkg/status");
	ip->layer = 0;
	ip = add_package(w, PKG_DEB, "zlib1g", "1:1.2.13.dfsg-1");
	ip->p.arch = STR("amd64");
	ip->p.source = STR("zlib");
	ip->p.source_version = STR("1:1.2.13.dfsg-1");
	ip->path = STR("var/lib/dpkg/status");
	ip->layer = 0;
	ip = add_package(w, PKG_PYPI, "J\xc3\xbcnja2\033[31m\xe6\xbc\xa2\xe5\xad\x97", "3.1.2");
	ip->path = STR("usr/local/lib/python3.11/site-packages/jinja2-3.1.2.dist-info/METADATA");
	ip->layer = 1;
	ip = add_package(w, PKG_MAVEN, "org.apache.logging.log4j:log4j-core", "2.14.0");
	ip->path = STR("opt/app.jar");
	ip->p.inner = STR("BOOT-INF/lib/log4j-core-2.14.0.jar");
	ip->layer = 1;
	ip->owner = 1;
	ip->owner_foreign = true;
}

static void add_findings(struct world *w)
{
	static const struct str aliases[] = { STR("DSA-5532-1"), STR("GHSA-xxxx-yyyy-zzzz") };
	struct finding *f = add_finding(w, 0, "CVE-2023-5363", SEV_HIGH, "3.0.11-1~deb12u2");

	f->aliases = aliases;
	f->alias_count = 2;
	f->bulletin = STR("DSA-5532-1");
	f->cvss_score = 7.5;
	f->cvss_vector = STR("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N");
	f->epss = 0.00043;
	f->epss_percentile = 0.5;
	f->severity_source = STR("cvss");
	f->title = STR("Incorrect cipher key & IV length processing");
	f = add_finding(w, 0, "CVE-2023-6129", SEV_MEDIUM, "3.0.13-1~deb12u1");
	f->title = STR(
		"POLY1305 MAC implementation corrupts vector registers on PowerPC, which is a long title for a table");
	f = add_finding(w, 0, "CVE-2024-0727", SEV_LOW, "");
	f->status = FINDING_DEFERRED;
	f->reason = STR("Minor issue");
	f = add_finding(w, 1, "CVE-2023-45853", SEV_CRITICAL, "");
	f->status = FINDING_WONT_FIX;
	f->unimportant = true;
	f->title = STR("MiniZip heap overflow");
	f = add_finding(w, 2, "CVE-2024-22195", SEV_MEDIUM, "3.1.3");
	f->inferred = true;
	f->title = STR("HTML attribute injection \033]0;x\007 with \xe2\x80\xae reversed text");
	f = add_finding(w, 3, "CVE-2021-44228", SEV_CRITICAL, "2.15.0");
	f->kev = true;
	f->title = STR("Log4Shell");
	f = add_finding(w, 3, "CVE-2021-45105", SEV_HIGH, "2.17.0");
	f->status = FINDING_SUBSCRIPTION;
	f->channel = STR("esm-apps");
	add_finding(w, 3, "GHSA-abcd-efgh-ijkl", SEV_UNKNOWN, "");
}

static void add_data(struct world *w)
{
	struct feed_info *feed = vec_add(&w->v.feeds);

	*feed = (struct feed_info){ .name = STR("debian-tracker"),
				    .source = STR("https://example.org/tracker.json"),
				    .date = STR("2024-02-01"),
				    .records = 12345,
				    .warnings = 2,
				    .consulted = true };
	feed = vec_add(&w->v.feeds);
	*feed = (struct feed_info){ .name = STR("osv-pypi"), .failure = STR("timed out") };
	w->v.database_built = STR("2024-02-01T12:00:00Z");
	w->v.database.set = true;
	memset(w->v.database.byte, 0xab, DIGEST_BYTES);
}

static void world_empty(struct world *w)
{
	*w = (struct world){
		.image = { .kind = IMAGE_OCI_DIR, .target = STR("app"), .arch = STR("amd64"), .os = STR("linux") }
	};
	w->v.image = &w->image;
	w->v.inventory = &w->inv;
	w->inv.os = (struct release){ STR("debian"), STR(""), STR("12"), STR("bookworm"),
				      STR("Debian GNU/Linux 12 (bookworm)") };
	w->inv.os_ns = STR("debian:12");
	w->inv.os_eol_known = true;
}

static struct check *add_check(struct world *w, const char *id, unsigned int level, enum check_result result)
{
	struct check *c = vec_add(&w->audit.checks);

	*c = (struct check){
		.id = str_c(id),
		.section = *id == 's' ? "sysctl" : "mounts",
		.level = level,
		.result = result,
		.title = STR("it is as it should be"),
		.evidence = STR("\033it is not"),
		.why = "Somebody said so.",
		.fix = STR("Mend it"),
	};
	w->v.audit = &w->audit;
	return c;
}

static void add_checks(struct world *w)
{
	static const char *const ids[] = { "sysctl.a", "sysctl.b", "sysctl.c", "sysctl.d",
					   "sysctl.e", "sysctl.f", "sysctl.g", "sysctl.h" };
	struct check *c;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		add_check(w, ids[i], 1, CHECK_FAIL);
	c = add_check(w, "mounts.excused", 1, CHECK_FAIL);
	c->ignored = true;
	c->ignore_reason = STR("until it is replaced");
	add_check(w, "mounts.good", 1, CHECK_PASS)->evidence = STR_NONE;
	add_check(w, "mounts.unseen", 1, CHECK_UNKNOWN);
	add_check(w, "mounts.absent", 1, CHECK_NONE);
	add_check(w, "mounts.strict", 2, CHECK_FAIL);
}

static void world_full(struct world *w)
{
	struct layer_info *layer;

	world_empty(w);
	for (int i = 0; i < 2; i++) {
		layer = vec_add(&w->image.layers);
		layer->diff_id.set = true;
		memset(layer->diff_id.byte, 0x10 + i, DIGEST_BYTES);
		layer->created_by = i ? STR("RUN pip install jinja2") : STR("ADD rootfs.tar / ");
		layer->base = !i;
		layer->size_bytes = 1000u + (unsigned int)i;
	}
	w->image.config.set = true;
	add_packages(w);
	add_findings(w);
	add_data(w);
	inventory_note(&w->inv, STR("package foo"), STR("opt/foo/package.json"), 1,
		       "\"latest\" is no version of npm's");
	inventory_note(&w->inv, STR("layer 1"), STR_NONE, NO_LAYER, "cut short\tafter %d bytes", 12);
}

static void world_done(struct world *w)
{
	verdict_done(&w->v);
	inventory_done(&w->inv);
	image_info_done(&w->image);
	audit_done(&w->audit);
}

static struct report_options options(unsigned int columns, bool colour)
{
	return (struct report_options){
		.columns = columns, .colour = colour, .version = "1", .version_compare = version_compare
	};
}

static void render(const struct verdict *v, const char *format, const struct report_options *o, struct buf *ret)
{
	auto_close int fd = memfd_create("report", MFD_CLOEXEC);
	struct err e = { 0 };
	struct out out;

	out_init(&out, fd);
	report_format_named(str_c(format))->write(v, o, &out);
	OK(out_finish(&out) == 0);
	OK(lseek(fd, 0, SEEK_SET) == 0);
	OK_ERR(fd_read_all(fd, FILE_BYTES_MAX, ret, &e), &e);
}

static void expect(struct str got, const char *name)
{
	const char *source = getenv("YAGURA_SOURCE");
	auto_buf struct buf want = { 0 };
	struct err e = { 0 };
	char path[512];

	snprintf(path, sizeof(path), "%s/tests/data/report/%s", source ? source : ".", name);
	if (getenv("YAGURA_RENEW"))
		OK_ERR(file_write(AT_FDCWD, path, got, false, &e), &e);
	OK_ERR(file_read(AT_FDCWD, path, FILE_BYTES_MAX, &want, &e), &e);
	EQ_STR(got, buf_all(&want));
}

/* Without colour: no control but the line feed, no line wider than the terminal. */
static void check_lines(struct str text, size_t columns)
{
	for (struct str rest = text, line; str_cut(&rest, '\n', &line);) {
		size_t width = text_width(line);

		for (size_t i = 0; i < line.n; i++)
			tap_check((unsigned char)line.p[i] >= ' ' && line.p[i] != 0x7f, __FILE__, __LINE__,
				  "control %d in " STR_FMT, line.p[i], STR_ARG(line));
		tap_check(width <= columns, __FILE__, __LINE__, "%zu columns: " STR_FMT, width, STR_ARG(line));
	}
}

static struct buf without_colour(struct str s)
{
	struct buf b;

	buf_init(&b, FILE_BYTES_MAX);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\033')
			while (i < s.n && s.p[i] != 'm')
				i++;
		else
			buf_char(&b, s.p[i]);
	}
	return b;
}

TEST(table)
{
	static const unsigned int columns[] = { 1, 60, 80, 120, 200 };
	struct world w;

	world_full(&w);
	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		auto_buf struct buf plain = { 0 }, colour = { 0 }, stripped = { 0 };
		struct report_options o = options(columns[i], false);
		char name[64];

		row("%u columns", columns[i]);
		render(&w.v, "table", &o, &plain);
		check_lines(buf_all(&plain), columns[i] < REPORT_COLUMNS_MIN ? REPORT_COLUMNS_MIN : columns[i]);
		snprintf(name, sizeof(name), "table-%u.txt", columns[i]);
		expect(buf_all(&plain), name);
		row("%u columns in colour", columns[i]);
		o.colour = true;
		render(&w.v, "table", &o, &colour);
		OK(colour.n > plain.n);
		stripped = without_colour(buf_all(&colour));
		EQ_STR(buf_all(&stripped), buf_all(&plain));
		if (columns[i] == 80)
			expect(buf_all(&colour), "table-80-colour.txt");
	}
	world_done(&w);
}

static struct buf without_breaks(struct str s)
{
	struct buf b;

	buf_init(&b, FILE_BYTES_MAX);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\n' && s.p[i] != ' ')
			buf_char(&b, s.p[i]);
	return b;
}

/* A title may be cut; what a person copies or looks for may not. */
TEST(nothing_that_is_acted_on_is_cut)
{
#define LONG "-and-a-part-of-thirty-columns-"
	static const char *const whole[] = {
		"registry.example.org/a/team" LONG "/an-image" LONG ":1.0",
		"1:2.42.10+dfsg-1+deb12u1" LONG LONG,
		"1:2.42.10+dfsg-1+deb12u4",
		"opt/app" LONG "/modules" LONG "/package.json",
		"EXAMPLE-SA-2024:0123456789",
		"srv" LONG LONG LONG "/unread",
	};
	static const unsigned int columns[] = { 60, 80, 120 };
	struct world w;
	struct inv_package *ip;

	world_empty(&w);
	w.image.target = str_c(whole[0]);
	ip = add_package(&w, PKG_NPM, "@example/a-package" LONG, whole[1]);
	ip->path = str_c(whole[3]);
	add_finding(&w, 0, whole[4], SEV_HIGH, whole[2])->status = FINDING_INVESTIGATING;
	add_finding(&w, 0, "CVE-2024-1", SEV_LOW, whole[2])->title = STR("a title");
	inventory_note(&w.inv, STR("file"), str_c(whole[5]), NO_LAYER, "cannot be read");
	for (size_t i = 0; i < ARRAY_LEN(columns) * ARRAY_LEN(whole); i++) {
		auto_buf struct buf text = { 0 }, joined = { 0 };
		struct report_options o = options(columns[i % ARRAY_LEN(columns)], false);
		const char *wanted = whole[i / ARRAY_LEN(columns)];

		row("%u columns: %s", o.columns, wanted);
		render(&w.v, "table", &o, &text);
		check_lines(buf_all(&text), o.columns);
		joined = without_breaks(buf_all(&text));
		OK(str_find_str(buf_all(&joined), str_c(wanted)) >= 0);
	}
	world_done(&w);
#undef LONG
}

TEST(table_of_nothing)
{
	struct report_options o = options(80, false);
	struct world w;

	for (int i = 0; i < 4; i++) {
		static const char *const names[] = { "no-packages", "no-database", "clean", "filtered" };
		auto_buf struct buf b = { 0 };
		char name[64];

		row("%s", names[i]);
		world_empty(&w);
		if (i)
			add_packages(&w);
		if (i > 1)
			add_data(&w);
		if (i > 2) {
			add_findings(&w);
			o.filter.statuses = 1u << FINDING_END_OF_LIFE;
		}
		render(&w.v, "table", &o, &b);
		check_lines(buf_all(&b), 80);
		snprintf(name, sizeof(name), "table-%s.txt", names[i]);
		expect(buf_all(&b), name);
		world_done(&w);
	}
}

TEST(table_of_checks)
{
	auto_buf struct buf b = { 0 }, none = { 0 };
	struct report_options o = options(80, false);
	struct world w;

	world_empty(&w);
	add_checks(&w);
	o.filter.checks = 1;
	render(&w.v, "table", &o, &b);
	check_lines(buf_all(&b), 80);
	expect(buf_all(&b), "table-checks.txt");
	row("none are asked for");
	o.filter.checks = 0;
	render(&w.v, "table", &o, &none);
	OK(str_find_str(buf_all(&none), STR("Checks")) < 0);
	world_done(&w);
}

TEST(checks_that_count)
{
	static const struct {
		const char *name;
		struct report_filter filter;
		enum severity threshold;
		bool reaches;
	} rows[] = {
		{ "level 1", { .checks = 1 }, SEV_UNKNOWN, true },
		{ "level 1 is medium", { .checks = 1 }, SEV_MEDIUM, true },
		{ "and no more", { .checks = 2 }, SEV_HIGH, false },
		{ "level 0", { 0 }, SEV_UNKNOWN, false },
		{ "filtered out", { .checks = 2, .least = SEV_HIGH }, SEV_UNKNOWN, false },
	};
	struct world w;

	world_empty(&w);
	add_checks(&w);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].name);
		EQ_INT(report_reaches(&w.v, &rows[i].filter, rows[i].threshold), rows[i].reaches);
	}
	for (size_t i = 0; i < w.audit.checks.n; i++)
		w.audit.checks.v[i].ignored |= w.audit.checks.v[i].level == 1;
	row("ignored ones do not");
	OK(!report_reaches(&w.v, &(struct report_filter){ .checks = 1 }, SEV_UNKNOWN));
	row("level 2 is low");
	OK(report_reaches(&w.v, &(struct report_filter){ .checks = 2 }, SEV_LOW));
	OK(!report_reaches(&w.v, &(struct report_filter){ .checks = 2 }, SEV_MEDIUM));
	world_done(&w);
}

static void note_packages(struct world *w, int n)
{
	for (int i = 0; i < n; i++) {
		char what[32];

		snprintf(what, sizeof(what), "package p%02d", i);
		inventory_note(&w->inv, str_c(what), STR_NONE, NO_LAYER,
			       i % 3 ? "no data for this ecosystem" : "reason %d", i);
	}
}

/* What is about all of it is not lost among reasons that more packages have. */
TEST(the_release_is_told_first)
{
	auto_buf struct buf b = { 0 };
	struct report_options o = options(80, false);
	struct world w;
	ptrdiff_t release;

	world_full(&w);
	note_packages(&w, 30);
	inventory_note(&w.inv, STR("release"), STR_NONE, NO_LAYER, "zz:1 is old");
	inventory_sort(&w.inv);
	render(&w.v, "table", &o, &b);
	release = str_find_str(buf_all(&b), STR("- 1: zz:1 is old (release)\n"));
	OK(release > 0 && release < str_find_str(buf_all(&b), STR("- 20: no data")));
	world_done(&w);
}

TEST(many_notes)
{
	auto_buf struct buf b = { 0 };
	struct report_options o = options(80, false);
	struct world w;

	world_full(&w);
	note_packages(&w, 30);
	inventory_sort(&w.inv);
	render(&w.v, "table", &o, &b);
	check_lines(buf_all(&b), 80);
	OK(str_find_str(buf_all(&b), STR("Not assessed: 32\n")) > 0);
	OK(str_find_str(buf_all(&b), STR("- 20: no data for this ecosystem (first: package p01)\n")) > 0);
	OK(str_find_str(buf_all(&b), STR("- 5 for other reasons")) > 0);
	world_done(&w);
}

TEST(json)
{
	auto_buf struct buf b = { 0 }, again = { 0 };
	struct report_options o = options(0, false);
	auto_arena struct arena arena = { 0 };
	struct err e = { 0 };
	struct json j;
	struct world w;

	world_full(&w);
	add_checks(&w);
	o.filter.checks = 1;
	render(&w.v, "json", &o, &b);
	render(&w.v, "json", &o, &again);
	EQ_STR(buf_all(&again), buf_all(&b));
	expect(buf_all(&b), "full.json");
	json_init(&j, buf_all(&b), &arena);
	json_skip(&j);
	OK_ERR(json_finish(&j, &e), &e);
	world_done(&w);
}

TEST(filter)
{
	static const struct {
		const char *name;
		struct report_filter filter;
		size_t findings, packages;
		enum severity worst;
		bool reaches_high;
	} rows[] = {
		{ "everything", { 0 }, 8, 4, SEV_CRITICAL, true },
		{ "high, and what nobody rated", { .least = SEV_HIGH }, 5, 3, SEV_CRITICAL, true },
		{ "deferred", { .statuses = 1u << FINDING_DEFERRED }, 1, 1, SEV_LOW, false },
		{ "two statuses",
		  { .statuses = 1u << FINDING_DEFERRED | 1u << FINDING_WONT_FIX },
		  2,
		  2,
		  SEV_CRITICAL,
		  true },
		{ "fixed only", { .fixed_only = true }, 4, 3, SEV_CRITICAL, true },
		{ "no unimportant", { .no_unimportant = true }, 7, 3, SEV_CRITICAL, true },
		{ "nothing", { .statuses = 1u << FINDING_END_OF_LIFE }, 0, 0, SEV_UNKNOWN, false },
	};
	struct world w;

	world_full(&w);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct report_counts c = report_count(&w.v, &rows[i].filter);

		row("%s", rows[i].name);
		EQ_INT(c.findings, rows[i].findings);
		EQ_INT(c.hidden, 8 - rows[i].findings);
		EQ_INT(c.packages, rows[i].packages);
		EQ_INT(c.worst, rows[i].worst);
		EQ_INT(report_reaches(&w.v, &rows[i].filter, SEV_HIGH), rows[i].reaches_high);
		EQ_INT(report_reaches(&w.v, &rows[i].filter, SEV_UNKNOWN), rows[i].findings > 0);
	}
	world_done(&w);
}

TEST(text)
{
	static const struct {
		const char *text;
		size_t width, columns;
		const char *cut;
	} rows[] = {
		{ "plain", 5, 5, "plain" },
		{ "plain", 5, 4, "pla…" },
		{ "plain", 5, 0, "" },
		{ "a\tb\033[0m", 7, 9, "a?b?[0m" },
		{ "\xe6\xbc\xa2\xe5\xad\x97", 4, 4, "\xe6\xbc\xa2\xe5\xad\x97" },
		{ "\xe6\xbc\xa2\xe5\xad\x97", 4, 3, "\xe6\xbc\xa2…" },
		{ "\xe6\xbc\xa2\xe5\xad\x97", 4, 2, "…" },
		{ "e\xcc\x81t\xc3\xa9", 3, 3, "e\xcc\x81t\xc3\xa9" },
		{ "\xff\xc0\x80\xe2\x80", 5, 9, "?????" },
		{ "\xc2\x9b"
		  "1m",
		  3, 9, "?1m" },
		{ "x\xe2\x80\xae"
		  "y",
		  3, 9, "x?y" },
		{ "\xf0\x9f\x90\x9b", 2, 2, "\xf0\x9f\x90\x9b" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf b = { 0 };

		row("%zu", i);
		buf_init(&b, 100);
		EQ_INT(text_width(str_c(rows[i].text)), rows[i].width);
		text_add(&b, str_c(rows[i].text), rows[i].columns);
		EQ_STR(buf_all(&b), str_c(rows[i].cut));
	}
}

/* A section of which nothing applies has no counts. */
TEST(audit_sections)
{
	static const struct {
		enum check_result one, other;
		const char *head;
	} rows[] = {
		{ CHECK_PASS, CHECK_FAIL, "mounts: 1 passed, 1 failed\n" },
		{ CHECK_UNKNOWN, CHECK_NONE, "mounts: 0 passed, 0 failed, 1 not assessed\n" },
		{ CHECK_NONE, CHECK_NONE, "mounts: does not apply\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct audit_options o = { .level = 1 };
		struct world w = { 0 };
		struct out out;

		row("%s", rows[i].head);
		add_check(&w, "mounts.a", 1, rows[i].one);
		add_check(&w, "mounts.b", 1, rows[i].other);
		out_init(&out, -1);
		audit_format_named(STR("table"))->write(&w.audit, &o, &out);
		OK(str_find_str(buf_all(&out.b), str_c(rows[i].head)) >= 0);
		(void)!out_finish(&out);
		audit_done(&w.audit);
	}
}

TEST(formats)
{
	OK(report_format_named(STR("table")) == &report_formats[0]);
	OK(report_format_named(STR("")) == NULL);
	OK(report_format_named(STR("xml")) == NULL);
}
