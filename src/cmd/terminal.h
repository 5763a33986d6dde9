/* terminal: what stdout or stderr is. */
#ifndef CMD_TERMINAL_H
#define CMD_TERMINAL_H

#include "base/attr.h"

#define TERMINAL_COLUMNS 80 /* where nothing tells */

/* A choice list for an option: { "auto", "always", "never", NULL }. */
enum terminal_colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

bool terminal_is(int fd); /* a terminal that can do more than print ("dumb" cannot) */
/* Of the terminal; else the variable COLUMNS; else TERMINAL_COLUMNS. */
unsigned int terminal_columns(int fd);
/* COLOUR_AUTO: on a terminal, unless the variable NO_COLOR is set (no-color.org). */
bool terminal_colour(int fd, enum terminal_colour choice);

#endif
