/* control: what is said to the monitor of a machine on its socket, by who execs beside the container's process and by
 * yagura-run.
 *
 * Messages are one datagram each: a kind byte and a payload. A connection begins with EXEC, which comes with four
 * descriptors (standard input, output, error, and the plan), or with LIMIT; either is answered by ENDED or FAILED. ASK
 * is answered by FIGURES, as the guest says them when it is asked, or FAILED. Or it is one SIGNAL to the container's
 * first process, which has no answer. Neither side believes the other's lengths. */
#ifndef GUEST_CONTROL_H
#define GUEST_CONTROL_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

#define CONTROL_PATH "/run/control" /* inside the monitor's own root */

enum control_kind {
	CONTROL_EXEC = 1, /* nothing, or with a terminal its size as in WINDOW */
	CONTROL_SIGNAL,	  /* u8 */
	CONTROL_WINDOW,	  /* le16 rows, le16 columns */
	CONTROL_ENDED,	  /* u8 exit status */
	CONTROL_FAILED,	  /* u8 exit status, text */
	CONTROL_LIMIT,	  /* as FRAME_LIMIT (guest/frame.h) */
	CONTROL_ASK,
	CONTROL_FIGURES, /* as FRAME_FIGURES */
	CONTROL_KINDS,
};
#define CONTROL_BYTES_MAX 512
#define CONTROL_FDS 4
struct control {
	enum control_kind kind;
	struct str payload;   /* into bytes */
	int fds[CONTROL_FDS]; /* -1: not there; the receiver's to close */
	char bytes[CONTROL_BYTES_MAX];
};
/* One message: its kind, and the payload in `bytes`. -EBADMSG: none of these, or of another length. */
int control_parse(struct str bytes, enum control_kind *ret_kind, struct str *ret_payload) must_check;

int control_listen(struct err *e) must_check;
/* To the process `pid` and nobody else, as it waits at `path`. */
int control_connect(const char *path, pid_t pid, struct err *e) must_check;
int control_send(int fd, enum control_kind kind, struct str payload, const int *fds) must_check; /* fds: NULL or four */
/* 1, 0 at the end, -EAGAIN, -EBADMSG for what is no message, negative errno: no descriptors then */
int control_receive(int fd, struct control *ret) must_check;

#endif
