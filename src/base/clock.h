/* clock: the time by the clock that nobody sets (CLOCK_MONOTONIC), for waiting and measuring. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_ms(void);
uint64_t clock_ns(void);

#endif
