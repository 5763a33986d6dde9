/* deb822: paragraphs of fields, as dpkg's status, apt's lists and a repository's indexes are written. deb822(5).
 *
 * Readers of a text in memory: strs point into it, nothing is reserved, the work is linear. A line of white space ends
 * a paragraph; '#' begins a comment line; a line that begins with a space or tab goes on with the field above it. Names
 * are compared without regard to case. Whoever uses it says what is too long. */
#ifndef BASE_DEB822_H
#define BASE_DEB822_H

#include "base/str.h"

/* Takes the next paragraph off *rest; false at the end. Comment lines stay in it. */
bool deb822_paragraph(struct str *rest, struct str *ret);

/* Takes the next field off what is left of a paragraph; false at its end. The value is trimmed; it keeps the line ends
 * and indents of its continuation lines. A line that is no field comes as the value of a field without a name. */
bool deb822_field(struct str *rest, struct str *ret_name, struct str *ret_value);

/* Fields of a paragraph that are wanted. Of several of one name the last one counts. */
struct deb822_want {
	const char *name;
	struct str *to; /* left alone when there is none */
};
void deb822_take(struct str paragraph, const struct deb822_want *want, size_t n);

#endif
