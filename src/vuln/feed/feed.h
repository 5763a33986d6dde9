/* feed: upstream vulnerability data in, statements (model/advisory.h) out. One file per format, and one table of
 * them (format.h).
 *
 * A reader takes one document in memory. Strs handed to the sink point into the document or the scratch arena and live
 * until the sink returns. A document that cannot be read gives -EBADMSG or -E2BIG with a reason; a bad part of a good
 * document is a warning and reading goes on. OVAL is read as a stream (oval.h), because it is large.
 *
 * Archives, compressed files and whole directories: compile.h. What each format means: docs/formats/feeds.md. */
#ifndef VULN_FEED_FEED_H
#define VULN_FEED_FEED_H

#include "base/map.h"
#include "base/mem.h"
#include "model/advisory.h"

#define FEED_HEAD_BYTES 4096	/* of a document, to see what it is */
#define FEED_TITLE_BYTES 200	/* longer titles are cut at a word */
#define FEED_KINDS_MAX 64	/* different reasons for leaving something out that are counted apart */
#define FEED_IDS_MAX 8192	/* ids one record may speak of: kernel bulletins name hundreds */
#define FEED_ID_BYTES_MAX 128	/* longest id, also of what is not a CVE */
#define FEED_NAME_BYTES_MAX 512 /* longest package name, version or module */

/* What was left out on purpose, counted by reason, told once at the end. */
struct feed_skips {
	struct map index;
	struct arena names;
	uint64_t count[FEED_KINDS_MAX];
	struct str name[FEED_KINDS_MAX];
	size_t n;
};
void feed_skips_tell(struct feed_skips *s, const struct feed_sink *sink); /* a warning each, then frees */

struct feed_doc {
	struct str path; /* where it was found, below the feed directory; "" unknown */
	struct str bytes;
	struct arena *arena; /* scratch; the caller resets it between documents */
	const struct feed_sink *sink;
	struct feed_skips *skips; /* NULL: what is left out becomes a warning at once */
};

int feed_osv(const struct feed_doc *d, struct err *e) must_check;
int feed_secdb(const struct feed_doc *d, struct err *e) must_check;
int feed_mirror(const struct feed_doc *d, struct err *e) must_check;
int feed_debian_tracker(const struct feed_doc *d, struct err *e) must_check;
int feed_cve5(const struct feed_doc *d, struct err *e) must_check;
int feed_kev(const struct feed_doc *d, struct err *e) must_check;
int feed_kev_csv(const struct feed_doc *d, struct err *e) must_check;
int feed_epss(const struct feed_doc *d, struct err *e) must_check;
int feed_csaf(const struct feed_doc *d, struct err *e) must_check;
int feed_debian_dsa(const struct feed_doc *d, struct err *e) must_check;
int feed_retire(const struct feed_doc *d, struct err *e) must_check;
int feed_rubysec(const struct feed_doc *d, struct err *e) must_check;
int feed_friendsofphp(const struct feed_doc *d, struct err *e) must_check;
int feed_nodejs(const struct feed_doc *d, struct err *e) must_check;
/* Known, but not read: -ENOTSUP with what it is and what to take instead. */
bool feed_looks_unread(struct str path, struct str head);
int feed_unread(const struct feed_doc *d, struct err *e) must_check;

/* For the readers. */
void feed_warn(const struct feed_doc *d, const char *fmt, ...) printf_like(2, 3);
void feed_skip(const struct feed_doc *d, struct str why);	   /* counted */
void feed_say(const struct feed_doc *d, const struct advisory *a); /* to the sink, when id, name and lengths are sane */
void feed_info(const struct feed_doc *d, const struct vuln_info *v);
struct str feed_title(struct arena *a,
		      struct str text);	   /* one line of at most FEED_TITLE_BYTES; may be `text` itself */
bool feed_is_cve(struct str id);	   /* "CVE-" year "-" four or more digits, nothing else */
struct str feed_cve_behind(struct str id); /* the CVE that is all of it, or its end: "DEBIAN-CVE-2024-1000"; "" none */

#endif
