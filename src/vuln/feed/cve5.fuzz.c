#include "vuln/feed/fuzz.h"

FEED_FUZZ(feed_cve5, "CVE-1.json")
