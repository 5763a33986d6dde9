/* node: the commands below `yagura node`: a table of options and a function each; rows in node.c. */
#ifndef CMD_NODE_H
#define CMD_NODE_H

#include "cmd/option.h"
#include "image/image.h"
#include "node/stored.h"

extern const struct option node_build_options[], node_boot_options[];
int node_build_run(const struct invocation *in);
int node_boot_run(const struct invocation *in);
/* All of a record but the layers. Lives in the arena. */
void node_record_fill(struct stored *r, const struct image_info *info, struct str name, struct arena *a);
/* Of a running node's agent: node-client.c. */
extern const struct option node_client_options[], node_import_options[];
int node_status_run(const struct invocation *in);
int node_logs_run(const struct invocation *in);
int node_pods_run(const struct invocation *in);
int node_apply_run(const struct invocation *in);
int node_delete_run(const struct invocation *in);
int node_images_run(const struct invocation *in);
int node_import_run(const struct invocation *in);
int node_remove_image_run(const struct invocation *in);
int node_settings_run(const struct invocation *in);
int node_reboot_run(const struct invocation *in);
int node_power_off_run(const struct invocation *in);

#endif
