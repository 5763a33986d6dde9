/* Frames as a lying partner sends them: the first byte chooses the direction. Every frame taken must fit its bounds,
 * and written again must be the bytes it was. */
#include "guest/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_n(data + (size > 0), size ? size - 1 : 0);
	enum frame_sender sender = size && data[0] & 1 ? FROM_GUEST : FROM_HOST;
	struct frame f;

	for (;;) {
		auto_buf struct buf again = { 0 }; /* left before it is made, at times */
		struct str before = bytes;
		int r = frame_next(&bytes, sender, &f);

		if (r < 0 || (r == 0 && bytes.n != before.n))
			return 0;
		if (r == 0) {
			if (bytes.n >= FRAME_HEAD + FRAME_PAYLOAD_MAX)
				__builtin_trap(); /* it would wait for ever */
			return 0;
		}
		buf_init(&again, FRAME_HEAD + FRAME_PAYLOAD_MAX);
		frame_add(&again, f.kind, f.flags, f.process, f.payload);
		if (!str_eq(buf_all(&again), str_head(before, before.n - bytes.n)))
			__builtin_trap();
	}
}
