/* quantity: amounts as people write them, strictly.
 *
 * Kubernetes' notation (apimachinery, resource.Quantity): digits, perhaps a fraction, then nothing, one of
 * n u m k M G T P E (powers of 1000), Ki Mi Gi Ti Pi Ei (powers of 1024) or an exponent (e3, E-2). No sign, no white
 * space. The result must be whole in the unit asked for and fit in 63 bits. */
#ifndef BASE_QUANTITY_H
#define BASE_QUANTITY_H

#include "base/str.h"

/* `per_unit`: how many of *ret make 1 (1000 for thousandths of a CPU). */
bool quantity_parse(struct str s, uint64_t per_unit, uint64_t *ret) must_check;

/* The shortest way to write it back: "64Mi", "1500m" with per_unit 1000; quantity_parse() gives the same value. */
#define QUANTITY_TEXT_MAX 32
char *quantity_text(uint64_t v, uint64_t per_unit, char text[QUANTITY_TEXT_MAX]);

#endif
