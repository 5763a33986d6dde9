/* sntp: a question for the time and its answer. No socket, no clock. Document: RFC 4330 and RFC 5905 (the packet).
 *
 * Times are nanoseconds since 1970. */
#ifndef NODE_INIT_SNTP_H
#define NODE_INIT_SNTP_H

#include "base/err.h"
#include "base/str.h"

#define SNTP_BYTES 48
#define SNTP_PORT 123

/* A question that carries `cookie` (chosen by chance) where the answer has to repeat it, and nothing of ours. */
void sntp_write(uint8_t ret[SNTP_BYTES], uint64_t cookie);

/* The server's time at the middle of the way there and back, which took round_trip_ns. -EBADMSG: not an answer to this
 * question; -EAGAIN: the server says that it does not know the time itself, or wants to be left alone. */
int sntp_read(struct str packet, uint64_t cookie, uint64_t round_trip_ns, uint64_t *ret_ns) must_check;

#endif
