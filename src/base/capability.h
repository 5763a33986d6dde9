/* capability: what a process may beyond its user: names and numbers (capabilities(7)). */
#ifndef BASE_CAPABILITY_H
#define BASE_CAPABILITY_H

#include "base/str.h"

/* "CAP_KILL" or "KILL" as bit N for number N; false when there is none of that name. */
bool capability_bit(struct str name, uint64_t *ret) must_check;
/* Without "CAP_"; NULL past the last one known here. */
const char *capability_name(unsigned int number);

#endif
