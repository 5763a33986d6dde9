/* features: what this runtime can, as the specification has it (runtime-spec features.md, features-linux.md), and a
 * configuration to begin with. */
#ifndef RUNTIME_FEATURES_H
#define RUNTIME_FEATURES_H

#include "base/json.h"

#define RUNTIME_SPEC_VERSION "1.3.0"

void features_write(struct json_out *w);
/* `unified`: all control groups of the host are v2. `rootless`, for a user without rights: ids of the user namespace's
 * root. */
void oci_spec_write(struct json_out *w, bool unified, bool rootless, uint32_t uid, uint32_t gid);

#endif
