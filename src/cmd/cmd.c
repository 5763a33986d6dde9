/* cmd: what the commands share. See cmd.h. */
#include "cmd/cmd.h"

#include <stdarg.h>

bool arg_quiet;
struct str arg_data, arg_cache;

const char *arg_z(struct str s)
{
	return s.n ? s.p : NULL; /* option texts point into argv, which has the NUL */
}

int cmd_fail(const struct err *e)
{
	fprintf(stderr, "yagura: %s\n", e->msg);
	return EXIT_COULD_NOT;
}

int cmd_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("yagura: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\n", stderr);
	return EXIT_WRONG_USAGE;
}
