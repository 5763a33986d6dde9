/* documents: what nobody reads in a container. */
#ifndef NODE_IMAGE_DOCUMENTS_H
#define NODE_IMAGE_DOCUMENTS_H

#include "node/image/tree.h"

/* Manuals, translations and documentation go; copyright files, which licences want, stay. */
void documents_drop(struct tree *t);

#endif
