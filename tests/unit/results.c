/* What was concluded of an image comes back as it was: every field, and only for the input it was concluded from. */
#include "scan/results.h"

#include <fcntl.h>
#include <unistd.h>

#include "codec/sha256.h"
#include "tap.h"

static struct db *make_db(struct buf *bytes, const char *fixed)
{
	struct adv_range range = { .fixed = str_c(fixed) };
	struct advisory a = { .id = STR("CVE-2024-0001"),
			      .ns = STR("debian:12"),
			      .name = STR("zlib"),
			      .ranges = &range,
			      .range_count = 1 };
	struct feed_info feed = { .name = STR("tracker") }, silent = { .name = STR("silent") };
	struct db_build *b = db_build_new();
	struct db *d = NULL;
	struct err e = { 0 };

	db_build_feed(b, &silent);
	db_build_feed(b, &feed);
	db_build_sink(b)->advisory(db_build_sink(b)->ctx, &a);
	if (db_build_bytes(b, NULL, STR("2026"), bytes, &e) < 0 || db_open_bytes(&d, buf_all(bytes), &e) < 0)
		printf("# %s\n", e.msg);
	db_build_free(b);
	return d;
}

/* Every field has another value. */
static void fill(struct inventory *inv)
{
	inv->os = (struct release){ STR("debian"), STR("like"), STR("12"), STR("bookworm"), STR("Debian 12") };
	inv->os_ns = STR("debian:12");
	vec_push(&inv->packages,
		 ((struct inv_package){ .p = { PKG_DEB, STR("zlib1g"), STR("1:1.2"), STR("amd64"), STR("zlib"),
					       STR("1.2"), STR("module"), STR("vendor"), STR("licence"), STR("inner") },
					.path = STR("var/lib/dpkg/status"),
					.layer = 3,
					.owner = NO_OWNER,
					.foreign = true }));
	vec_push(&inv->packages, ((struct inv_package){ .p = { .type = PKG_NPM, .name = STR("left-pad") },
							.path = STR("a/package.json"),
							.layer = NO_LAYER,
							.owner = 0,
							.owner_foreign = true }));
	vec_push(&inv->properties, ((struct fact_pair){ STR("apk.repository"), STR("https://mirror/v3.18") }));
	vec_push(&inv->notes, ((struct not_assessed){ STR("file"), STR("x.jar"), STR("damaged"), 2, true }));
	vec_push(&inv->notes, ((struct not_assessed){ STR("release"), STR(""), STR("unknown"), NO_LAYER, false }));
}

static void same_package(const struct inv_package *a, const struct inv_package *b)
{
	EQ_INT(a->p.type, b->p.type);
	EQ_STR(a->p.name, b->p.name);
	EQ_STR(a->p.version, b->p.version);
	EQ_STR(a->p.arch, b->p.arch);
	EQ_STR(a->p.source, b->p.source);
	EQ_STR(a->p.source_version, b->p.source_version);
	EQ_STR(a->p.module, b->p.module);
	EQ_STR(a->p.vendor, b->p.vendor);
	EQ_STR(a->p.license, b->p.license);
	EQ_STR(a->p.inner, b->p.inner);
	EQ_STR(a->path, b->path);
	EQ_INT(a->layer, b->layer);
	EQ_INT(a->owner, b->owner);
	EQ_INT(a->owner_foreign, b->owner_foreign);
	EQ_INT(a->foreign, b->foreign);
}

static void same_notes(const struct inventory *a, const struct inventory *b)
{
	EQ_INT(a->notes.n, b->notes.n);
	for (size_t i = 0; i < a->notes.n && i < b->notes.n; i++) {
		EQ_STR(a->notes.v[i].what, b->notes.v[i].what);
		EQ_STR(a->notes.v[i].path, b->notes.v[i].path);
		EQ_STR(a->notes.v[i].reason, b->notes.v[i].reason);
		EQ_INT(a->notes.v[i].layer, b->notes.v[i].layer);
		EQ_INT(a->notes.v[i].distro_owned, b->notes.v[i].distro_owned);
	}
}

static void same_inventory(const struct inventory *a, const struct inventory *b)
{
	EQ_STR(a->os.id, b->os.id);
	EQ_STR(a->os.id_like, b->os.id_like);
	EQ_STR(a->os.version_id, b->os.version_id);
	EQ_STR(a->os.codename, b->os.codename);
	EQ_STR(a->os.name, b->os.name);
	EQ_STR(a->os_ns, b->os_ns);
	EQ_INT(a->packages.n, b->packages.n);
	for (size_t i = 0; i < a->packages.n && i < b->packages.n; i++)
		same_package(&a->packages.v[i], &b->packages.v[i]);
	EQ_INT(a->properties.n, b->properties.n);
	EQ_STR(a->properties.v[0].key, b->properties.v[0].key);
	EQ_STR(a->properties.v[0].value, b->properties.v[0].value);
	same_notes(a, b);
}

TEST(an_inventory_comes_back)
{
	struct inventory inv = { 0 }, again = { 0 };
	auto_buf struct buf b;

	buf_init(&b, RESULTS_BYTES_MAX);
	fill(&inv);
	results_inventory_write(&b, &inv);
	EQ_INT(results_inventory_read(buf_all(&b), &again), 0);
	same_inventory(&again, &inv);
	inventory_done(&again);
	inventory_done(&inv);
}

TEST(an_inventory_cut_anywhere)
{
	struct inventory inv = { 0 };
	auto_buf struct buf b;

	buf_init(&b, RESULTS_BYTES_MAX);
	fill(&inv);
	results_inventory_write(&b, &inv);
	for (size_t n = 0; n < b.n; n++) {
		struct inventory again = { 0 };

		EQ_INT(results_inventory_read(str_n(b.p, n), &again), -EBADMSG);
		inventory_done(&again);
	}
	inventory_done(&inv);
}

TEST(an_owner_that_is_not_there)
{
	struct inventory inv = { 0 }, again = { 0 };
	auto_buf struct buf b;

	buf_init(&b, RESULTS_BYTES_MAX);
	fill(&inv);
	inv.packages.v[1].owner = 2;
	results_inventory_write(&b, &inv);
	EQ_INT(results_inventory_read(buf_all(&b), &again), -EBADMSG);
	inventory_done(&again);
	inventory_done(&inv);
}

static const struct str aliases[] = { { "GHSA-1", 6 }, { "GHSA-2", 6 } };

static const struct finding one_finding = {
	.package = 1,
	.id = STR("CVE-2024-0001"),
	.aliases = aliases,
	.alias_count = 2,
	.status = FINDING_SUBSCRIPTION,
	.fixed = STR("1.3"),
	.severity = SEV_HIGH,
	.severity_source = STR("cvss"),
	.cvss_vector = STR("CVSS:3.1/AV:N"),
	.cvss_score = 7.5,
	.epss = 0.25,
	.epss_percentile = -1,
	.kev = true,
	.title = STR("title"),
	.bulletin = STR("DSA-1"),
	.ns = STR("debian:12"),
	.feed = STR("tracker"),
	.reason = STR("reason"),
	.channel = STR("esm-infra"),
	.inferred = false,
	.unimportant = true,
};

static void same_finding(const struct finding *a, const struct finding *b)
{
	EQ_INT(a->package, b->package);
	EQ_STR(a->id, b->id);
	EQ_INT(a->alias_count, b->alias_count);
	for (size_t i = 0; i < a->alias_count && i < b->alias_count; i++)
		EQ_STR(a->aliases[i], b->aliases[i]);
	EQ_INT(a->status, b->status);
	EQ_STR(a->fixed, b->fixed);
	EQ_INT(a->severity, b->severity);
	EQ_STR(a->severity_source, b->severity_source);
	EQ_STR(a->cvss_vector, b->cvss_vector);
	OK(a->cvss_score == b->cvss_score && a->epss == b->epss && a->epss_percentile == b->epss_percentile);
	EQ_INT(a->kev, b->kev);
	EQ_STR(a->title, b->title);
	EQ_STR(a->bulletin, b->bulletin);
	EQ_STR(a->ns, b->ns);
	EQ_STR(a->feed, b->feed);
	EQ_STR(a->reason, b->reason);
	EQ_STR(a->channel, b->channel);
	EQ_INT(a->inferred, b->inferred);
	EQ_INT(a->unimportant, b->unimportant);
}

TEST(a_verdict_comes_back)
{
	struct inventory inv = { 0 }, judged = { 0 };
	struct verdict v = { .inventory = &inv, .distro_judged = 4, .unjudged = 2 }, again = { .inventory = &judged };
	auto_buf struct buf bytes = { 0 }, b;
	struct db *db = make_db(&bytes, "1.3");

	buf_init(&b, RESULTS_BYTES_MAX);
	fill(&inv);
	fill(&judged);
	judged.notes.n = 0;
	for (size_t i = 0; i < db_feed_count(db); i++)
		EQ_INT(db_feed(db, i, vec_add(&v.feeds)), 0);
	v.feeds.v[1].consulted = true;
	vec_push(&v.findings, one_finding);
	results_verdict_write(&b, &v);
	EQ_INT(results_verdict_read(buf_all(&b), db, &judged, &again), 0);
	same_notes(&judged, &inv);
	EQ_INT(again.distro_judged, 4);
	EQ_INT(again.unjudged, 2);
	EQ_INT(again.feeds.n, v.feeds.n);
	for (size_t i = 0; i < again.feeds.n; i++) {
		EQ_STR(again.feeds.v[i].name, v.feeds.v[i].name);
		EQ_INT(again.feeds.v[i].consulted, v.feeds.v[i].consulted);
	}
	EQ_INT(again.findings.n, 1);
	same_finding(&again.findings.v[0], &one_finding);
	verdict_done(&again);
	verdict_done(&v);
	inventory_done(&inv);
	inventory_done(&judged);
	db_free(db);
}

/* ---- in the cache ---- */

struct place {
	char path[32];
	struct cache cache;
	struct digest key;
};

static void place_open(struct place *p)
{
	struct digest diff_ids[2];
	struct err e = { 0 };

	*p = (struct place){ .path = "/tmp/yagura-results.XXXXXX" };
	sha256_of(STR("a"), &diff_ids[0]);
	sha256_of(STR("b"), &diff_ids[1]);
	p->key = results_key(diff_ids, 2, true);
	OK(mkdtemp(p->path));
	OK_ERR(cache_open(&p->cache, p->path, &e), &e);
}

static void place_close(struct place *p)
{
	struct cache_figures removed;
	struct err e = { 0 };

	OK_ERR(cache_prune(&p->cache, &(struct aged_rule){ UINT64_MAX, 0, 0 }, &removed, &e), &e);
	unlinkat(p->cache.dir_fd, "results", AT_REMOVEDIR);
	unlinkat(p->cache.dir_fd, "tmp", AT_REMOVEDIR);
	cache_close(&p->cache);
	OK(rmdir(p->path) == 0);
}

TEST(key_tells_images_apart)
{
	struct digest d[3], key, other;

	sha256_of(STR("a"), &d[0]);
	sha256_of(STR("b"), &d[1]);
	d[2] = d[0];
	key = results_key(d, 2, true);
	other = results_key(d, 2, true);
	OK(digest_eq(&key, &other));
	other = results_key(d, 2, false);
	OK(key.set && other.set && !digest_eq(&key, &other));
	other = results_key(d + 1, 2, true);
	OK(other.set && !digest_eq(&key, &other));
	other = results_key(d, 3, true);
	OK(other.set && !digest_eq(&key, &other));
}

TEST(found_again_until_damaged)
{
	struct inventory inv = { 0 }, again = { 0 };
	struct mapping map = { 0 };
	struct place p;
	char name[96], hex[DIGEST_TEXT_MAX], byte;
	struct cache_figures figures;
	struct err e = { 0 };
	int fd;

	place_open(&p);
	fill(&inv);
	OK(!results_inventory_get(&p.cache, &p.key, &again, &map));
	results_inventory_put(&p.cache, &p.key, &inv);
	OK_ERR(cache_figures(&p.cache, &figures, &e), &e);
	EQ_INT(figures.results, 1);
	OK(results_inventory_get(&p.cache, &p.key, &again, &map));
	same_inventory(&again, &inv);
	inventory_done(&again);
	mapping_close(&map);

	snprintf(name, sizeof(name), "results/%s", digest_text(&p.key, hex) + strlen("sha256:"));
	fd = fd_open(p.cache.dir_fd, name, O_RDWR);
	for (uint64_t at = 0; fd_pread(fd, &byte, 1, at) == 1; at++) {
		char bad = (char)(byte ^ 1);

		OK(pwrite(fd, &bad, 1, (off_t)at) == 1 && !results_inventory_get(&p.cache, &p.key, &again, &map));
		OK(pwrite(fd, &byte, 1, (off_t)at) == 1);
	}
	OK(results_inventory_get(&p.cache, &p.key, &again, &map));
	inventory_done(&again);
	mapping_close(&map);
	fd_close(&fd);
	inventory_done(&inv);
	place_close(&p);
}

struct question {
	const char *label;
	bool other_db, eol;
	struct match_options options;
	bool found;
};

static const struct question questions[] = {
	{ "the same", .found = true },
	{ "another database", .other_db = true },
	{ "end of life since", .eol = true },
	{ "without inferred ones", .options = { .no_inferred = true } },
	{ "with subscription", .options = { .pro_attached = true } },
};

TEST(a_verdict_is_for_what_it_was_made_from)
{
	auto_buf struct buf bytes = { 0 }, other_bytes = { 0 };
	struct db *db = make_db(&bytes, "1.3"), *other = make_db(&other_bytes, "1.4");
	struct inventory inv = { .os_eol_known = true };
	struct verdict v = { 0 };
	struct match_options options = { 0 };
	struct err e = { 0 };
	struct place p;

	place_open(&p);
	fill(&inv);
	inv.packages.v[0].foreign = false;
	OK_ERR(match_inventory(db, &inv, &options, &v, &e), &e);
	EQ_INT(v.findings.n, 1);
	results_verdict_put(&p.cache, &p.key, db, &options, &v);
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		const struct question *q = &questions[i];
		struct inventory asked = { .os_eol_known = true, .os_eol = q->eol };
		struct verdict answer = { 0 };
		struct mapping map = { 0 };

		row("%s", q->label);
		fill(&asked);
		EQ_INT(results_verdict_get(&p.cache, &p.key, q->other_db ? other : db, &q->options, &asked, &answer,
					   &map),
		       q->found);
		EQ_INT(answer.findings.n, q->found);
		if (q->found) {
			same_finding(&answer.findings.v[0], &v.findings.v[0]);
			same_notes(&asked, &inv);
			EQ_INT(answer.feeds.n, v.feeds.n);
			OK(digest_eq(&answer.database, &v.database));
			EQ_STR(answer.database_built, v.database_built);
		}
		verdict_done(&answer);
		inventory_done(&asked);
		mapping_close(&map);
	}
	verdict_done(&v);
	inventory_done(&inv);
	db_free(db);
	db_free(other);
	place_close(&p);
}
