/* write: the writers behind the table in report.c. Only for report/. */
#ifndef REPORT_WRITE_H
#define REPORT_WRITE_H

#include "report/report.h"

void table_write(const struct verdict *v, const struct report_options *o, struct out *out);
void json_write(const struct verdict *v, const struct report_options *o, struct out *out); /* report-json.md */

#endif
