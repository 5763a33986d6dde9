/* decode: JSON into structs, by tables of members.
 *
 * A row says a member's name, how its value is read and where it goes. What is not in the table is passed over (the
 * specifications say so), or an error where the format is our own (`strict`); null counts as not there. What is there
 * but wrong is an error that names the member's path
 * ("linux.resources.pids.limit: ..."): another type, a number out of the row's range, a list longer than its limit, a
 * member given twice, or one that differs from a known name in nothing but the case of its letters (engines written in
 * Go would take it, others not: what was asked for must not depend on the reader). */
#ifndef BASE_DECODE_H
#define BASE_DECODE_H

#include "base/json.h"
#include "base/mem.h"

#define DECODE_PATH_MAX 256	/* bytes of a path in a message; longer ones are cut */
#define DECODE_MEMBERS_MAX 64	/* rows of one table */
#define DECODE_STRING_MAX 65536 /* bytes of a string, where the row gives no limit */
#define DECODE_ARRAY_MAX 65536	/* members of a list of strings */

struct opt_u64 {
	bool set;
	uint64_t v;
};
struct opt_i64 {
	bool set;
	int64_t v;
};
struct opt_bool {
	bool set, v;
};

/* A list of NUL-terminated strings; v[n] is NULL, so that it can be an argv. */
struct strings {
	const char **v;
	size_t n;
};

/* What decode_map() leaves of an object whose values are strings: decode_map_text. */
struct key_value {
	const char *key, *value;
};

struct decode {
	struct json json;
	struct arena *arena; /* for everything that is read */
	struct err *e;
	void *arg;     /* the caller's */
	bool strict;   /* a member that is in no table is an error */
	bool any_case; /* a member is known by its letters in whatever case, as Go reads them */
	size_t path_n;
	char path[DECODE_PATH_MAX];
};

struct decode_member {
	const char *name; /* NULL ends a table */
	int (*read)(struct decode *d, const struct decode_member *m, void *to);
	size_t at; /* offset of `to` in the struct that the table is for */
	union {
		const struct decode_member *members; /* decode_object */
		const struct decode_list *list;	     /* decode_array, decode_map */
		const struct decode_word *words;     /* decode_word */
		const void *more;
	};
	int64_t min;  /* smallest number; unsigned ones start at 0 */
	uint64_t max; /* largest number, 0: what the type holds; of strings: bytes, 0: DECODE_STRING_MAX */
};

/* Elements of `size` bytes each go to an array in the arena. In the struct stand a pointer and, next, a size_t. */
struct decode_list {
	size_t size, max;
	int (*read)(struct decode *d, const struct decode_member *m, void *element);
	union {
		const struct decode_member *members; /* for decode_object */
		const void *more;
	};
	uint64_t string_max;
	size_t key_at; /* decode_map: where in the element the key goes (a const char *) */
};

struct decode_word {
	const char *name; /* NULL ends a table */
	int64_t value;
};

/* Reads all of text with `read` into `to`. `what` leads the path, may be "". */
int decode_text(struct str text, const char *what, struct arena *a, const struct decode_member *m, void *to, void *arg,
		struct err *e) must_check;

int decode_text_strict(struct str text, const char *what, struct arena *a, const struct decode_member *m, void *to,
		       void *arg, struct err *e) must_check;

/* The same, as `d` has it: arena, e, arg, strict and any_case are the caller's to set, the rest is 0. */
int decode_text_as(struct decode *d, struct str text, const char *what, const struct decode_member *m,
		   void *to) must_check;

/* "PATH: " and the text, -EBADMSG; a syntax error of the JSON takes precedence. */
int decode_bad(struct decode *d, const char *fmt, ...) printf_like(2, 3);
int decode_too_big(struct decode *d, const char *fmt, ...) printf_like(2, 3); /* -E2BIG */

/* The members of an object, into `to`. */
int decode_members(struct decode *d, const struct decode_member *members, void *to) must_check;

/* Readers for rows. `to` is what stands in brackets. */
int decode_object(struct decode *d, const struct decode_member *m, void *to);	  /* struct of the table m->members */
int decode_array(struct decode *d, const struct decode_member *m, void *to);	  /* T *v; size_t n */
int decode_map(struct decode *d, const struct decode_member *m, void *to);	  /* the same, of an object's members */
int decode_string(struct decode *d, const struct decode_member *m, void *to);	  /* const char *; "" gives NULL */
int decode_text_as_is(struct decode *d, const struct decode_member *m, void *to); /* const char *, may be "" */
int decode_path(struct decode *d, const struct decode_member *m, void *to);	  /* const char *, absolute */
int decode_map_text(struct decode *d, const struct decode_member *m, void *to);	  /* the value of a struct key_value */
int decode_strings(struct decode *d, const struct decode_member *m, void *to);	  /* struct strings */
int decode_string_list(struct decode *d, const struct decode_member *m,
		       void *to); /* struct strings, each by the reader of m->list */
int decode_u32(struct decode *d, const struct decode_member *m, void *to);
int decode_u64(struct decode *d, const struct decode_member *m, void *to);
int decode_i32(struct decode *d, const struct decode_member *m, void *to);
int decode_i64(struct decode *d, const struct decode_member *m, void *to);
int decode_bool(struct decode *d, const struct decode_member *m, void *to);
int decode_opt_u64(struct decode *d, const struct decode_member *m, void *to);
int decode_opt_i64(struct decode *d, const struct decode_member *m, void *to);
int decode_opt_bool(struct decode *d, const struct decode_member *m, void *to);
int decode_word(struct decode *d, const struct decode_member *m, void *to);  /* int64_t: the name's value */
int decode_flags(struct decode *d, const struct decode_member *m, void *to); /* uint64_t: values of names, ored */

/* The string at hand, copied, NUL-terminated, without a NUL inside. */
int decode_str(struct decode *d, size_t max_bytes, struct str *ret) must_check;
/* The value of the name at hand. */
int decode_word_value(struct decode *d, const struct decode_word *words, int64_t *ret) must_check;

/* For readers that walk by themselves: "[I]" added to the path; take back what was before with the mark. */
size_t decode_enter(struct decode *d, size_t i);
void decode_back(struct decode *d, size_t mark);

#endif
