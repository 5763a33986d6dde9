/* denials: what a container was refused, counted in a file of its state directory (docs/formats/denials.md).
 *
 * The file has a fixed size and is mapped by everybody who counts (the watcher of the container, those of processes
 * that joined it): counting is an atomic addition, so there is nothing to lock, to rotate or to lose but what a full
 * table does not hold, and that is counted too. Readers take its bytes as foreign. */
#ifndef RUNTIME_DENIALS_H
#define RUNTIME_DENIALS_H

#include "base/err.h"
#include "base/mem.h"

#define DENIALS_FILE "denied"
#define DENIALS_SLOTS 255     /* kinds of denial of one container; more are counted together */
#define DENIAL_PROGRAM_MAX 16 /* as the kernel's comm */
#define DENIAL_PATH_MAX 64    /* the last path asked for; longer ones are cut */

/* One kind: a system call with the arguments that its refusal turns on. Also the layout of the file, 136 bytes each. */
struct denial {
	uint64_t key; /* 0: free */
	uint64_t count;
	uint64_t first_s, last_s; /* seconds since 1970 */
	uint32_t arch;		  /* AUDIT_ARCH_... */
	int32_t nr, error, reserved;
	uint64_t detail;		  /* of the call's telling arguments: denial_detail() */
	char program[DENIAL_PROGRAM_MAX]; /* who did it last */
	char path[DENIAL_PATH_MAX];	  /* "": the call has none */
};

struct denials {
	struct denial *slots; /* DENIALS_SLOTS + 1: the last one counts what found no room */
};

/* Makes the file when it is not there. -EBADMSG when something else has its name or size. */
int denials_open(int state_fd, struct denials *ret, struct err *e) must_check;
void denials_close(struct denials *d);

/* The kind `d` is once more (its count is not looked at). */
void denials_count(struct denials *t, const struct denial *d);

/* All kinds there are, most often first, then by call; 0 of a file that is not there. The last one has nr -1 when some
 * found no room. Strings end and have no control characters. */
int denials_read(int state_fd, struct arena *a, struct denial **ret, size_t *ret_n, struct err *e) must_check;
int denials_parse(struct str bytes, struct arena *a, struct denial **ret, size_t *ret_n, struct err *e) must_check;

#endif
