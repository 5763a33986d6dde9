/* stage2: the program of runtime/stage2/ as bytes of this one, and a file to execute it from. */
#ifndef RUNTIME_STAGE2_H
#define RUNTIME_STAGE2_H

#include "base/err.h"

/* A sealed memory file that holds it: nobody can change it, and it is not this program's own (R1). */
int stage2_file(struct err *e) must_check;

#endif
