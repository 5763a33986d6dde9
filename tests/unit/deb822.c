/* deb822: paragraphs, fields, and those that are wanted. */
#include "base/deb822.h"

#include "base/buf.h"
#include "tap.h"

static const struct {
	const char *name, *text, *want; /* NAME=VALUE; of each field, "/" behind each paragraph */
} rows[] = {
	{ "nothing", "", "" },
	{ "blank lines only", "\n \n\t\r\n", "" },
	{ "one", "A: 1\nB:2", "A=1;B=2;/" },
	{ "two paragraphs", "\n\nA: 1\n\nB: 2\n", "A=1;/B=2;/" },
	{ "ended by white space", "A: 1\n \t\nB: 2\n", "A=1;/B=2;/" },
	{ "line ends of another system", "A: 1\r\nB: 2\r\n\r\nC: 3\r\n", "A=1;B=2;/C=3;/" },
	{ "goes on", "A: 1\n 2\n\t3\nB: 4\n", "A=1\n 2\n\t3;B=4;/" },
	{ "all of it on the lines below", "A:\n 1\nB: 2\n", "A=1;B=2;/" },
	{ "comments", "# one\nA: 1\n# two: 2\n 3\n# four\nB: 4\n", "A=1\n# two: 2\n 3;B=4;/" },
	{ "no field", "A: 1\nrubbish\n more\nB: 2\n", "A=1;=rubbish\n more;B=2;/" },
	{ "starts in the middle", " 1\nA: 2\n", "A=2;/" },
	{ "empty values and names", "A:\n: 1\n", "A=;=1;/" },
	{ "more colons", "A: b: c\n", "A=b: c;/" },
};

TEST(fields)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf got = { 0 };
		struct str name, value;

		row("%s", rows[i].name);
		buf_init(&got, 1000);
		for (struct str text = str_c(rows[i].text), paragraph; deb822_paragraph(&text, &paragraph);) {
			while (deb822_field(&paragraph, &name, &value))
				buf_fmt(&got, STR_FMT "=" STR_FMT ";", STR_ARG(name), STR_ARG(value));
			buf_char(&got, '/');
		}
		EQ_STR(buf_all(&got), str_c(rows[i].want));
	}
}

TEST(take)
{
	struct str a = STR("as it was"), b = STR_NONE, none = STR("as it was");
	const struct deb822_want want[] = { { "Aa", &a }, { "B", &b }, { "None", &none } };

	deb822_take(STR("AA: 1\nrubbish\nb: 2\naa: 3\n"), want, ARRAY_LEN(want));
	EQ_STR(a, STR("3"));
	EQ_STR(b, STR("2"));
	EQ_STR(none, STR("as it was"));
}
