#include "vuln/feed/fuzz.h"

FEED_FUZZ(feed_csaf, "vex/2024/cve-2024-1.json")
