/* serve: between the machine on one side and streams, signals and exec on the other. See monitor.h. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/rd.h"
#include "runtime/monitor/monitor.h"

#define ANSWER_MS 60000		       /* from START to STARTED or FAILED */
#define LINGER_MS 5000		       /* for who reads the container's output to take the rest, once it has ended */
#define SILENT_ROUNDS 4		       /* a guest that runs is asked before each but the first */
#define LATE_MS 1000		       /* a turn that takes longer than it waits for: we did not run */
#define WRITE_STEP PIPE_BUF	       /* what a pipe that is ready takes without blocking */
#define QUEUE_MAX (8 * PLAN_BYTES_MAX) /* frames for the guest not yet sent */
#define ASKED_MAX 8		       /* questions under way at once */
#define FDS_MAX (6 + 4 * GUEST_FLOWS_MAX + JOB_PORTS_MAX)

/* A stream towards the host. */
struct sink {
	int fd;
	struct buf waiting; /* at most FLOW_BYTES, else the guest passed its credit */
};

struct process {
	bool used, started;
	bool ended;	/* EXIT or FAILED came; the rest of the output is on its way */
	bool out_ended; /* of a connection: CLOSE came */
	int status;
	int in, control; /* control: of exec, -1 for the container's own and for connections */
	uint32_t credit; /* bytes of input that may still be sent */
	struct sink out, err;
	char failure[FRAME_TEXT_MAX + 1];
};

enum phase { BOOTING, STARTING, RUNS, OVER };

struct monitor {
	const struct job *job;
	struct machine_process machine;
	int signals, listener;
	const int *ports;     /* listening sockets, as the job's ports */
	int limiting;	      /* control connection of whoever waits for LIMITED, -1: nobody */
	int asked[ASKED_MAX]; /* control connections that wait for FIGURES, in order; -1: it is only to say something */
	size_t asked_n;
	enum phase phase;
	int64_t clock_ms;    /* as it was at the last look */
	int64_t time_ms;     /* as far as we ran: a container that is paused gets no older */
	int64_t deadline_ms; /* of the phase, and in RUNS of the round, by that time */
	bool heard;	     /* in this round */
	unsigned int silent_rounds;
	struct buf in, queue;
	struct datagrams *datagrams;
	uint64_t sent;	    /* bytes of the queue, ever */
	uint32_t under_way; /* bytes sent and not taken, at most CHANNEL_WINDOW */
	struct console console;
	bool machine_ended;
	int machine_status;
	struct process p[GUEST_FLOWS_MAX];
	struct err failure;
	int failure_status;
};

/* The first reason stays. */
static void give_up(struct monitor *m, int status, const char *fmt, ...) printf_like(3, 4);
static void give_up(struct monitor *m, int status, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list args;

	if (m->failure_status)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	err_set(&m->failure, -EIO, "%s", text);
	m->failure_status = status;
	m->phase = OVER;
}

/* ---- its end ---- */

/* Why the machine ended, from what its kernel said last. */
static void explain_end(struct monitor *m)
{
	struct str panic = console_line(&m->console, "Kernel panic - not syncing: ");
	struct str agent = console_line(&m->console, "yagura-init: "),
		   own = console_line(&m->console, "yagura-monitor: ");
	struct str last = console_last(&m->console);

	if (panic.n)
		give_up(m, MONITOR_PANIC, "the guest kernel panicked: " STR_FMT, STR_ARG(panic));
	else if (agent.n)
		give_up(m, MONITOR_FAILED, "in the guest: " STR_FMT, STR_ARG(agent));
	else if (own.n)
		give_up(m, MONITOR_FAILED, "cannot start the machine: " STR_FMT, STR_ARG(own));
	else if (WIFSIGNALED(m->machine_status))
		give_up(m, 128 + WTERMSIG(m->machine_status), "the machine was ended by signal %d%s",
			WTERMSIG(m->machine_status),
			WTERMSIG(m->machine_status) == SIGSYS ? " (a system call that it may not use)" : "");
	else
		give_up(m, MONITOR_FAILED, "the machine ended with status %d before the container did: " STR_FMT,
			WEXITSTATUS(m->machine_status), STR_ARG(last));
}

/* ---- processes ---- */

static void sink_open(struct sink *s, int fd)
{
	s->fd = fd;
	buf_init(&s->waiting, FLOW_BYTES);
}

static void process_open(struct process *p, const int fds[3], int control)
{
	*p = (struct process){ .used = true, .in = fds[0], .control = control, .credit = FLOW_BYTES };
	sink_open(&p->out, fds[1]);
	sink_open(&p->err, fds[2]);
}

static void process_close(struct process *p)
{
	fd_close(&p->in);
	fd_close(&p->out.fd);
	fd_close(&p->err.fd);
	fd_close(&p->control);
	buf_done(&p->out.waiting);
	buf_done(&p->err.waiting);
	*p = (struct process){ .in = -1, .control = -1, .out.fd = -1, .err.fd = -1 };
}

static bool is_connection(unsigned int id)
{
	return id >= GUEST_PROCESSES_MAX;
}

/* It is over once its output has gone where it was to go. */
static void settle(struct monitor *m, unsigned int id)
{
	struct process *p = &m->p[id];
	uint8_t answer[1 + FRAME_TEXT_MAX] = { (uint8_t)p->status };
	size_t n = strlen(p->failure);

	if (!p->used || !p->ended || p->out.waiting.n || p->err.waiting.n)
		return;
	if (id == 0) {
		m->phase = OVER;
		return;
	}
	memcpy(answer + 1, p->failure, n);
	if (!is_connection(id))
		(void)!control_send(p->control, n ? CONTROL_FAILED : CONTROL_ENDED, str_n(answer, 1 + n), NULL);
	process_close(p);
}

/* A socket must not raise SIGPIPE, which would be the container's. */
static ssize_t pass_on(const struct sink *s, bool connection)
{
	size_t want = s->waiting.n < WRITE_STEP ? s->waiting.n : WRITE_STEP;

	if (s->fd < 0)
		return (ssize_t)s->waiting.n;
	return connection ? send(s->fd, s->waiting.p, want, MSG_NOSIGNAL) : write(s->fd, s->waiting.p, want);
}

static void drain(struct monitor *m, unsigned int id, struct sink *s)
{
	ssize_t n = pass_on(s, is_connection(id));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) { /* nobody reads any more */
		fd_close(&s->fd);
		n = (ssize_t)s->waiting.n;
		if (is_connection(id) && !m->p[id].ended)
			frame_add(&m->queue, FRAME_CLOSE, 0, id, STR_NONE);
	}
	buf_drop(&s->waiting, (size_t)n);
	if (n && !m->p[id].ended)
		frame_add_u32(&m->queue, FRAME_CREDIT, id, (uint32_t)n, STR_NONE);
	if (m->p[id].out_ended && !s->waiting.n && s->fd >= 0)
		(void)shutdown(s->fd, SHUT_WR);
	settle(m, id);
}

static void take_input(struct monitor *m, unsigned int id)
{
	struct process *p = &m->p[id];
	char bytes[FRAME_PAYLOAD_MAX];
	ssize_t n = read(p->in, bytes, p->credit < sizeof(bytes) ? p->credit : sizeof(bytes));

	if (n > 0) {
		p->credit -= (uint32_t)n;
		frame_add(&m->queue, FRAME_STDIN, 0, id, str_n(bytes, (size_t)n));
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		fd_close(&p->in);
		frame_add(&m->queue, FRAME_STDIN_END, 0, id, STR_NONE);
	}
}

/* ---- frames from the guest ---- */

static uint32_t u32_of(const struct frame *f)
{
	struct rd r = rd_of(f->payload);

	return rd_le32(&r);
}

static int on_hello(struct monitor *m, const struct frame *f)
{
	struct rd r = rd_of(f->payload);
	uint16_t version = rd_le16(&r);
	uint8_t window[4];

	if (m->phase != BOOTING)
		return -EPROTO;
	if (version != GUEST_VERSION) {
		give_up(m, MONITOR_FAILED, "the guest's agent speaks version %u, not %d", version, GUEST_VERSION);
		return 0;
	}
	if (m->job->terminal && terminal_size(0, window))
		frame_add(&m->queue, FRAME_WINDOW, 0, 0, str_n(window, sizeof(window)));
	frame_add_plan(&m->queue, 0, m->job->plan);
	m->phase = STARTING;
	m->deadline_ms = m->time_ms + m->job->boot_ms;
	return 0;
}

static void begin_round(struct monitor *m)
{
	m->heard = false;
	m->deadline_ms = m->time_ms + m->job->silent_ms / SILENT_ROUNDS;
}

static int on_started(struct monitor *m, const struct frame *f)
{
	if (m->p[f->process].started)
		return -EPROTO;
	m->p[f->process].started = true;
	if (f->process == 0) {
		m->phase = RUNS;
		begin_round(m);
	}
	return 0;
}

static void on_failed(struct monitor *m, const struct frame *f)
{
	struct process *p = &m->p[f->process];
	uint32_t why = u32_of(f);
	struct err e;

	err_set(&e, -EIO, STR_FMT, STR_ARG(str_from(f->payload, 4)));
	snprintf(p->failure, sizeof(p->failure), "%s", e.msg);
	p->status = why == ENOENT ? 127 : why == EACCES || why == ENOEXEC ? 126 : MONITOR_FAILED;
	p->ended = true;
	if (f->process == 0)
		give_up(m, p->status, "%s", p->failure);
	settle(m, f->process);
}

static void on_exit_of(struct monitor *m, const struct frame *f)
{
	const uint8_t *b = (const uint8_t *)f->payload.p;
	struct process *p = &m->p[f->process];

	p->status = b[1] ? 128 + (b[1] & 127) : b[0];
	p->ended = true;
	if (f->process == 0)
		m->deadline_ms = m->time_ms + LINGER_MS;
	if (f->process == 0 && b[2])
		dprintf(2, "yagura-monitor: ended for want of memory\n");
	settle(m, f->process);
}

static int on_output(struct monitor *m, const struct frame *f)
{
	struct process *p = &m->p[f->process];
	struct sink *s = f->kind == FRAME_STDOUT ? &p->out : &p->err;

	if (p->out_ended)
		return -EPROTO;
	buf_str(&s->waiting, f->payload);
	return buf_finish(&s->waiting);
}

static int on_close(struct monitor *m, unsigned int id)
{
	if (m->p[id].out_ended)
		return -EPROTO;
	m->p[id].out_ended = true;
	drain(m, id, &m->p[id].out);
	return 0;
}

static int on_limited(struct monitor *m, const struct frame *f)
{
	struct str why = str_from(f->payload, 4);
	uint8_t answer[1 + FRAME_TEXT_MAX] = { MONITOR_FAILED };

	if (m->limiting < 0)
		return -EPROTO;
	if (why.n)
		memcpy(answer + 1, why.p, why.n);
	if (u32_of(f))
		(void)!control_send(m->limiting, CONTROL_FAILED, str_n(answer, 1 + why.n), NULL);
	else
		(void)!control_send(m->limiting, CONTROL_ENDED, STR("\0"), NULL);
	fd_close(&m->limiting);
	return 0;
}

static int on_figures(struct monitor *m, struct str payload)
{
	if (!m->asked_n)
		return -EPROTO;
	if (m->asked[0] >= 0)
		(void)!control_send(m->asked[0], CONTROL_FIGURES, payload, NULL);
	fd_close(&m->asked[0]);
	memmove(m->asked, m->asked + 1, --m->asked_n * sizeof(m->asked[0]));
	return 0;
}

/* What is about no process. */
static int on_guest_frame(struct monitor *m, const struct frame *f)
{
	switch ((int)f->kind) {
	case FRAME_HELLO:
		return on_hello(m, f);
	case FRAME_LIMITED:
		return on_limited(m, f);
	case FRAME_TAKEN:
		if (u32_of(f) > m->under_way)
			return -EPROTO;
		m->under_way -= u32_of(f);
		return 0;
	default:
		return on_figures(m, f->payload);
	}
}

static int on_frame(struct monitor *m, const struct frame *f)
{
	struct process *p;

	if (f->kind == FRAME_DATAGRAM)
		return datagrams_give(m->datagrams, f, m->time_ms);
	p = &m->p[f->process];
	if (f->kind == FRAME_HELLO || f->kind == FRAME_FIGURES || f->kind == FRAME_TAKEN || f->kind == FRAME_LIMITED)
		return on_guest_frame(m, f);
	/* Everything else is about a process that we asked for and that has not ended. */
	if (m->phase < STARTING || !p->used || p->ended)
		return -EPROTO;
	if (!p->started && f->kind != FRAME_STARTED && f->kind != FRAME_FAILED)
		return -EPROTO;
	switch ((int)f->kind) {
	case FRAME_STARTED:
		return on_started(m, f);
	case FRAME_FAILED:
		on_failed(m, f);
		return 0;
	case FRAME_STDOUT:
	case FRAME_STDERR:
		return on_output(m, f);
	case FRAME_CLOSE:
		return on_close(m, f->process);
	case FRAME_EXIT:
		on_exit_of(m, f);
		return 0;
	default: /* CREDIT */
		if (u32_of(f) > FLOW_BYTES - p->credit)
			return -EPROTO;
		p->credit += u32_of(f);
		return 0;
	}
}

static void read_channel(struct monitor *m)
{
	char bytes[4 * FRAME_PAYLOAD_MAX];
	ssize_t n = read(m->machine.from, bytes, sizeof(bytes));
	struct str rest;
	struct frame f;
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fd_close(&m->machine.from); /* the machine's end says why */
		return;
	}
	m->heard = true;
	buf_add(&m->in, bytes, (size_t)n);
	rest = buf_all(&m->in);
	while ((r = frame_next(&rest, FROM_GUEST, &f)) > 0) {
		r = on_frame(m, &f);
		if (r < 0)
			break;
	}
	if (r < 0)
		give_up(m, MONITOR_FAILED, "the guest broke the protocol");
	buf_drop(&m->in, m->in.n - rest.n);
}

static void write_channel(struct monitor *m)
{
	size_t room = CHANNEL_WINDOW - m->under_way;
	ssize_t n = write(m->machine.to, m->queue.p, m->queue.n < room ? m->queue.n : room);

	if (n > 0) {
		m->under_way += (uint32_t)n;
		m->sent += (uint64_t)n;
		buf_drop(&m->queue, (size_t)n);
		datagrams_sent(m->datagrams, m->sent);
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		fd_close(&m->machine.to);
	}
}

/* ---- exec, limits ---- */

static void refuse(int control, const char *why)
{
	uint8_t answer[1 + 100] = { MONITOR_FAILED };
	size_t n = strlen(why) < 100 ? strlen(why) : 100;

	memcpy(answer + 1, why, n);
	(void)!control_send(control, CONTROL_FAILED, str_n(answer, 1 + n), NULL);
}

/* The first number from..to that is free; `to` when none is. */
static unsigned int free_number(const struct monitor *m, unsigned int from, unsigned int to)
{
	while (from < to && m->p[from].used)
		from++;
	return from;
}

static const char *start_exec(struct monitor *m, int control, struct control *c)
{
	unsigned int id = free_number(m, 1, GUEST_PROCESSES_MAX);
	auto_buf struct buf plan = { 0 };

	if (c->fds[CONTROL_FDS - 1] < 0)
		return "no plan came with it";
	if (id == GUEST_PROCESSES_MAX || m->queue.n > QUEUE_MAX / 2)
		return "too many processes at once";
	if (fd_read_all(c->fds[3], PLAN_BYTES_MAX, &plan, NULL) < 0)
		return "its plan is too long";
	process_open(&m->p[id], c->fds, control);
	c->fds[0] = c->fds[1] = c->fds[2] = -1;
	if (c->payload.n)
		frame_add(&m->queue, FRAME_WINDOW, 0, id, c->payload);
	frame_add_plan(&m->queue, id, buf_all(&plan));
	return NULL;
}

static const char *start_limit(struct monitor *m, int control, const struct control *c)
{
	if (m->limiting >= 0)
		return "its limits are being changed already";
	m->limiting = control;
	frame_add(&m->queue, FRAME_LIMIT, 0, 0, c->payload);
	return NULL;
}

static const char *ask_guest(struct monitor *m, int control)
{
	if (m->asked_n == ASKED_MAX)
		return "it is asked too often at once";
	m->asked[m->asked_n++] = control;
	frame_add(&m->queue, FRAME_ASK, 0, 0, STR_NONE);
	return NULL;
}

static const char *start_wish(struct monitor *m, int control, struct control *c)
{
	if (m->phase != RUNS)
		return "the container does not run";
	switch ((int)c->kind) {
	case CONTROL_SIGNAL:
		frame_add(&m->queue, FRAME_SIGNAL, 0, 0, c->payload);
		return NULL;
	case CONTROL_EXEC:
		return start_exec(m, control, c);
	case CONTROL_LIMIT:
		return start_limit(m, control, c);
	case CONTROL_ASK:
		return ask_guest(m, control);
	default:
		return "not understood";
	}
}

static void accept_wish(struct monitor *m)
{
	auto_close int control = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC);
	struct pollfd ready = { control, POLLIN, 0 };
	const char *why;
	struct control c;
	int r;

	/* The request is there when the connection is; who connects and is silent is not waited for. */
	if (control < 0 || poll(&ready, 1, 1000) != 1)
		return;
	r = control_receive(control, &c);
	if (r == -EBADMSG)
		refuse(control, "not understood");
	if (r <= 0)
		return;
	why = start_wish(m, control, &c);
	for (size_t i = 0; i < CONTROL_FDS; i++)
		fd_close(&c.fds[i]);
	if (c.kind == CONTROL_SIGNAL && !why) /* nobody waits for an answer */
		return;
	if (why)
		refuse(control, why);
	else
		(void)take_fd(&control);
}

static void read_control(struct monitor *m, unsigned int id)
{
	struct process *p = &m->p[id];
	struct control c;
	int r = control_receive(p->control, &c);

	for (size_t i = 0; i < CONTROL_FDS && r > 0; i++)
		fd_close(&c.fds[i]);
	if (r > 0 && c.kind == CONTROL_SIGNAL) {
		frame_add(&m->queue, FRAME_SIGNAL, 0, id, c.payload);
	} else if (r > 0 && c.kind == CONTROL_WINDOW) {
		frame_add(&m->queue, FRAME_WINDOW, 0, id, c.payload);
	} else if (r <= 0 && r != -EAGAIN) {
		/* Whoever asked was killed: so is what it asked for. */
		uint8_t kill_it = SIGKILL;

		frame_add(&m->queue, FRAME_SIGNAL, 0, id, str_n(&kill_it, 1));
		fd_close(&p->control);
	}
}

/* ---- connections ---- */

static bool takes_connections(const struct monitor *m)
{
	return m->phase == RUNS && m->queue.n < QUEUE_MAX / 2 &&
	       free_number(m, GUEST_PROCESSES_MAX, GUEST_FLOWS_MAX) < GUEST_FLOWS_MAX;
}

static void accept_connection(struct monitor *m, size_t port)
{
	unsigned int id = free_number(m, GUEST_PROCESSES_MAX, GUEST_FLOWS_MAX);
	auto_close int fd =
		takes_connections(m) ? accept4(m->ports[port], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
	auto_close int again = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	const uint16_t number = m->job->ports[port].number;
	const uint8_t payload[] = { (uint8_t)number, (uint8_t)(number >> 8) };

	if (again < 0)
		return;
	process_open(&m->p[id], (const int[]){ take_fd(&fd), take_fd(&again), -1 }, -1);
	frame_add(&m->queue, FRAME_CONNECT, 0, id, str_n(payload, sizeof(payload)));
}

/* ---- signals ---- */

static void reap(struct monitor *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == m->machine.pid) {
			m->machine_ended = true;
			m->machine_status = status;
		}
}

static void take_signals(struct monitor *m)
{
	struct signalfd_siginfo info;
	uint8_t bytes[4];

	while (read(m->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		bytes[0] = (uint8_t)info.ssi_signo;
		if (info.ssi_signo == SIGCHLD)
			reap(m);
		else if (info.ssi_signo == SIGWINCH && terminal_size(0, bytes))
			frame_add(&m->queue, FRAME_WINDOW, 0, 0, str_n(bytes, 4));
		else if (m->phase == RUNS && info.ssi_signo != SIGWINCH)
			frame_add(&m->queue, FRAME_SIGNAL, 0, 0, str_n(bytes, 1));
		else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) /* there is nobody yet to tell */
			give_up(m, 128 + (int)info.ssi_signo, "ended by signal %u while it started", info.ssi_signo);
	}
}

/* ---- the loop ---- */

enum role { FROM, TO, CONSOLE, SIGNALS, LISTENER, PORT, UDP_PORT, INPUT, OUTPUT, ERRORS, CONTROL };

struct watch {
	struct pollfd fd[FDS_MAX];
	struct {
		enum role role;
		unsigned int id;
	} of[FDS_MAX];
	nfds_t n;
};

static void watch(struct watch *w, int fd, short events, enum role role, unsigned int id)
{
	if (fd < 0)
		return;
	w->fd[w->n] = (struct pollfd){ fd, events, 0 };
	w->of[w->n].role = role;
	w->of[w->n++].id = id;
}

static void watch_ports(struct monitor *m, struct watch *w)
{
	bool connections = takes_connections(m), datagrams = m->phase == RUNS && datagrams_room(m->datagrams);

	for (unsigned int i = 0; i < m->job->port_count; i++)
		if (m->job->ports[i].udp ? datagrams : connections)
			watch(w, m->ports[i], POLLIN, m->job->ports[i].udp ? UDP_PORT : PORT, i);
}

static void watch_all(struct monitor *m, struct watch *w)
{
	w->n = 0;
	watch(w, m->machine.from, POLLIN, FROM, 0);
	if (m->queue.n && m->under_way < CHANNEL_WINDOW)
		watch(w, m->machine.to, POLLOUT, TO, 0);
	watch(w, m->console.fd, POLLIN, CONSOLE, 0);
	watch(w, m->signals, POLLIN, SIGNALS, 0);
	/* Who execs while the guest is on its way waits in the queue of the listener. */
	if (m->phase != BOOTING && m->phase != STARTING)
		watch(w, m->listener, POLLIN, LISTENER, 0);
	watch_ports(m, w);
	for (unsigned int id = 0; id < GUEST_FLOWS_MAX; id++) {
		struct process *p = &m->p[id];

		if (!p->used)
			continue;
		if (p->started && !p->ended && p->credit)
			watch(w, p->in, POLLIN, INPUT, id);
		if (p->out.waiting.n)
			watch(w, p->out.fd, POLLOUT, OUTPUT, id);
		if (p->err.waiting.n)
			watch(w, p->err.fd, POLLOUT, ERRORS, id);
		watch(w, p->control, POLLIN, CONTROL, id);
	}
}

static void act(struct monitor *m, enum role role, unsigned int id)
{
	struct process *p = &m->p[id];

	switch (role) {
	case FROM:
		read_channel(m);
		break;
	case TO:
		write_channel(m);
		break;
	case CONSOLE:
		console_read(&m->console);
		break;
	case SIGNALS:
		take_signals(m);
		break;
	case LISTENER:
		accept_wish(m);
		break;
	case PORT:
		accept_connection(m, id);
		break;
	case UDP_PORT:
		datagrams_take(m->datagrams, id, m->time_ms, m->sent, &m->queue);
		break;
	case INPUT:
		if (p->used && p->in >= 0)
			take_input(m, id);
		break;
	case OUTPUT:
		if (p->used)
			drain(m, id, &p->out);
		break;
	case ERRORS:
		if (p->used)
			drain(m, id, &p->err);
		break;
	case CONTROL:
		if (p->used && p->control >= 0)
			read_control(m, id);
		break;
	}
}

/* A guest that has nothing to say is asked; one that says nothing then, as often as there are rounds, is not there any
 * more: it is ended as one that panicked, which whoever watches over containers knows what to do about. */
static void end_round(struct monitor *m)
{
	m->silent_rounds = m->heard ? 0 : m->silent_rounds + 1;
	if (m->silent_rounds == SILENT_ROUNDS)
		give_up(m, MONITOR_FAILED, "the guest has not answered for %u s", m->job->silent_ms / 1000);
	if (m->silent_rounds && !m->asked_n)
		(void)ask_guest(m, -1);
	begin_round(m);
}

static void too_late(struct monitor *m)
{
	struct str last = console_last(&m->console);

	if (m->p[0].ended) /* nobody takes the rest of its output */
		m->phase = OVER;
	else if (m->phase == RUNS)
		end_round(m);
	else
		give_up(m, MONITOR_FAILED, "the guest does not answer (its last message: " STR_FMT ")", STR_ARG(last));
}

static void drain_unread(struct monitor *m, unsigned int id, struct sink *s)
{
	if (m->p[id].used && s->fd < 0 && s->waiting.n)
		drain(m, id, s);
}

/* What it said last may still say that the container has ended, and how. */
static void machine_gone(struct monitor *m)
{
	read_channel(m);
	console_read(&m->console);
	if (!m->p[0].ended)
		explain_end(m);
}

/* Since the last look, at which `waited_ms` were to be waited. A container that was paused in between, its machine and
 * us, is not to be ended for it. */
static void pass_time(struct monitor *m, int64_t waited_ms)
{
	int64_t now = (int64_t)clock_ms(), passed = now - m->clock_ms;

	m->clock_ms = now;
	if (passed <= waited_ms + LATE_MS)
		m->time_ms += passed;
}

static void turn(struct monitor *m, struct watch *w)
{
	int64_t left = m->deadline_ms - m->time_ms;
	int r;

	watch_all(m, w);
	if (left <= 0) {
		too_late(m);
		return;
	}
	r = poll(w->fd, w->n, left > INT32_MAX ? INT32_MAX : (int)left);
	pass_time(m, left);
	if (r < 0)
		return;
	for (nfds_t i = 0; i < w->n; i++)
		if (w->fd[i].revents)
			act(m, w->of[i].role, w->of[i].id);
	/* Sinks whose reader has gone are not polled. */
	for (unsigned int id = 0; id < GUEST_FLOWS_MAX; id++) {
		drain_unread(m, id, &m->p[id].out);
		drain_unread(m, id, &m->p[id].err);
	}
	if (buf_finish(&m->queue) < 0)
		give_up(m, MONITOR_FAILED, "the guest takes nothing");
	if (m->machine_ended && !m->p[0].ended)
		machine_gone(m);
}

static int prepare(struct monitor *m, struct err *e)
{
	int streams[3], r;
	sigset_t all;

	m->limiting = -1;
	for (unsigned int id = 0; id < GUEST_FLOWS_MAX; id++)
		m->p[id] = (struct process){ .in = -1, .control = -1, .out.fd = -1, .err.fd = -1 };
	/* Copies: what is closed because nobody reads it must not become something else under its old number. */
	for (int i = 0; i < 3; i++)
		streams[i] = fcntl(i, F_DUPFD_CLOEXEC, 16);
	process_open(&m->p[0], streams, -1);
	buf_init(&m->in, 8 * FRAME_PAYLOAD_MAX);
	buf_init(&m->queue, QUEUE_MAX);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	m->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signals < 0)
		return err_errno(e, -errno, "signals");
	m->listener = control_listen(e);
	r = m->listener < 0 ? m->listener : machine_start(m->job, &m->machine, e);
	if (r == 0)
		m->console.fd = m->machine.console;
	return r;
}

int monitor_serve(const struct job *j, const int *listeners)
{
	struct monitor *m = xcalloc(1, sizeof(*m));
	struct watch *w = xcalloc(1, sizeof(*w));
	struct err e = { 0 };
	int r;

	m->job = j;
	m->console.fd = -1;
	m->ports = listeners;
	m->datagrams = datagrams_new(j, listeners);
	r = prepare(m, &e);
	if (r == 0 && j->terminal)
		terminal_raw(0);
	r = r < 0 ? r : confine_monitor(&e);
	if (r < 0) {
		dprintf(2, "yagura-monitor: %s\n", e.msg);
		return MONITOR_FAILED;
	}
	m->clock_ms = (int64_t)clock_ms();
	m->deadline_ms = j->boot_ms;
	while (m->phase != OVER)
		turn(m, w);
	if (m->machine.pid > 0)
		(void)kill(m->machine.pid, SIGKILL);
	terminal_restore();
	if (m->failure_status)
		dprintf(2, "%s%s\n",
			m->failure_status == 127 || m->failure_status == 126 ? "" : "yagura-monitor: ", m->failure.msg);
	return m->failure_status ? m->failure_status : m->p[0].status;
}
