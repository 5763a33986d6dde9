/* container: what the commands about containers share. */
#ifndef CMD_CONTAINER_H
#define CMD_CONTAINER_H

#include "engine/engine.h"

/* The directory of all containers, after taking away what killed processes left. */
int containers_open(struct err *e) must_check;

/* As wide as the longest name in a list, and as its heading. */
int containers_name_width(const struct box_list *l);

#endif
