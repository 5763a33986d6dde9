/* facts: what an analyzer says about one file, as bytes.
 *
 * Analyzers run in the confined worker, so their answer crosses a socket, lies in the cache, and is read back as
 * foreign bytes: bounded, checked, -EBADMSG when damaged. One `struct facts` is filled for one evidence file; the
 * file's path and the analyzer's name are kept beside it by whoever ran the analyzer.
 *
 * Format: a run of records, each  u8 kind, varint length, payload. docs/formats/cache.md. */
#ifndef MODEL_FACTS_H
#define MODEL_FACTS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/rd.h"
#include "model/package.h"

#define FACTS_BYTES_MAX (256u << 20) /* of one evidence file: a jar of jars, an rpm database with its file lists */

#define FACTS_NOTES_MAX 1000 /* notes about one evidence file; one more says that there were more */

enum fact_kind {
	FACT_PACKAGE = 1,  /* a package is installed */
	FACT_OWNS = 2,	   /* an OS package owns these files */
	FACT_RELEASE = 3,  /* what a release file says of the operating system */
	FACT_PROPERTY = 4, /* something else, key and value: "apk.repository" ... */
	FACT_NOTE = 5,	   /* could not be judged, and why: becomes a "not assessed" item */
};

/* What a release file says. Empty where it says nothing. Decided at the merge, when all release files are known. */
struct release {
	struct str id; /* os-release ID: "debian", "alpine", "rhel", ... lower case */
	struct str id_like;
	struct str version_id; /* "12", "3.18.9", "9.3" */
	struct str codename;   /* VERSION_CODENAME */
	struct str name;       /* PRETTY_NAME */
};

/* Hashes (path_hash_merged) of the files an OS package owns: u64 little-endian, `n` bytes of them in all. */
struct fact_owns {
	struct str package; /* name in the package database */
	struct str arch;    /* "" when the database does not say */
	struct str hashes;
};

struct fact_pair {
	struct str key, value;
};

struct fact {
	enum fact_kind kind;
	union {
		struct package package;
		struct fact_owns owns;
		struct release release;
		struct fact_pair property;
		struct str note;
	};
};

struct facts {
	struct buf b;
	size_t packages, notes; /* how many so far */
	size_t owns_at;		/* where the open FACT_OWNS record is gathered; internal */
	struct buf owned;
};

void facts_init(struct facts *f);
void facts_done(struct facts *f);
#define auto_facts cleanup_with(facts_done)

void facts_package(struct facts *f, const struct package *p);
void facts_release(struct facts *f, const struct release *r);
void facts_property(struct facts *f, struct str key, struct str value);
void facts_note(struct facts *f, const char *fmt, ...) printf_like(2, 3);
/* Files of one package: facts_owned() for each normal path, then facts_owner() says whose they were. */
void facts_owned(struct facts *f, struct str path);
void facts_owner(struct facts *f, struct str package, struct str arch);

/* 0, or -E2BIG when more was said than FACTS_BYTES_MAX. */
int facts_finish(const struct facts *f) must_check;

/* Next record: 1 and *ret, 0 at the end, -EBADMSG. The strs of *ret point into the bytes read. Unknown kinds are
 * damage: the cache's section carries the analyzer's version, so there is no "newer record" to pass over. */
int facts_next(struct rd *r, struct fact *ret, struct err *e) must_check;

#endif
