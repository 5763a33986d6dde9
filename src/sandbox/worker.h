/* worker: the confined process in which foreign bytes are parsed.
 *
 * A worker is this program executed again (a fresh address space, no inherited secrets) with one socket to its parent
 * as its only way out. It is handed descriptors; it opens nothing. Before it reads a foreign byte it calls
 * worker_confine(): resource limits, Landlock without any rule, then a seccomp filter that leaves reading,
 * writing, memory and exit. A worker that breaks a rule is killed by the kernel, and the parent says so.
 *
 * Messages are datagrams (SOCK_SEQPACKET) of at most MSG_BYTES_MAX bytes: one kind byte and a payload. The parent
 * treats what comes back as foreign bytes. */
#ifndef SANDBOX_WORKER_H
#define SANDBOX_WORKER_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define MSG_BYTES_MAX (96u << 10) /* below the smallest default socket buffer */
#define MSG_FDS_MAX 64		  /* descriptors with one message */
#define WORKER_NO_MEMORY 77	  /* exit status; mem_end_silently() */
#define WORKER_SOCKET_FD 3	  /* where a worker finds its socket */
#define WORKER_ARG "--worker"	  /* argv[1] of a worker; argv[2] is its role */

struct worker {
	pid_t pid; /* 0: none */
	int fd;	   /* the parent's end of the socket */
};

/* Starts this program as "yagura --worker ROLE". The child gets the socket as descriptor 3, /dev/null as 0 and 1, our
 * stderr as 2, nothing else, an empty environment but for `env` (NULL-terminated; may be NULL), and dies with its
 * parent. */
int worker_spawn(struct worker *ret, const char *role, const char *const *env, struct err *e) must_check;

/* Ends it if it still runs and reaps it. Returns 0, -ENOMEM when it ended with WORKER_NO_MEMORY, or -EIO with the
 * reason when it did not end by itself with 0. */
int worker_end(struct worker *w, struct err *e);
/* Ends it at once, wherever it is, and reaps it. Returns as worker_end() does; what had ended by itself tells how. */
int worker_kill(struct worker *w, struct err *why);

/* What a worker gives up. All of it in the product; tests switch single layers on to see each work alone. */
enum confine_layer {
	CONFINE_RLIMITS = 1,
	CONFINE_LANDLOCK = 2,
	CONFINE_SECCOMP = 4,
	CONFINE_ALL = 7,
};
struct confine {
	unsigned int layers;
	uint64_t memory_bytes;	  /* RLIMIT_AS */
	unsigned int cpu_seconds; /* RLIMIT_CPU */
	uint64_t file_bytes;	  /* RLIMIT_FSIZE: to where it may write in the files it is handed; 0: nowhere */
	bool network; /* a worker that fetches: sockets, threads and reading files stay; writing files, running
		       * programs and the rarer parts of the kernel do not */
	bool server;  /* one that speaks on sockets it is handed, listening ones too, for as long as it is wanted: no
		       * limit  of CPU time */
};
/* In the worker. -ENOTSUP when the kernel has no Landlock: the caller decides; everything else was applied. Any other
 * failure means that the worker must not go on. */
int worker_confine(const struct confine *c, struct err *e) must_check;
int landlock_abi(void); /* 0: the kernel has none */

/* Sends one message, descriptors with it; waits while the socket is full. -EPIPE when the other side is gone. */
int msg_send(int fd, uint8_t kind, struct str payload, const int *fds, size_t fd_count) must_check;

/* A message received. Descriptors not taken out of `fds` (set to -1) are closed by msg_done(). */
struct msg {
	uint8_t kind;
	struct str payload; /* into `bytes` */
	int fds[MSG_FDS_MAX];
	size_t fd_count;
	uint8_t bytes[MSG_BYTES_MAX];
};
/* 1, 0 when the other side has ended, or a negative errno. Waits for a message. */
int msg_recv(int fd, struct msg *ret) must_check;
void msg_done(struct msg *m);

/* Waits until one of the sockets (-1: left out) has a message or an end, at most timeout_ms (-1: for ever). Returns its
 * index, n on timeout. The search starts behind `after`, so that no worker starves another. */
size_t msg_wait(const int *fds, size_t n, size_t after, int timeout_ms);

#endif
