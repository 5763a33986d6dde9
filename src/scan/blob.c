/* blob: the bytes of an image's layers, opened for a worker. See blob.h. */
#include "scan/blob.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "fetch/http.h"
#include "scan/proto.h"

#define FETCH_RETRIES 4
#define PIPE_BYTES (1 << 20) /* keeps the download going while a worker is busy with another layer */

#define URL_BYTES_MAX 4096
#define TOKEN_BYTES_MAX 8192 /* JSON web tokens of large registries have 2 to 4 kB */

enum { REQUEST_INSECURE = 1 };

void blobs_init(struct blobs *b, struct image *image, const struct image_options *options,
		const uint32_t *layer_of_task)
{
	*b = (struct blobs){ .image = image, .options = options, .layer_of_task = layer_of_task };
	b->fetcher = xcalloc(image->blobs.n, sizeof(*b->fetcher));
	for (size_t i = 0; i < image->blobs.n; i++)
		b->fetcher[i].fd = -1;
}

void blobs_done(struct blobs *b)
{
	for (size_t i = 0; b->fetcher && i < b->image->blobs.n; i++)
		worker_end(&b->fetcher[i], NULL);
	free(take_ptr(b->fetcher));
}

bool blob_failure(struct blobs *b, size_t layer, struct err *ret)
{
	struct worker *w = &b->fetcher[layer];
	auto_free struct msg *m = NULL;
	bool failed = false;

	if (!w->pid)
		return false;
	m = xmalloc(sizeof(*m));
	if (msg_recv(w->fd, m) > 0 && m->kind == PROTO_FAILED) {
		err_set(ret, -EIO, STR_FMT, STR_ARG(m->payload));
		failed = true;
	}
	msg_done(m);
	worker_end(w, NULL);
	return failed;
}

static int send_request(struct blobs *b, size_t layer, int to, struct err *e)
{
	const struct blob_source *s = &b->image->blobs.v[layer];
	struct buf request;
	int r;

	buf_init(&request, MSG_BYTES_MAX - 1);
	buf_var_str(&request, s->url);
	buf_var_str(&request, s->token_header);
	buf_var_str(&request, str_c(b->options->ca_file));
	buf_varint(&request, b->options->insecure_tls ? REQUEST_INSECURE : 0);
	buf_varint(&request, s->size ? s->size : BLOB_BYTES_MAX);
	r = buf_finish(&request);
	r = r < 0 ? r : msg_send(b->fetcher[layer].fd, 1, buf_all(&request), &to, 1);
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

static int open_url(struct blobs *b, size_t layer, struct err *e)
{
	auto_close int from = -1;
	auto_close int to = -1;
	int ends[2];
	int r;

	worker_end(&b->fetcher[layer], NULL); /* of an earlier pass */
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "cannot make a pipe");
	from = ends[0];
	to = ends[1];
	if (fcntl(to, F_SETPIPE_SZ, PIPE_BYTES) < 0)
		r = 0; /* a smaller pipe is slower, no more */
	r = worker_spawn(&b->fetcher[layer], "fetch", fetch_env(), e);
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
		return open_url(b, layer, e);
	fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? err_errno(e, -errno, "cannot hand over a layer") : fd;
}

struct layer_opener blobs_opener(struct blobs *b)
{
	return (struct layer_opener){ b, open_blob };
}

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

static int fetch(struct str payload, int to, struct err *e)
{
	struct rd in = rd_of(payload);
	char url[URL_BYTES_MAX], token[TOKEN_BYTES_MAX], ca[PATH_BYTES_MAX];
	const char *headers[] = { z_of(STR_NONE, NULL, 0), NULL };
	struct http_request q = { .retries = FETCH_RETRIES, .no_redirect_auth = true, .headers = headers };
	struct http_sink sink = { .ctx = &to, .body = write_body };
	struct http_answer answer = { 0 };
	int r;

	q.url = z_of(rd_var_str(&in), url, sizeof(url));
	headers[0] = z_of(rd_var_str(&in), token, sizeof(token));
	q.ca_file = z_of(rd_var_str(&in), ca, sizeof(ca));
	q.insecure_tls = rd_varint(&in) & REQUEST_INSECURE;
	q.size_max = rd_varint(&in);
	if (!rd_ok(&in) || !q.url)
		return err_set(e, -EBADMSG, "bad download request");
	r = http_get(&q, &sink, &answer, e);
	if (r == 0 && answer.status != 200 && answer.status != 206)
		r = err_set(e, -EIO, "the registry answered with status %u", answer.status);
	http_answer_done(&answer);
	return r;
}

int blob_fetch_serve(int fd, struct err *e)
{
	auto_free struct msg *m = xmalloc(sizeof(*m));
	int r = msg_recv(fd, m);

	if (r <= 0 || m->fd_count != 1)
		return err_set(e, -EBADMSG, "bad download request");
	/* A reader that has seen enough is no failure of ours. */
	r = fetch(m->payload, m->fds[0], e);
	msg_done(m);
	return r == -EPIPE ? 0 : r;
}
