/* db-build: takes the statements of the feeds in. See db.h and db-build.h.
 *
 * The hot path is build_advisory(): more than a million calls for a full set of feeds. It allocates nothing of its own;
 * texts that equal the one last seen in the same place are not even hashed. */
#include "vuln/db-build.h"

#include "vuln/name.h"

#define TEXTS_BYTES_MAX (1u << 30)   /* all texts together */
#define LISTS_BYTES_MAX (512u << 20) /* all lists of ranges, versions, aliases */
#define BODIES_BYTES_MAX (1u << 30)
#define KEYS_BYTES_MAX (256u << 20)
#define STATEMENTS_MAX (64u << 20)
#define VULNS_MAX (16u << 20)
#define FEEDS_MAX 4096
#define LIST_MAX (64u << 10) /* ranges, versions or aliases of one record */

static uint32_t text(struct db_build *b, unsigned int place, struct str s)
{
	uint32_t last = b->last[place];

	if (s.n == 0)
		return 0;
	if (str_eq(intern_str(&b->texts, last), s))
		return last;
	return b->last[place] = intern_put(&b->texts, s.p, s.n);
}

static void build_warning(void *ctx, struct str what);

static struct built_feed *present_feed(struct db_build *b)
{
	static const struct feed_info unnamed = { .name = STR("unnamed") };

	if (!b->feeds.n)
		db_build_feed(b, &unnamed);
	return &b->feeds.v[b->feed];
}

static bool too_long(struct str s)
{
	return s.n > DB_TEXT_MAX;
}

/* Why a statement cannot be kept, NULL when it can. */
static const char *bad_advisory(const struct advisory *a)
{
	if (!a->id.n || !a->ns.n || !a->name.n)
		return "statement without id, namespace or package";
	if (too_long(a->id) || too_long(a->bulletin) || too_long(a->ns) || too_long(a->name) || too_long(a->module) ||
	    too_long(a->arch) || too_long(a->channel))
		return "statement with a text of absurd length";
	if (a->range_count > LIST_MAX || a->version_count > LIST_MAX)
		return "statement with too many versions";
	for (size_t i = 0; i < a->range_count; i++) {
		const struct adv_range *r = &a->ranges[i];

		if (too_long(r->introduced) || too_long(r->fixed) || too_long(r->last_affected))
			return "version of absurd length";
	}
	for (size_t i = 0; i < a->version_count; i++)
		if (too_long(a->versions[i]))
			return "version of absurd length";
	return NULL;
}

static uint32_t keep_list(struct db_build *b)
{
	return b->words.n ? intern_put(&b->lists, b->words.v, b->words.n * sizeof(*b->words.v)) : 0;
}

static uint32_t keep_ranges(struct db_build *b, const struct advisory *a)
{
	b->words.n = 0;
	for (size_t i = 0; i < a->range_count; i++) {
		const struct adv_range *r = &a->ranges[i];

		vec_push(&b->words, str_is(r->introduced, "0") ? 0 : text(b, TEXT_OTHER, r->introduced));
		vec_push(&b->words, text(b, TEXT_OTHER, r->fixed));
		vec_push(&b->words, text(b, TEXT_OTHER, r->last_affected));
	}
	return keep_list(b);
}

static uint32_t keep_strs(struct db_build *b, const struct str *s, size_t n)
{
	b->words.n = 0;
	for (size_t i = 0; i < n; i++)
		if (s[i].n && !too_long(s[i]))
			vec_push(&b->words, text(b, TEXT_OTHER, s[i]));
	return keep_list(b);
}

static void build_advisory(void *ctx, const struct advisory *a)
{
	struct db_build *b = ctx;
	struct built_feed *feed = present_feed(b);
	const char *bad = bad_advisory(a);
	char room[NAME_BYTES_MAX];
	uint32_t body[BODY_WORDS] = { 0 }, key[2];

	feed->info.records++;
	if (bad) {
		build_warning(b, str_c(bad));
		return;
	}
	if (b->statements.n >= STATEMENTS_MAX) {
		b->full = true;
		return;
	}
	key[0] = text(b, TEXT_NS, a->ns);
	key[1] = text(b, TEXT_NAME, name_canonical(a->ns, a->name, room));
	body[BODY_BULLETIN] = text(b, TEXT_BULLETIN, a->bulletin);
	body[BODY_MODULE] = text(b, TEXT_MODULE, a->module);
	body[BODY_ARCH] = text(b, TEXT_ARCH, a->arch);
	body[BODY_CHANNEL] = text(b, TEXT_CHANNEL, a->channel);
	body[BODY_REASON] = text(b, TEXT_REASON, str_head(a->reason, DB_TEXT_MAX));
	body[BODY_RANGES] = keep_ranges(b, a);
	body[BODY_VERSIONS] = a->version_count ? keep_strs(b, a->versions, a->version_count) : 0;
	body[BODY_WHAT] = (uint32_t)a->status | (uint32_t)a->severity << DB_WHAT_SEVERITY_SHIFT |
			  (a->name_kind == ADV_NAME_BINARY ? DB_WHAT_BINARY : 0) |
			  (a->unimportant ? DB_WHAT_UNIMPORTANT : 0);
	body[BODY_FEED] = b->feed;
	vec_push(&b->statements, ((struct built_statement){
					 .key = intern_put(&b->keys, key, sizeof(key)),
					 .body = intern_put(&b->bodies, body, sizeof(body)),
					 .id = text(b, TEXT_ID, a->id),
				 }));
}

static uint32_t billionths(double x)
{
	return x >= 0 && x <= 1 ? (uint32_t)(x * DB_EPSS_SCALE + 0.5) : DB_EPSS_UNKNOWN;
}

static uint32_t rating_of(const struct vuln_info *v)
{
	uint32_t score = DB_RATING_SCORE;

	if (v->cvss_score >= 0 && v->cvss_score <= 10)
		score = (uint32_t)(v->cvss_score * DB_SCORE_SCALE + 0.5);
	return score | (uint32_t)v->severity << DB_RATING_SEVERITY_SHIFT | (v->kev ? DB_RATING_KEV : 0) |
	       (v->withdrawn ? DB_RATING_WITHDRAWN : 0);
}

static void build_vuln(void *ctx, const struct vuln_info *v)
{
	struct db_build *b = ctx;

	present_feed(b)->info.records++;
	if (!v->id.n || too_long(v->id) || v->alias_count > LIST_MAX || v->cwe_count > LIST_MAX) {
		build_warning(b, STR("vulnerability without a usable id"));
		return;
	}
	if (b->vulns.n >= VULNS_MAX) {
		b->full = true;
		return;
	}
	vec_push(&b->vulns, ((struct built_vuln){
				    .id = text(b, TEXT_ID, v->id),
				    .aliases = v->alias_count ? keep_strs(b, v->aliases, v->alias_count) : 0,
				    .title = text(b, TEXT_OTHER, str_head(v->title, DB_TEXT_MAX)),
				    .vector = text(b, TEXT_OTHER, str_head(v->cvss_vector, DB_TEXT_MAX)),
				    .cwes = v->cwe_count ? keep_strs(b, v->cwes, v->cwe_count) : 0,
				    .kev_date = text(b, TEXT_OTHER, str_head(v->kev_date, DB_TEXT_MAX)),
				    .published = text(b, TEXT_OTHER, str_head(v->published, DB_TEXT_MAX)),
				    .epss = billionths(v->epss),
				    .percentile = billionths(v->epss_percentile),
				    .rating = rating_of(v),
			    }));
}

/* Keeps the smallest few, so that the order in which they came does not show. */
static void build_warning(void *ctx, struct str what)
{
	struct db_build *b = ctx;
	struct built_feed *f = present_feed(b);
	size_t at = f->warnings.n;

	f->info.warnings++;
	what = str_head(what, DB_TEXT_MAX);
	while (at && str_cmp(what, f->warnings.v[at - 1]) < 0)
		at--;
	if (at == DB_WARNINGS_KEPT || (at && str_eq(what, f->warnings.v[at - 1])))
		return;
	if (f->warnings.n < DB_WARNINGS_KEPT)
		vec_push(&f->warnings, STR_NONE);
	memmove(&f->warnings.v[at + 1], &f->warnings.v[at], (f->warnings.n - 1 - at) * sizeof(struct str));
	f->warnings.v[at] = arena_str(&b->arena, what);
}

static struct str copy_text(struct db_build *b, struct str s)
{
	return arena_str(&b->arena, str_head(s, DB_TEXT_MAX));
}

struct db_build *db_build_new(void)
{
	struct db_build *b = xcalloc(1, sizeof(*b));

	intern_init(&b->texts, TEXTS_BYTES_MAX);
	intern_init(&b->lists, LISTS_BYTES_MAX);
	intern_init(&b->bodies, BODIES_BYTES_MAX);
	intern_init(&b->keys, KEYS_BYTES_MAX);
	b->sink = (struct feed_sink){ b, build_advisory, build_vuln, build_warning };
	return b;
}

struct db_build *db_build_free(struct db_build *b)
{
	if (!b)
		return NULL;
	intern_done(&b->texts);
	intern_done(&b->lists);
	intern_done(&b->bodies);
	intern_done(&b->keys);
	for (size_t i = 0; i < b->feeds.n; i++)
		vec_done(&b->feeds.v[i].warnings);
	vec_done(&b->feeds);
	vec_done(&b->statements);
	vec_done(&b->vulns);
	vec_done(&b->merged);
	vec_done(&b->resolved);
	vec_done(&b->words);
	arena_done(&b->arena);
	free(b);
	return NULL;
}

void db_build_feed(struct db_build *b, const struct feed_info *feed)
{
	struct feed_info *copy;

	for (b->feed = 0; b->feed < b->feeds.n; b->feed++) {
		const struct feed_info *f = &b->feeds.v[b->feed].info;

		if (str_eq(f->name, feed->name) && str_eq(f->source, feed->source))
			return;
	}
	if (b->feeds.n >= FEEDS_MAX) {
		b->full = true;
		b->feed = 0;
		return;
	}
	copy = &vec_add(&b->feeds)->info;
	*copy = *feed;
	copy->name = copy_text(b, feed->name);
	copy->source = copy_text(b, feed->source);
	copy->date = copy_text(b, feed->date);
	copy->fetched = copy_text(b, feed->fetched);
	copy->failure = copy_text(b, feed->failure);
}

void db_build_feed_digest(struct db_build *b, const struct digest *digest)
{
	present_feed(b)->info.digest = *digest;
}

void db_build_feed_date(struct db_build *b, struct str date)
{
	struct feed_info *f = &present_feed(b)->info;

	if (str_cmp(date, f->date) > 0)
		f->date = copy_text(b, date);
}

void db_build_feed_name(struct db_build *b, struct str name)
{
	present_feed(b)->info.name = copy_text(b, name);
}

void db_build_feed_failure(struct db_build *b, struct str why)
{
	present_feed(b)->info.failure = copy_text(b, why);
}

const struct feed_sink *db_build_sink(struct db_build *b)
{
	return &b->sink;
}
