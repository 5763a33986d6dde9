/* seccomp-cache: compiled filters kept in a directory (docs/formats/seccomp-cache.md).
 *
 * A file holds the whole key it was made for, compared byte by byte: two profiles never meet, however their hashes do.
 * What is damaged, not ours, or made for something else is no hit, never an error. */
#ifndef RUNTIME_SECCOMP_CACHE_H
#define RUNTIME_SECCOMP_CACHE_H

#include "runtime/seccomp.h"

#define SECCOMP_CACHE_FILES 64		     /* programs kept; one more empties the cache first */
#define SECCOMP_CACHE_BYTES_MAX (512u << 10) /* of one file: key and program; larger ones are compiled each time */

/* True and *ret made when the directory has a program for this key. */
bool seccomp_cache_get(int dir_fd, struct str key, struct seccomp_program *ret) must_check;
/* Keeps it, if that is possible: failure costs time, nothing else. */
void seccomp_cache_put(int dir_fd, struct str key, const struct seccomp_program *p);

/* What one file's bytes say; for the tests. */
bool seccomp_cache_parse(struct str bytes, struct str key, struct seccomp_program *ret) must_check;

#endif
