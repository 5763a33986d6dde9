/* work: what this program does when it was started as a worker. See work.h. */
#include "scan/work.h"

#include <signal.h>
#include <unistd.h>

#include "codec/sha256.h"
#include "scan/blob.h"
#include "scan/build.h"
#include "scan/collect.h"
#include "layer/erofs.h"
#include "scan/pool.h"
#include "scan/unpack.h"

#define EXIT_COULD_NOT 3

static const struct {
	const char *role;
	bool network;
	uint64_t file_bytes;
	int (*serve)(int fd, struct err *e);
} roles[] = {
	{ "scan", false, 0, collect_serve },
	{ "compile", false, 0, build_serve },
	{ "fetch", true, 0, blob_fetch_serve },
	{ "unpack", false, EROFS_BYTES_MAX, unpack_serve },
};

int work_main(const char *role)
{
	struct err e = { 0 };
	int r = -EINVAL;

	signal(SIGPIPE, SIG_IGN);
	mem_end_silently(WORKER_NO_MEMORY);
	sha256_setup(); /* may load a library: before the doors are shut */
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if (strcmp(role, roles[i].role) != 0)
			continue;
		r = pool_confine(roles[i].network, roles[i].file_bytes, &e);
		r = r < 0 ? r : roles[i].serve(WORKER_SOCKET_FD, &e);
	}
	if (r < 0 && msg_send(WORKER_SOCKET_FD, PROTO_FAILED, str_c(e.msg), NULL, 0) < 0)
		_exit(EXIT_COULD_NOT);
	/* Nothing at exit is needed, and little of it would be allowed. */
	_exit(r < 0 ? EXIT_COULD_NOT : 0);
}
