#include "vuln/feed/fuzz.h"

FEED_FUZZ(feed_rubysec, "gems/x/CVE-1.yml")
