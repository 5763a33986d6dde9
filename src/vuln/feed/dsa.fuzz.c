#include "vuln/feed/fuzz.h"

FEED_FUZZ(feed_debian_dsa, "DSA-list.txt")
