/* progress: see progress.h. */
#include "cmd/progress.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "cmd/terminal.h"
#include "report/text.h"

#define BAR_MAX 40 /* columns of the bar itself */
#define BAR_MIN 8  /* on less there is only the number */
#define LINE_BYTES 1024

static void emit(const struct progress_bar *b, const struct buf *line)
{
	/* what cannot be shown is not worth failing for */
	if (write(b->fd, line->p, line->n) < 0)
		errno = 0;
}

static unsigned int percent(uint64_t done, uint64_t total)
{
	return done >= total ? 100 : (unsigned int)((double)done / (double)total * 100);
}

static void draw(struct progress_bar *b, struct str what, uint64_t done, uint64_t total)
{
	size_t name = b->columns / 3, bar = b->columns > name + 10 ? b->columns - name - 10 : 0, full;
	auto_buf struct buf line = { 0 };

	buf_init(&line, LINE_BYTES);
	buf_str(&line, STR("\r"));
	text_pad(&line, str_head(what, PROGRESS_NAME_MAX), name);
	bar = bar > BAR_MAX ? BAR_MAX : bar;
	if (total && bar >= BAR_MIN) {
		full = (size_t)(percent(done, total) * bar / 100);
		buf_str(&line, STR(" ["));
		for (size_t i = 0; i < bar; i++)
			buf_char(&line, i < full ? '#' : '.');
		buf_char(&line, ']');
	}
	if (total)
		buf_fmt(&line, " %3u%%", percent(done, total));
	else if (done)
		buf_fmt(&line, " %llu", (unsigned long long)done);
	buf_str(&line, STR("\033[K"));
	emit(b, &line);
	b->drawn = true;
}

static void print_line(struct progress_bar *b, struct str what, uint64_t done, uint64_t total)
{
	auto_buf struct buf line = { 0 };

	buf_init(&line, LINE_BYTES);
	text_add(&line, str_head(what, PROGRESS_NAME_MAX), PROGRESS_NAME_MAX);
	if (total)
		buf_fmt(&line, ": %u%%", percent(done, total));
	else if (done)
		buf_fmt(&line, ": %llu", (unsigned long long)done);
	buf_char(&line, '\n');
	emit(b, &line);
}

static void show(void *ctx, struct str what, uint64_t done, uint64_t total)
{
	struct progress_bar *b = ctx;
	uint64_t now = b->now_ms(), pause = b->terminal ? PROGRESS_DRAW_MS : PROGRESS_LINE_MS;

	if (b->quiet || now - b->started_ms < PROGRESS_WAIT_MS || (b->shown_ms && now - b->shown_ms < pause))
		return;
	b->shown_ms = now;
	(b->terminal ? draw : print_line)(b, what, done, total);
}

void progress_start(struct progress_bar *b, int fd, bool quiet)
{
	*b = (struct progress_bar){
		.progress = { show, b },
		.fd = fd,
		.quiet = quiet,
		.terminal = terminal_is(fd),
		.columns = terminal_columns(fd),
		.now_ms = clock_ms,
	};
	b->started_ms = b->now_ms();
}

void progress_end(struct progress_bar *b)
{
	if (b->drawn && write(b->fd, "\r\033[K", 4) < 0)
		errno = 0;
	b->drawn = false;
}
