/* A container's log: its pieces lie in the text, one behind the other. */
#include <assert.h>

#include "engine/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n(data, size), piece;
	const char *end = text.p + text.n, *at = text.p;
	bool is_error;
	uint64_t us;

	while (box_log_next(&text, &us, &is_error, &piece)) {
		assert(piece.p > at && piece.p + piece.n < end && piece.n <= LOG_PIECE_MAX);
		at = piece.p + piece.n;
		assert(text.p == at + 1 && text.p + text.n == end);
	}
	return 0;
}
