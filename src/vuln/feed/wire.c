/* wire: see wire.h. */
#include "vuln/feed/wire.h"

#include "base/rd.h"
#include "vuln/feed/feed.h"

enum kind { KIND_ADVISORY = 1, KIND_VULN, KIND_WARNING };

/* How a text is sent; from CODE_WORDS on it is the number of a word. */
enum { CODE_EMPTY, CODE_ONCE, CODE_NEW, CODE_WORDS };

/* Places of struct wire_out.last. */
enum {
	AT_ID,
	AT_BULLETIN,
	AT_NS,
	AT_NAME,
	AT_MODULE,
	AT_ARCH,
	AT_CHANNEL,
	AT_REASON,
	AT_INTRODUCED,
	AT_FIXED,
	AT_LAST
};

/* Bits of a vulnerability's flags. */
enum { HAS_SCORE = 1, HAS_EPSS = 2, IS_KEV = 4, IS_WITHDRAWN = 8, VULN_FLAGS = 15 };

static void put(struct wire_out *w, struct str s, struct wire_word *last)
{
	struct buf *b = &w->record;
	uint32_t *at;

	if (!s.n) {
		buf_varint(b, CODE_EMPTY);
		return;
	}
	if (s.n > WIRE_WORD_BYTES) {
		buf_varint(b, CODE_ONCE);
		buf_var_str(b, s);
		return;
	}
	if (last && last->code && str_eq(last->text, s)) {
		buf_varint(b, last->code);
		return;
	}
	at = map_get(&w->words, s);
	if (!at && w->texts.used_bytes > WIRE_WORDS_BYTES_MAX) {
		buf_varint(b, CODE_ONCE);
		buf_var_str(b, s);
		return;
	}
	if (!at) {
		s = arena_str(&w->texts, s);
		at = map_put(&w->words, s, (uint32_t)w->word_count++, NULL);
		buf_varint(b, CODE_NEW);
		buf_var_str(b, s);
		if (last)
			*last = (struct wire_word){ s, CODE_WORDS + (uint64_t)*at };
		return;
	}
	buf_varint(b, CODE_WORDS + (uint64_t)*at);
	if (last)
		*last = (struct wire_word){ arena_str(&w->texts, s), CODE_WORDS + (uint64_t)*at };
}

static void record_begin(struct wire_out *w, enum kind kind)
{
	buf_clear(&w->record);
	buf_char(&w->record, (char)kind);
}

static void record_end(struct wire_out *w)
{
	if (buf_finish(&w->record) < 0) {
		/* Words first sent in it would be missing: the stream cannot go on as it was. Limits of the readers
		 * keep records far below the maximum, so this is not reached by any document they let through. */
		w->dropped++;
		return;
	}
	buf_var_str(&w->chunk, buf_all(&w->record));
	if (w->chunk.n >= WIRE_CHUNK_BYTES)
		wire_out_flush(w);
}

static void put_advisory(void *ctx, const struct advisory *a)
{
	struct wire_out *w = ctx;
	const struct str fields[] = { a->id, a->bulletin, a->ns, a->name, a->module, a->arch, a->channel, a->reason };

	record_begin(w, KIND_ADVISORY);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		put(w, fields[i], &w->last[AT_ID + i]);
	buf_char(&w->record, (char)((unsigned int)a->name_kind << 7 | (unsigned int)a->unimportant << 6 |
				    (unsigned int)a->severity << 3 | (unsigned int)a->status));
	buf_varint(&w->record, a->range_count);
	for (size_t i = 0; i < a->range_count; i++) {
		put(w, a->ranges[i].introduced, &w->last[AT_INTRODUCED]);
		put(w, a->ranges[i].fixed, &w->last[AT_FIXED]);
		put(w, a->ranges[i].last_affected, &w->last[AT_LAST]);
	}
	buf_varint(&w->record, a->version_count);
	for (size_t i = 0; i < a->version_count; i++)
		put(w, a->versions[i], NULL);
	record_end(w);
}

static void put_double(struct buf *b, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	buf_le64(b, bits);
}

static void put_list(struct wire_out *w, const struct str *list, size_t n)
{
	buf_varint(&w->record, n);
	for (size_t i = 0; i < n; i++)
		put(w, list[i], NULL);
}

static void put_vuln(void *ctx, const struct vuln_info *v)
{
	struct wire_out *w = ctx;
	unsigned int flags = 0;

	flags |= v->cvss_score >= 0 ? HAS_SCORE : 0;
	flags |= v->epss >= 0 ? HAS_EPSS : 0;
	flags |= v->kev ? IS_KEV : 0;
	flags |= v->withdrawn ? IS_WITHDRAWN : 0;
	record_begin(w, KIND_VULN);
	buf_char(&w->record, (char)(flags | (unsigned int)v->severity << 4));
	put(w, v->id, NULL);
	buf_varint(&w->record, CODE_ONCE); /* a title is seldom said twice */
	buf_var_str(&w->record, v->title);
	put(w, v->cvss_vector, NULL);
	put(w, v->kev_date, NULL);
	put(w, v->published, NULL);
	if (flags & HAS_SCORE)
		put_double(&w->record, v->cvss_score);
	if (flags & HAS_EPSS) {
		put_double(&w->record, v->epss);
		put_double(&w->record, v->epss_percentile);
	}
	put_list(w, v->aliases, v->alias_count);
	put_list(w, v->cwes, v->cwe_count);
	record_end(w);
}

static void put_bytes(struct wire_out *w, enum kind kind, struct str bytes)
{
	record_begin(w, kind);
	buf_str(&w->record, bytes);
	record_end(w);
}

static void put_warning(void *ctx, struct str what)
{
	put_bytes(ctx, KIND_WARNING, what);
}

void wire_out_init(struct wire_out *w, void *ctx, void (*write)(void *ctx, struct str bytes))
{
	*w = (struct wire_out){ .ctx = ctx, .write = write };
	w->sink = (struct feed_sink){ w, put_advisory, put_vuln, put_warning };
	buf_init(&w->record, WIRE_RECORD_BYTES_MAX);
	buf_init(&w->chunk, WIRE_RECORD_BYTES_MAX + WIRE_CHUNK_BYTES + 16);
}

void wire_out_flush(struct wire_out *w)
{
	if (w->chunk.n)
		w->write(w->ctx, buf_all(&w->chunk));
	buf_clear(&w->chunk);
}

void wire_out_done(struct wire_out *w)
{
	buf_done(&w->record);
	buf_done(&w->chunk);
	map_done(&w->words);
	arena_done(&w->texts);
}

static struct str get(struct wire_in *w, struct rd *r)
{
	uint64_t code = rd_varint(r);
	struct str s;

	if (code >= CODE_WORDS) {
		if (code - CODE_WORDS < w->words.n)
			return w->words.v[code - CODE_WORDS];
		r->bad = true;
		return STR_NONE;
	}
	if (code == CODE_EMPTY)
		return STR_NONE;
	s = rd_var_str(r);
	if (code == CODE_ONCE)
		return s;
	if (!rd_ok(r) || s.n > WIRE_WORD_BYTES || w->text_bytes > 2ull * WIRE_WORDS_BYTES_MAX) {
		r->bad = true;
		return STR_NONE;
	}
	w->text_bytes += s.n + 1;
	s = arena_str(&w->texts, s);
	vec_push(&w->words, s);
	return s;
}

/* How many follow; each takes a byte at least. */
static size_t get_count(struct rd *r)
{
	uint64_t n = rd_varint(r);

	if (n > rd_left(r) || n > WIRE_LIST_MAX)
		r->bad = true;
	return r->bad ? 0 : (size_t)n;
}

static void get_advisory(struct wire_in *w, struct rd *r)
{
	struct advisory a = { 0 };
	struct str *const fields[] = { &a.id, &a.bulletin, &a.ns, &a.name, &a.module, &a.arch, &a.channel, &a.reason };
	unsigned int flags;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		*fields[i] = get(w, r);
	flags = rd_u8(r);
	a.name_kind = flags >> 7 ? ADV_NAME_BINARY : ADV_NAME_SOURCE;
	a.unimportant = flags >> 6 & 1;
	a.severity = (enum severity)(flags >> 3 & 7);
	a.status = (enum advisory_status)(flags & 7);
	if (a.severity > SEV_CRITICAL || a.status > ADV_INVESTIGATING)
		r->bad = true;
	w->ranges.n = w->list.n = 0;
	for (size_t n = get_count(r); n && rd_ok(r); n--) {
		struct adv_range x;

		x.introduced = get(w, r);
		x.fixed = get(w, r);
		x.last_affected = get(w, r);
		vec_push(&w->ranges, x);
	}
	for (size_t n = get_count(r); n && rd_ok(r); n--)
		vec_push(&w->list, get(w, r));
	if (!a.id.n || !a.ns.n || !a.name.n)
		r->bad = true;
	a.ranges = w->ranges.n ? w->ranges.v : NULL;
	a.range_count = w->ranges.n;
	a.versions = w->list.n ? w->list.v : NULL;
	a.version_count = w->list.n;
	if (rd_ok(r) && !rd_left(r))
		w->sink->advisory(w->sink->ctx, &a);
}

/* A number between 0 and max; anything else is damage. */
static double get_double(struct rd *r, double max)
{
	uint64_t bits = rd_le64(r);
	double v;

	memcpy(&v, &bits, sizeof(v));
	if (!(v >= 0 && v <= max)) {
		r->bad = true;
		return -1;
	}
	return v;
}

static void get_vuln(struct wire_in *w, struct rd *r)
{
	struct vuln_info v = VULN_INFO_NONE;
	unsigned int flags = rd_u8(r);

	v.severity = (enum severity)(flags >> 4);
	v.kev = flags & IS_KEV;
	v.withdrawn = flags & IS_WITHDRAWN;
	v.id = get(w, r);
	v.title = get(w, r);
	v.cvss_vector = get(w, r);
	v.kev_date = get(w, r);
	v.published = get(w, r);
	if (flags & HAS_SCORE)
		v.cvss_score = get_double(r, 10);
	if (flags & HAS_EPSS)
		v.epss = get_double(r, 1);
	if (flags & HAS_EPSS)
		v.epss_percentile = get_double(r, 1);
	w->list.n = w->list2.n = 0;
	for (size_t n = get_count(r); n && rd_ok(r); n--)
		vec_push(&w->list, get(w, r));
	for (size_t n = get_count(r); n && rd_ok(r); n--)
		vec_push(&w->list2, get(w, r));
	if (!v.id.n || v.severity > SEV_CRITICAL || v.title.n > FEED_TITLE_BYTES)
		r->bad = true;
	v.aliases = w->list.n ? w->list.v : NULL;
	v.alias_count = w->list.n;
	v.cwes = w->list2.n ? w->list2.v : NULL;
	v.cwe_count = w->list2.n;
	if (rd_ok(r) && !rd_left(r))
		w->sink->vuln(w->sink->ctx, &v);
}

static int get_record(struct wire_in *w, struct str record, struct err *e)
{
	struct rd r = rd_of(record);

	switch (rd_u8(&r)) {
	case KIND_ADVISORY:
		get_advisory(w, &r);
		break;
	case KIND_VULN:
		get_vuln(w, &r);
		break;
	case KIND_WARNING:
		w->sink->warning(w->sink->ctx, str_from(record, 1));
		return 0;
	default:
		r.bad = true;
	}
	if (!rd_ok(&r) || rd_left(&r))
		return err_set(e, -EBADMSG, "statements: damaged record");
	return 0;
}

void wire_in_init(struct wire_in *w, const struct feed_sink *sink)
{
	*w = (struct wire_in){ .sink = sink };
	buf_init(&w->pending, 2 * (size_t)WIRE_RECORD_BYTES_MAX);
}

int wire_in_add(struct wire_in *w, struct str bytes, struct err *e)
{
	struct str all = bytes;
	int r = 0;

	if (w->pending.n) {
		buf_str(&w->pending, bytes);
		if (buf_finish(&w->pending) < 0)
			return err_set(e, -EBADMSG, "statements: record too long");
		all = buf_all(&w->pending);
	}
	while (r == 0) {
		struct rd rd = rd_of(all);
		uint64_t n = rd_varint(&rd);

		if (!rd_ok(&rd) && all.n < 10)
			break; /* the length itself is cut */
		if (!rd_ok(&rd) || n > WIRE_RECORD_BYTES_MAX)
			return err_set(e, -EBADMSG, "statements: damaged length");
		if (n > rd_left(&rd))
			break;
		r = get_record(w, str_n(rd.at, (size_t)n), e);
		all = str_from(all, (size_t)(rd.at - (const uint8_t *)all.p) + (size_t)n);
	}
	if (w->pending.n) {
		buf_drop(&w->pending, w->pending.n - all.n);
	} else {
		buf_str(&w->pending, all);
		if (buf_finish(&w->pending) < 0)
			return err_set(e, -EBADMSG, "statements: record too long");
	}
	return r;
}

int wire_in_end(struct wire_in *w, struct err *e)
{
	return w->pending.n ? err_set(e, -EBADMSG, "statements: cut short") : 0;
}

void wire_in_done(struct wire_in *w)
{
	buf_done(&w->pending);
	arena_done(&w->texts);
	vec_done(&w->words);
	vec_done(&w->ranges);
	vec_done(&w->list);
	vec_done(&w->list2);
}
