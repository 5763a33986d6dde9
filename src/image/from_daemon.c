/* from_daemon: images of a running docker or podman, exported over its API socket (Docker Engine API v1.40, "Export
 * several images"; podman serves the same path) into an unlinked temporary file, then read as a docker-archive.
 *
 * Sockets, the first that exists: DOCKER_HOST (docker) or CONTAINER_HOST (podman) when it is unix://, else the usual
 * places. The API needs no login; whoever may open the socket is root in all but name, so nothing is ever sent there
 * but this one GET. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "fetch/http.h"
#include "image/auth.h"
#include "image/scratch.h"
#include "image/source.h"

#define EXPORT_STALL_SECONDS 300 /* a daemon may pack for long before the first byte */
#define SOCKET_PATH_MAX 108	 /* sun_path */

/* The socket a variable of the environment names; -ENOTSUP for anything but unix://, 0 when it is not set. */
static int socket_of_variable(const char *name, struct str *ret, struct err *e)
{
	const char *value = secure_getenv(name);

	if (!value || !*value)
		return 0;
	if (!str_starts(str_c(value), STR("unix://")))
		return err_set(e, -ENOTSUP, "%s is %.100s: only unix:// sockets are spoken to", name, value);
	*ret = str_from(str_c(value), strlen("unix://"));
	return 1;
}

static bool is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int find_socket(struct image *img, struct str *ret, struct err *e)
{
	bool podman = img->info.kind == IMAGE_PODMAN;
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	struct arena *a = &img->info.arena;
	struct str places[3] = { 0 }, looked = STR_NONE;
	size_t n = 0;
	int r = socket_of_variable(podman ? "CONTAINER_HOST" : "DOCKER_HOST", ret, e);

	if (r)
		return r;
	if (runtime)
		places[n++] = arena_fmt(a, "%s/%s", runtime, podman ? "podman/podman.sock" : "docker.sock");
	places[n++] = podman ? STR("/run/podman/podman.sock") : STR("/run/docker.sock");
	if (!podman)
		places[n++] = STR("/var/run/docker.sock");
	for (size_t i = 0; i < n; i++) {
		if (!is_socket(places[i].p))
			continue;
		*ret = places[i];
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		looked = arena_fmt(a, STR_FMT "%s" STR_FMT, STR_ARG(looked), i ? ", " : "", STR_ARG(places[i]));
	return err_set(e, -ENOENT, "no socket of %s: looked at " STR_FMT, podman ? "podman" : "docker",
		       STR_ARG(looked));
}

struct export
{
	int fd;
	uint64_t bytes;
	const struct progress *progress;
};

static int export_body(void *ctx, const void *p, size_t n)
{
	struct export *x = ctx;

	x->bytes += n;
	progress_at(x->progress, STR("exporting the image"), x->bytes, 0);
	return fd_write(x->fd, p, n);
}

static int export_image(const char *socket, const char *url, struct export *x, struct err *e)
{
	struct http_request q = {
		.url = url, .unix_socket = socket, .size_max = SCRATCH_BYTES_MAX, .stall_seconds = EXPORT_STALL_SECONDS
	};
	struct http_sink sink = { .ctx = x, .body = export_body };
	auto_http_answer struct http_answer answer = { 0 };
	int r = http_get(&q, &sink, &answer, e);

	if (r < 0)
		return r;
	if (answer.status == 404)
		return err_set(e, -ENOENT, "%s: no such image there", socket);
	if (answer.status != 200)
		return err_set(e, -EIO, "%s: status %u: no such image there, or it cannot be exported", socket,
			       answer.status);
	return 0;
}

int from_daemon(struct image *img, struct str target, const struct image_options *o, struct err *e)
{
	struct arena *a = &img->info.arena;
	struct export x = { .progress = o->progress };
	auto_close int fd = -1;
	struct str socket, name, url;
	int r;

	if (!target.n || target.n > REFERENCE_BYTES_MAX)
		return err_set(e, -EINVAL, "a name of an image is wanted");
	r = find_socket(img, &socket, e);
	if (r < 0)
		return r;
	if (socket.n >= SOCKET_PATH_MAX)
		return err_set(e, -EINVAL, "the socket's path is too long");
	name = auth_url_escape(a, target);
	url = arena_fmt(a, "http://localhost/v1.40/images/get?names=" STR_FMT, STR_ARG(name));
	x.fd = fd = scratch_open(o->scratch_dir, e);
	if (fd < 0)
		return fd;
	r = export_image(arena_str(a, socket).p, url.p, &x, e);
	if (r >= 0)
		r = archive_open_fd(img, take_fd(&fd), false, STR_NONE, o, e);
	return r < 0 ? err_wrap(e, r, STR_FMT, STR_ARG(target)) : 0;
}
