#include "vuln/feed/fuzz.h"

FEED_FUZZ(feed_mirror, "mirror/bookworm-security.tsv")
