/* audit: answers about a host's configuration in the format somebody asked for. One table of formats, as report.h has
 * for verdicts.
 *
 * Writers are pure: the same audit and options give the same bytes. SARIF: OASIS Static Analysis Results Interchange
 * Format 2.1.0. */
#ifndef REPORT_AUDIT_H
#define REPORT_AUDIT_H

#include "base/json.h"
#include "model/check.h"

struct audit_options {
	unsigned int level;   /* checks of this level and below */
	bool all;	      /* table: those that passed too */
	unsigned int columns; /* of the terminal; 0: 80 */
	bool colour;
	const char *version; /* of the program */
};

struct audit_format {
	const char *name;
	void (*write)(const struct audit *a, const struct audit_options *o, struct out *out);
};
extern const struct audit_format audit_formats[];		/* ends with a row without a name */
const struct audit_format *audit_format_named(struct str name); /* NULL when there is none */

/* One answer as an object, the same in every report that holds checks. */
void check_json(struct json_out *w, const struct check *c);

#endif
