/* agent: requests done, pods looked after. See agent.h. */
#include "node/agent/agent.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/log.h"
#include "node/agent/api.h"
#include "node/agent/child.h"
#include "node/agent/depot.h"
#include "node/agent/dm.h"
#include "node/agent/front.h"
#include "node/agent/listen.h"
#include "node/agent/pods.h"
#include "node/agent/status.h"
#include "node/agent/tls.h"
#include "node/settings.h"
#include "node/spec.h"
#include "runtime/rootfs.h"
#include "sandbox/worker.h"

#define ANSWER_LOG_MAX (4u << 20) /* bytes of a log that one answer has: the newest */
#define FRONT_AGAIN_MS 1000	  /* before the other half is started again when it ended */
#define POLLS_MAX (2 + WIRE_PLACES_MAX + PODS_FDS_MAX)

struct request {
	bool active;
	uint32_t id;
	enum api_op op;
	char name[WIRE_NAME_MAX + 1];
	struct buf body;      /* of a JSON one */
	struct intake intake; /* of a layer; fd -1: none, it was there */
	pid_t sealer;	      /* the process that computes its tree; 0: none */
	int sealed;	      /* where it says what became of it */
};

struct agent {
	struct agent_config c;
	struct arena arena;
	struct spec spec;
	bool has_spec;
	struct depot depot;
	struct pods *pods;
	struct worker front;
	struct buf key, certificate;
	struct request requests[WIRE_PLACES_MAX];
	int signals;
	bool ending;
	int after; /* signal to init when the answer is out; 0: none */
};

/* ---- answers ---- */

static void reply(struct agent *a, struct request *q, unsigned int status, bool json, struct str body)
{
	const struct wire w = { .id = q->id, .status = status, .json = json, .length = body.n };
	auto_close int fd = memfd_create("answer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	auto_buf struct buf b;

	buf_init(&b, 64);
	wire_write(WIRE_REPLY, &w, &b);
	q->active = false;
	if (fd < 0 || fd_write(fd, body.p, body.n) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		return;
	/* A front that is gone is started again by the loop. */
	(void)!msg_send(a->front.fd, WIRE_REPLY, buf_all(&b), &fd, 1);
}

/* What a failure is to the client. */
static unsigned int status_of(int r)
{
	switch (r) {
	case -ENOENT:
		return 404;
	case -EBADMSG:
	case -E2BIG:
	case -EINVAL:
		return 422;
	case -EPERM:
		return 403;
	case -EEXIST:
	case -EBUSY:
		return 409;
	case -ENOSPC:
	case -EDQUOT:
		return 507;
	default:
		return 500;
	}
}

static void reply_error(struct agent *a, struct request *q, int r, const struct err *e)
{
	char line[ERR_MSG_MAX + 2];

	snprintf(line, sizeof(line), "%s\n", e->msg[0] ? e->msg : strerror(-r));
	reply(a, q, status_of(r), false, str_c(line));
}

static void reply_done(struct agent *a, struct request *q, unsigned int status)
{
	reply(a, q, status, false, STR("done\n"));
}

struct answer {
	struct out out;
	struct json_out w;
};

static void answer_begin(struct answer *x)
{
	out_init(&x->out, -1);
	json_out_init(&x->w, &x->out);
}

static void answer_send(struct agent *a, struct request *q, struct answer *x)
{
	out_str(&x->out, STR("\n"));
	reply(a, q, 200, true, buf_all(&x->out.b));
	(void)!out_finish(&x->out);
}

/* ---- requests ---- */

static void do_status(struct agent *a, struct request *q)
{
	const struct status_job job = { a->has_spec ? &a->spec : NULL, a->c.run_path, buf_all(&a->certificate) };
	struct answer x;

	answer_begin(&x);
	status_write(&job, &x.w);
	answer_send(a, q, &x);
}

static void do_pod_list(struct agent *a, struct request *q)
{
	struct answer x;

	answer_begin(&x);
	pods_write(a->pods, &x.w);
	answer_send(a, q, &x);
}

static void do_pod_get(struct agent *a, struct request *q)
{
	struct answer x;
	struct err e = { 0 };

	answer_begin(&x);
	if (pods_write_one(a->pods, str_c(q->name), &x.w) == 0) {
		answer_send(a, q, &x);
		return;
	}
	(void)!out_finish(&x.out);
	reply_error(a, q, err_set(&e, -ENOENT, "there is no pod %s", q->name), &e);
}

static void do_pod_put(struct agent *a, struct request *q)
{
	struct err e = { 0 };
	int r = pods_put(a->pods, str_c(q->name), buf_all(&q->body), false, &e);

	if (r < 0)
		reply_error(a, q, r, &e);
	else
		reply_done(a, q, 202);
}

static void do_pod_delete(struct agent *a, struct request *q)
{
	struct err e = { 0 };
	int r = pods_delete(a->pods, str_c(q->name), &e);

	if (r < 0)
		reply_error(a, q, r, &e);
	else
		reply_done(a, q, 202);
}

static void write_image(void *arg, const struct stored *r, bool fixed)
{
	struct json_out *w = arg;
	uint64_t bytes = 0;

	for (size_t i = 0; i < r->layer_count; i++)
		bytes += r->layers[i].bytes;
	json_out_object(w);
	json_out_key_str(w, "name", str_c(r->name));
	json_out_key_opt(w, "image", str_c(r->image));
	json_out_key_str(w, "source", fixed ? STR("specification") : STR("api"));
	json_out_key(w, "layers");
	json_out_u64(w, r->layer_count);
	json_out_key(w, "bytes");
	json_out_u64(w, bytes);
	json_out_end_object(w);
}

static void do_image_list(struct agent *a, struct request *q)
{
	struct err e = { 0 };
	struct answer x;
	int r;

	answer_begin(&x);
	json_out_array(&x.w);
	r = depot_each(&a->depot, write_image, &x.w, &e);
	json_out_end_array(&x.w);
	if (r == 0) {
		answer_send(a, q, &x);
		return;
	}
	(void)!out_finish(&x.out);
	reply_error(a, q, r, &e);
}

static void do_image_get(struct agent *a, struct request *q)
{
	auto_arena struct arena room = { 0 };
	struct err e = { 0 };
	struct stored record;
	struct out out;
	int r = depot_record(&a->depot, str_c(q->name), &room, &record, &e);

	if (r < 0) {
		reply_error(a, q, r, &e);
		return;
	}
	out_init(&out, -1);
	stored_write(&record, &out);
	reply(a, q, 200, true, buf_all(&out.b));
	(void)!out_finish(&out);
}

static void do_image_put(struct agent *a, struct request *q)
{
	struct err e = { 0 };
	int r = depot_put(&a->depot, str_c(q->name), buf_all(&q->body), &e);

	if (r == -ENOENT)
		reply(a, q, 409, false, str_c(e.msg));
	else if (r < 0)
		reply_error(a, q, r, &e);
	else
		reply_done(a, q, 201);
}

static void do_image_delete(struct agent *a, struct request *q)
{
	struct err e = { 0 };
	int r = pods_uses_image(a->pods, str_c(q->name)) ? err_set(&e, -EBUSY, "image %s: a pod uses it", q->name)
							 : depot_delete(&a->depot, str_c(q->name), &e);

	if (r < 0)
		reply_error(a, q, r, &e);
	else
		reply_done(a, q, 200);
}

static void do_layer_get(struct agent *a, struct request *q)
{
	struct err e = { 0 };
	struct digest root;
	auto_close int fd = -1;
	bool fixed;

	if (!digest_parse_hex(str_c(q->name), &root)) {
		reply_error(a, q, err_set(&e, -EINVAL, "no name of a layer"), &e);
		return;
	}
	fd = depot_layer(&a->depot, &root, &fixed);
	if (fd < 0)
		reply_error(a, q, err_errno(&e, fd, "layer %s", q->name), &e);
	else
		reply_done(a, q, 200);
}

/* Gigabytes are hashed: in a process of its own, so that nobody else waits for it. */
static void do_layer_put(struct agent *a, struct request *q)
{
	const int kept[] = { a->depot.data, a->depot.fixed, q->intake.fd };
	struct err e = { 0 };

	if (q->sealer)
		return; /* said twice */
	if (q->intake.fd < 0) {
		reply_done(a, q, 201);
		return;
	}
	q->sealer = child_fork(kept, ARRAY_LEN(kept), &q->sealed, &e);
	if (q->sealer == 0) {
		e.code = depot_finish(&a->depot, &q->intake, &e);
		(void)!fd_write(q->sealed, &e, sizeof(e));
		_exit(0);
	}
	depot_drop(&q->intake);
	if (q->sealer > 0)
		return;
	reply_error(a, q, q->sealer, &e);
	q->sealer = 0;
}

static void layer_sealed(struct agent *a, struct request *q)
{
	struct err e;

	if (fd_read(q->sealed, &e, sizeof(e)) != (ssize_t)sizeof(e))
		err_set(&e, -EIO, "the layer could not be checked");
	e.msg[sizeof(e.msg) - 1] = 0;
	child_end(q->sealer, &q->sealed);
	q->sealer = 0;
	if (e.code < 0)
		reply_error(a, q, e.code, &e);
	else
		reply_done(a, q, 201);
}

static void settings_path(const struct agent *a, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.4000s/settings", a->c.data_path);
}

static void do_settings_get(struct agent *a, struct request *q)
{
	auto_buf struct buf text = { 0 };
	char path[PATH_MAX];
	auto_close int dir = -1;
	struct err e = { 0 };
	int r;

	settings_path(a, path);
	dir = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	r = dir < 0 ? dir : file_read(dir, "settings.json", SETTINGS_BYTES_MAX, &text, &e);
	if (r == -ENOENT)
		reply(a, q, 200, true, STR("{\n  \"version\": 1\n}\n"));
	else if (r < 0)
		reply_error(a, q, r, &e);
	else
		reply(a, q, 200, true, buf_all(&text));
}

static int keep_settings(struct agent *a, struct str json, struct err *e)
{
	auto_arena struct arena room = { 0 };
	char path[PATH_MAX];
	auto_close int dir = -1;
	struct settings s;
	struct out out;
	int r = settings_parse(json, &room, &s, e);

	if (r < 0)
		return r;
	settings_path(a, path);
	r = dir_make(AT_FDCWD, path);
	dir = r < 0 ? r : fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return err_errno(e, dir, "%s", path);
	out_init(&out, -1);
	settings_write(&s, &out);
	r = file_write(dir, "settings.json", buf_all(&out.b), true, e);
	(void)!out_finish(&out);
	return r;
}

static void do_settings_put(struct agent *a, struct request *q)
{
	struct err e = { 0 };
	int r = keep_settings(a, buf_all(&q->body), &e);

	if (r < 0)
		reply_error(a, q, r, &e);
	else
		reply(a, q, 200, false, STR("kept; they hold from the next boot on\n"));
}

/* ---- logs ---- */

/* init's and the services' lie in log itself, as NAME.log; a container's as POD/CONTAINER or POD_CONTAINER. */
static int logs_open(const struct agent *a, const char *below, struct err *e)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%.4000s/log%s", a->c.data_path, below);
	fd = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? err_errno(e, fd, "%s", path) : fd;
}

static void list_logs(int fd, bool directories, struct json_out *w)
{
	DIR *dir = fdopendir(dup(fd));
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.' && (d->d_type == DT_DIR) == directories && strcmp(d->d_name, "pods") != 0)
			json_out_str(w, str_c(d->d_name));
	if (dir)
		closedir(dir);
}

static void do_log_list(struct agent *a, struct request *q)
{
	auto_close int own = logs_open(a, "", NULL);
	auto_close int pods = logs_open(a, "/pods", NULL);
	struct answer x;

	answer_begin(&x);
	json_out_object(&x.w);
	json_out_key(&x.w, "node");
	json_out_array(&x.w);
	if (own >= 0)
		list_logs(own, false, &x.w);
	json_out_end_array(&x.w);
	json_out_key(&x.w, "containers");
	json_out_array(&x.w);
	if (pods >= 0)
		list_logs(pods, true, &x.w);
	json_out_end_array(&x.w);
	json_out_end_object(&x.w);
	answer_send(a, q, &x);
}

static bool is_log_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!is_alpha(*p) && !is_digit(*p) && !strchr("-_.", *p))
			return false;
	return name[0] && name[0] != '.';
}

static void reply_tail(struct agent *a, struct request *q, struct str text)
{
	reply(a, q, 200, false, text.n > ANSWER_LOG_MAX ? str_from(text, text.n - ANSWER_LOG_MAX) : text);
}

static int container_log(struct agent *a, struct request *q, struct err *e)
{
	auto_close int all = logs_open(a, "/pods", e);
	int fd = all < 0 ? all : openat(all, q->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct out out;
	uint64_t last = 0;
	int r;

	if (fd < 0)
		return all < 0 ? all : -errno;
	out_init(&out, -1);
	r = box_log_show(fd, 0, LOG_ALL, &last, &out, &out, e);
	close(fd);
	if (r == 0)
		reply_tail(a, q, buf_all(&out.b));
	(void)!out_finish(&out);
	return r;
}

static int node_log(struct agent *a, struct request *q, struct err *e)
{
	auto_close int dir = logs_open(a, "", e);
	auto_close int fd = dir < 0 ? -1 : openat(dir, q->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	auto_free char *text = NULL;
	struct stat st;
	uint64_t from;
	ssize_t n;

	if (dir < 0)
		return dir;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, -errno, "log %s", q->name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -ENOENT, "there is no log %s", q->name);
	from = (uint64_t)st.st_size > ANSWER_LOG_MAX ? (uint64_t)st.st_size - ANSWER_LOG_MAX : 0;
	text = xmalloc(ANSWER_LOG_MAX);
	n = fd_pread(fd, text, ANSWER_LOG_MAX, from);
	if (n < 0)
		return err_errno(e, (int)n, "log %s", q->name);
	reply(a, q, 200, false, str_n(text, (size_t)n));
	return 0;
}

static void do_log_get(struct agent *a, struct request *q)
{
	struct err e = { 0 };
	char *slash = strchr(q->name, '/');
	int r;

	if (slash)
		*slash = '_';
	r = is_log_name(q->name) ? container_log(a, q, &e) : err_set(&e, -ENOENT, "no name of a log");
	if (r == -ENOENT && is_log_name(q->name))
		r = node_log(a, q, &e);
	if (r < 0)
		reply_error(a, q, r, &e);
}

static void do_reboot(struct agent *a, struct request *q)
{
	a->after = q->op == API_REBOOT ? SIGTERM : SIGUSR2;
	reply(a, q, 202, false, q->op == API_REBOOT ? STR("the node reboots\n") : STR("the node is switched off\n"));
}

static void (*const actions[API_OP_COUNT])(struct agent *a, struct request *q) = {
	[API_STATUS] = do_status,	  [API_LOG_LIST] = do_log_list,		[API_LOG_GET] = do_log_get,
	[API_POD_LIST] = do_pod_list,	  [API_POD_GET] = do_pod_get,		[API_POD_PUT] = do_pod_put,
	[API_POD_DELETE] = do_pod_delete, [API_IMAGE_LIST] = do_image_list,	[API_IMAGE_GET] = do_image_get,
	[API_IMAGE_PUT] = do_image_put,	  [API_IMAGE_DELETE] = do_image_delete, [API_LAYER_GET] = do_layer_get,
	[API_LAYER_PUT] = do_layer_put,	  [API_SETTINGS_GET] = do_settings_get, [API_SETTINGS_PUT] = do_settings_put,
	[API_REBOOT] = do_reboot,	  [API_POWER_OFF] = do_reboot,
};

/* ---- what the other half says ---- */

static void drop(struct request *q)
{
	depot_drop(&q->intake);
	if (q->sealer) {
		kill(q->sealer, SIGKILL);
		child_end(q->sealer, &q->sealed);
		q->sealer = 0;
	}
	q->active = false;
}

static void begin(struct agent *a, struct request *q, const struct wire *w)
{
	struct err e = { 0 };
	int r = 0;

	if (q->active)
		drop(q);
	q->active = true;
	q->id = w->id;
	q->op = w->op;
	snprintf(q->name, sizeof(q->name), STR_FMT, STR_ARG(w->name));
	buf_clear(&q->body);
	q->intake.fd = -1;
	if (q->op == API_LAYER_PUT)
		r = depot_begin(&a->depot, w->name, w->length, &q->intake, &e);
	else if (w->length > API_JSON_MAX)
		r = err_set(&e, -E2BIG, "the body is too long");
	if (r < 0) {
		drop(q);
		reply_error(a, q, r, &e);
	}
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
	if (r < 0) {
		drop(q);
		reply_error(a, q, r, &e);
	}
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
		drop(q);
	else
		actions[q->op](a, q);
}

/* ---- the other half ---- */

static int tell(int fd, uint8_t kind, struct str bytes, int socket, bool tls)
{
	const struct wire w = { .bytes = bytes, .tls = tls };
	auto_buf struct buf b;

	buf_init(&b, WIRE_CONFIG_MAX + 16);
	wire_write(kind, &w, &b);
	return msg_send(fd, kind, buf_all(&b), &socket, socket >= 0);
}

static int hand_listener(int front, int socket, bool tls, struct err *e)
{
	int r;

	if (socket < 0)
		return socket;
	r = tell(front, WIRE_LISTEN, STR_NONE, socket, tls);
	close(socket);
	return r < 0 ? err_errno(e, r, "agent: front") : 0;
}

/* TCP is opened for those who are named alone. */
static int configure_tls(struct agent *a, struct err *e)
{
	int fd = a->front.fd, r;

	if (!a->has_spec || !a->spec.agent.tcp || !a->spec.agent.clients.n)
		return 0;
	r = tell(fd, WIRE_KEY, buf_all(&a->key), -1, false);
	r = r < 0 ? r : tell(fd, WIRE_CERTIFICATE, buf_all(&a->certificate), -1, false);
	for (size_t i = 0; i < a->spec.agent.clients.n && r == 0; i++)
		r = tell(fd, WIRE_CLIENT, str_c(a->spec.agent.clients.v[i]), -1, false);
	if (r < 0)
		return err_errno(e, r, "agent: front");
	return hand_listener(fd, listen_tcp(a->c.tcp_address, a->spec.agent.tcp, e), true, e);
}

static int start_front(struct agent *a, struct err *e)
{
	int r = worker_spawn(&a->front, FRONT_ROLE, NULL, e);

	r = r < 0 ? r : configure_tls(a, e);
	if (r == 0 && a->c.unix_path)
		r = hand_listener(a->front.fd, listen_unix(a->c.unix_path, e), false, e);
	if (r == 0 && a->has_spec && a->spec.agent.vsock)
		r = hand_listener(a->front.fd, listen_vsock(a->spec.agent.vsock, e), false, e);
	if (r == 0 && tell(a->front.fd, WIRE_GO, STR_NONE, -1, false) < 0)
		r = err_set(e, -EPIPE, "agent: front: no one there");
	return r;
}

static void stop_front(struct agent *a)
{
	for (size_t i = 0; i < WIRE_PLACES_MAX; i++)
		if (a->requests[i].active)
			drop(&a->requests[i]);
	worker_kill(&a->front);
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
	    tls_is_certificate(buf_all(&a->certificate)))
		return 0;
	buf_done(&a->key);
	buf_done(&a->certificate);
	(void)uname(&u);
	r = tls_make(u.nodename[0] ? u.nodename : "node", &a->key, &a->certificate, e);
	/* The certificate last: where it is, its key is. */
	r = r < 0 ? r : file_write(dir, "key.pem", buf_all(&a->key), true, e);
	return r < 0 ? r : file_write(dir, "certificate.pem", buf_all(&a->certificate), true, e);
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
	if (depot_sweep(&a->depot, &why) < 0)
		fprintf(stderr, "yagura-agent: %s\n", why.msg);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	a->pods = pods_new(&(struct pods_config){ &a->depot, a->c.data_path, a->c.run_path, a->c.verify_once }, e);
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
	int r = msg_recv(a->front.fd, m);

	if (r > 0) {
		hear(a, m);
		msg_done(m);
		return 0;
	}
	/* It ended: a fault in what a client sent, at worst. */
	fprintf(stderr, "yagura-agent: the half that speaks has ended; it is started again\n");
	stop_front(a);
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
				layer_sealed(a, &a->requests[i]);
		if (p[0].revents)
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
		stop_front(a);
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
