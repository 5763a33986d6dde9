/* run: what the program gets, how its end is told. */
#include "sandbox/run.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "tap.h"

TEST(ends)
{
	static const struct {
		const char *argv[4];
		int result, status;
	} rows[] = {
		{ { "true" }, 0, 0 },
		{ { "false" }, 0, 1 },
		{ { "sh", "-c", "exit 42" }, 0, 42 },
		{ { "sh", "-c", "kill -9 $$" }, 0, 128 + 9 },
		{ { "no-such-program-anywhere" }, -ENOENT, 0 },
		{ { "sleep", "100" }, -ETIMEDOUT, 0 },
		{ { "sh", "-c", "test -z \"$HOME$USER\" && test $LC_ALL = C" }, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run run = { .argv = rows[i].argv, .timeout_ms = rows[i].result == -ETIMEDOUT ? 50 : 0 };
		struct err e = { 0 };
		int status = 0;

		row("%s %s", rows[i].argv[0], rows[i].argv[2] ? rows[i].argv[2] : "");
		EQ_INT(run_program(&run, &status, &e), rows[i].result);
		if (!rows[i].result)
			EQ_INT(status, rows[i].status);
	}
}

/* Descriptors arrive where they should, crossed ones too, and no others. */
TEST(descriptors)
{
	auto_close int in = memfd_create("in", 0), out = memfd_create("out", 0), extra = memfd_create("extra", 0);
	const int fds[] = { in, out, -1, extra };
	const char *const argv[] = { "sh", "-c", "cat; cat <&3; ls /proc/self/fd | tr '\\n' ' '", NULL };
	struct run run = { .argv = argv, .fds = fds, .fd_count = 4 };
	auto_buf struct buf got = { 0 };
	struct err e = { 0 };
	int status = -1;

	EQ_INT(fd_write(in, "one ", 4), 0);
	EQ_INT(fd_write(extra, "two ", 4), 0);
	lseek(in, 0, SEEK_SET);
	lseek(extra, 0, SEEK_SET);
	OK_ERR(run_program(&run, &status, &e), &e);
	EQ_INT(status, 0);
	lseek(out, 0, SEEK_SET);
	OK_ERR(fd_read_all(out, 1000, &got, &e), &e);
	/* ls itself opens one for the directory */
	EQ_STR(buf_all(&got), STR("one two 0 1 2 3 4 "));
}

static void count(void *arg)
{
	++*(int *)arg;
}

/* Whoever waits is called now and then; time is over all the same. */
TEST(ticks)
{
	static const struct {
		const char *seconds;
		unsigned int timeout_ms;
		int result, least;
	} rows[] = {
		{ "0", 0, 0, 0 },
		{ "1.2", 0, 0, 1 },
		{ "60", 1100, -ETIMEDOUT, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const argv[] = { "sleep", rows[i].seconds, NULL };
		int status = -1, ticks = 0;
		struct run run = { .argv = argv, .timeout_ms = rows[i].timeout_ms, .tick = count, .arg = &ticks };
		struct err e = { 0 };

		row("sleep %s", rows[i].seconds);
		EQ_INT(run_program(&run, &status, &e), rows[i].result);
		OK(ticks >= rows[i].least);
	}
}
