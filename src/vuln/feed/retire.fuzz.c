#include "vuln/feed/fuzz.h"

FEED_FUZZ(feed_retire, "jsrepository.json")
