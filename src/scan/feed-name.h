/* feed-name: what a feed file is called in reports: "debian-tracker", "osv:PyPI", "alpine-secdb:v3.18/main". */
#ifndef SCAN_FEED_NAME_H
#define SCAN_FEED_NAME_H

#include "base/mem.h"
#include "base/str.h"

/* `format`: as compile_file() found it; "": nobody could read it, then the path is the name. `path`: below the
 * directory of feeds, without its own name. The result lies in the arena. */
struct str feed_name(struct arena *a, struct str format, struct str path);

#endif
