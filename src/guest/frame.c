/* frame: the frames between host and guest. See frame.h. */
#include "guest/frame.h"

#include <assert.h>

#include "base/rd.h"

#define MAGIC 0x59

enum of { ANY, PROCESS, CONNECTION, CLIENT }; /* whose number it may have */

static const struct {
	const char *name;
	unsigned int senders;
	size_t min, max; /* bytes of payload */
	enum of of;
} kinds[FRAME_KINDS] = {
	[FRAME_START] = { "START", FROM_HOST, 0, FRAME_PAYLOAD_MAX, PROCESS },
	[FRAME_STDIN] = { "STDIN", FROM_HOST, 1, FRAME_PAYLOAD_MAX },
	[FRAME_STDIN_END] = { "STDIN_END", FROM_HOST, 0, 0 },
	[FRAME_SIGNAL] = { "SIGNAL", FROM_HOST, 1, 1, PROCESS },
	[FRAME_WINDOW] = { "WINDOW", FROM_HOST, 4, 4, PROCESS },
	[FRAME_ASK] = { "ASK", FROM_HOST, 0, 0 },
	[FRAME_STOP] = { "STOP", FROM_HOST, 0, 0 },
	[FRAME_HELLO] = { "HELLO", FROM_GUEST, 2, 2 + FRAME_TEXT_MAX },
	[FRAME_STARTED] = { "STARTED", FROM_GUEST, 4, 4 },
	[FRAME_FAILED] = { "FAILED", FROM_GUEST, 4, 4 + FRAME_TEXT_MAX },
	[FRAME_STDOUT] = { "STDOUT", FROM_GUEST, 1, FRAME_PAYLOAD_MAX },
	[FRAME_STDERR] = { "STDERR", FROM_GUEST, 1, FRAME_PAYLOAD_MAX, PROCESS },
	[FRAME_EXIT] = { "EXIT", FROM_GUEST, 3, 3 },
	[FRAME_FIGURES] = { "FIGURES", FROM_GUEST, FIGURES_BYTES, FIGURES_BYTES },
	[FRAME_TAKEN] = { "TAKEN", FROM_GUEST, 4, 4 },
	[FRAME_CREDIT] = { "CREDIT", FROM_HOST | FROM_GUEST, 4, 4 },
	[FRAME_CLOSE] = { "CLOSE", FROM_HOST | FROM_GUEST, 0, 0, CONNECTION },
	[FRAME_CONNECT] = { "CONNECT", FROM_HOST, 2, 2, CONNECTION },
	[FRAME_LIMIT] = { "LIMIT", FROM_HOST, 16, 16 },
	[FRAME_LIMITED] = { "LIMITED", FROM_GUEST, 4, 4 + FRAME_TEXT_MAX },
	[FRAME_DATAGRAM] = { "DATAGRAM", FROM_HOST | FROM_GUEST, DATAGRAM_HEAD, FRAME_PAYLOAD_MAX, CLIENT },
};

static bool number_fits(enum of of, unsigned int number)
{
	static const struct {
		unsigned int from, to;
	} numbers[] = {
		[ANY] = { 0, GUEST_FLOWS_MAX },
		[PROCESS] = { 0, GUEST_PROCESSES_MAX },
		[CONNECTION] = { GUEST_PROCESSES_MAX, GUEST_FLOWS_MAX },
		[CLIENT] = { GUEST_FLOWS_MAX, GUEST_FLOWS_MAX + GUEST_CLIENTS_MAX },
	};

	return number >= numbers[of].from && number < numbers[of].to;
}

int frame_next(struct str *bytes, enum frame_sender sender, struct frame *ret)
{
	struct rd r = rd_of(*bytes);
	uint8_t magic = rd_u8(&r), kind = rd_u8(&r), flags = rd_u8(&r), zero = rd_u8(&r);
	uint16_t process = rd_le16(&r), length = rd_le16(&r);
	struct str payload;

	/* A first byte that is wrong is told at once: the rest may never come. */
	if (bytes->n && (uint8_t)bytes->p[0] != MAGIC)
		return -EBADMSG;
	if (!rd_ok(&r))
		return 0;
	if (magic != MAGIC || kind >= FRAME_KINDS || !(kinds[kind].senders & sender) || zero ||
	    (flags & ~(kind == FRAME_START ? FRAME_MORE : 0)) || !number_fits(kinds[kind].of, process) ||
	    length < kinds[kind].min || length > kinds[kind].max)
		return -EBADMSG;
	payload = rd_str(&r, length);
	if (!rd_ok(&r))
		return 0;
	*ret = (struct frame){ (enum frame_kind)kind, flags, process, payload };
	*bytes = str_from(*bytes, FRAME_HEAD + (size_t)length);
	return 1;
}

void frame_add(struct buf *out, enum frame_kind kind, unsigned int flags, unsigned int process, struct str payload)
{
	const uint8_t head[FRAME_HEAD] = { MAGIC,
					   (uint8_t)kind,
					   (uint8_t)flags,
					   0,
					   (uint8_t)process,
					   (uint8_t)(process >> 8),
					   (uint8_t)payload.n,
					   (uint8_t)(payload.n >> 8) };

	assert(kind > 0 && kind < FRAME_KINDS && payload.n >= kinds[kind].min && payload.n <= kinds[kind].max);
	buf_add(out, head, sizeof(head));
	buf_str(out, payload);
}

void frame_add_u32(struct buf *out, enum frame_kind kind, unsigned int process, uint32_t value, struct str text)
{
	uint8_t bytes[4 + FRAME_TEXT_MAX] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
					      (uint8_t)(value >> 24) };

	text = str_head(text, FRAME_TEXT_MAX);
	if (text.n)
		memcpy(bytes + 4, text.p, text.n);
	frame_add(out, kind, 0, process, str_n(bytes, 4 + text.n));
}

void frame_add_plan(struct buf *out, unsigned int process, struct str plan)
{
	do {
		struct str piece = str_head(plan, FRAME_PAYLOAD_MAX);

		plan = str_from(plan, piece.n);
		frame_add(out, FRAME_START, plan.n ? FRAME_MORE : 0, process, piece);
	} while (plan.n);
}

const char *frame_name(enum frame_kind kind)
{
	return kind > 0 && kind < FRAME_KINDS ? kinds[kind].name : "?";
}

void figures_add(struct buf *out, const struct guest_figures *f)
{
	auto_buf struct buf b;

	buf_init(&b, FIGURES_BYTES);
	buf_le64(&b, f->memory);
	buf_le64(&b, f->memory_peak);
	buf_le64(&b, f->memory_limit);
	buf_le64(&b, f->pids);
	buf_le64(&b, f->pids_limit);
	buf_le64(&b, f->cpu_ns);
	buf_le64(&b, f->oom_kills);
	buf_le64(&b, f->memory_most);
	frame_add(out, FRAME_FIGURES, 0, 0, buf_all(&b));
}

bool figures_parse(struct str payload, struct guest_figures *ret)
{
	struct rd r = rd_of(payload);
	struct guest_figures f;

	f.memory = rd_le64(&r);
	f.memory_peak = rd_le64(&r);
	f.memory_limit = rd_le64(&r);
	f.pids = rd_le64(&r);
	f.pids_limit = rd_le64(&r);
	f.cpu_ns = rd_le64(&r);
	f.oom_kills = rd_le64(&r);
	f.memory_most = rd_le64(&r);
	if (!rd_ok(&r) || rd_left(&r))
		return false;
	*ret = f;
	return true;
}
