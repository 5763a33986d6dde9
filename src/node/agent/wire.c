/* wire: messages between the halves. See wire.h. */
#include "node/agent/wire.h"

#include "base/rd.h"

static bool has_id(uint8_t kind)
{
	return kind >= WIRE_BEGIN;
}

static bool has_bytes(uint8_t kind)
{
	return kind == WIRE_DATA || kind == WIRE_KEY || kind == WIRE_CERTIFICATE || kind == WIRE_CLIENT;
}

static bool is_sane(uint8_t kind, const struct wire *w)
{
	switch (kind) {
	case WIRE_KEY:
	case WIRE_CERTIFICATE:
	case WIRE_CLIENT:
		return w->bytes.n > 0 && w->bytes.n <= WIRE_CONFIG_MAX;
	case WIRE_BEGIN:
		return w->op > API_NONE && w->op < API_OP_COUNT && w->name.n <= WIRE_NAME_MAX;
	case WIRE_DATA:
		return w->bytes.n > 0 && w->bytes.n <= WIRE_PIECE_MAX;
	case WIRE_REPLY:
		return w->status >= 200 && w->status < 600;
	default:
		return kind >= WIRE_LISTEN && kind <= WIRE_REPLY;
	}
}

int wire_parse(uint8_t kind, struct str payload, struct wire *ret, struct err *e)
{
	struct rd r = rd_of(payload);
	struct wire w = { 0 };

	if (has_id(kind))
		w.id = rd_le32(&r);
	if (kind == WIRE_BEGIN) {
		w.op = (enum api_op)rd_u8(&r);
		w.length = rd_le64(&r);
		w.name = rd_var_str(&r);
	}
	if (kind == WIRE_REPLY) {
		w.status = rd_le16(&r);
		w.json = rd_u8(&r);
		w.length = rd_le64(&r);
	}
	if (kind == WIRE_LISTEN) {
		w.tls = rd_u8(&r);
		w.peer = rd_le32(&r);
	}
	if (has_bytes(kind))
		w.bytes = rd_str(&r, rd_left(&r));
	if (!rd_ok(&r) || rd_left(&r) || !is_sane(kind, &w))
		return err_set(e, -EBADMSG, "a message of kind %u that is none", kind);
	*ret = w;
	return 0;
}

void wire_write(uint8_t kind, const struct wire *w, struct buf *b)
{
	if (has_id(kind))
		buf_le32(b, w->id);
	if (kind == WIRE_BEGIN) {
		buf_char(b, (char)w->op);
		buf_le64(b, w->length);
		buf_var_str(b, w->name);
	}
	if (kind == WIRE_REPLY) {
		buf_char(b, (char)(w->status & 255));
		buf_char(b, (char)(w->status >> 8));
		buf_char(b, w->json);
		buf_le64(b, w->length);
	}
	if (kind == WIRE_LISTEN) {
		buf_char(b, w->tls);
		buf_le32(b, w->peer);
	}
	if (has_bytes(kind))
		buf_str(b, w->bytes);
}
