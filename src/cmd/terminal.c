/* terminal: see terminal.h. */
#include "cmd/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/num.h"

#define COLUMNS_MAX 1000

bool terminal_is(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

unsigned int terminal_columns(int fd)
{
	struct winsize size = { 0 };
	uint32_t columns = 0;

	if (isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0)
		columns = size.ws_col;
	if (!columns && !num_u32(str_c(getenv("COLUMNS")), &columns))
		columns = TERMINAL_COLUMNS;
	return columns && columns <= COLUMNS_MAX ? columns : TERMINAL_COLUMNS;
}

bool terminal_colour(int fd, enum terminal_colour choice)
{
	const char *no_color = getenv("NO_COLOR");

	if (choice != COLOUR_AUTO)
		return choice == COLOUR_ALWAYS;
	return terminal_is(fd) && !(no_color && *no_color);
}
