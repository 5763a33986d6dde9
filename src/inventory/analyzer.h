/* analyzer: one row per kind of evidence: which files it wants, and the function that reads one.
 *
 * A new package format is one file and one row in table.c. Analyzers take bytes and return facts: no I/O, no clock, no
 * state between files. They run in the confined worker. Raise `version` when the facts they give for the same bytes
 * change: cached facts of the older version are then made again, those of the other analyzers are not. */
#ifndef INVENTORY_ANALYZER_H
#define INVENTORY_ANALYZER_H

#include "base/err.h"
#include "inventory/file.h"
#include "model/facts.h"

#define ANALYZER_PATTERNS_MAX 12

struct analyzer {
	const char *name; /* short, stable: part of the cache format */
	uint32_t version;
	/* Which files: any pattern that fits. NULL-terminated when fewer.
	 *   "/etc/os-release"              exactly this path
	 *   "package.json"                 exactly this file name, anywhere
	 *   "*.jar", "*.deps.json"         this ending, anywhere; up to three dots
	 *   "/var/lib/dpkg/info/" and more a str_glob() pattern of the whole path, '/' in front
	 *   "**" "/node_modules/" and more the same, from any directory on, the root included
	 * The last part of a pattern should be a name or an ending: that is what a path is looked up by first. */
	const char *patterns[ANALYZER_PATTERNS_MAX];
	bool language;	  /* its files hold language packages: what an OS package owns is the distribution's business */
	bool executables; /* also every regular file with an x bit whose first bytes are an ELF header */
	uint64_t size_max; /* bytes; a larger file is "not assessed" */
	uint64_t held_max; /* bytes an analyzer may hold of one file at once */
	/* Reads one file. 0; -EAGAIN (file.h); -EBADMSG, -E2BIG, -ENOTSUP with the reason in *e: the file becomes a
	 * "not assessed" item, and what was added to *ret before the error stays. */
	int (*read)(struct file *f, struct facts *ret, struct err *e);
};

extern const struct analyzer analyzers[];
extern const size_t analyzer_count;

/* Which analyzers want a file of this path: a bit set over `analyzers` (bit i = row i), by patterns alone.
 * Executables are decided by the caller, who sees the first bytes. */
uint64_t analyzers_for_path(struct str path);

/* True for a pattern of the kinds above. */
bool analyzer_pattern_ok(struct str pattern);

/* Directories whose content matters even when they are reached through a symbolic link: the fixed heads of all
 * patterns that begin with '/'. True when `path` is one of them or leads to one ("var", "var/lib", "etc/os-release").
 */
bool analyzers_care_for_link(struct str path);

#endif
