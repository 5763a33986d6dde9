#include "vuln/feed/fuzz.h"

FEED_FUZZ(feed_friendsofphp, "a/b/1.yaml")
