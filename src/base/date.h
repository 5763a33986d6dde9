/* date: points in time as text (RFC 3339, UTC), without the C library's time zones. Proleptic Gregorian calendar. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include "base/str.h"

#define DATE_TEXT_MAX 24 /* "2026-08-01T12:00:00Z" and the NUL, years to 9999 */

/* "2026-08-01" and "2026-08-01T12:00:00Z" of seconds since 1970; return `text`. */
char *date_text(uint64_t seconds, char text[DATE_TEXT_MAX]);
char *date_time_text(uint64_t seconds, char text[DATE_TEXT_MAX]);

/* Seconds since 1970 of "2026-08-01", optionally with "T12:00:00" or " 12:00:00" and a zone "Z" or "+02:00" behind it
 * (a fraction of a second is passed over); false for anything else and for years outside 1970 to 9999. */
bool date_parse(struct str s, uint64_t *ret) must_check;

#endif
