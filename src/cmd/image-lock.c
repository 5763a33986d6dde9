/* image-lock: locks of base images, out of a file or made anew, for `build` and `refresh`. See image.h. */
#include <fcntl.h>
#include <time.h>

#include "cmd/cmd.h"
#include "cmd/image.h"
#include "node/image/store.h"
#include "scan/cache.h"

struct image_source_args arg_image_source;

int image_store(int *ret)
{
	struct err e = { 0 };
	struct cache cache;
	int r = cache_open(&cache, arg_z(arg_cache), &e);

	if (r == 0)
		r = *ret = store_open(cache.dir_fd, &e);
	cache_close(&cache);
	return r < 0 ? cmd_fail(&e) : 0;
}

int image_lock_read(const char *file, struct lock *ret)
{
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };
	int r = file_read(AT_FDCWD, file, LOCK_BYTES_MAX, &text, &e);

	if (r == 0)
		r = lock_parse(buf_all(&text), ret, &e);
	if (r == 0)
		return 0;
	if (!str_starts(str_c(e.msg), str_c(file)))
		err_wrap(&e, r, "%s", file);
	return cmd_fail(&e);
}

int image_lock_make(struct resolve_options *o, struct lock *ret)
{
	struct machine machine = { .sources_file = arg_z(arg_image_source.sources),
				   .keyring = arg_z(arg_image_source.keyring) };
	struct resolve_report report;
	struct err e = { 0 };
	int r;

	o->mirror = arg_z(arg_image_source.mirror);
	o->security_mirror = arg_z(arg_image_source.security_mirror);
	o->now = (int64_t)time(NULL);
	r = lock_resolve(&machine, o, ret, &report, &e);
	machine_done(&machine);
	if (r < 0)
		return cmd_fail(&e);
	if (report.note[0] && !arg_quiet)
		fprintf(stderr, "yagura: %s\n", report.note);
	return 0;
}
