/* compile: see compile.h. */
#include "vuln/feed/compile.h"

#include "base/num.h"
#include "codec/inflate.h"
#include "codec/zip.h"
#include "layer/tar.h"
#include "vuln/feed/format.h"
#include "vuln/feed/oval.h"

#define STEP_BYTES (256u << 10) /* unpacked at a time */
#define TAR_MAGIC_AT 257	/* POSIX.1-2017 pax, ustar header */

struct work {
	struct str path;
	const struct feed_sink *to;
	struct compile_result *ret;
	struct feed_sink sink; /* counts, then passes on */
	struct feed_skips skips;
	struct arena arena;
	const struct feed_format *format; /* of the last document: most archives hold one kind */
	/* the plain stream */
	enum { AT_HEAD, AT_TAR, AT_OVAL, AT_DOCUMENT, AT_NOTHING } state;
	struct buf document;
	struct oval *oval;
	struct tar tar;
	bool tar_over;
	struct err first; /* of the documents that could not be read */
};

/* "2024-05-01" or longer, RFC 3339 */
static bool is_date(struct str s)
{
	static const char shape[] = "dddd-dd-dd";

	for (size_t i = 0; i + 1 < sizeof(shape); i++)
		if (i >= s.n || (shape[i] == 'd' ? !is_digit(s.p[i]) : s.p[i] != '-'))
			return false;
	return true;
}

static void note_date(struct work *w, struct str s)
{
	if (is_date(s) && memcmp(s.p, w->ret->date, COMPILE_DATE_BYTES - 1) > 0)
		memcpy(w->ret->date, s.p, COMPILE_DATE_BYTES - 1);
}

static void pass_advisory(void *ctx, const struct advisory *a)
{
	struct work *w = ctx;

	w->ret->advisories++;
	w->to->advisory(w->to->ctx, a);
}

static void pass_vuln(void *ctx, const struct vuln_info *v)
{
	struct work *w = ctx;

	w->ret->vulns++;
	note_date(w, v->published);
	note_date(w, v->kev_date);
	w->to->vuln(w->to->ctx, v);
}

static void pass_warning(void *ctx, struct str what)
{
	struct work *w = ctx;

	w->ret->warnings++;
	w->to->warning(w->to->ctx, what);
}

static const struct feed_format *recognise(struct work *w, struct str path, struct str head)
{
	/* Nothing more particular than the last one is asked first: formats that look alike never share an archive. */
	if (!w->format || !w->format->looks(path, head))
		w->format = feed_format_of(path, head);
	if (w->format && !w->ret->format)
		w->ret->format = w->format->name;
	return w->format;
}

static int read_document(struct work *w, struct str path, struct str bytes, struct err *e)
{
	struct feed_doc d = { path, bytes, &w->arena, &w->sink, &w->skips };
	const struct feed_format *format = recognise(w, path, str_head(bytes, FEED_HEAD_BYTES));
	int r = 0;

	if (format) {
		r = format->read(&d, e);
		w->ret->documents++;
	} else {
		w->ret->ignored++;
	}
	arena_reset(&w->arena);
	return r;
}

/* One bad document does not spoil an archive. */
static void read_member(struct work *w, struct str name, struct str bytes)
{
	char path[FEED_NAME_BYTES_MAX];
	struct err e = { 0 };
	int n = snprintf(path, sizeof(path), STR_FMT "/" STR_FMT, STR_ARG(w->path), STR_ARG(name));

	if (n < 0 || (size_t)n >= sizeof(path) || read_document(w, str_c(path), bytes, &e) < 0) {
		struct feed_doc d = { .sink = &w->sink };

		if (!e.code)
			err_set(&e, -E2BIG, "name too long");
		if (!w->ret->failed++)
			w->first = e;
		feed_warn(&d, STR_FMT ": %s", STR_ARG(str_head(name, 100)), e.msg);
	}
}

static int read_zip(struct work *w, struct str bytes, struct err *e)
{
	struct zip_member m;
	struct zip z;
	int r = zip_open(&z, bytes, e);

	while (r >= 0 && (r = zip_next(&z, &m, e)) > 0) {
		struct buf room = { 0 };
		struct str view;
		struct err why = { 0 };

		if (str_ends(m.name, STR("/")))
			continue;
		if (zip_read(&z, &m, COMPILE_MEMBER_BYTES_MAX, &room, &view, &why) < 0) {
			struct feed_doc d = { .sink = &w->sink };

			w->ret->failed++;
			feed_warn(&d, STR_FMT ": %s", STR_ARG(str_head(m.name, 100)), why.msg);
		} else {
			w->ret->plain_bytes += view.n;
			read_member(w, m.name, view);
		}
		buf_done(&room);
	}
	return r;
}

static bool is_tar(struct str head)
{
	return head.n >= TAR_BLOCK && memcmp(head.p + TAR_MAGIC_AT, "ustar", 5) == 0;
}

/* Steps through what of a tar archive is here; a file's bytes gather in w->document. */
static int take_tar(struct work *w, struct str in, struct err *e)
{
	while (!w->tar_over) {
		int ev = tar_step(&w->tar, &in, e);

		if (ev < 0)
			return ev;
		if (ev == TAR_MORE)
			return 0;
		if (ev == TAR_END) {
			w->tar_over = true;
		} else if (ev == TAR_ENTRY) {
			buf_clear(&w->document);
			if (w->tar.entry.type != TAR_FILE || w->tar.entry.bad_name || w->tar.entry.sparse)
				tar_skip(&w->tar);
		} else if (ev == TAR_DATA) {
			buf_str(&w->document, w->tar.data);
		} else if (ev == TAR_ENTRY_END && w->document.n) {
			if (buf_finish(&w->document) < 0 || w->document.n > COMPILE_MEMBER_BYTES_MAX) {
				feed_skip(&(struct feed_doc){ .sink = &w->sink, .skips = &w->skips },
					  STR("a file of an archive that is too large"));
				w->ret->failed++;
			} else {
				read_member(w, w->tar.entry.path, buf_all(&w->document));
			}
			buf_clear(&w->document);
		}
	}
	return 0;
}

/* What the plain stream is, once its head has gathered in w->document. */
static int begin_stream(struct work *w, bool last, struct err *e)
{
	struct str head = buf_all(&w->document);
	const struct feed_format *format;

	if (is_tar(head)) {
		struct buf taken = w->document;
		int r;

		buf_init(&w->document, COMPILE_MEMBER_BYTES_MAX);
		tar_init(&w->tar);
		w->state = AT_TAR;
		r = take_tar(w, buf_all(&taken), e);
		buf_done(&taken);
		return r;
	}
	format = recognise(w, w->path, str_head(head, FEED_HEAD_BYTES));
	if (!format) {
		w->ret->ignored++;
		w->state = AT_NOTHING;
	} else if (format->read == feed_oval) {
		int r;

		w->ret->documents++;
		w->oval = oval_new(&w->sink, &w->skips);
		w->state = AT_OVAL;
		r = oval_add(w->oval, head, last, e);
		buf_clear(&w->document);
		return r;
	} else {
		w->state = AT_DOCUMENT;
	}
	return 0;
}

static int take(struct work *w, struct str bytes, bool last, struct err *e)
{
	int r = 0;

	w->ret->plain_bytes += bytes.n;
	if (w->ret->plain_bytes > COMPILE_PLAIN_BYTES_MAX)
		return err_set(e, -E2BIG, "unpacks to more than %llu bytes",
			       (unsigned long long)COMPILE_PLAIN_BYTES_MAX);
	switch (w->state) {
	case AT_HEAD:
	case AT_DOCUMENT:
		buf_str(&w->document, bytes);
		if (buf_finish(&w->document) < 0)
			return err_set(e, -E2BIG, "document of more than %u bytes", COMPILE_DOCUMENT_BYTES_MAX);
		if (w->state == AT_HEAD && (last || w->document.n >= FEED_HEAD_BYTES))
			r = begin_stream(w, last, e);
		break;
	case AT_TAR:
		r = take_tar(w, bytes, e);
		break;
	case AT_OVAL:
		r = oval_add(w->oval, bytes, last, e);
		break;
	case AT_NOTHING:
		break;
	}
	if (r < 0 || !last)
		return r;
	if (w->state == AT_DOCUMENT)
		return read_document(w, w->path, buf_all(&w->document), e);
	if (w->state == AT_TAR && !w->tar_over)
		r = tar_finish(&w->tar, e);
	return r < 0 ? r : 0;
}

static int read_packed(struct work *w, enum codec codec, struct str bytes, struct err *e)
{
	struct inflate *z = NULL;
	bool end = false;
	auto_free char *room = xmalloc(STEP_BYTES);
	int r = inflate_new(&z, codec, e);

	while (r >= 0 && !end) {
		ssize_t n = inflate_step(z, &bytes, true, room, STEP_BYTES, &end, e);

		if (n < 0)
			r = (int)n;
		else
			r = take(w, str_n(room, (size_t)n), end, e);
		if (w->state == AT_NOTHING)
			break;
	}
	inflate_free(z);
	return r;
}

/* Directories of other data, and files that only describe a directory. */
static const char *const others[] = {
	"**/greenbone/**", "**/malware/**", "**/yara/**",  "**/licenses/**", "greenbone/**",  "malware/**", "yara/**",
	"licenses/**",	   "**/README*",    "**/LICENSE*", "**/*.sha256",    "**/SHA256SUMS", "README*",    "LICENSE*",
	"SHA256SUMS",	   "**/.*",	    ".*",	   "**/*.etag",	     "**/*.part",
};

bool compile_ignores(struct str path)
{
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (str_glob(str_c(others[i]), path))
			return true;
	return false;
}

/* Formats are known by names without the ending of the packing. */
static struct str unpacked_name(struct str path)
{
	static const char *const endings[] = { ".zst", ".bz2", ".gz", ".xz" };

	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		if (str_ends(path, str_c(endings[i])))
			return str_head(path, path.n - strlen(endings[i]));
	return path;
}

int compile_file(struct str path, struct str bytes, const struct feed_sink *sink, struct compile_result *ret,
		 struct err *e)
{
	enum codec codec = inflate_probe(str_head(bytes, INFLATE_PROBE_BYTES));
	struct work w = { .path = unpacked_name(path), .to = sink, .ret = ret };
	int r;

	*ret = (struct compile_result){ 0 };
	w.sink = (struct feed_sink){ &w, pass_advisory, pass_vuln, pass_warning };
	buf_init(&w.document, COMPILE_DOCUMENT_BYTES_MAX);
	if (zip_probe(bytes))
		r = read_zip(&w, bytes, e);
	else if (codec != CODEC_NONE)
		r = read_packed(&w, codec, bytes, e);
	else
		r = take(&w, bytes, true, e);
	feed_skips_tell(&w.skips, &w.sink);
	if (r >= 0 && ret->failed && ret->failed >= ret->documents)
		r = err_set(e, -EBADMSG, "none of its %llu %s can be read%s%s", (unsigned long long)ret->failed,
			    num_plural(ret->failed, "document", "documents"), w.first.code ? ": " : "", w.first.msg);
	if (w.state == AT_TAR)
		tar_done(&w.tar);
	oval_free(w.oval);
	buf_done(&w.document);
	arena_done(&w.arena);
	return r < 0 ? r : 0;
}
