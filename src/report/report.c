/* report: the table of formats. See report.h. */
#include "report/report.h"

#include "report/write.h"

const struct report_format report_formats[] = {
	{ "table", "for people: grouped by package, worst first", table_write },
	{ "json", "everything, for programs (docs/formats/report-json.md)", json_write },
	{ NULL, NULL, NULL },
};

const struct report_format *report_format_named(struct str name)
{
	for (const struct report_format *f = report_formats; f->name; f++)
		if (str_is(name, f->name))
			return f;
	return NULL;
}
