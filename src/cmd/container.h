/* container: what the commands about containers share. */
#ifndef CMD_CONTAINER_H
#define CMD_CONTAINER_H

#include "engine/engine.h"

/* The directory of all containers, after taking away what killed processes left. */
int containers_open(struct err *e) must_check;

#endif
