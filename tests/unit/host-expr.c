/* Conditions over named values. */
#include "host/expr.h"

#include "base/buf.h"
#include "tap.h"

static bool get(void *ctx unused_arg, struct str name, struct str *ret, bool *ret_unknown)
{
	static const struct {
		const char *name, *value;
	} rows[] = { { "CONFIG_Y", "y" },   { "CONFIG_NO", "is not set" },
		     { "CONFIG_N", "100" }, { "CONFIG_LSM", "\"landlock,yama\"" },
		     { "@flag", "" },	    { "@off", "off" },
		     { "@list", "a,off" },  { "kernel.sysrq", "0" },
		     { "vm.bits", "100" } };

	*ret_unknown = str_starts(name, STR("CONFIG_UNKNOWN"));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (str_is(name, rows[i].name)) {
			*ret = str_c(rows[i].value);
			return true;
		}
	return false;
}

static const struct {
	const char *text;
	int r;
	enum truth t;
} rows[] = {
	{ "CONFIG_Y=y", 0, TRUTH_YES },
	{ "CONFIG_Y=n", 0, TRUTH_NO },
	{ "CONFIG_Y", 0, TRUTH_YES },
	{ "!CONFIG_Y", 0, TRUTH_NO },
	{ "!CONFIG_NO", 0, TRUTH_YES },
	{ "CONFIG_NO", 0, TRUTH_YES },
	{ "!CONFIG_ABSENT", 0, TRUTH_YES },
	{ "CONFIG_ABSENT", 0, TRUTH_NO },
	{ "CONFIG_ABSENT=y", 0, TRUTH_NO },
	{ "CONFIG_LSM=*yama*", 0, TRUTH_YES },
	{ "CONFIG_LSM=*land*", 0, TRUTH_NO },
	{ "@flag", 0, TRUTH_YES },
	{ "@flag!=off", 0, TRUTH_YES },
	{ "@off!=off", 0, TRUTH_NO },
	{ "@list!=off", 0, TRUTH_NO },
	{ "kernel.sysrq!=off", 0, TRUTH_NO },
	{ "@absent!=off", 0, TRUTH_NO },
	{ "vm.bits=CONFIG_N", 0, TRUTH_YES },
	{ "kernel.sysrq=CONFIG_N", 0, TRUTH_NO },
	{ "kernel.sysrq=CONFIG_UNKNOWN", 0, TRUTH_UNKNOWN },
	{ ">=6.12", 0, TRUTH_YES },
	{ ">=6.12.5", 0, TRUTH_YES },
	{ ">=6.12.6", 0, TRUTH_NO },
	{ ">=7", 0, TRUTH_NO },
	{ "CONFIG_UNKNOWN=y", 0, TRUTH_UNKNOWN },
	{ "CONFIG_UNKNOWN=y | CONFIG_Y=y", 0, TRUTH_YES },
	{ "CONFIG_UNKNOWN=y & CONFIG_Y=y", 0, TRUTH_UNKNOWN },
	{ "CONFIG_UNKNOWN=y & CONFIG_Y=n", 0, TRUTH_NO },
	{ "CONFIG_Y=n & CONFIG_Y=y | CONFIG_Y=y", 0, TRUTH_YES },
	{ "CONFIG_Y=n & (CONFIG_Y=y | CONFIG_Y=y)", 0, TRUTH_NO },
	{ "", -EBADMSG, 0 },
	{ "!", -EBADMSG, 0 },
	{ "A &", -EBADMSG, 0 },
	{ "(A", -EBADMSG, 0 },
	{ "A)", -EBADMSG, 0 },
	{ ">=x", -EBADMSG, 0 },
	{ "((((((((((A))))))))))", -EBADMSG, 0 },
};

TEST(conditions)
{
	const struct expr_values v = { .get = get, .version = { 6, 12, 5 } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum truth t = TRUTH_UNKNOWN;
		struct err e = { 0 };

		row("\"%s\"", rows[i].text);
		EQ_INT(expr_judge(str_c(rows[i].text), &v, &t, &e), rows[i].r);
		if (rows[i].r == 0)
			EQ_INT(t, rows[i].t);
	}
}

TEST(evidence)
{
	const struct expr_values v = { .get = get };
	auto_buf struct buf b;

	buf_init(&b, 1000);
	expr_evidence(STR("CONFIG_Y=y | !@absent & (CONFIG_UNKNOWN=1 | @off!=off)"), &v, &b);
	EQ_STR(buf_all(&b), STR("CONFIG_Y=y, absent absent, CONFIG_UNKNOWN unknown, off=off"));
}

TEST(words)
{
	auto_buf struct buf b;

	buf_init(&b, 1000);
	expr_words(STR("CONFIG_Y=y | !@absent & (CONFIG_L=*yama* | @off!=off) | >=6.6 | @flag"), &b);
	EQ_STR(buf_all(&b), STR("CONFIG_Y=y or absent is not set and (CONFIG_L has yama or off is not off) or the "
				"kernel is 6.6 or newer or flag is set"));
}
