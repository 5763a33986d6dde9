/* checks: this host held to the baseline. See checks.h. */
#include "cmd/checks.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "base/fd.h"
#include "cmd/cmd.h"
#include "host/host.h"
#include "host/ignore.h"
#include "host/kernel.h"

int checks_run(enum checks_of what, struct audit *a, struct err *e)
{
	auto_close int root = fd_open(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY);
	struct kernel_input in;
	int r;

	kernel_read_host(&a->arena, &in);
	r = kernel_audit(&in, a, e);
	if (in.proc_sys >= 0)
		fd_close(&in.proc_sys);
	if (r < 0 || what == CHECKS_KERNEL)
		return r;
	return root < 0 ? err_errno(e, root, "/") : host_audit(root, what == CHECKS_NODE, a, e);
}

static int forgive(struct str path, struct audit *a, size_t *ret_expired, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = file_read(AT_FDCWD, path.p, IGNORE_BYTES_MAX, &text, e);

	if (r < 0)
		return r;
	r = ignore_apply(arena_str(&a->arena, buf_all(&text)), (uint64_t)time(NULL), a, ret_expired, e);
	return r < 0 ? err_wrap(e, r, STR_FMT, STR_ARG(path)) : 0;
}

int checks_forgive(struct str path, struct audit *a, struct err *e)
{
	size_t expired = 0;
	int r = path.n ? forgive(path, a, &expired, e) : 0;

	if (expired && !arg_quiet)
		fprintf(stderr, "yagura: " STR_FMT ": %zu %s past %s day and %s again\n", STR_ARG(path), expired,
			expired == 1 ? "exception is" : "exceptions are", expired == 1 ? "its" : "their",
			expired == 1 ? "counts" : "count");
	return r;
}

int checks_forgivable(struct str path, struct err *e)
{
	struct audit none = { 0 };
	size_t expired = 0;
	int r = path.n ? forgive(path, &none, &expired, e) : 0;

	audit_done(&none);
	return r;
}
