/* db-write: puts what was built into an order that depends on its content only, and writes the file. See db-build.h.
 *
 * Everything has a stable hash, made of the hashes of its texts; tables are sorted by it. Numbers of the intern tables
 * are then replaced, bottom up, by places in the file: texts, lists, bodies, keys. */
#include "codec/sha256.h"
#include "vuln/db-build.h"

#define SLOT_LOAD 2 /* slots per key, at least */

struct writer {
	struct db_build *b;
	uint64_t *text_hash, *list_hash, *body_hash, *key_hash, *vuln_hash;
	uint32_t *text_at, *list_at; /* number -> place in the file; 0: none yet, or the empty one */
	uint32_t *body_at, *vuln_at; /* number -> row + 1; 0: none yet */
	uint32_t *feed_at;	     /* number -> row */
	struct buf strings;
	VEC(uint32_t) out[DB_SECTION_COUNT];
	VEC(uint32_t) key_order;  /* key of each row of DB_KEYS */
	VEC(uint32_t) vuln_order; /* vulnerability of each row of DB_VULNS */
	uint32_t built;
};

static uint32_t word_at(struct str s, size_t i)
{
	uint32_t w;

	memcpy(&w, s.p + i * sizeof(w), sizeof(w));
	return w;
}

static uint64_t hash_words(const uint64_t *v, size_t n)
{
	return str_hash(str_n(v, n * sizeof(*v)), 0);
}

static uint64_t hash_list(const struct writer *w, uint32_t list)
{
	struct str s = intern_str(&w->b->lists, list);
	uint64_t h = s.n;

	for (size_t i = 0; i < s.n / sizeof(uint32_t); i++)
		h = hash_words((uint64_t[]){ h, w->text_hash[word_at(s, i)] }, 2);
	return h;
}

enum word_kind { WORD_TEXT, WORD_LIST, WORD_FEED, WORD_BITS };

/* What the words of a body are; those not named are texts. */
static const enum word_kind body_word_kind[BODY_WORDS] = {
	[BODY_RANGES] = WORD_LIST,
	[BODY_VERSIONS] = WORD_LIST,
	[BODY_WHAT] = WORD_BITS,
	[BODY_FEED] = WORD_FEED,
};

static uint64_t hash_body_word(const struct writer *w, enum db_body_word which, uint32_t word)
{
	switch (body_word_kind[which]) {
	case WORD_TEXT:
		return w->text_hash[word];
	case WORD_LIST:
		return w->list_hash[word];
	case WORD_FEED:
		return str_hash(w->b->feeds.v[word].info.name, 0);
	case WORD_BITS:
	default:
		return word;
	}
}

static uint64_t hash_body(const struct writer *w, uint32_t body)
{
	struct str s = intern_str(&w->b->bodies, body);
	uint64_t h[BODY_WORDS];

	for (enum db_body_word i = 0; i < BODY_WORDS; i++)
		h[i] = hash_body_word(w, i, word_at(s, i));
	return hash_words(h, BODY_WORDS);
}

/* EPSS is left out: it changes every day and changes no match. */
static uint64_t hash_vuln(const struct writer *w, const struct built_vuln *v)
{
	const uint64_t h[] = { w->text_hash[v->id],
			       w->list_hash[v->aliases],
			       w->text_hash[v->title],
			       w->text_hash[v->vector],
			       w->list_hash[v->cwes],
			       w->text_hash[v->kev_date],
			       v->rating };

	return hash_words(h, ARRAY_LEN(h));
}

static void hash_all(struct writer *w)
{
	struct db_build *b = w->b;

	for (uint32_t i = 0; i < b->texts.all.n; i++)
		w->text_hash[i] = str_hash(intern_str(&b->texts, i), 0);
	for (uint32_t i = 0; i < b->lists.all.n; i++)
		w->list_hash[i] = hash_list(w, i);
	for (uint32_t i = 1; i < b->bodies.all.n; i++)
		w->body_hash[i] = hash_body(w, i);
	for (uint32_t i = 1; i < b->keys.all.n; i++)
		w->key_hash[i] = db_key_hash(intern_str(&b->texts, word_at(intern_str(&b->keys, i), 0)),
					     intern_str(&b->texts, word_at(intern_str(&b->keys, i), 1)));
	for (size_t i = 0; i < b->merged.n; i++)
		w->vuln_hash[i] = hash_vuln(w, &b->merged.v[i]);
}

static void put_text(struct writer *w, uint32_t *at, struct str s)
{
	*at = (uint32_t)w->strings.n;
	buf_var_str(&w->strings, s);
}

/* Texts, lists, bodies and vulnerabilities get their place when first spoken of, in the order of the keys: what is read
 * together stands together. */
static uint32_t place_text(struct writer *w, uint32_t i)
{
	if (i && !w->text_at[i])
		put_text(w, &w->text_at[i], intern_str(&w->b->texts, i));
	return w->text_at[i];
}

static uint32_t place_list(struct writer *w, uint32_t i)
{
	struct str s = intern_str(&w->b->lists, i);
	size_t n = s.n / sizeof(uint32_t);

	if (!i || w->list_at[i])
		return w->list_at[i];
	w->list_at[i] = (uint32_t)w->out[DB_LISTS].n;
	vec_push(&w->out[DB_LISTS], (uint32_t)n);
	for (size_t k = 0; k < n; k++) {
		uint32_t at = place_text(w, word_at(s, k));

		vec_push(&w->out[DB_LISTS], at);
	}
	return w->list_at[i];
}

static uint32_t place_body_word(struct writer *w, enum db_body_word which, uint32_t word)
{
	switch (body_word_kind[which]) {
	case WORD_TEXT:
		return place_text(w, word);
	case WORD_LIST:
		return place_list(w, word);
	case WORD_FEED:
		return w->feed_at[word];
	case WORD_BITS:
	default:
		return word;
	}
}

static uint32_t place_body(struct writer *w, uint32_t i)
{
	struct str s = intern_str(&w->b->bodies, i);

	if (w->body_at[i])
		return w->body_at[i] - 1;
	for (enum db_body_word k = 0; k < BODY_WORDS; k++) {
		uint32_t word = place_body_word(w, k, word_at(s, k));

		vec_push(&w->out[k < BODY_BULLETIN ? DB_BODIES : DB_REMARKS], word);
	}
	return (w->body_at[i] = (uint32_t)(w->out[DB_BODIES].n / DB_BODY_WORDS)) - 1;
}

static uint32_t place_vuln(struct writer *w, uint32_t i)
{
	if (!w->vuln_at[i]) {
		vec_push(&w->vuln_order, i);
		w->vuln_at[i] = (uint32_t)w->vuln_order.n;
	}
	return w->vuln_at[i] - 1;
}

static int compare_feed_order(const void *va, const void *vb, void *ctx)
{
	const struct built_feed *all = ctx, *a = &all[*(const uint32_t *)va], *b = &all[*(const uint32_t *)vb];
	int r = str_cmp(a->info.name, b->info.name);

	return r ? r : str_cmp(a->info.source, b->info.source);
}

static uint32_t *feed_order(const struct db_build *b)
{
	uint32_t *order = xcalloc(b->feeds.n, sizeof(*order));

	for (uint32_t i = 0; i < b->feeds.n; i++)
		order[i] = i;
	if (b->feeds.n)
		qsort_r(order, b->feeds.n, sizeof(*order), compare_feed_order, b->feeds.v);
	return order;
}

static void push_u64(struct writer *w, enum db_section s, uint64_t v)
{
	vec_push(&w->out[s], (uint32_t)v);
	vec_push(&w->out[s], (uint32_t)(v >> 32));
}

/* Texts of the feeds stand behind the sorted ones: they belong to the build, not to the statements. */
static void push_text(struct writer *w, enum db_section section, struct str s)
{
	uint32_t at = 0;

	if (s.n)
		put_text(w, &at, s);
	vec_push(&w->out[section], at);
}

static void write_feed(struct writer *w, const struct built_feed *f)
{
	const struct str texts[] = { f->info.name, f->info.source, f->info.date, f->info.fetched, f->info.failure };
	uint32_t list = f->warnings.n ? (uint32_t)w->out[DB_LISTS].n : 0;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		push_text(w, DB_FEEDS, texts[i]);
	vec_push(&w->out[DB_FEEDS], list);
	if (list)
		vec_push(&w->out[DB_LISTS], (uint32_t)f->warnings.n);
	for (size_t i = 0; i < f->warnings.n; i++)
		push_text(w, DB_LISTS, f->warnings.v[i]);
	push_u64(w, DB_FEEDS, f->info.records);
	push_u64(w, DB_FEEDS, f->info.warnings);
	vec_push(&w->out[DB_FEEDS], f->info.digest.set);
	for (size_t i = 0; i < DIGEST_BYTES; i += sizeof(uint32_t))
		vec_push(&w->out[DB_FEEDS], f->info.digest.set ? db_le32(&f->info.digest.byte[i]) : 0);
}

static void write_feeds(struct writer *w)
{
	auto_free uint32_t *order = feed_order(w->b);

	for (uint32_t i = 0; i < w->b->feeds.n; i++)
		write_feed(w, &w->b->feeds.v[order[i]]);
}

struct sorted_id {
	uint64_t hash;
	struct str id;
	uint32_t text, vuln; /* places */
};

static int compare_ids(const void *va, const void *vb)
{
	const struct sorted_id *a = va, *b = vb;
	int r;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	r = str_cmp(a->id, b->id);
	return r ? r : (a->vuln > b->vuln) - (a->vuln < b->vuln);
}

static void write_vuln(struct writer *w, const struct built_vuln *v)
{
	uint32_t words[DB_VULN_WORDS];

	words[0] = place_text(w, v->id);
	words[1] = place_list(w, v->aliases);
	words[2] = place_text(w, v->title);
	words[3] = place_text(w, v->vector);
	words[4] = place_list(w, v->cwes);
	words[5] = place_text(w, v->kev_date);
	words[6] = place_text(w, v->published);
	words[7] = v->epss;
	words[8] = v->percentile;
	for (size_t i = 0; i < DB_VULN_WORDS; i++)
		vec_push(&w->out[DB_VULNS], words[i]);
	vec_push(&w->out[DB_BRIEFS], (uint32_t)w->text_hash[v->id]);
	vec_push(&w->out[DB_BRIEFS], v->rating);
}

static int compare_silent(const void *va, const void *vb)
{
	const struct sorted_id *a = va, *b = vb;

	return a->hash != b->hash ? (a->hash < b->hash ? -1 : 1) : str_cmp(a->id, b->id);
}

/* Vulnerabilities without a statement (withdrawn ones) come last, in the order of their ids. */
static void place_silent(struct writer *w)
{
	const struct db_build *b = w->b;
	VEC(struct sorted_id) silent = { 0 };

	for (uint32_t i = 0; i < b->merged.n; i++) {
		uint32_t id = b->merged.v[i].id;

		if (!w->vuln_at[i])
			vec_push(&silent, ((struct sorted_id){ w->text_hash[id], intern_str(&b->texts, id), 0, i }));
	}
	if (silent.n)
		qsort(silent.v, silent.n, sizeof(*silent.v), compare_silent);
	for (size_t i = 0; i < silent.n; i++)
		place_vuln(w, silent.v[i].vuln);
	vec_done(&silent);
}

static void write_vulns(struct writer *w)
{
	place_silent(w);
	for (size_t i = 0; i < w->vuln_order.n; i++)
		write_vuln(w, &w->b->merged.v[w->vuln_order.v[i]]);
}

/* (text, vulnerability) of every id and alias, in the order of the texts' hashes. */
static void write_ids(struct writer *w)
{
	const struct db_build *b = w->b;
	VEC(struct sorted_id) ids = { 0 };

	for (size_t i = 0; i < b->merged.n; i++) {
		const struct built_vuln *v = &b->merged.v[i];
		struct str list = intern_str(&b->lists, v->aliases);

		for (size_t k = 0; k <= list.n / sizeof(uint32_t); k++) {
			uint32_t t = k ? word_at(list, k - 1) : v->id;

			vec_push(&ids, ((struct sorted_id){ w->text_hash[t], intern_str(&b->texts, t), w->text_at[t],
							    w->vuln_at[i] - 1 }));
		}
	}
	if (ids.n)
		qsort(ids.v, ids.n, sizeof(*ids.v), compare_ids);
	for (size_t i = 0; i < ids.n; i++) {
		vec_push(&w->out[DB_IDS], ids.v[i].text);
		vec_push(&w->out[DB_IDS], ids.v[i].vuln);
	}
	vec_done(&ids);
}

/* One statement on its way to its place. */
struct placed {
	uint64_t id_hash, body_hash;
	uint32_t vuln, body;
};

static int compare_placed(const void *va, const void *vb)
{
	const struct placed *a = va, *b = vb;

	if (a->id_hash != b->id_hash)
		return a->id_hash < b->id_hash ? -1 : 1;
	return (a->body_hash > b->body_hash) - (a->body_hash < b->body_hash);
}

/* The statements grouped by key: first[key] to first[key + 1]. */
static struct placed *group_statements(const struct writer *w, uint32_t *first)
{
	const struct db_build *b = w->b;
	struct placed *all = xcalloc(b->resolved.n, sizeof(*all));
	auto_free uint32_t *at = xcalloc(b->keys.all.n, sizeof(*at));

	for (size_t i = 0; i < b->resolved.n; i++)
		first[b->resolved.v[i].key + 1]++;
	for (size_t i = 0; i < b->keys.all.n; i++) {
		first[i + 1] += first[i];
		at[i] = first[i];
	}
	for (size_t i = 0; i < b->resolved.n; i++) {
		const struct built_statement *s = &b->resolved.v[i];

		all[at[s->key]++] =
			(struct placed){ w->text_hash[b->merged.v[s->id].id], w->body_hash[s->body], s->id, s->body };
	}
	return all;
}

/* Writes the statements of one key, each once; returns the hash over all of them. */
static uint64_t write_statements(struct writer *w, struct placed *s, size_t n)
{
	uint64_t h = 0;

	if (n > 1)
		qsort(s, n, sizeof(*s), compare_placed);
	for (size_t i = 0; i < n; i++) {
		uint32_t vuln, body;

		if (i && s[i - 1].vuln == s[i].vuln && s[i - 1].body == s[i].body)
			continue;
		vuln = place_vuln(w, s[i].vuln);
		body = place_body(w, s[i].body);
		vec_push(&w->out[DB_STATEMENTS], vuln);
		vec_push(&w->out[DB_STATEMENTS], body);
		h = hash_words((uint64_t[]){ h, w->vuln_hash[s[i].vuln], s[i].body_hash }, 3);
	}
	return h;
}

static void write_keys(struct writer *w)
{
	const struct intern *in = &w->b->keys;
	auto_free uint32_t *order = intern_order(in, w->key_hash);
	auto_free uint32_t *first = xcalloc(in->all.n + 1, sizeof(*first));
	auto_free struct placed *placed = group_statements(w, first);

	for (size_t i = 0; i < in->all.n; i++) {
		uint32_t key = order[i], count = first[key + 1] - first[key];
		uint32_t at = (uint32_t)(w->out[DB_STATEMENTS].n / DB_STATEMENT_WORDS);
		struct str s = intern_str(in, key);
		uint32_t words[4] = { 0 };
		uint64_t h;

		if (!count)
			continue;
		words[0] = place_text(w, word_at(s, 0));
		words[1] = place_text(w, word_at(s, 1));
		h = write_statements(w, placed + first[key], count);
		words[2] = at;
		words[3] = (uint32_t)(w->out[DB_STATEMENTS].n / DB_STATEMENT_WORDS) - at;
		vec_push(&w->key_order, key);
		for (size_t k = 0; k < ARRAY_LEN(words); k++)
			vec_push(&w->out[DB_KEYS], words[k]);
		push_u64(w, DB_KEYS, h);
	}
}

static void write_slots(struct writer *w)
{
	size_t slots = 1;
	uint32_t *slot;

	while (slots < w->key_order.n * SLOT_LOAD)
		slots *= 2;
	slot = xcalloc(slots * DB_SLOT_WORDS, sizeof(*slot));
	for (uint32_t i = 0; i < w->key_order.n; i++) {
		uint64_t h = w->key_hash[w->key_order.v[i]];
		size_t at = h & (slots - 1);

		while (slot[at * DB_SLOT_WORDS + 1])
			at = (at + 1) & (slots - 1);
		slot[at * DB_SLOT_WORDS] = (uint32_t)(h >> 32);
		slot[at * DB_SLOT_WORDS + 1] = i + 1;
	}
	w->out[DB_SLOTS].v = slot;
	w->out[DB_SLOTS].n = w->out[DB_SLOTS].cap = slots * DB_SLOT_WORDS;
}

struct ns_row {
	struct str name;
	uint32_t text, keys;
};

static int compare_ns(const void *va, const void *vb)
{
	const struct ns_row *a = va, *b = vb;

	return str_cmp(a->name, b->name);
}

static void write_namespaces(struct writer *w)
{
	auto_free uint32_t *row_of = xcalloc(w->b->texts.all.n, sizeof(*row_of)); /* text -> row + 1 */
	VEC(struct ns_row) rows = { 0 };

	for (size_t i = 0; i < w->key_order.n; i++) {
		uint32_t ns = word_at(intern_str(&w->b->keys, w->key_order.v[i]), 0);

		if (!row_of[ns]) {
			vec_push(&rows, ((struct ns_row){ intern_str(&w->b->texts, ns), ns, 0 }));
			row_of[ns] = (uint32_t)rows.n;
		}
		rows.v[row_of[ns] - 1].keys++;
	}
	if (rows.n)
		qsort(rows.v, rows.n, sizeof(*rows.v), compare_ns);
	for (size_t i = 0; i < rows.n; i++) {
		vec_push(&w->out[DB_NAMESPACES], w->text_at[rows.v[i].text]);
		vec_push(&w->out[DB_NAMESPACES], rows.v[i].keys);
	}
	vec_done(&rows);
}

static uint64_t word_u64(const uint32_t *w)
{
	return (uint64_t)w[1] << 32 | w[0];
}

/* Keys of the previous database that are gone, behind the ones that came or differ. */
static int write_gone(struct writer *w, const struct db *previous, const bool *seen)
{
	struct db_key k;
	int r = 0;

	for (size_t i = 0; i < db_key_count(previous); i++) {
		if (seen[i])
			continue;
		r = db_key_at(previous, i, &k);
		if (r < 0)
			return r;
		push_text(w, DB_CHANGED, k.ns);
		push_text(w, DB_CHANGED, k.name);
	}
	return r;
}

static int write_changed(struct writer *w, const struct db *previous)
{
	const struct db_build *b = w->b;
	auto_free bool *seen = xcalloc(db_key_count(previous), sizeof(*seen));

	for (size_t i = 0; i < w->key_order.n; i++) {
		struct str key = intern_str(&b->keys, w->key_order.v[i]);
		const uint32_t *words = &w->out[DB_KEYS].v[i * DB_KEY_WORDS];
		struct db_key old = { 0 };
		int r = db_find(previous, intern_str(&b->texts, word_at(key, 0)),
				intern_str(&b->texts, word_at(key, 1)), &old);

		if (r < 0)
			return r;
		if (r == 1)
			seen[old.index] = true;
		if (r == 1 && old.hash == word_u64(&words[4]))
			continue;
		vec_push(&w->out[DB_CHANGED], words[0]);
		vec_push(&w->out[DB_CHANGED], words[1]);
	}
	return write_gone(w, previous, seen);
}

static void put32(uint8_t *p, uint32_t v)
{
	for (size_t i = 0; i < sizeof(v); i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static void put_section(struct writer *w, enum db_section s, struct buf *out, uint8_t *table)
{
	size_t at;

	while (out->n % DB_SECTION_ALIGN && !out->full)
		buf_char(out, 0);
	at = out->n;
	if (s == DB_STRINGS) {
		buf_add(out, w->strings.p, w->strings.n);
	} else {
		uint8_t *to = buf_room(out, w->out[s].n * sizeof(uint32_t));

		for (size_t i = 0; to && i < w->out[s].n; i++)
			put32(to + i * sizeof(uint32_t), w->out[s].v[i]);
	}
	put32(table + 8 * (size_t)s, (uint32_t)at);
	put32(table + 8 * (size_t)s + 4, (uint32_t)(out->n - at));
}

static int assemble(struct writer *w, struct digest previous, struct buf *out)
{
	uint8_t head[DB_HEADER_BYTES] = { 0 };
	struct digest seal;

	buf_init(out, DB_FILE_MAX);
	buf_add(out, head, sizeof(head));
	for (enum db_section s = 0; s < DB_SECTION_COUNT; s++)
		put_section(w, s, out, head + DB_AT_TABLE);
	if (buf_finish(out) < 0 || buf_finish(&w->strings) < 0)
		return -E2BIG;
	memcpy(head + DB_AT_MAGIC, DB_MAGIC, sizeof(DB_MAGIC) - 1);
	put32(head + DB_AT_VERSION, DB_VERSION);
	put32(head + DB_AT_SECTIONS, DB_SECTION_COUNT);
	put32(head + DB_AT_SIZE, (uint32_t)out->n);
	put32(head + DB_AT_BUILT, w->built);
	if (previous.set)
		memcpy(head + DB_AT_PREVIOUS, previous.byte, DIGEST_BYTES);
	memcpy(out->p, head, sizeof(head));
	sha256_of(str_n(out->p + DB_AT_SIZE, out->n - DB_AT_SIZE), &seal);
	memcpy(out->p + DB_AT_SEAL, seal.byte, DIGEST_BYTES);
	return 0;
}

static void writer_init(struct writer *w, struct db_build *b)
{
	*w = (struct writer){
		.b = b,
		.text_hash = xcalloc(b->texts.all.n, sizeof(uint64_t)),
		.list_hash = xcalloc(b->lists.all.n, sizeof(uint64_t)),
		.body_hash = xcalloc(b->bodies.all.n, sizeof(uint64_t)),
		.key_hash = xcalloc(b->keys.all.n, sizeof(uint64_t)),
		.vuln_hash = xcalloc(b->merged.n, sizeof(uint64_t)),
		.text_at = xcalloc(b->texts.all.n, sizeof(uint32_t)),
		.list_at = xcalloc(b->lists.all.n, sizeof(uint32_t)),
		.body_at = xcalloc(b->bodies.all.n, sizeof(uint32_t)),
		.feed_at = xcalloc(b->feeds.n, sizeof(uint32_t)),
		.vuln_at = xcalloc(b->merged.n, sizeof(uint32_t)),
	};
	buf_init(&w->strings, DB_FILE_MAX);
}

static void writer_done(struct writer *w)
{
	void *const owned[] = { w->text_hash, w->list_hash, w->body_hash, w->key_hash, w->vuln_hash,
				w->text_at,   w->list_at,   w->body_at,	  w->feed_at,  w->vuln_at };

	for (size_t i = 0; i < ARRAY_LEN(owned); i++)
		free(owned[i]);
	for (size_t i = 0; i < DB_SECTION_COUNT; i++)
		vec_done(&w->out[i]);
	vec_done(&w->key_order);
	vec_done(&w->vuln_order);
	buf_done(&w->strings);
}

static void order_feeds(struct writer *w)
{
	auto_free uint32_t *order = feed_order(w->b);

	for (uint32_t i = 0; i < w->b->feeds.n; i++)
		w->feed_at[order[i]] = i;
}

static bool passed_limit(const struct db_build *b)
{
	return b->full || b->texts.full || b->lists.full || b->bodies.full || b->keys.full;
}

static void write_tables(struct writer *w)
{
	put_text(w, &w->text_at[0], STR_NONE); /* place 0 is the empty text, list 0 the empty list */
	vec_push(&w->out[DB_LISTS], 0);
	hash_all(w);
	order_feeds(w);
	write_keys(w);
	write_vulns(w);
	write_ids(w);
	write_slots(w);
	write_namespaces(w);
	write_feeds(w);
}

int db_build_bytes(struct db_build *b, const struct db *previous, struct str built, struct buf *ret, struct err *e)
{
	struct digest before = { 0 };
	struct writer w;
	int r;

	db_merge(b);
	if (passed_limit(b))
		return err_set(e, -E2BIG, "database: the feeds say more than the limits allow");
	writer_init(&w, b);
	write_tables(&w);
	if (previous && write_changed(&w, previous) == 0)
		before = db_digest(previous);
	else
		w.out[DB_CHANGED].n = 0; /* nothing to compare with, or nothing that can be read */
	put_text(&w, &w.built, built);
	r = assemble(&w, before, ret);
	writer_done(&w);
	if (r < 0) {
		buf_done(ret);
		return err_set(e, r, "database: larger than %u bytes", DB_FILE_MAX);
	}
	return 0;
}

int db_build_write(struct db_build *b, const struct db *previous, struct str built, int dir_fd, const char *name,
		   struct err *e)
{
	auto_buf struct buf bytes = { 0 };
	int r = db_build_bytes(b, previous, built, &bytes, e);

	return r < 0 ? r : file_write(dir_fd, name, buf_all(&bytes), true, e);
}
