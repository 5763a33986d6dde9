/* console: terminals. A container's terminal is made inside it; its other end comes out over a UNIX socket
 * (SCM_RIGHTS), to the engine's (--console-socket) or to ourselves, who then stand between it and our own terminal. */
#ifndef RUNTIME_CONSOLE_H
#define RUNTIME_CONSOLE_H

#include "base/err.h"
#include "runtime/config.h"

/* The socket a process's terminal goes to, owned by the caller: connected at `path`, or one end of a pair whose other
 * end goes to *own. *ret is left alone when the process wants no terminal; one without a socket, and a path without a
 * terminal, are errors. */
int console_for(const struct oci_process *p, const char *path, int *own, int *ret, struct err *e) must_check;

int console_connect(const char *path, int *ret, struct err *e) must_check;
/* The terminal that came over it. */
int console_receive(int socket, int *ret, struct err *e) must_check;

/* Our own terminal (standard input) in raw mode; how it was is kept for console_restore(). False: it is none. */
struct console_mode {
	bool set;
	char kept[128]; /* struct termios */
};
bool console_raw(struct console_mode *m);
void console_restore(struct console_mode *m);
/* The size of our own terminal goes to the container's. */
void console_resize(int terminal);

#endif
