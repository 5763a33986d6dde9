#include "vuln/feed/fuzz.h"

FEED_FUZZ(feed_nodejs, "vuln/npm/1.json")
