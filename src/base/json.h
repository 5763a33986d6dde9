/* json: a pull reader that builds no tree, and a writer.
 *
 * Reader: RFC 8259 text in memory. The caller walks it:
 *
 *     struct json j;
 *     json_init(&j, text, &arena);
 *     json_object(&j);
 *     while (json_key(&j, &key))
 *             if (str_is(key, "id"))
 *                     json_str(&j, &id);
 *     if ((r = json_finish(&j, e)) < 0) ...
 *
 * What the caller does not read is skipped: a value left alone after json_key() or json_next() is passed over by
 * the next such call. Asking for the wrong type passes over the value and gives false, 0 or "nothing to walk": the
 * shape of foreign data is the caller's to judge. A syntax error ends every walk; it is told once, by json_finish().
 * A str points into the text, or into the arena where the text had escapes.
 * Bounds: nesting to JSON_DEPTH_MAX; size by the caller. Duplicate keys are handed out in order, each of them. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/digest.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/mem.h"

#define JSON_DEPTH_MAX 64

enum json_type { JSON_BAD, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	const char *at, *end, *start;
	struct arena *arena; /* for unescaped strings */
	const char *why;     /* first syntax error, NULL while there is none */
	unsigned int depth;
	bool pending;  /* a value stands at `at` that nobody has read yet */
	bool fresh;    /* just inside '[' or '{': no comma expected */
	uint64_t kind; /* bit d: the container at depth d+1 is an object */
};

void json_init(struct json *j, struct str text, struct arena *arena);

/* The type of the value that is to be read next; JSON_BAD after an error or at an end. */
enum json_type json_peek(struct json *j);

bool json_object(struct json *j);		/* enters; false (and passed over) when it is no object */
bool json_key(struct json *j, struct str *ret); /* next member; false at '}', which is then left */
bool json_array(struct json *j);		/* enters; false (and passed over) when it is no array */
bool json_next(struct json *j);			/* next element; false at ']', which is then left */
void json_leave(struct json *j);		/* passes over the rest of the container being walked */

bool json_str(struct json *j, struct str *ret); /* false, *ret untouched, when it is no string */
bool json_bool(struct json *j, bool *ret);
bool json_u64(struct json *j, uint64_t *ret); /* a whole number from 0 */
bool json_double(struct json *j, double *ret);
/* A number or a string as its text, without quotes: feeds are not of one mind about numbers. */
bool json_scalar(struct json *j, struct str *ret);
void json_skip(struct json *j);
struct str json_raw(struct json *j); /* the value's own text, passed over */

/* Members of an object that are wanted as they stand. */
struct json_want {
	const char *key;
	struct str *to; /* left alone when it is no string */
	bool raw;	/* whatever it is: its own text, as json_raw() */
};
/* Takes the member at hand when it is one of them; false: it is another one, still to be read. */
bool json_take(struct json *j, struct str key, const struct json_want *want, size_t n);
/* Enters an object and takes these of it; false (and passed over) when it is none. */
bool json_take_all(struct json *j, const struct json_want *want, size_t n);

/* Members that a function reads: one value, in whole or in part. */
struct json_reader {
	const char *key;
	void (*read)(void *ctx, struct json *j);
	bool each; /* every element of an array is read; what is no array is passed over */
};
/* As json_take() and json_take_all(). */
bool json_read(struct json *j, struct str key, const struct json_reader *reader, size_t n, void *ctx);
bool json_read_all(struct json *j, const struct json_reader *reader, size_t n, void *ctx);

/* 0, or -EBADMSG with the offset: a syntax error, or something behind the value. */
int json_finish(struct json *j, struct err *e) must_check;

/* Writer: two-space indented, keys in the order given; strings are made valid UTF-8 (U+FFFD for what is not). The
 * sink remembers failures (out_finish). */
struct json_out {
	struct out *out;
	unsigned int depth;
	bool first; /* nothing written yet at this depth */
	bool keyed; /* a key was just written */
};

void json_out_init(struct json_out *w, struct out *out);
void json_out_object(struct json_out *w);
void json_out_array(struct json_out *w);
void json_out_end_object(struct json_out *w);
void json_out_end_array(struct json_out *w);
void json_out_key(struct json_out *w, const char *key);
void json_out_str(struct json_out *w, struct str s);
void json_out_u64(struct json_out *w, uint64_t v);
void json_out_double(struct json_out *w, double v, int decimals);
void json_out_bool(struct json_out *w, bool v);
void json_out_null(struct json_out *w);
void json_out_or_null(struct json_out *w, struct str s); /* null for an empty str */
/* The text of a value: as it was written at this depth before, or as a document, whose lines are moved in. */
void json_out_raw(struct json_out *w, struct str value);
void json_out_document(struct json_out *w, struct str value);
/* Shorthands: key and value. json_out_key_opt() writes nothing for an empty str, json_out_key_or_null() null. */
void json_out_key_str(struct json_out *w, const char *key, struct str s);
void json_out_key_opt(struct json_out *w, const char *key, struct str s);
void json_out_key_or_null(struct json_out *w, const char *key, struct str s);
void json_out_key_u64(struct json_out *w, const char *key, uint64_t v);
void json_out_key_bool(struct json_out *w, const char *key, bool v);
void json_out_key_digest(struct json_out *w, const char *key, const struct digest *d); /* null when not set */
void json_out_key_object(struct json_out *w, const char *key);			       /* entered */
void json_out_key_array(struct json_out *w, const char *key);

/* A form: what stands between the values of objects with the same keys, of which an array has thousands. `write` writes
 * one with json_out_blank() for each value; then json_form_next() writes on to the next value, which any of the
 * functions above may write, and behind the last one to the end of the object. */
#define JSON_FORM_VALUES_MAX 31
struct json_form {
	struct buf text;		      /* owned */
	size_t end[JSON_FORM_VALUES_MAX + 1]; /* of each piece */
	size_t n, at;			      /* pieces, the next one */
};
void json_form_init(struct json_form *f, const struct json_out *array, void (*write)(struct json_out *w));
void json_form_done(struct json_form *f);
void json_out_blank(struct json_out *w);
void json_form_next(struct json_form *f, struct json_out *w);

/* The bytes of one JSON string, quotes included, appended to a buf. */
void json_quote(struct buf *b, struct str s);

#endif
