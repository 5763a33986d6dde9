/* libcrypto: OpenSSL's libcrypto for signatures, loaded when the first is asked for: no program that signs nothing
 * pays for it. Callers keep the functions they use in a table of their own. */
#ifndef CODEC_LIBCRYPTO_H
#define CODEC_LIBCRYPTO_H

#include "base/err.h"

/* Its function of this name; loads the library the first time. -ENOTSUP: the library or the function is not there. */
int libcrypto_symbol(const char *name, void **ret, struct err *e) must_check;

/* For PEM_read_bio_...(): without it the library would ask on the terminal. */
int libcrypto_no_passphrase(char *room, int size, int writing, void *ctx);

#endif
