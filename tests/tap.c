/* tap: the Test Anything Protocol. See tap.h. */
#include "tap.h"

#include <stdarg.h>

static struct tap_test *first, **last = &first;
static unsigned int line_count, failed_count;
static char line_name[512];
static bool line_open, line_ok;
static unsigned int line_checks;
static const char *line_skip, *line_absent;

void tap_add(struct tap_test *t)
{
	*last = t;
	last = &t->next;
}

static void close_line(void)
{
	if (!line_open)
		return;
	line_open = false;
	if (line_absent && line_ok) {
		printf("# %s: %s\n", line_name, line_absent);
		return;
	}
	if (!line_checks && !line_skip) {
		printf("# nothing was checked\n");
		line_ok = false;
	}
	failed_count += !line_ok;
	printf("%s %u - %s%s%s\n", line_ok ? "ok" : "not ok", ++line_count, line_name, line_skip ? " # SKIP " : "",
	       line_skip ? line_skip : "");
	fflush(stdout);
}

static void open_line(void)
{
	line_open = line_ok = true;
	line_checks = 0;
	line_skip = line_absent = NULL;
}

void row(const char *fmt, ...)
{
	char text[256];
	va_list ap;
	char *colon = strchr(line_name, ':');

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* The first row takes over the test's own line, unless something was checked there already. */
	if (line_checks || colon)
		close_line();
	for (char *c = text; *c; c++)
		if (*c == '#' || (unsigned char)*c < 0x20)
			*c = '?';
	if (colon)
		*colon = 0;
	snprintf(line_name + strlen(line_name), sizeof(line_name) - strlen(line_name), ": %s", text);
	open_line();
}

void tap_skip(const char *why)
{
	line_skip = why;
}

void tap_absent(const char *why)
{
	line_absent = why;
}

bool tap_check(bool ok, const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	int saved = errno;

	line_checks++;
	if (ok)
		return true;
	line_ok = false;
	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(" (errno %d)\n", saved);
	return false;
}

bool tap_eq_str(struct str got, struct str want, const char *file, int line, const char *expr)
{
	return tap_check(str_eq(got, want), file, line, "%s is \"" STR_FMT "\", not \"" STR_FMT "\"", expr,
			 STR_ARG(got), STR_ARG(want));
}

int main(void)
{
	printf("TAP version 13\n");
	for (struct tap_test *t = first; t; t = t->next) {
		snprintf(line_name, sizeof(line_name), "%s", t->name);
		open_line();
		t->run();
		close_line();
	}
	printf("1..%u\n", line_count);
	return failed_count != 0;
}
