/* Fuzz target of proto: what a worker may send. Messages are length, kind, bytes; each is also read as a job, as an end
 * and as evidence. */
#include "scan/proto.h"

#include "base/mem.h"
#include "scan/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_the_same(struct str a, struct str b)
{
	if (!str_eq(a, b))
		abort();
}

/* What was read and is written again is read as the same. */
static void round_trip(struct str bytes)
{
	struct layer_end end, end_again;
	struct layer_job job, job_again;
	auto_buf struct buf b;

	buf_init(&b, 2 * MSG_BYTES_MAX);
	if (layer_end_read(bytes, &end)) {
		layer_end_write(&b, &end);
		if (!layer_end_read(buf_all(&b), &end_again) || end_again.status != end.status ||
		    end_again.again != end.again)
			abort();
		must_be_the_same(end.message, end_again.message);
	}
	buf_clear(&b);
	if (layer_job_read(bytes, &job)) {
		layer_job_write(&b, &job);
		if (!layer_job_read(buf_all(&b), &job_again) || job.size != job_again.size)
			abort();
		must_be_the_same(job.names, job_again.names);
	}
}

static void read_evidence(struct str bytes)
{
	struct rd in = rd_of(bytes);
	struct record r;
	size_t kept = 0;

	record_init(&r);
	if (record_evidence_read(&r, &in, UINT64_MAX) && rd_left(&in))
		abort();
	for (size_t i = 0; i < RECORD_ANALYZERS_MAX; i++)
		kept += r.own_evidence[i].n;
	if (kept > bytes.n)
		abort();
	record_done(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_of(str_n(data, size));
	static struct msg m;
	struct proto_in p;
	size_t pieces = 0;

	round_trip(str_n(data, size));
	read_evidence(str_n(data, size));
	proto_in_init(&p);
	while (rd_ok(&in) && rd_left(&in)) {
		struct str whole;
		uint8_t kind;
		int r;

		m.kind = rd_u8(&in);
		m.payload = rd_var_str(&in);
		pieces += m.payload.n;
		r = proto_take(&p, &m, &kind, &whole);
		if (r < 0)
			break;
		if (r == 0)
			continue;
		if ((kind & PROTO_MORE) || whole.n > pieces)
			abort();
		round_trip(whole);
		read_evidence(whole);
		pieces = 0;
	}
	proto_in_done(&p);
	return 0;
}
