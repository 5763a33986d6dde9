/* detect: what kind of target a name means, by its KIND: or by looking. image.h says the order. */
#ifndef IMAGE_DETECT_H
#define IMAGE_DETECT_H

#include "image/image.h"

/* *ret_name is the target without its KIND:, pointing into it. *ret_look: it is a file, and only its content says what
 * kind of archive it holds; *ret is IMAGE_TAR for the time being. */
int detect(struct str target, enum image_kind *ret, struct str *ret_name, bool *ret_look, struct err *e) must_check;

#endif
