/* Records are walked to the end of a datagram, and a line has nothing in it that ends a line. */
#include "node/init/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_n(data, size);
	struct audit_record r;
	auto_buf struct buf line;

	buf_init(&line, 2 * AUDIT_TEXT_MAX);
	while (audit_next(&rest, &r) > 0) {
		buf_clear(&line);
		audit_line(&line, &r);
		if (buf_finish(&line) < 0 || str_find(buf_all(&line), '\n') >= 0)
			__builtin_trap();
	}
	return 0;
}
