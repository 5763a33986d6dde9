/* say: lines for people. See node.h. */
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/init/node.h"
#include "node/layout.h"

#define LINE_MAX_BYTES 1024

static struct log *own_log;

/* Of the console nothing is waited for: a terminal that is held would hold the node. */
static void to_console(struct str s)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	(void)!write(fd < 0 ? 2 : fd, s.p, s.n);
}

void say_line(const char *who, struct str line)
{
	char text[LINE_MAX_BYTES];
	int n = snprintf(text, sizeof(text), "%s: " STR_FMT "\r\n", who, STR_ARG(str_head(line, LINE_MAX_BYTES / 2)));

	str_tame(text, n > 2 ? (size_t)n - 2 : 0);
	to_console(str_n(text, n > 0 ? (size_t)n : 0));
}

void say(const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	say_line("yagura-init", str_c(text));
	if (!own_log && access(NODE_LOG, W_OK) == 0)
		own_log = log_open("init");
	if (own_log)
		log_line(own_log, str_c(text));
}
