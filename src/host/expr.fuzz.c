/* Any text as a condition: it is refused with a reason, or has one of three answers. */
#include <assert.h>

#include "base/buf.h"
#include "base/mem.h"
#include "host/expr.h"

static bool get(void *ctx, struct str name, struct str *ret, bool *ret_unknown)
{
	(void)ctx;
	*ret_unknown = name.n % 3 == 0;
	*ret = STR("y");
	return name.n % 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct expr_values v = { .get = get, .version = { 6, 12, 1 } };
	char *text = xstrdup(str_n(data, size)); /* rules are C strings */
	enum truth t = TRUTH_UNKNOWN;
	struct err e = { 0 };
	auto_buf struct buf b;

	buf_init(&b, 1u << 20);
	if (expr_judge(str_c(text), &v, &t, &e) < 0)
		assert(e.msg[0]);
	else
		assert(t <= TRUTH_UNKNOWN);
	expr_evidence(str_c(text), &v, &b);
	free(text);
	return 0;
}
