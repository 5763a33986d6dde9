/* requests: what is asked of the agent, done and answered. See inside.h and docs/node-api.md. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/log.h"
#include "node/agent/child.h"
#include "node/agent/inside.h"
#include "node/agent/status.h"
#include "node/settings.h"

#define ANSWER_LOG_MAX (4u << 20) /* bytes of a log that one answer has: the newest */

/* ---- answers ---- */

/* A sealed file with these bytes, -1. */
static int sealed(struct str bytes)
{
	auto_close int fd = memfd_create("answer", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || fd_write(fd, bytes.p, bytes.n) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		return -1;
	return take_fd(&fd);
}

void request_end(struct request *q)
{
	depot_drop(&q->intake);
	if (q->sealer) {
		kill(q->sealer, SIGKILL);
		child_end(q->sealer, &q->sealed);
		q->sealer = 0;
	}
	buf_done(&q->body);
	buf_init(&q->body, API_JSON_MAX);
	q->active = false;
}

static void reply(struct agent *a, struct request *q, unsigned int status, bool json, struct str body)
{
	auto_close int fd = sealed(body);
	const struct wire w = {
		.id = q->id, .status = fd < 0 ? 500 : status, .json = json, .length = fd < 0 ? 0 : body.n
	};
	auto_buf struct buf b;

	buf_init(&b, 64);
	wire_write(WIRE_REPLY, &w, &b);
	request_end(q);
	/* So many answers fit that it takes a front which does not read any to fill the socket: that one is ended, and
	 * not waited for. A front that is gone is started again by the loop as well. */
	if (msg_send(a->front.fd, WIRE_REPLY, buf_all(&b), &fd, fd >= 0) == -EAGAIN)
		a->front_is_deaf = true;
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

void request_refuse(struct agent *a, struct request *q, int r, const struct err *e)
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
	request_refuse(a, q, err_set(&e, -ENOENT, "there is no pod %s", q->name), &e);
}

static void do_pod_put(struct agent *a, struct request *q)
{
	struct err e = { 0 };
	int r = pods_put(a->pods, str_c(q->name), buf_all(&q->body), false, &e);

	if (r < 0)
		request_refuse(a, q, r, &e);
	else
		reply_done(a, q, 202);
}

static void do_pod_delete(struct agent *a, struct request *q)
{
	struct err e = { 0 };
	int r = pods_delete(a->pods, str_c(q->name), &e);

	if (r < 0)
		request_refuse(a, q, r, &e);
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
	json_out_key_u64(w, "layers", r->layer_count);
	json_out_key_u64(w, "bytes", bytes);
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
	request_refuse(a, q, r, &e);
}

static void do_image_get(struct agent *a, struct request *q)
{
	auto_arena struct arena room = { 0 };
	struct err e = { 0 };
	struct stored record;
	struct out out;
	int r = depot_record(&a->depot, str_c(q->name), &room, &record, &e);

	if (r < 0) {
		request_refuse(a, q, r, &e);
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
		request_refuse(a, q, r, &e);
	else
		reply_done(a, q, 201);
}

static void do_image_delete(struct agent *a, struct request *q)
{
	struct err e = { 0 };
	int r = pods_uses_image(a->pods, str_c(q->name)) ? err_set(&e, -EBUSY, "image %s: a pod uses it", q->name)
							 : depot_delete(&a->depot, str_c(q->name), &e);

	if (r < 0)
		request_refuse(a, q, r, &e);
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
		request_refuse(a, q, err_set(&e, -EINVAL, "no name of a layer"), &e);
		return;
	}
	fd = depot_layer(&a->depot, &root, &fixed);
	if (fd < 0)
		request_refuse(a, q, err_errno(&e, fd, "layer %s", q->name), &e);
	else
		reply_done(a, q, 200);
}

/* Gigabytes are hashed: in a process of its own, so that nobody else waits for it. */
static void do_layer_put(struct agent *a, struct request *q)
{
	const int kept[] = { a->depot.data, a->depot.fixed, q->intake.fd };
	struct err e = { 0 };
	pid_t pid;

	if (q->sealer)
		return; /* said twice */
	if (q->intake.fd < 0) {
		reply_done(a, q, 201);
		return;
	}
	pid = child_fork(kept, ARRAY_LEN(kept), &q->sealed, &e);
	if (pid == 0) {
		e.code = depot_finish(&a->depot, &q->intake, &e);
		(void)!fd_write(q->sealed, &e, sizeof(e));
		_exit(0);
	}
	depot_drop(&q->intake);
	if (pid < 0)
		request_refuse(a, q, pid, &e);
	else
		q->sealer = pid;
}

void request_sealed(struct agent *a, struct request *q)
{
	struct err e;

	if (fd_read(q->sealed, &e, sizeof(e)) != (ssize_t)sizeof(e))
		err_set(&e, -EIO, "the layer could not be checked");
	e.msg[sizeof(e.msg) - 1] = 0;
	child_end(q->sealer, &q->sealed);
	q->sealer = 0;
	if (e.code < 0)
		request_refuse(a, q, e.code, &e);
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
		request_refuse(a, q, r, &e);
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
		request_refuse(a, q, r, &e);
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
	json_out_key_array(&x.w, "node");
	if (own >= 0)
		list_logs(own, false, &x.w);
	json_out_end_array(&x.w);
	json_out_key_array(&x.w, "containers");
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
		request_refuse(a, q, r, &e);
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

void request_do(struct agent *a, struct request *q)
{
	actions[q->op](a, q);
}
