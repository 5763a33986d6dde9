/* date: text to seconds and back. */
#include "base/date.h"

#include "tap.h"

TEST(date)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t seconds;
		const char *back;
	} rows[] = {
		{ "1970-01-01", true, 0, "1970-01-01T00:00:00Z" },
		{ "2000-02-29", true, 951782400, "2000-02-29T00:00:00Z" },
		{ "2026-11-22T05:40:13Z", true, 1795326013, "2026-11-22T05:40:13Z" },
		{ "2026-11-22T05:40:13.123456Z", true, 1795326013, "2026-11-22T05:40:13Z" },
		{ "2026-11-22T07:40:13+02:00", true, 1795326013, "2026-11-22T05:40:13Z" },
		{ "2026-11-21T23:40:13-06:00", true, 1795326013, "2026-11-22T05:40:13Z" },
		{ "2026-11-22 05:40:13", true, 1795326013, "2026-11-22T05:40:13Z" },
		{ "9999-12-31T23:59:59Z", true, 253402300799, "9999-12-31T23:59:59Z" },
		{ "2100-02-29", false, 0, NULL },
		{ "2026-13-01", false, 0, NULL },
		{ "2026-00-01", false, 0, NULL },
		{ "2026-01-00", false, 0, NULL },
		{ "1969-12-31", false, 0, NULL },
		{ "2026-1-1", false, 0, NULL },
		{ "2026-01-01T", false, 0, NULL },
		{ "2026-01-01T24:00:00", false, 0, NULL },
		{ "2026-01-01x", false, 0, NULL },
		{ "", false, 0, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t got = 0;
		char text[DATE_TEXT_MAX];

		row("%s", rows[i].text);
		EQ_INT(date_parse(str_c(rows[i].text), &got), rows[i].ok);
		EQ_INT(got, rows[i].seconds);
		if (rows[i].ok)
			EQ_Z(date_time_text(got, text), rows[i].back);
	}
}

TEST(every_day_for_three_centuries)
{
	uint64_t wrong = 0;

	for (uint64_t day = 0; day < 366 * 300; day++) {
		char text[DATE_TEXT_MAX];
		uint64_t back;

		date_text(day * 86400, text);
		wrong += !date_parse(str_c(text), &back) || back != day * 86400;
	}
	EQ_INT(wrong, 0);
}
