/* machine: the package repositories of a machine, and what they sign: apt's configuration and keys read, InRelease and
 * the indexes it vouches for fetched and verified. Nothing unverified is handed out.
 *
 * Documents: sources.list(5), apt-secure(8), "DebianRepository/Format" of the Debian wiki. */
#ifndef VULN_UPDATE_MACHINE_H
#define VULN_UPDATE_MACHINE_H

#include "base/buf.h"
#include "base/mem.h"
#include "vuln/update/apt.h"

#define MACHINE_INDEX_BYTES_MAX (64u << 20)  /* of one index as it is fetched */
#define MACHINE_INDEX_PLAIN_MAX (512u << 20) /* unpacked */

struct machine {
	const char *root;	  /* whose /etc/apt and /usr/share/keyrings are read; NULL = "/" */
	const char *sources_file; /* read this list of repositories instead of /etc/apt's; NULL */
	const char *keyring;	  /* trust this key file where an entry names none; NULL */
	unsigned int connect_ms;  /* 0 = the HTTP client's */

	struct arena arena;
	struct apt_entries entries;
	VEC(struct buf) texts; /* what strs point into */
};
void machine_done(struct machine *m);

/* Fills m->entries. */
int machine_read(struct machine *m, struct err *e) must_check;
/* A file below the machine's root. */
int machine_file(const struct machine *m, const char *path, size_t max, struct buf *ret, struct err *e) must_check;
/* The buf becomes the machine's: what points into it stays. */
struct str machine_keep(struct machine *m, struct buf *b);

/* URI/PATH with what ends a path or begins an escape escaped; in the arena, NUL behind it. */
struct str machine_url(struct arena *a, struct str uri, struct str path);

/* InRelease of one suite: fetched, verified against the keys that apt would use, about the suite that was asked for.
 * *ret_text is what is signed. The buf is kept. */
int machine_release(struct machine *m, const struct apt_entry *t, struct str *ret_text, struct apt_release *ret,
		    struct err *e) must_check;
/* One index that the release names, as it is stored there (compressed): by its hash where the mirror has that, else by
 * its name; held to its digest. The buf is made by the call. */
int machine_index(struct machine *m, const struct apt_entry *t, const struct apt_release *release,
		  const struct apt_index *x, struct buf *ret, struct err *e) must_check;

#endif
