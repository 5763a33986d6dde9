/* progress: shows how far a long piece of work has come (base/progress.h), on stderr.
 *
 * On a terminal a bar that is drawn over, at most ten times a second; otherwise a plain line every few seconds; with
 * `quiet` nothing. Work that lasts less than a second shows nothing at all. */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include "base/progress.h"

#define PROGRESS_NAME_MAX 64  /* bytes of the name of the work that are kept */
#define PROGRESS_WAIT_MS 1000 /* nothing is shown before */
#define PROGRESS_DRAW_MS 100  /* between two drawings of the bar */
#define PROGRESS_LINE_MS 5000 /* between two plain lines */

struct progress_bar {
	struct progress progress; /* hand &bar.progress to the work */
	int fd;			  /* borrowed */
	bool quiet, terminal;
	unsigned int columns;
	uint64_t (*now_ms)(void); /* a clock that only goes on */
	uint64_t started_ms, shown_ms;
	bool drawn; /* a bar stands on the terminal */
};

/* The bar must not move while the work knows it. */
void progress_start(struct progress_bar *b, int fd, bool quiet);
void progress_end(struct progress_bar *b); /* takes the bar off the terminal; safe to call twice */

#endif
