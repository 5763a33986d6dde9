/* program: which build of this program is running. */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include "base/str.h"

/* The linker's build id, bytes that differ between any two builds that differ: what one build concluded need not be
 * what another one would. Empty when the linker gave none. */
struct str program_build(void);

#endif
