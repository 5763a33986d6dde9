#include "vuln/feed/fuzz.h"

FEED_FUZZ(feed_epss, "epss.csv")
