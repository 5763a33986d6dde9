/* node: the commands below `yagura node`: a table of options and a function each; rows in node.c. */
#ifndef CMD_NODE_H
#define CMD_NODE_H

#include "cmd/option.h"

extern const struct option node_build_options[], node_boot_options[];
int node_build_run(const struct invocation *in);
int node_boot_run(const struct invocation *in);

#endif
