/* update: brings the feed files of the data directory up to date (`yagura db update`).
 *
 * Below the data directory: feeds/NAME/FILE is what was fetched, as upstream has it; state/ has for each file where it
 * came from, its validators, when it was fetched and why the last try failed, and what of it has arrived when a
 * transfer broke off; mirror/ belongs to mirror.h. A file is replaced by rename when all of it has arrived; a feed that
 * fails leaves the previous file. One update runs at a time (update.lock); readers need no lock.
 *
 * Hosts that cannot be reached fail once and quickly: what else lies there is not asked for.
 * Configuration: docs/formats/feeds-conf.md. */
#ifndef VULN_UPDATE_UPDATE_H
#define VULN_UPDATE_UPDATE_H

#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"
#include "vuln/update/mirror.h"

#define UPDATE_FEEDS_MAX 1000		   /* files, after {a,b} was written out */
#define UPDATE_FILE_BYTES_MAX (2ull << 30) /* one feed file */
#define UPDATE_CONNECT_MS 5000
#define UPDATE_PARALLEL 16
#define UPDATE_CONFIG_BYTES_MAX (1u << 20)

/* One file to fetch. */
struct update_feed {
	struct str name;  /* "alpine-secdb" */
	struct str url;	  /* this, file and state have a NUL behind them */
	struct str file;  /* "feeds/alpine-secdb/v3.18_main.json" */
	struct str state; /* "state/alpine-secdb_v3.18_main.json" */
};

struct update_config {
	VEC(struct update_feed) feeds;
	enum mirror_mode mirror;
	struct arena arena;
};
void update_config_done(struct update_config *c);

/* Pure. -EBADMSG names the line. Later texts may be added to what is there: a feed of the same name is replaced whole.
 */
int update_config_parse(struct str text, struct update_config *c, struct err *e) must_check;

/* The configuration of this machine: `file` when given, else $XDG_CONFIG_HOME/yagura/feeds.conf (or below ~/.config),
 * else /etc/yagura/feeds.conf, else the built-in one (data/feeds.conf). The first that exists counts, alone. */
int update_config_load(const char *file, struct update_config *ret, struct err *e) must_check;

struct update_options {
	uint64_t now_s;	     /* seconds since 1970 */
	const char *ca_file; /* additional trust; NULL */
	/* Says whether a file that has come is what was expected, before it takes the place of the one before. NULL:
	 * all are. */
	int (*check)(int fd, struct str path, struct err *e);
	const char *only; /* this feed alone, or "mirror"; NULL */
	bool no_mirror;
	struct mirror_options mirror; /* now is filled in from above; the rest is the caller's */
};

enum update_outcome { UPDATE_NEW, UPDATE_UNCHANGED, UPDATE_FAILED };

struct update_result {
	const struct update_feed *feed; /* into the configuration */
	enum update_outcome outcome;
	uint64_t bytes; /* fetched */
	struct err err;
};

struct update_report {
	struct update_result *feeds; /* owned; in the configuration's order */
	size_t count;
	struct mirror_results mirror;
	int mirror_status; /* of mirror_update() */
	struct err mirror_err;
};
void update_report_done(struct update_report *r);

/* One process at a time changes a data directory: 0 and the lock in *ret_fd (closing it gives it back), -EBUSY when
 * another one has it and `wait` is false. What a process that was killed left half-written is removed. */
int update_lock(int dir_fd, bool wait, int *ret_fd, struct err *e) must_check;

/* The caller holds the lock. 0 when all was tried, whatever came of it (see the report); negative when nothing could
 * be. */
int update_run(int dir_fd, const struct update_config *config, const struct update_options *options,
	       const struct progress *progress, struct update_report *ret, struct err *e) must_check;

/* What is known of one file; all "" when it was never tried. */
struct update_state {
	struct str file; /* "feeds/NAME/FILE", "mirror/SUITE.tsv" */
	struct str url;
	struct str etag, modified;	     /* of the file that is there */
	struct str fetched;		     /* RFC 3339: when it came */
	struct str checked;		     /* when it was last found to be current */
	struct str failed, failure;	     /* when and why the last try failed; "" when it did not */
	struct str part_etag, part_modified; /* of what has arrived of a newer one */
};
/* Strs live in the arena. A damaged state file counts as none. */
void update_state_read(int dir_fd, const struct update_feed *feed, struct arena *a, struct update_state *ret);

/* The same for a file as it is called in the data directory: "feeds/NAME/FILE", "mirror/SUITE.tsv". */
void update_state_of(int dir_fd, struct str file, struct arena *a, struct update_state *ret);
/* Calls `take` for each file whose last try failed, in the order of their names; strs live in the arena. */
void update_failures(int dir_fd, struct arena *a, void (*take)(void *ctx, const struct update_state *state), void *ctx);

/* Copies a database out of, or into, the data directory: its seal is verified first, the copy appears by rename. */
int update_export(int dir_fd, const char *name, const char *to, struct err *e) must_check;
int update_import(int dir_fd, const char *name, const char *from, struct err *e) must_check;

#endif
