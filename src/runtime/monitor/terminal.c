/* terminal: ours, while the guest has the one that matters. See monitor.h. */
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "runtime/monitor/monitor.h"

static struct termios before;
static int changed = -1;

void terminal_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return;
	before = t;
	changed = fd;
	cfmakeraw(&t);
	(void)tcsetattr(fd, TCSANOW, &t);
}

void terminal_restore(void)
{
	if (changed >= 0)
		(void)tcsetattr(changed, TCSANOW, &before);
	changed = -1;
}

bool terminal_size(int fd, uint8_t ret[4])
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) < 0)
		return false;
	ret[0] = (uint8_t)w.ws_row;
	ret[1] = (uint8_t)(w.ws_row >> 8);
	ret[2] = (uint8_t)w.ws_col;
	ret[3] = (uint8_t)(w.ws_col >> 8);
	return true;
}
