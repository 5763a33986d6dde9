/* Messages to and from a monitor: what is taken is of a known kind, lies in the bytes, and figures come back as they
 * were. */
#include "guest/control.h"
#include "guest/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf struct buf again;
	enum control_kind kind;
	struct guest_figures f;
	struct str payload;

	buf_init(&again, FRAME_HEAD + FIGURES_BYTES);
	if (control_parse(str_n(data, size), &kind, &payload) < 0)
		return 0;
	if (kind <= 0 || kind >= CONTROL_KINDS || payload.n + 1 != size || size > CONTROL_BYTES_MAX)
		__builtin_trap();
	if (!figures_parse(payload, &f)) {
		if (kind == CONTROL_FIGURES)
			__builtin_trap();
		return 0;
	}
	figures_add(&again, &f);
	if (!str_eq(str_from(buf_all(&again), FRAME_HEAD), payload))
		__builtin_trap();
	return 0;
}
