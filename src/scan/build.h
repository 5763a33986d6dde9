/* build: feed files compiled into the database, by confined workers.
 *
 * The files are opened here and read there (vuln/feed/compile.h); what comes back is checked as foreign bytes and
 * merged. The database is replaced by rename when all is done; until then the old one is in use. A feed that cannot be
 * read is left out, with the reason in the new database (`yagura db status`). */
#ifndef SCAN_BUILD_H
#define SCAN_BUILD_H

#include "base/progress.h"
#include "model/finding.h"
#include "vuln/db.h"

#define BUILD_DIRS_MAX 64
#define BUILD_FILES_MAX 100000u
#define BUILD_DEPTH_MAX 16

/* Says of a feed file where it came from and when; may leave all empty. Strs must live until the build is done. */
struct build_origin {
	void *ctx;
	void (*ask)(void *ctx, struct str path, struct str *ret_source, struct str *ret_fetched,
		    struct str *ret_failure);
};

struct build_options {
	const int *dirs;	  /* directories of feed files, walked in this order */
	const char *const *names; /* how they are called in `yagura db status`, beside them */
	size_t dir_count;
	uint64_t now_s;
	const struct build_origin *origin; /* NULL: from files only */
	const struct progress *progress;
};

#define BUILD_NAMED_BYTES 300

struct build_report {
	uint64_t files, ignored, failed;
	/* The first by name of those that nothing is known of, and of those that could not be read, with the reason. */
	char first_ignored[BUILD_NAMED_BYTES], first_failed[BUILD_NAMED_BYTES];
};

/* Writes DATA_DB_NAME into data_dir. -ENOENT when the directories hold no feed, -EBADMSG when none could be read: the
 * database stays as it was. With an origin, a file that is no feed counts as failed: something else was expected of it.
 */
int build_database(int data_dir, const struct build_options *options, struct build_report *ret,
		   struct err *e) must_check;

/* Whether a file is a feed that can be read, before it takes the place of one that could. -EBADMSG or why not. */
int build_check(int fd, struct str path, struct err *e) must_check;

/* In a worker of role "compile". */
int build_serve(int fd, struct err *e) must_check;

#endif
