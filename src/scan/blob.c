/* blob: the bytes of an image's layers, opened for a worker. See blob.h. */
#include "scan/blob.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "fetch/http.h"
#include "scan/proto.h"

#define PIPE_BYTES (1 << 20) /* keeps the download going while a worker is busy with another layer */
#define LOGIN_AGE_MS 45000   /* a token lives for at least 60 s (distribution project, spec/auth/token.md) */

#define URL_BYTES_MAX 4096
#define TOKEN_BYTES_MAX 8192 /* JSON web tokens of large registries have 2 to 4 kB */

enum { REQUEST_INSECURE = 1 };

void blobs_init(struct blobs *b, struct image *image, const uint32_t *layer_of_task)
{
	*b = (struct blobs){ .image = image, .layer_of_task = layer_of_task, .login_ms = clock_ms() };
	b->fetcher = xcalloc(image->blobs.n, sizeof(*b->fetcher));
	for (size_t i = 0; i < image->blobs.n; i++)
		b->fetcher[i].fd = -1;
}

void blobs_done(struct blobs *b)
{
	for (size_t i = 0; b->fetcher && i < b->image->blobs.n; i++)
		worker_kill(&b->fetcher[i], NULL);
	free(take_ptr(b->fetcher));
}

static int send_request(struct blobs *b, size_t layer, int to, struct err *e)
{
	struct http_request q;
	struct buf request;
	int r;

	image_blob_request(b->image, layer, &q);
	buf_init(&request, MSG_BYTES_MAX - 1);
	buf_var_str(&request, str_c(q.url));
	buf_var_str(&request, str_c(q.headers && q.headers[0] ? q.headers[0] : ""));
	buf_var_str(&request, str_c(q.ca_file ? q.ca_file : ""));
	buf_varint(&request, q.insecure_tls ? REQUEST_INSECURE : 0);
	buf_varint(&request, q.size_max);
	buf_varint(&request, q.retries);
	buf_varint(&request, b->image->blobs.v[layer].size);
	r = buf_finish(&request);
	r = r < 0 ? r : msg_send(b->fetcher[layer].fd, PROTO_DOWNLOAD, buf_all(&request), &to, 1);
	buf_done(&request);
	return r < 0 ? err_errno(e, r, "cannot start a download") : 0;
}

/* What libcurl and the resolver look at. */
static const char *const *fetch_env(void)
{
	static const char *const wanted[] = { "https_proxy",  "http_proxy",    "HTTPS_PROXY", "no_proxy",
					      "NO_PROXY",     "all_proxy",     "ALL_PROXY",   "SSL_CERT_FILE",
					      "SSL_CERT_DIR", "CURL_CA_BUNDLE" };
	static char text[ARRAY_LEN(wanted)][512];
	static const char *env[ARRAY_LEN(wanted) + 1];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		const char *value = getenv(wanted[i]);

		if (value && (size_t)snprintf(text[n], sizeof(text[n]), "%s=%s", wanted[i], value) < sizeof(text[n])) {
			env[n] = text[n];
			n++;
		}
	}
	env[n] = NULL;
	return env;
}

/* A token may have run out while layers waited for their turn. Failing is no reason to stop: the old one may do, and if
 * it does not, the registry says so. */
static void login_again_when_old(struct blobs *b)
{
	if (clock_ms() - b->login_ms < LOGIN_AGE_MS)
		return;
	b->login_ms = clock_ms();
	if (image_blob_refresh(b->image, NULL) < 0)
		return;
}

static int open_url(struct blobs *b, size_t layer, struct err *e)
{
	struct worker *w = &b->fetcher[layer];
	auto_close int from = -1;
	auto_close int to = -1;
	int ends[2];
	int r;

	worker_kill(w, NULL);
	login_again_when_old(b);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "cannot make a pipe");
	from = ends[0];
	to = ends[1];
	if (fcntl(to, F_SETPIPE_SZ, PIPE_BYTES) < 0)
		r = 0; /* a smaller pipe is slower, no more */
	r = worker_spawn(w, "fetch", fetch_env(), e);
	r = r < 0 ? r : send_request(b, layer, to, e);
	return r < 0 ? r : take_fd(&from);
}

static int open_blob(void *ctx, size_t task, bool *ret_positioned, uint64_t *ret_offset, uint64_t *ret_size,
		     struct err *e)
{
	struct blobs *b = ctx;
	size_t layer = b->layer_of_task[task];
	const struct blob_source *s = &b->image->blobs.v[layer];
	int fd;

	*ret_positioned = s->place == BLOB_FILE;
	*ret_offset = s->offset;
	*ret_size = s->size;
	if (s->place == BLOB_URL)
		fd = open_url(b, layer, e);
	else if ((fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3)) < 0)
		fd = err_errno(e, -errno, "cannot hand over its bytes");
	return fd < 0 ? err_wrap(e, fd, "layer %zu", layer) : fd;
}

/* What a download has to say when its bytes have ended; it said so before they did. */
static int blob_ended(void *ctx, size_t task, struct err *e)
{
	struct blobs *b = ctx;
	size_t layer = b->layer_of_task[task];
	struct worker *w = &b->fetcher[layer];
	auto_free struct msg *m = NULL;
	int r = 0;

	if (!w->pid)
		return 0;
	m = xmalloc(sizeof(*m));
	m->fd_count = 0;
	if (msg_wait(&w->fd, 1, 0, 0) == 0 && msg_recv(w->fd, m) > 0)
		r = m->kind == PROTO_REFUSED ? 1 : err_set(e, -EIO, STR_FMT, STR_ARG(m->payload));
	msg_done(m);
	worker_kill(w, NULL);
	if (r > 0) {
		b->login_ms = clock_ms();
		r = image_blob_refresh(b->image, e);
		r = r < 0 ? r : 1;
	}
	return r < 0 ? err_wrap(e, r, "layer %zu", layer) : r;
}

struct layer_opener blobs_opener(struct blobs *b)
{
	return (struct layer_opener){ b, open_blob, blob_ended };
}

/* -------- in the worker -------- */

static int write_body(void *ctx, const void *p, size_t n)
{
	return fd_write(*(int *)ctx, p, n);
}

static const char *z_of(struct str s, char *room, size_t size)
{
	if (!s.n || s.n >= size)
		return NULL;
	memcpy(room, s.p, s.n);
	room[s.n] = 0;
	return room;
}

/* PROTO_REFUSED when the registry wants another token, else PROTO_FAILED; *ret_kind is of interest after a failure
 * only. */
static int judge(const struct http_answer *answer, uint64_t size, enum proto_kind *ret_kind, struct err *e)
{
	if (answer->status == 401) {
		*ret_kind = PROTO_REFUSED;
		return err_set(e, -EACCES, "the registry refused the request");
	}
	if (answer->status != 200)
		return err_set(e, -EIO, "the registry answered %u", answer->status);
	if (size && answer->body_bytes != size)
		return err_set(e, -EBADMSG, "the blob is %llu bytes long, not %llu as the manifest says",
			       (unsigned long long)answer->body_bytes, (unsigned long long)size);
	return 0;
}

static int fetch(struct str payload, int to, enum proto_kind *ret_kind, struct err *e)
{
	struct rd in = rd_of(payload);
	char url[URL_BYTES_MAX], token[TOKEN_BYTES_MAX], ca[PATH_BYTES_MAX];
	const char *headers[] = { NULL, NULL };
	struct http_request q = { .headers = headers };
	struct http_sink sink = { .ctx = &to, .body = write_body };
	struct http_answer answer = { 0 };
	uint64_t size;
	int r;

	q.url = z_of(rd_var_str(&in), url, sizeof(url));
	headers[0] = z_of(rd_var_str(&in), token, sizeof(token));
	q.ca_file = z_of(rd_var_str(&in), ca, sizeof(ca));
	q.insecure_tls = rd_varint(&in) & REQUEST_INSECURE;
	q.size_max = rd_varint(&in);
	q.retries = (unsigned int)rd_varint(&in);
	size = rd_varint(&in);
	if (!rd_ok(&in) || !q.url)
		return err_set(e, -EBADMSG, "bad download request");
	r = http_get(&q, &sink, &answer, e);
	r = r < 0 ? r : judge(&answer, size, ret_kind, e);
	http_answer_done(&answer);
	return r;
}

int blob_fetch_serve(int fd, struct err *e)
{
	auto_free struct msg *m = xmalloc(sizeof(*m));
	enum proto_kind kind = PROTO_FAILED;
	int r = msg_recv(fd, m);

	if (r <= 0 || m->kind != PROTO_DOWNLOAD || m->fd_count != 1)
		return err_set(e, -EBADMSG, "bad download request");
	r = fetch(m->payload, m->fds[0], &kind, e);
	/* A reader that has seen enough is no failure of ours. */
	if (r < 0 && r != -EPIPE && msg_send(fd, (uint8_t)kind, str_c(e->msg), NULL, 0) < 0)
		r = 0; /* nor is a parent that has gone */
	msg_done(m);
	return 0;
}
