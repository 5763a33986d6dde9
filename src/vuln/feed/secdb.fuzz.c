#include "vuln/feed/fuzz.h"

FEED_FUZZ(feed_secdb, "v3.18/main.json")
