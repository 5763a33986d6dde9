/* proto: the messages between the scanner and its workers. See proto.h. */
#include "scan/proto.h"

#define PIECE_BYTES (64u << 10)

void layer_job_write(struct buf *b, const struct layer_job *job)
{
	buf_varint(b, job->id);
	buf_char(b, job->positioned);
	buf_varint(b, job->offset);
	buf_varint(b, job->size);
	buf_le64(b, job->analyzers);
	buf_var_str(b, job->names);
}

bool layer_job_read(struct str bytes, struct layer_job *ret)
{
	struct rd r = rd_of(bytes);

	ret->id = (uint32_t)rd_varint(&r);
	ret->positioned = rd_u8(&r);
	ret->offset = rd_varint(&r);
	ret->size = rd_varint(&r);
	ret->analyzers = rd_le64(&r);
	ret->names = rd_var_str(&r);
	return rd_ok(&r) && rd_left(&r) == 0;
}

static void put_digest(struct buf *b, const struct digest *d)
{
	buf_char(b, d->set);
	buf_add(b, d->byte, sizeof(d->byte));
}

static void take_digest(struct rd *r, struct digest *ret)
{
	const uint8_t *p;

	ret->set = rd_u8(r) == 1;
	p = rd_take(r, sizeof(ret->byte));
	if (p)
		memcpy(ret->byte, p, sizeof(ret->byte));
}

void layer_end_write(struct buf *b, const struct layer_end *end)
{
	buf_varint(b, end->id);
	buf_varint(b, (uint64_t)-end->status);
	buf_var_str(b, end->message);
	put_digest(b, &end->blob);
	put_digest(b, &end->diff_id);
	buf_varint(b, end->codec);
	buf_varint(b, end->blob_bytes);
	buf_varint(b, end->plain_bytes);
	buf_varint(b, end->entries);
	buf_char(b, end->again);
}

bool layer_end_read(struct str bytes, struct layer_end *ret)
{
	struct rd r = rd_of(bytes);
	uint64_t status;

	ret->id = (uint32_t)rd_varint(&r);
	status = rd_varint(&r);
	ret->message = rd_var_str(&r);
	take_digest(&r, &ret->blob);
	take_digest(&r, &ret->diff_id);
	ret->codec = (uint32_t)rd_varint(&r);
	ret->blob_bytes = rd_varint(&r);
	ret->plain_bytes = rd_varint(&r);
	ret->entries = rd_varint(&r);
	ret->again = rd_u8(&r) == 1;
	if (status > 4095) /* the kernel's MAX_ERRNO */
		r.bad = true;
	ret->status = -(int)status;
	return rd_ok(&r) && rd_left(&r) == 0;
}

int proto_send(int fd, enum proto_kind kind, struct str payload)
{
	int r = 0;

	while (payload.n > PIECE_BYTES && r == 0) {
		r = msg_send(fd, (uint8_t)kind | PROTO_MORE, str_head(payload, PIECE_BYTES), NULL, 0);
		payload = str_from(payload, PIECE_BYTES);
	}
	return r < 0 ? r : msg_send(fd, (uint8_t)kind, payload, NULL, 0);
}

void proto_in_init(struct proto_in *in)
{
	*in = (struct proto_in){ .whole = true };
	buf_init(&in->b, PROTO_ANSWER_MAX);
}

void proto_in_done(struct proto_in *in)
{
	buf_done(&in->b);
}

/* Memory of one large answer is not held through all the small ones that follow. */
static void start_afresh(struct proto_in *in)
{
	if (in->b.cap > 16 * PIECE_BYTES)
		buf_done(&in->b);
	buf_clear(&in->b);
	in->whole = false;
}

int proto_take(struct proto_in *in, const struct msg *m, uint8_t *ret_kind, struct str *ret)
{
	uint8_t kind = m->kind & (uint8_t)~PROTO_MORE;
	bool more = m->kind & PROTO_MORE;

	if (in->whole && !more) {
		*ret_kind = kind;
		*ret = m->payload;
		return 1;
	}
	if (in->whole)
		start_afresh(in);
	else if (kind != in->kind)
		return -EBADMSG;
	in->kind = kind;
	buf_str(&in->b, m->payload);
	if (buf_finish(&in->b) < 0)
		return -E2BIG;
	if (more)
		return 0;
	in->whole = true;
	*ret_kind = kind;
	*ret = buf_all(&in->b);
	return 1;
}
