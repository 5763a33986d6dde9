/* peer: one request, by TLS with libcurl's easy interface. See peer.h. */
#include "fetch/peer.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <sys/socket.h>
#include <linux/vm_sockets.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/num.h"
#include "fetch/plain.h"

#define CONNECT_MS 10000L
#define STALL_SECONDS 120L /* the node may be computing a layer's tree */
#define URL_MAX 1024

/* The parts of libcurl in use; the types are the library's own. */
#define CURL_FUNCTIONS(X)    \
	X(curl_global_init)  \
	X(curl_easy_init)    \
	X(curl_easy_setopt)  \
	X(curl_easy_getinfo) \
	X(curl_easy_perform) \
	X(curl_easy_cleanup) \
	X(curl_easy_strerror)

static struct {
#define MEMBER(name) __typeof__(name) *fn_##name;
	CURL_FUNCTIONS(MEMBER)
#undef MEMBER
} curl;

static bool load(void)
{
	void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		lib = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		return false;
#define LOAD(name)                                              \
	curl.fn_##name = (__typeof__(name) *)dlsym(lib, #name); \
	if (!curl.fn_##name)                                    \
		return false;
	CURL_FUNCTIONS(LOAD)
#undef LOAD
	return curl.fn_curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* ---- where to ---- */

/* A local socket, connected. */
static int connect_unix(struct str path, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	auto_close int fd = -1;

	if (!path.n || path.n >= sizeof(a.sun_path))
		return err_set(e, -EINVAL, "\"unix:" STR_FMT "\" is not unix:PATH", STR_ARG(path));
	memcpy(a.sun_path, path.p, path.n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_errno(e, -errno, "unix:" STR_FMT, STR_ARG(path));
	return take_fd(&fd);
}

static int connect_vsock(struct str text, struct err *e)
{
	struct sockaddr_vm a = { .svm_family = AF_VSOCK };
	auto_close int fd = -1;
	struct str cid, port;

	if (!str_split(text, ':', &cid, &port) || !num_u32(cid, &a.svm_cid) || !num_u32(port, &a.svm_port))
		return err_set(e, -EINVAL, "\"vsock:" STR_FMT "\" is not vsock:CID:PORT", STR_ARG(text));
	fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_errno(e, -errno, "vsock:" STR_FMT, STR_ARG(text));
	return take_fd(&fd);
}

/* Who needs no keys: a connected socket; -ENOTSUP: another kind of address. */
static int connect_plain(struct str address, struct err *e)
{
	if (str_starts(address, STR("unix:")))
		return connect_unix(str_from(address, 5), e);
	if (str_starts(address, STR("vsock:")))
		return connect_vsock(str_from(address, 6), e);
	return -ENOTSUP;
}

/* ---- libcurl's questions ---- */

static size_t take_body(char *p, size_t size unused_arg, size_t n, void *ctx)
{
	struct buf *b = ctx;

	buf_add(b, p, n);
	return b->full ? 0 : n;
}

struct upload {
	int fd;
	uint64_t at, bytes;
};

static size_t give_body(char *p, size_t size, size_t n, void *ctx)
{
	struct upload *u = ctx;
	size_t want = u->bytes - u->at < size * n ? (size_t)(u->bytes - u->at) : size * n;
	ssize_t got = fd_pread(u->fd, p, want, u->at);

	if (got < 0)
		return CURL_READFUNC_ABORT;
	u->at += (uint64_t)got;
	return (size_t)got;
}

static void set_options(CURL *c, const struct peer *p, const char *method, const char *url, char why[CURL_ERROR_SIZE])
{
#define SET(option, value) curl.fn_curl_easy_setopt(c, option, value)
	SET(CURLOPT_URL, url);
	SET(CURLOPT_CUSTOMREQUEST, method);
	SET(CURLOPT_ERRORBUFFER, why);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	SET(CURLOPT_SSLCERT, p->cert);
	SET(CURLOPT_SSLKEY, p->key);
	SET(CURLOPT_CAINFO, p->ca);
	SET(CURLOPT_CAPATH, NULL);
	/* The certificate itself is what is known of the node; what name it carries says nothing more. */
	SET(CURLOPT_SSL_VERIFYHOST, 0L);
}

static void set_body(CURL *c, struct upload *u, struct buf *ret)
{
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, ret);
	if (u->fd < 0)
		return;
	SET(CURLOPT_UPLOAD, 1L);
	SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)u->bytes);
	SET(CURLOPT_READFUNCTION, give_body);
	SET(CURLOPT_READDATA, u);
#undef SET
}

static int ask_by_tls(const struct peer *p, const char *method, const char *path, const struct peer_body *body,
		      struct buf *ret, unsigned int *ret_status, struct err *e)
{
	struct upload u = { .fd = body ? body->fd : -1, .bytes = body ? body->bytes : 0 };
	char why[CURL_ERROR_SIZE] = "", url[URL_MAX];
	struct buf answer;
	long status = 0;
	CURLcode code;
	CURL *c;

	if (!p->cert || !p->key || !p->ca)
		return err_set(e, -EINVAL,
			       "for HOST:PORT a certificate, its key and the node's certificate are needed");
	if (snprintf(url, sizeof(url), "https://" STR_FMT "%s", STR_ARG(p->address), path) >= (int)sizeof(url))
		return err_set(e, -EINVAL, "%.60s: too long", path);
	if (!curl.fn_curl_easy_perform && !load())
		return err_set(e, -ENOTSUP, "libcurl.so.4 (7.85 or later) is needed and could not be loaded");
	c = curl.fn_curl_easy_init();
	if (!c)
		return err_set(e, -ENOMEM, "libcurl is out of memory");
	buf_init(&answer, PEER_ANSWER_MAX);
	set_options(c, p, method, url, why);
	set_body(c, &u, &answer);
	code = curl.fn_curl_easy_perform(c);
	curl.fn_curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl.fn_curl_easy_cleanup(c);
	/* A node that refuses an upload answers before it was all sent. */
	if (code != CURLE_OK && !(status >= 400 && answer.n)) {
		buf_done(&answer);
		return err_set(e, -EIO, STR_FMT ": %s", STR_ARG(p->address),
			       why[0] ? why : curl.fn_curl_easy_strerror(code));
	}
	*ret = answer;
	*ret_status = (unsigned int)status;
	return 0;
}

int peer_ask(const struct peer *p, const char *method, const char *path, const struct peer_body *body, struct buf *ret,
	     unsigned int *ret_status, struct err *e)
{
	auto_close int fd = connect_plain(p->address, e);
	int r;

	if (fd == -ENOTSUP)
		return ask_by_tls(p, method, path, body, ret, ret_status, e);
	if (fd < 0)
		return fd;
	r = plain_ask(fd, method, path, body, ret, ret_status, e);
	return r < 0 ? err_wrap(e, r, STR_FMT, STR_ARG(p->address)) : 0;
}
