/* serve: the host's wishes, the processes' streams and ends. See init.h.
 *
 * One loop, one process. Writing to the channel blocks: the host reads at all times (a host that does not has stopped
 * us anyway), and what the host sends for a process is bounded by its credit, so the loop always comes round. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rd.h"
#include "node/init/init.h"

#define FDS_MAX (2 + 3 * GUEST_FLOWS_MAX + GUEST_CLIENTS_MAX)
#define DATAGRAMS_TURN 16 /* sent to the host in one turn: streams come in between */
#define NOT_STARTED ((struct started){ 0, -1, -1, -1, -1 })

enum state { FREE, PLANNED, RUNNING, ENDED };

struct process {
	enum state state;
	struct buf plan; /* pieces so far */
	struct started s;
	struct buf input; /* for its standard input, at most FLOW_BYTES */
	bool input_ended;
	bool closed;	       /* of a connection: CLOSE was sent, its output is at its end */
	uint32_t credit;       /* bytes of output that may still be sent */
	struct winsize window; /* may come before the plan, so that the process begins with it */
	int wait_status;
};

struct server {
	size_t volumes;			 /* the container's */
	int channel, signals, container; /* container: pidfd of its first process, -1 before */
	uint64_t oom_before;
	struct buf in, out;
	bool stop;
	struct process p[GUEST_FLOWS_MAX];
	struct datagrams datagrams;
};

/* ---- the container's group ---- */

static void send_figures(struct server *s)
{
	struct guest_figures f;

	group_figures(s->oom_before, &f);
	figures_add(&s->out, &f);
}

static void on_limit(struct server *s, const struct frame *f)
{
	struct rd r = rd_of(f->payload);
	uint64_t memory = rd_le64(&r), pids = rd_le64(&r);
	struct err e = { 0 };
	int status = group_limit(memory, pids, &e);

	frame_add_u32(&s->out, FRAME_LIMITED, 0, (uint32_t)-status, str_c(e.msg));
}

/* ---- processes ---- */

static void forget(struct process *p)
{
	if (p->s.out != p->s.in)
		fd_close(&p->s.out);
	fd_close(&p->s.in);
	fd_close(&p->s.err);
	fd_close(&p->s.hold);
	buf_done(&p->plan);
	buf_done(&p->input);
	*p = (struct process){ .s = NOT_STARTED };
}

static void start_failed(struct server *s, unsigned int id, const struct err *e)
{
	frame_add_u32(&s->out, FRAME_FAILED, id, (uint32_t)-e->code, str_c(e->msg));
	forget(&s->p[id]);
}

static int start_planned(struct server *s, unsigned int id, struct err *e)
{
	struct process *p = &s->p[id];
	auto_arena struct arena a = { 0 };
	struct guest_plan plan;
	int r = plan_parse(buf_all(&p->plan), &a, &plan, e);

	if (r == 0 && p->window.ws_row && p->window.ws_col) {
		plan.rows = p->window.ws_row;
		plan.columns = p->window.ws_col;
	}
	if (r == 0 && id && s->container < 0)
		r = err_set(e, -ESRCH, "the container does not run");
	if (r == 0 && id == 0)
		r = group_make(&plan, e);
	r = r < 0 ? r : process_start(&plan, id ? s->container : -1, &p->s, e);
	if (r < 0)
		return r;
	if (id == 0) {
		s->container = (int)syscall(SYS_pidfd_open, p->s.pid, 0);
		s->volumes = plan.volume_count;
	}
	p->state = RUNNING;
	p->credit = FLOW_BYTES;
	buf_done(&p->plan);
	buf_init(&p->input, FLOW_BYTES);
	return 0;
}

static int on_start(struct server *s, const struct frame *f)
{
	struct process *p = &s->p[f->process];
	struct err e = { 0 };
	int r;

	if (p->state == FREE) {
		/* The container's own comes once. */
		if (f->process == 0 && s->container >= 0)
			return -EPROTO;
		p->state = PLANNED;
		buf_init(&p->plan, PLAN_BYTES_MAX);
	}
	if (p->state != PLANNED)
		return -EPROTO;
	buf_str(&p->plan, f->payload);
	if (f->flags & FRAME_MORE)
		return buf_finish(&p->plan);
	r = start_planned(s, f->process, &e);
	if (r < 0) {
		e.code = r;
		start_failed(s, f->process, &e);
	} else {
		frame_add_u32(&s->out, FRAME_STARTED, f->process, (uint32_t)p->s.pid, STR_NONE);
	}
	return 0;
}

/* To the container's port, on the loopback that it shares with us. It may take its time: poll() says when. */
static int connect_to(uint16_t port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr = { htonl(INADDR_LOOPBACK) } };
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS))
		return -errno;
	return take_fd(&fd);
}

static int on_connect(struct server *s, const struct frame *f)
{
	const uint8_t *b = (const uint8_t *)f->payload.p;
	struct process *p = &s->p[f->process];
	int fd, again;

	if (p->state != FREE)
		return -EPROTO;
	fd = connect_to((uint16_t)(b[0] | b[1] << 8));
	again = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (again < 0) {
		frame_add_u32(&s->out, FRAME_FAILED, f->process, (uint32_t)-again, STR_NONE);
		fd_close(&fd);
		return 0;
	}
	p->state = RUNNING;
	p->s = (struct started){ 0, fd, again, -1, -1 };
	p->credit = FLOW_BYTES;
	buf_init(&p->input, FLOW_BYTES);
	frame_add_u32(&s->out, FRAME_STARTED, f->process, 0, STR_NONE);
	return 0;
}

static bool is_connection(unsigned int id)
{
	return id >= GUEST_PROCESSES_MAX;
}

/* Nobody is there any more for what it says. */
static void on_close(struct server *s, unsigned int id)
{
	struct process *p = &s->p[id];

	if (p->state != RUNNING)
		return;
	fd_close(&p->s.in);
	fd_close(&p->s.out);
	p->state = ENDED;
}

/* Writes what the process takes, and grants as much anew. */
static void feed(struct server *s, unsigned int id)
{
	struct process *p = &s->p[id];
	ssize_t n = 0;

	if (p->s.in >= 0 && p->input.n)
		n = write(p->s.in, p->input.p, p->input.n);
	/* Nobody reads any more: it goes nowhere, as in a broken pipe whose writer does not mind. */
	if (p->s.in < 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		n = (ssize_t)p->input.n;
	if (n > 0) {
		buf_drop(&p->input, (size_t)n);
		frame_add_u32(&s->out, FRAME_CREDIT, id, (uint32_t)n, STR_NONE);
	}
	/* A terminal has no end of input of its own: its master stays for the output. */
	if (p->input_ended && !p->input.n && p->s.in != p->s.out) {
		if (is_connection(id))
			(void)shutdown(p->s.in, SHUT_WR);
		fd_close(&p->s.in);
	}
}

static int on_stdin(struct server *s, const struct frame *f)
{
	struct process *p = &s->p[f->process];

	if (p->state != RUNNING)
		return 0; /* it ended while this was under way */
	buf_str(&p->input, f->payload);
	if (buf_finish(&p->input) < 0)
		return -EPROTO; /* beyond the credit */
	feed(s, f->process);
	return 0;
}

static int on_credit(struct server *s, const struct frame *f)
{
	struct process *p = &s->p[f->process];
	const uint8_t *b = (const uint8_t *)f->payload.p;
	uint32_t n = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;

	if (p->state != RUNNING && p->state != ENDED)
		return 0;
	if (n > FLOW_BYTES - p->credit)
		return -EPROTO;
	p->credit += n;
	return 0;
}

static void on_window(struct server *s, const struct frame *f)
{
	const uint8_t *b = (const uint8_t *)f->payload.p;
	struct process *p = &s->p[f->process];

	p->window.ws_row = (unsigned short)(b[0] | b[1] << 8);
	p->window.ws_col = (unsigned short)(b[2] | b[3] << 8);
	if (p->state == RUNNING && p->s.in >= 0 && p->s.in == p->s.out)
		(void)ioctl(p->s.in, TIOCSWINSZ, &p->window);
}

static int on_frame(struct server *s, const struct frame *f)
{
	struct process *p;

	if (f->kind == FRAME_DATAGRAM) {
		datagrams_in(&s->datagrams, f);
		return 0;
	}
	p = &s->p[f->process];
	switch ((int)f->kind) {
	case FRAME_START:
		return on_start(s, f);
	case FRAME_CONNECT:
		return on_connect(s, f);
	case FRAME_CLOSE:
		on_close(s, f->process);
		return 0;
	case FRAME_LIMIT:
		on_limit(s, f);
		return 0;
	case FRAME_STDIN:
		return on_stdin(s, f);
	case FRAME_STDIN_END:
		p->input_ended = true;
		if (p->state == RUNNING)
			feed(s, f->process);
		return 0;
	case FRAME_SIGNAL:
		/* Not reaped yet, so the number is still its own. */
		if (p->state == RUNNING)
			(void)kill(p->s.pid, (uint8_t)f->payload.p[0]);
		return 0;
	case FRAME_WINDOW:
		on_window(s, f);
		return 0;
	case FRAME_CREDIT:
		return on_credit(s, f);
	case FRAME_ASK:
		send_figures(s);
		return 0;
	default:
		s->stop = true;
		return 0;
	}
}

/* One read of a stream as far as credit goes. False when it has nothing (more). */
static bool forward(struct server *s, unsigned int id, int *fd, enum frame_kind kind)
{
	struct process *p = &s->p[id];
	char bytes[FRAME_PAYLOAD_MAX];
	size_t want = p->credit < sizeof(bytes) ? p->credit : sizeof(bytes);
	ssize_t n;

	if (*fd < 0 || !want)
		return false;
	n = read(*fd, bytes, want);
	if (n > 0) {
		p->credit -= (uint32_t)n;
		frame_add(&s->out, kind, 0, id, str_n(bytes, (size_t)n));
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		if (p->s.in == *fd)
			p->s.in = -1;
		fd_close(fd);
	}
	return false;
}

/* A process is over for the host when what it wrote has been sent. Who else holds its pipes is not waited for. */
static void finish(struct server *s, unsigned int id)
{
	struct process *p = &s->p[id];
	bool signaled = WIFSIGNALED(p->wait_status);
	uint8_t end[3];

	while (forward(s, id, &p->s.out, FRAME_STDOUT) || forward(s, id, &p->s.err, FRAME_STDERR))
		;
	if (!p->credit && (p->s.out >= 0 || p->s.err >= 0))
		return;
	end[0] = signaled ? 0 : (uint8_t)WEXITSTATUS(p->wait_status);
	end[1] = signaled ? (uint8_t)WTERMSIG(p->wait_status) : 0;
	if (id == 0) /* the host switches the machine off when it hears of this */
		boot_volumes_end(s->volumes);
	end[2] = signaled && WTERMSIG(p->wait_status) == SIGKILL && group_oom_kills() > s->oom_before;
	frame_add(&s->out, FRAME_EXIT, 0, id, str_n(end, sizeof(end)));
	forget(p);
}

/* Both directions of a connection end for themselves; the host is told of ours. */
static void look_at_connections(struct server *s)
{
	for (unsigned int id = GUEST_PROCESSES_MAX; id < GUEST_FLOWS_MAX; id++) {
		struct process *p = &s->p[id];

		if (p->state == RUNNING && p->s.out < 0 && !p->closed) {
			p->closed = true;
			frame_add(&s->out, FRAME_CLOSE, 0, id, STR_NONE);
		}
		if (p->state == RUNNING && p->s.out < 0 && p->s.in < 0)
			p->state = ENDED;
	}
}

static void reap(struct server *s)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) /* connections have no number of a process */
		for (unsigned int id = 0; id < GUEST_PROCESSES_MAX; id++)
			if (s->p[id].state == RUNNING && s->p[id].s.pid == pid) {
				s->p[id].state = ENDED;
				s->p[id].wait_status = status;
			}
}

/* ---- the loop ---- */

static int read_channel(struct server *s)
{
	char bytes[4 * FRAME_PAYLOAD_MAX];
	ssize_t n = read(s->channel, bytes, sizeof(bytes));
	struct str rest;
	struct frame f;
	int r;

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EPIPE;
	frame_add_u32(&s->out, FRAME_TAKEN, 0, (uint32_t)n, STR_NONE);
	buf_add(&s->in, bytes, (size_t)n);
	rest = buf_all(&s->in);
	while ((r = frame_next(&rest, FROM_HOST, &f)) > 0) {
		r = on_frame(s, &f);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	buf_drop(&s->in, s->in.n - rest.n);
	return buf_finish(&s->in);
}

static int flush(struct server *s)
{
	int r = buf_finish(&s->out);

	r = r < 0 ? r : s->out.n ? fd_write(s->channel, s->out.p, s->out.n) : 0;
	buf_clear(&s->out);
	return r;
}

struct watch {
	struct pollfd fd[FDS_MAX];
	struct {
		unsigned int id;
		enum frame_kind kind; /* FRAME_STDIN: to be written */
	} of[FDS_MAX];
	nfds_t n;
};

static void watch(struct watch *w, int fd, short events, unsigned int id, enum frame_kind kind)
{
	if (fd < 0)
		return;
	w->fd[w->n] = (struct pollfd){ fd, events, 0 };
	w->of[w->n].id = id;
	w->of[w->n++].kind = kind;
}

static void watch_all(struct server *s, struct watch *w)
{
	w->n = 0;
	watch(w, s->channel, POLLIN, 0, FRAME_KINDS);
	watch(w, s->signals, POLLIN, 0, FRAME_KINDS);
	for (unsigned int id = 0; id < GUEST_FLOWS_MAX; id++) {
		struct process *p = &s->p[id];

		if (p->state != RUNNING)
			continue;
		if (p->credit) {
			watch(w, p->s.out, POLLIN, id, FRAME_STDOUT);
			watch(w, p->s.err, POLLIN, id, FRAME_STDERR);
		}
		if (p->input.n)
			watch(w, p->s.in, POLLOUT, id, FRAME_STDIN);
	}
	for (unsigned int i = 0; i < GUEST_CLIENTS_MAX; i++) {
		unsigned int number = (s->datagrams.next + i) % GUEST_CLIENTS_MAX;

		watch(w, s->datagrams.c[number].fd, POLLIN, number, FRAME_DATAGRAM);
	}
}

static void end_all(struct server *s)
{
	look_at_connections(s);
	for (unsigned int id = 0; id < GUEST_FLOWS_MAX; id++)
		if (s->p[id].state == ENDED)
			finish(s, id);
}

static void pump(struct server *s, const struct watch *w)
{
	int datagrams = 0;

	for (nfds_t i = 2; i < w->n; i++) {
		struct process *p;

		if (w->of[i].kind == FRAME_DATAGRAM) {
			if (w->fd[i].revents && datagrams++ < DATAGRAMS_TURN)
				datagrams_out(&s->datagrams, w->of[i].id, &s->out);
			continue;
		}
		p = &s->p[w->of[i].id];
		if (!w->fd[i].revents || p->state != RUNNING)
			continue;
		if (w->of[i].kind == FRAME_STDIN)
			feed(s, w->of[i].id);
		else
			(void)forward(s, w->of[i].id, w->of[i].kind == FRAME_STDOUT ? &p->s.out : &p->s.err,
				      w->of[i].kind);
	}
	end_all(s);
}

static void say_hello(struct server *s)
{
	struct utsname u;
	char hello[2 + 200] = { GUEST_VERSION & 0xff, GUEST_VERSION >> 8 };

	if (uname(&u) < 0)
		memset(&u, 0, sizeof(u));
	snprintf(hello + 2, sizeof(hello) - 2, "Linux %.90s %.60s", u.release, u.machine);
	frame_add(&s->out, FRAME_HELLO, 0, 0, str_n(hello, 2 + strlen(hello + 2)));
}

/* One turn: 0 while it goes on. */
static int turn(struct server *s, struct watch *w)
{
	int r;

	watch_all(s, w);
	if (poll(w->fd, w->n, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (w->fd[1].revents)
		reap(s);
	pump(s, w);
	r = w->fd[0].revents ? read_channel(s) : 0;
	end_all(s); /* what came may have made an ended process able to finish */
	return r < 0 ? r : flush(s);
}

int serve(int channel, struct err *e)
{
	struct server *s = xcalloc(1, sizeof(*s));
	struct watch *w = xcalloc(1, sizeof(*w));
	sigset_t chld;
	int r;

	s->channel = channel;
	s->container = -1;
	s->oom_before = group_oom_kills();
	buf_init(&s->in, 8 * FRAME_PAYLOAD_MAX);
	/* Enough for a turn: every process's credit, and as much again of heads. */
	buf_init(&s->out, 2 * GUEST_FLOWS_MAX * FLOW_BYTES);
	for (unsigned int id = 0; id < GUEST_FLOWS_MAX; id++)
		s->p[id].s = NOT_STARTED;
	datagrams_init(&s->datagrams);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	say_hello(s);
	r = s->signals < 0 ? -errno : flush(s);
	while (r == 0 && !s->stop)
		r = turn(s, w);
	/* The end of the machine frees what is left. */
	return r < 0 ? err_errno(e, r, "the host's channel") : 0;
}
