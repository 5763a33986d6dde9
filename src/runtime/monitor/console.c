/* console: what the guest's kernel says: the end of it is kept, to tell why the machine ended. See monitor.h. */
#include <unistd.h>

#include "base/fd.h"
#include "runtime/monitor/monitor.h"

void console_read(struct console *c)
{
	char bytes[4096];
	ssize_t n = -1;

	while (c->fd >= 0 && (n = read(c->fd, bytes, sizeof(bytes))) > 0) {
		size_t keep = c->n + (size_t)n > CONSOLE_BYTES ? CONSOLE_BYTES - (size_t)n : c->n;

		memmove(c->text, c->text + c->n - keep, keep);
		memcpy(c->text + keep, bytes, (size_t)n);
		c->n = keep + (size_t)n;
	}
	if (n == 0)
		fd_close(&c->fd);
}

struct str console_line(const struct console *c, const char *key)
{
	struct str all = str_n(c->text, c->n);
	ptrdiff_t at = str_find_str(all, str_c(key));
	struct str line = STR_NONE;

	if (at < 0)
		return STR_NONE;
	all = str_from(all, (size_t)at + strlen(key));
	(void)str_cut(&all, '\n', &line);
	return str_trim(str_head(line, 200));
}

struct str console_last(const struct console *c)
{
	struct str all = str_trim(str_n(c->text, c->n));
	ptrdiff_t at = str_rfind(all, '\n');

	return str_trim(str_head(at < 0 ? all : str_from(all, (size_t)at + 1), 200));
}
