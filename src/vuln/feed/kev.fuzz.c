#include "vuln/feed/fuzz.h"

FEED_FUZZ(feed_kev, "kev.json")
