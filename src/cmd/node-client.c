/* node-client: `yagura node status`, `pods`, `apply` and so on: asking a node's agent (docs/node-api.md). */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "cmd/node.h"
#include "cmd/progress.h"
#include "cmd/target.h"
#include "codec/yaml.h"
#include "fetch/peer.h"
#include "node/pod.h"
#include "node/stored.h"
#include "node/settings.h"
#include "node/verity.h"
#include "scan/store.h"

static struct str arg_node, arg_cert, arg_key, arg_ca, arg_name;

#define CLIENT_ROWS                                                                                                    \
	{ "node",    'n',	OPTION_TEXT,                                                                           \
	  &arg_node, "ADDRESS", "The node: HOST:PORT (with --cert, --key and --ca), vsock:CID:PORT or unix:PATH.",     \
	  NULL },                                                                                                      \
		{ "cert", 0, OPTION_TEXT, &arg_cert, "FILE", "Our certificate, which the node's specification names.", \
		  NULL },                                                                                              \
		{ "key", 0, OPTION_TEXT, &arg_key, "FILE", "Its private key.", NULL },                                 \
	{                                                                                                              \
		"ca", 0, OPTION_TEXT, &arg_ca, "FILE",                                                                 \
			"The node's own certificate, as `yagura node status` shows it.", NULL                          \
	}

const struct option node_client_options[] = { CLIENT_ROWS, { NULL } };
const struct option node_import_options[] = {
	CLIENT_ROWS,
	{ "name", 0, OPTION_TEXT, &arg_name, "NAME", "What pods call the image. Default: its reference.", NULL },
	TARGET_OPTION_ROWS,
	{ NULL },
};

/* ---- one request ---- */

#define STATUS_BUSY 503
#define BUSY_TRIES_MAX 20
#define BUSY_WAIT_MS 500

struct question {
	const char *method;
	char path[512];
	struct peer_body body;
	bool has_body;
};

/* A node that is busy with others says so before it has done anything: it is asked again. */
static int ask(const struct question *q, struct buf *ret, unsigned int *ret_status, struct err *e)
{
	const struct peer p = { arg_node, arg_z(arg_cert), arg_z(arg_key), arg_z(arg_ca) };

	for (unsigned int tries = 1;; tries++) {
		int r = peer_ask(&p, q->method, q->path, q->has_body ? &q->body : NULL, ret, ret_status, e);

		if (r < 0 || *ret_status != STATUS_BUSY || tries == BUSY_TRIES_MAX)
			return r;
		buf_done(ret);
		poll(NULL, 0, BUSY_WAIT_MS);
	}
}

static int bad_answer(unsigned int status, const struct buf *answer, struct err *e)
{
	return err_set(e, -EIO, "the node says %u: " STR_FMT, status,
		       STR_ARG(str_trim(str_head(buf_all(answer), ERR_MSG_MAX - 64))));
}

/* Asks and shows the answer. */
static int ask_and_show(const struct question *q)
{
	auto_buf struct buf answer = { 0 };
	struct err e = { 0 };
	unsigned int status = 0;
	int r;

	if (!arg_node.n)
		return cmd_usage("--node: which one?");
	r = ask(q, &answer, &status, &e);
	if (r == 0 && status >= 300)
		r = bad_answer(status, &answer, &e);
	if (r < 0)
		return cmd_fail(&e);
	if (fd_write(STDOUT_FILENO, answer.p, answer.n) < 0)
		return EXIT_COULD_NOT;
	return EXIT_CLEAN;
}

static int get(const char *path)
{
	struct question q = { .method = "GET" };

	snprintf(q.path, sizeof(q.path), "%s", path);
	return ask_and_show(&q);
}

static int with_name(const char *method, const char *path, struct str name)
{
	struct question q = { .method = method };

	if (snprintf(q.path, sizeof(q.path), "%s" STR_FMT, path, STR_ARG(name)) >= (int)sizeof(q.path))
		return cmd_usage("a name that long cannot be one");
	return ask_and_show(&q);
}

int node_status_run(const struct invocation *in unused_arg)
{
	return get("/v1/status");
}

int node_pods_run(const struct invocation *in)
{
	return in->args.n ? with_name("GET", "/v1/pods/", in->args.v[0]) : get("/v1/pods");
}

int node_images_run(const struct invocation *in)
{
	return in->args.n ? with_name("GET", "/v1/images/", in->args.v[0]) : get("/v1/images");
}

int node_logs_run(const struct invocation *in)
{
	return in->args.n ? with_name("GET", "/v1/logs/", in->args.v[0]) : get("/v1/logs");
}

int node_delete_run(const struct invocation *in)
{
	return with_name("DELETE", "/v1/pods/", in->args.v[0]);
}

int node_remove_image_run(const struct invocation *in)
{
	return with_name("DELETE", "/v1/images/", in->args.v[0]);
}

static int post(const char *path)
{
	struct question q = { .method = "POST" };

	snprintf(q.path, sizeof(q.path), "%s", path);
	return ask_and_show(&q);
}

int node_reboot_run(const struct invocation *in unused_arg)
{
	return post("/v1/reboot");
}

int node_power_off_run(const struct invocation *in unused_arg)
{
	return post("/v1/power-off");
}

/* ---- documents ---- */

static int put_text(const char *path, struct str name, struct str text)
{
	struct question q = { .method = "PUT", .has_body = true };
	FILE *file = tmpfile();
	int status;

	if (!file || fwrite(text.p, 1, text.n, file) != text.n || fflush(file) != 0) {
		struct err e = { 0 };

		err_errno(&e, -errno, "a temporary file");
		if (file)
			fclose(file);
		return cmd_fail(&e);
	}
	q.body = (struct peer_body){ fileno(file), text.n };
	snprintf(q.path, sizeof(q.path), "%s" STR_FMT, path, STR_ARG(name));
	status = ask_and_show(&q);
	fclose(file);
	return status;
}

/* YAML is a superset of JSON but for what nobody writes: one reader for both. "-": standard input. */
static int read_document(struct str path, struct buf *ret, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = str_is(path, "-") ? fd_read_all(STDIN_FILENO, YAML_BYTES_MAX, &text, e)
				  : file_read(AT_FDCWD, path.p, YAML_BYTES_MAX, &text, e);

	r = r < 0 ? r : yaml_to_json(buf_all(&text), ret, e);
	return r < 0 ? err_wrap(e, r, STR_FMT, STR_ARG(path)) : 0;
}

int node_apply_run(const struct invocation *in)
{
	auto_buf struct buf json = { 0 };
	auto_arena struct arena a = { 0 };
	struct err e = { 0 };
	struct pod p;
	int r = read_document(in->args.v[0], &json, &e);

	if (r == 0) {
		r = pod_parse(buf_all(&json), &a, &p, &e);
		r = r < 0 ? err_wrap(&e, r, STR_FMT, STR_ARG(in->args.v[0])) : 0;
	}
	return r < 0 ? cmd_fail(&e) : put_text("/v1/pods/", str_c(p.name), buf_all(&json));
}

int node_settings_run(const struct invocation *in)
{
	auto_buf struct buf json = { 0 };
	auto_arena struct arena a = { 0 };
	struct settings s;
	struct err e = { 0 };
	int r;

	if (!in->args.n)
		return get("/v1/settings");
	r = read_document(in->args.v[0], &json, &e);
	if (r == 0) {
		r = settings_parse(buf_all(&json), &a, &s, &e);
		r = r < 0 ? err_wrap(&e, r, STR_FMT, STR_ARG(in->args.v[0])) : 0;
	}
	return r < 0 ? cmd_fail(&e) : put_text("/v1/settings", STR(""), buf_all(&json));
}

/* ---- images ---- */

/* A copy with the tree behind it: the root hash is the layer's name. */
static int name_layer(int layer, int *ret_copy, struct stored_layer *ret, struct err *e)
{
	FILE *file = tmpfile();
	auto_close int copy = file ? fcntl(fileno(file), F_DUPFD_CLOEXEC, 3) : -1;
	struct stat st;
	int r = 0;

	if (file)
		fclose(file);
	if (copy < 0 || fstat(layer, &st) < 0)
		return err_errno(e, -errno, "a temporary file");
	ret->bytes = (uint64_t)st.st_size;
	for (uint64_t at = 0; at < ret->bytes && r == 0;) {
		char piece[16384];
		ssize_t n = fd_pread(layer, piece, sizeof(piece), at);

		r = n <= 0 ? err_errno(e, n < 0 ? (int)n : -EIO, "the layer's file") : fd_write(copy, piece, (size_t)n);
		at += n > 0 ? (uint64_t)n : 0;
	}
	r = r < 0 ? r : verity_write(copy, ret->bytes, ret->bytes, &stored_salt, &ret->root, e);
	*ret_copy = r < 0 ? -1 : take_fd(&copy);
	return r;
}

static int send_layer(const struct stored_layer *l, int copy, struct err *e)
{
	auto_buf struct buf answer = { 0 };
	struct question q = { .method = "GET" };
	char hex[DIGEST_TEXT_MAX];
	unsigned int status = 0;
	int r;

	snprintf(q.path, sizeof(q.path), "/v1/layers/%s", digest_text(&l->root, hex) + sizeof("sha256:") - 1);
	r = ask(&q, &answer, &status, e);
	if (r < 0 || status == 200)
		return r;
	buf_done(&answer);
	q.method = "PUT";
	q.has_body = true;
	q.body = (struct peer_body){ copy, l->bytes };
	r = ask(&q, &answer, &status, e);
	return r < 0 ? r : status >= 300 ? bad_answer(status, &answer, e) : 0;
}

static int send_layers(struct scan *s, struct stored *record, struct arena *a, struct err *e)
{
	size_t n = s->image.info.layers.n;
	auto_free int *fds = xcalloc(n + 1, sizeof(*fds));
	struct progress_bar bar;
	int r;

	if (!n || n > STORED_LAYERS_MAX)
		return err_set(e, n ? -E2BIG : -ENOTSUP, "an image of %zu layers; a node takes 1 to %u", n,
			       STORED_LAYERS_MAX);
	progress_start(&bar, STDERR_FILENO, arg_quiet);
	r = store_layers(arg_z(arg_data), &s->image, fds, &bar.progress, e);
	progress_end(&bar);
	if (r < 0)
		return r;
	record->layers = arena_array(a, struct stored_layer, n);
	for (size_t i = 0; i < n && r == 0; i++) {
		auto_close int copy = -1;
		char text[DIGEST_TEXT_MAX];

		r = name_layer(fds[i], &copy, &record->layers[i], e);
		r = r < 0 ? r : send_layer(&record->layers[i], copy, e);
		record->layers[i].diff_id =
			arena_str(a, str_c(digest_text(&s->image.info.layers.v[i].diff_id, text))).p;
	}
	record->layer_count = n;
	for (size_t i = 0; i < n; i++)
		fd_close(&fds[i]);
	return r;
}

static struct strings words(const struct texts *t, struct arena *a)
{
	struct strings s = { arena_array(a, const char *, t->n + 1), t->n };

	for (size_t i = 0; i < t->n; i++)
		s.v[i] = arena_str(a, t->v[i]).p;
	return s;
}

void node_record_fill(struct stored *r, const struct image_info *info, struct str name, struct arena *a)
{
	char text[DIGEST_TEXT_MAX];

	r->name = arena_str(a, name).p;
	r->image = arena_str(a, str_c(digest_text(&info->config, text))).p;
	r->entrypoint = words(&info->start.entrypoint, a);
	r->command = words(&info->start.command, a);
	r->env = words(&info->start.env, a);
	r->user = arena_str(a, info->start.user).p;
	r->directory = arena_str(a, info->start.directory).p;
}

static int import_scanned(struct scan *s, struct str name)
{
	auto_arena struct arena a = { 0 };
	struct stored record = { 0 };
	struct err e = { 0 };
	struct out out;
	int status;

	if (s->image.root_fd >= 0)
		return cmd_usage("a directory is no image: pack it first");
	node_record_fill(&record, &s->image.info, name, &a);
	if (send_layers(s, &record, &a, &e) < 0)
		return cmd_fail(&e);
	out_init(&out, -1);
	stored_write(&record, &out);
	status = put_text("/v1/images/", name, buf_all(&out.b));
	(void)!out_finish(&out);
	return status;
}

int node_import_run(const struct invocation *in)
{
	struct scan s;
	struct str name;
	int status;

	if (!arg_node.n)
		return cmd_usage("--node: which one?");
	status = target_read(&s, in->args.v[0]);
	if (status)
		return status;
	name = arg_name.n ? arg_name : s.image.info.reference;
	status = stored_name_ok(name) ? import_scanned(&s, name) : cmd_usage("--name: what shall pods call it?");
	scan_done(&s);
	return status;
}
