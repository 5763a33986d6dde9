#include "vuln/feed/fuzz.h"

FEED_FUZZ(feed_osv, "x.json")
