/* base64: the alphabet with '+' and '/' of RFC 4648 section 4, with padding. Strict: what another writer would not have
 * written for the same bytes is refused, so one value has one text. */
#ifndef CODEC_BASE64_H
#define CODEC_BASE64_H

#include "base/buf.h"
#include "base/err.h"

/* Bytes out of text, appended to *ret. -EBADMSG for a foreign character (white space and line ends too), a length that
 * is no multiple of four, missing padding or bits set behind the end; -E2BIG when *ret would pass its maximum. On
 * failure *ret may hold a part. */
int base64_decode(struct str text, struct buf *ret, struct err *e) must_check;

/* Text out of bytes, appended to *ret, which remembers if it was too much (buf_finish). */
void base64_encode(struct str bytes, struct buf *ret);

#endif
