/* capability: what a process may beyond its user: names and numbers (capabilities(7)). */
#ifndef BASE_CAPABILITY_H
#define BASE_CAPABILITY_H

#include "base/json.h"

/* "CAP_KILL" or "KILL" as bit N for number N; false when there is none of that name. */
bool capability_bit(struct str name, uint64_t *ret) must_check;
/* Without "CAP_"; NULL past the last one known here. */
const char *capability_name(unsigned int number);
/* An array of those of the set that are known here, "CAP_KILL" and so on. */
void capability_write(struct json_out *w, const char *key, uint64_t set);

#endif
