/* When progress is shown, and how. The clock is a variable, the terminal a flag. */
#include "cmd/progress.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "cmd/terminal.h"
#include "tap.h"

static uint64_t now;

static uint64_t test_clock(void)
{
	return now;
}

struct step {
	uint64_t at_ms;
	const char *what;
	uint64_t done, total;
};

static void run(bool terminal, bool quiet, unsigned int columns, const struct step *steps, const char *want)
{
	auto_close int fd = memfd_create("progress", MFD_CLOEXEC);
	auto_buf struct buf got = { 0 };
	struct progress_bar b;
	struct err e = { 0 };

	progress_start(&b, fd, quiet);
	OK(!b.terminal); /* a file is none */
	now = 0;
	b.now_ms = test_clock;
	b.started_ms = 0;
	b.terminal = terminal;
	b.columns = columns;
	for (; steps->what; steps++) {
		now = steps->at_ms;
		progress_at(&b.progress, str_c(steps->what), steps->done, steps->total);
	}
	progress_end(&b);
	progress_end(&b);
	OK(lseek(fd, 0, SEEK_SET) == 0);
	OK_ERR(fd_read_all(fd, 1u << 16, &got, &e), &e);
	EQ_STR(buf_all(&got), str_c(want));
}

TEST(progress)
{
	static const struct step short_work[] = { { 0, "a", 1, 2 }, { 999, "a", 2, 2 }, { 0, NULL, 0, 0 } };
	static const struct step long_work[] = {
		{ 10, "layer 1/2", 0, 200 },	 { 1000, "layer 1/2", 100, 200 }, { 1050, "layer 1/2", 120, 200 },
		{ 1100, "layer 2/2", 200, 200 }, { 7000, "files", 3, 0 },	  { 0, NULL, 0, 0 },
	};

	row("short work shows nothing on a terminal");
	run(true, false, 80, short_work, "");
	row("short work shows nothing elsewhere");
	run(false, false, 80, short_work, "");
	row("quiet shows nothing");
	run(true, true, 80, long_work, "");
	row("a bar");
	run(true, false, 40, long_work,
	    "\rlayer 1/2     [########.........]  50%\033[K\rlayer 2/2     [#################] 100%\033[K"
	    "\rfiles         3\033[K\r\033[K");
	row("a narrow terminal");
	run(true, false, 20, long_work, "\rlayer…  50%\033[K\rlayer… 100%\033[K\rfiles  3\033[K\r\033[K");
	row("plain lines, seconds apart");
	run(false, false, 80, long_work, "layer 1/2: 50%\nfiles: 3\n");
}

TEST(foreign_names)
{
	static const struct step steps[] = { { 2000, "x\033[2J\n\xff", 1, 4 }, { 0, NULL, 0, 0 } };

	run(false, false, 80, steps, "x?[2J??: 25%\n");
}

TEST(terminal)
{
	auto_close int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	OK(!terminal_is(fd));
	unsetenv("COLUMNS");
	EQ_INT(terminal_columns(fd), TERMINAL_COLUMNS);
	setenv("COLUMNS", "132", 1);
	EQ_INT(terminal_columns(fd), 132);
	setenv("COLUMNS", "99999999", 1);
	EQ_INT(terminal_columns(fd), TERMINAL_COLUMNS);
	OK(!terminal_colour(fd, COLOUR_AUTO));
	OK(terminal_colour(fd, COLOUR_ALWAYS));
	OK(!terminal_colour(fd, COLOUR_NEVER));
}
