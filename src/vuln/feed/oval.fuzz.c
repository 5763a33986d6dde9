#include "vuln/feed/fuzz.h"
#include "vuln/feed/oval.h"

FEED_FUZZ(feed_oval, "x.xml")
