/* agent: the half that acts: its beginning, its loop, the half that speaks. See agent.h. */
#include "node/agent/agent.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/agent/dm.h"
#include "node/agent/front.h"
#include "node/agent/inside.h"
#include "node/agent/listen.h"
#include "node/agent/tls.h"
#include "runtime/rootfs.h"

#define FRONT_AGAIN_MS 1000 /* before the other half is started again when it ended */
#define FAREWELL_MS 300	    /* that it has for answers under way when we end: that to a reboot is one */
#define POLLS_MAX (2 + WIRE_PLACES_MAX + PODS_FDS_MAX)

/* ---- what the other half says ---- */

static void begin(struct agent *a, struct request *q, const struct wire *w)
{
	struct err e = { 0 };
	int r = 0;

	if (q->active)
		request_end(q);
	q->active = true;
	q->id = w->id;
	q->op = w->op;
	snprintf(q->name, sizeof(q->name), STR_FMT, STR_ARG(w->name));
	q->intake.fd = -1;
	if (q->op == API_LAYER_PUT)
		r = depot_begin(&a->depot, w->name, w->length, &q->intake, &e);
	else if (w->length > API_JSON_MAX)
		r = err_set(&e, -E2BIG, "the body is too long");
	if (r < 0)
		request_refuse(a, q, r, &e);
}

static void add(struct agent *a, struct request *q, struct str piece)
{
	struct err e = { 0 };
	int r = 0;

	if (q->intake.fd >= 0)
		r = depot_add(&q->intake, piece, &e);
	else if (q->op != API_LAYER_PUT)
		buf_str(&q->body, piece);
	if (r == 0 && buf_finish(&q->body) < 0)
		r = err_set(&e, -E2BIG, "the body is too long");
	if (r < 0)
		request_refuse(a, q, r, &e);
}

static void hear(struct agent *a, const struct msg *m)
{
	struct request *q;
	struct wire w;

	if (wire_parse(m->kind, m->payload, &w, NULL) < 0 || m->kind < WIRE_BEGIN || m->kind > WIRE_GONE)
		return;
	q = &a->requests[w.id % WIRE_PLACES_MAX];
	if (m->kind == WIRE_BEGIN) {
		begin(a, q, &w);
		return;
	}
	if (!q->active || q->id != w.id)
		return;
	if (m->kind == WIRE_DATA)
		add(a, q, w.bytes);
	else if (m->kind == WIRE_GONE)
		request_end(q);
	else
		request_do(a, q);
}

/* ---- the other half ---- */

static int tell(int fd, uint8_t kind, const struct wire *w, int socket)
{
	auto_buf struct buf b;

	buf_init(&b, WIRE_CONFIG_MAX + 16);
	wire_write(kind, w, &b);
	return msg_send(fd, kind, buf_all(&b), &socket, socket >= 0);
}

static int tell_text(int fd, uint8_t kind, struct str text)
{
	return tell(fd, kind, &(struct wire){ .bytes = text }, -1);
}

static int hand_listener(struct agent *a, int socket, bool tls, struct err *e)
{
	int r;

	if (socket < 0)
		return socket;
	r = tell(a->front.fd, WIRE_LISTEN, &(struct wire){ .tls = tls, .peer = a->c.vsock_peer }, socket);
	close(socket);
	return r < 0 ? err_errno(e, r, "agent: front") : 0;
}

/* TCP is opened for those who are named alone. */
static bool speaks_tls(const struct agent *a)
{
	return a->has_spec && a->spec.agent.tcp && a->spec.agent.clients.n;
}

static int configure_tls(struct agent *a, struct err *e)
{
	int fd = a->front.fd, r;

	if (!speaks_tls(a))
		return 0;
	r = tell_text(fd, WIRE_KEY, buf_all(&a->key));
	r = r < 0 ? r : tell_text(fd, WIRE_CERTIFICATE, buf_all(&a->certificate));
	for (size_t i = 0; i < a->spec.agent.clients.n && r == 0; i++)
		r = tell_text(fd, WIRE_CLIENT, str_c(a->spec.agent.clients.v[i]));
	if (r < 0)
		return err_errno(e, r, "agent: front");
	return hand_listener(a, listen_tcp(a->c.tcp_address, a->spec.agent.tcp, e), true, e);
}

static int start_front(struct agent *a, struct err *e)
{
	int r = worker_spawn(&a->front, FRONT_ROLE, NULL, e);

	r = r < 0 ? r : configure_tls(a, e);
	if (r == 0 && a->c.unix_path)
		r = hand_listener(a, listen_unix(a->c.unix_path, e), false, e);
	if (r == 0 && a->has_spec && a->spec.agent.vsock)
		r = hand_listener(a, listen_vsock(a->spec.agent.vsock, e), false, e);
	if (r == 0 && tell_text(a->front.fd, WIRE_GO, STR_NONE) < 0)
		r = err_set(e, -EPIPE, "agent: front: no one there");
	/* What is said to it from now on must not make us wait: pods would. */
	if (r == 0 && fcntl(a->front.fd, F_SETFL, O_NONBLOCK) < 0)
		r = err_errno(e, -errno, "agent: front");
	return r;
}

/* why (may be NULL): how it ended, where it did so by itself. */
static void stop_front(struct agent *a, struct err *why)
{
	for (size_t i = 0; i < WIRE_PLACES_MAX; i++)
		if (a->requests[i].active)
			request_end(&a->requests[i]);
	if (worker_kill(&a->front, why) == 0 && why)
		err_set(why, 0, "by itself");
}

/* ---- what it begins with ---- */

static int read_spec(struct agent *a, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_close int dir = fd_open(AT_FDCWD, a->c.lib_path, O_RDONLY | O_DIRECTORY);
	int r = dir < 0 ? dir : file_read(dir, "spec.json", SPEC_BYTES_MAX, &text, e);

	if (r == -ENOENT)
		return 0;
	r = r < 0 ? r : spec_parse(arena_str(&a->arena, buf_all(&text)), &a->arena, &a->spec, e);
	a->has_spec = r == 0;
	return r;
}

/* A pod of the specification that cannot be taken stops nothing else: the list tells of those that run. */
static void take_fixed_pods(struct agent *a)
{
	for (size_t i = 0; a->has_spec && i < a->spec.pods.n; i++) {
		auto_buf struct buf text = { 0 };
		auto_arena struct arena room = { 0 };
		struct err e = { 0 };
		struct pod p;
		int r = file_read(AT_FDCWD, a->spec.pods.v[i], POD_BYTES_MAX, &text, &e);

		r = r < 0 ? r : pod_parse(buf_all(&text), &room, &p, &e);
		r = r < 0 ? r : pods_put(a->pods, str_c(p.name), buf_all(&text), true, &e);
		if (r < 0)
			fprintf(stderr, "yagura-agent: %s: %s\n", a->spec.pods.v[i], e.msg);
	}
}

/* Made at the first start, and kept: clients know it. */
static int load_key(struct agent *a, struct err *e)
{
	auto_close int dir = -1;
	char path[PATH_MAX];
	struct utsname u;
	int r;

	snprintf(path, sizeof(path), "%.4000s/agent", a->c.data_path);
	r = dir_make(AT_FDCWD, path);
	dir = r < 0 ? r : fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return err_errno(e, dir, "%s", path);
	if (file_read(dir, "key.pem", TLS_PEM_MAX, &a->key, NULL) == 0 &&
	    file_read(dir, "certificate.pem", TLS_PEM_MAX, &a->certificate, NULL) == 0 &&
	    agent_tls_is_certificate(buf_all(&a->certificate)))
		return 0;
	buf_done(&a->key);
	buf_done(&a->certificate);
	(void)uname(&u);
	r = agent_tls_make(u.nodename[0] ? u.nodename : "node", &a->key, &a->certificate, e);
	/* The certificate last: where it is, its key is. */
	r = r < 0 ? r : file_write(dir, "key.pem", buf_all(&a->key), true, e);
	return r < 0 ? r : file_write(dir, "certificate.pem", buf_all(&a->certificate), true, e);
}

/* A power cut, or an end by force, between a file and its name. */
static void sweep_files(struct agent *a)
{
	static const char *const places[] = { "agent", "agent/pods", "settings", "images/records" };

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		char path[PATH_MAX];
		auto_close int dir = -1;

		snprintf(path, sizeof(path), "%.4000s/%s", a->c.data_path, places[i]);
		dir = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
		if (dir >= 0 && file_write_sweep(dir) < 0)
			fprintf(stderr, "yagura-agent: %s: what was left there cannot be removed\n", path);
	}
}

static int prepare(struct agent *a, struct err *e)
{
	char images[PATH_MAX], fixed[PATH_MAX];
	struct err why = { 0 };
	sigset_t set;
	int r = read_spec(a, e);

	if (r < 0)
		return err_wrap(e, r, "%s/spec.json", a->c.lib_path);
	if (!a->c.verify_once && !dm_available())
		fprintf(stderr,
			"yagura-agent: this kernel has no device-mapper: images that are brought here cannot run\n");
	snprintf(images, sizeof(images), "%.4000s/images", a->c.data_path);
	snprintf(fixed, sizeof(fixed), "%.4000s/images", a->c.lib_path);
	r = dir_make(AT_FDCWD, a->c.run_path);
	r = r < 0 ? err_errno(e, r, "%s", a->c.run_path) : depot_open(images, fixed, &a->depot, e);
	r = r < 0 ? r : rootfs_own_mounts(e);
	r = r < 0 ? r : load_key(a, e);
	if (r < 0)
		return r;
	sweep_files(a);
	if (depot_sweep(&a->depot, &why) < 0)
		fprintf(stderr, "yagura-agent: %s\n", why.msg);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	a->pods = pods_new(&(struct pods_config){ .depot = &a->depot,
						  .data_path = a->c.data_path,
						  .run_path = a->c.run_path,
						  .own_tcp = speaks_tls(a) ? a->spec.agent.tcp : 0,
						  .profile = a->c.profile,
						  .verify_once = a->c.verify_once },
			   e);
	return a->pods ? 0 : e->code;
}

/* ---- the loop ---- */

static void take_signal(struct agent *a)
{
	struct signalfd_siginfo info;

	if (read(a->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	a->ending = true;
	pods_stop(a->pods);
}

static int look_at_front(struct agent *a, struct msg *m, struct err *e)
{
	struct err why = { 0 };
	int r = msg_recv(a->front.fd, m);

	if (r > 0) {
		hear(a, m);
		msg_done(m);
	}
	if (!a->front_is_deaf && (r > 0 || r == -EAGAIN))
		return 0;
	/* It ended: a fault in what a client sent, at worst. */
	stop_front(a, &why);
	fprintf(stderr, "yagura-agent: the half that speaks has ended (%s); it is started again\n", why.msg);
	a->front_is_deaf = false;
	poll(NULL, 0, FRONT_AGAIN_MS);
	return start_front(a, e);
}

/* The front's words and signals come first, a place for each request follows. */
static size_t gather(const struct agent *a, struct pollfd *p)
{
	size_t n = 2;

	p[0] = (struct pollfd){ a->front.fd, POLLIN, 0 };
	p[1] = (struct pollfd){ a->signals, POLLIN, 0 };
	for (size_t i = 0; i < WIRE_PLACES_MAX; i++)
		p[n++] = (struct pollfd){ a->requests[i].sealer ? a->requests[i].sealed : -1, POLLIN, 0 };
	return n + pods_fds(a->pods, p + n, PODS_FDS_MAX);
}

static int loop(struct agent *a, struct msg *m, struct pollfd *p, struct err *e)
{
	int r = 0;

	while (r == 0) {
		int wait = pods_work(a->pods);

		if (a->ending && pods_idle(a->pods))
			return 0;
		if (poll(p, gather(a, p), wait) < 0 && errno != EINTR)
			return err_errno(e, -errno, "agent: poll");
		if (p[1].revents)
			take_signal(a);
		for (size_t i = 0; i < WIRE_PLACES_MAX; i++)
			if (p[2 + i].revents)
				request_sealed(a, &a->requests[i]);
		if (p[0].revents || a->front_is_deaf)
			r = look_at_front(a, m, e);
		if (a->after) {
			kill(a->c.init_pid, a->after);
			a->after = 0;
		}
	}
	return r;
}

int agent_run(const struct agent_config *c, struct err *e)
{
	struct agent *a = xcalloc(1, sizeof(*a));
	struct pollfd *polls = xcalloc(POLLS_MAX, sizeof(*polls));
	struct msg *m = xcalloc(1, sizeof(*m));
	int r;

	a->c = *c;
	a->depot.data = a->depot.fixed = a->signals = a->front.fd = -1;
	for (size_t i = 0; i < WIRE_PLACES_MAX; i++) {
		buf_init(&a->requests[i].body, API_JSON_MAX);
		a->requests[i].intake.fd = -1;
	}
	r = prepare(a, e);
	if (r == 0) {
		take_fixed_pods(a);
		pods_load(a->pods);
		r = start_front(a, e);
		r = r < 0 ? r : loop(a, m, polls, e);
		if (r == 0)
			poll(NULL, 0, FAREWELL_MS);
		stop_front(a, NULL);
		pods_free(a->pods);
	}
	for (size_t i = 0; i < WIRE_PLACES_MAX; i++)
		buf_done(&a->requests[i].body);
	depot_close(&a->depot);
	buf_done(&a->key);
	buf_done(&a->certificate);
	if (a->signals >= 0)
		fd_close(&a->signals);
	arena_done(&a->arena);
	free(m);
	free(polls);
	free(a);
	return r;
}
