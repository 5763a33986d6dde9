/* layer: lanes of read, hash, inflate, hash, tar, in rounds. See layer.h.
 *
 * A round gives every lane one window of plain bytes. Only the hashing is shared: the windows and the blob bytes of all
 * lanes go through one sha256_many(), which is why the lanes go in step. Windows are small enough that the bytes are
 * still in the second-level cache when they are hashed and walked. */
#include "layer/layer.h"

#include <unistd.h>

#define READ_BYTES (128u << 10) /* compressed bytes taken at a time */
#define WINDOW_BYTES                                                                                                 \
	(256u << 10)		  /* plain bytes of a round; measured: less costs calls, more falls out of the cache \
				   */
#define PROGRESS_BYTES (1u << 20) /* between two calls of progress() */
#define HEADER_BYTES (3 * TAR_BLOCK) /* of one entry: its own header and a pax header in front */
#define JOBS_MAX (2 * LAYER_LANES_MAX)

struct lane {
	bool busy;
	uint32_t id;
	struct layer_input from;
	struct layer_result result;
	uint64_t told_bytes;	/* progress() knows of these */
	uint64_t trailer_bytes; /* behind the end marker */
	bool probed;
	bool read_all;	   /* the blob was read to its end */
	bool plain_all;	   /* no more plain bytes will come */
	bool plain_bad;	   /* because the compressed stream is damaged */
	bool tar_over;	   /* the end marker was seen, or the tar is bad */
	bool wanted;	   /* the present entry's bytes */
	bool dead;	   /* a limit was passed or somebody wants it so: not even hashed any more */
	struct str stored; /* read but not inflated yet */
	struct str fresh;  /* read in this round */
	struct str window; /* plain bytes of this round */
	struct inflate *z;
	struct sha256 blob, plain;
	struct tar tar;
	uint8_t *room; /* READ_BYTES + WINDOW_BYTES; a raw blob is read into all of it */
};

/* The first thing that goes wrong is what the result tells. */
static void fail(struct lane *l, int code, const struct err *e)
{
	if (l->result.status == 0) {
		l->result.status = code;
		l->result.err = *e;
	}
}

static void kill_lane(struct lane *l, int code, const struct err *e)
{
	fail(l, code, e);
	l->dead = true;
}

static void limit_passed(struct lane *l, const char *what)
{
	struct err e;

	kill_lane(l, err_set(&e, -E2BIG, "%s", what), &e);
}

/* ---- reading ---- */

static ssize_t read_some(struct lane *l, uint8_t *p, size_t n)
{
	const struct layer_input *from = &l->from;
	uint64_t done = l->result.blob_bytes + l->fresh.n;
	ssize_t r;

	if (from->positioned && n > from->size - done)
		n = (size_t)(from->size - done);
	if (!n)
		return 0;
	do
		r = from->positioned ? pread(from->fd, p, n, (off_t)(from->offset + done)) : read(from->fd, p, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* Reads until there are `least` bytes or the blob ends. */
static void lane_read(struct lane *l, size_t least, size_t most)
{
	struct err e;

	l->fresh = str_n(l->room, 0);
	while (!l->read_all && !l->dead && l->fresh.n < least) {
		ssize_t n = read_some(l, l->room + l->fresh.n, most - l->fresh.n);
		uint64_t all = l->result.blob_bytes + l->fresh.n;

		if (n < 0) {
			kill_lane(l, err_errno(&e, (int)n, "reading the layer"), &e);
		} else if (n == 0 && l->from.positioned && all < l->from.size) {
			err_set(&e, -EBADMSG, "the layer is cut short: %llu of %llu bytes", (unsigned long long)all,
				(unsigned long long)l->from.size);
			kill_lane(l, -EBADMSG, &e);
		} else if (n == 0) {
			l->read_all = true;
		} else {
			l->fresh.n += (size_t)n;
		}
	}
	l->result.blob_bytes += l->fresh.n;
	l->stored = l->fresh;
}

static void lane_probe(struct lane *l)
{
	struct err e;
	int r = 0;

	lane_read(l, INFLATE_PROBE_BYTES, READ_BYTES);
	l->probed = true;
	l->result.codec = inflate_probe(l->stored);
	if (l->result.codec != CODEC_NONE)
		r = inflate_new(&l->z, l->result.codec, &e);
	if (r < 0)
		kill_lane(l, r, &e);
}

/* ---- inflating ---- */

static void lane_inflate(struct lane *l)
{
	uint8_t *to = l->room + READ_BYTES;
	struct err e;

	l->window = str_n(to, 0);
	while (!l->plain_all && l->window.n < WINDOW_BYTES) {
		ssize_t n = inflate_step(l->z, &l->stored, l->read_all, to + l->window.n, WINDOW_BYTES - l->window.n,
					 &l->plain_all, &e);

		if (n < 0) {
			/* The plain bytes end here; the blob is hashed on. */
			fail(l, (int)n, &e);
			l->plain_all = l->plain_bad = true;
			l->stored = STR_NONE;
			l->window.n = 0;
			return;
		}
		l->window.n += (size_t)n;
		if (!n && !l->stored.n)
			return;
	}
}

static void lane_fill(struct lane *l)
{
	l->fresh = l->window = STR_NONE;
	if (!l->probed)
		lane_probe(l);
	else if (!l->stored.n && !l->read_all)
		lane_read(l, 1, l->result.codec == CODEC_NONE ? READ_BYTES + WINDOW_BYTES : READ_BYTES);
	if (l->dead)
		return;
	if (l->z && !l->plain_all) {
		lane_inflate(l);
	} else if (l->z) {
		l->stored = STR_NONE; /* behind a damaged place */
	} else {
		l->window = l->stored;
		l->stored = STR_NONE;
		l->plain_all = l->read_all;
	}
	l->result.plain_bytes += l->window.n;
}

/* A bomb is large and says little. Headers do not count: millions of empty files pack a thousandfold and are no bomb,
 * and LAYER_ENTRIES_MAX bounds them. */
static bool is_bomb(const struct lane *l)
{
	uint64_t plain = l->result.plain_bytes, headers = l->tar.entries * HEADER_BYTES;

	return plain > LAYER_RATIO_FREE_BYTES && plain > headers &&
	       (plain - headers) / LAYER_RATIO_MAX > l->result.blob_bytes;
}

static void lane_limits(struct lane *l)
{
	if (l->result.plain_bytes > LAYER_BYTES_MAX || l->result.blob_bytes > LAYER_BYTES_MAX)
		limit_passed(l, "the layer is larger than 1 TiB");
	if (is_bomb(l))
		limit_passed(l, "the layer unpacks to more than 250 times its size: a decompression bomb");
}

/* ---- hashing ---- */

static void hash_all(struct lane *lane, unsigned int lanes)
{
	struct sha256_job jobs[JOBS_MAX];
	size_t n = 0;

	for (unsigned int i = 0; i < lanes; i++) {
		struct lane *l = &lane[i];

		if (!l->busy || l->dead)
			continue;
		if (l->fresh.n)
			jobs[n++] = (struct sha256_job){ &l->blob, (const uint8_t *)l->fresh.p, l->fresh.n };
		if (l->window.n && l->z) /* a raw blob is its own plain text */
			jobs[n++] = (struct sha256_job){ &l->plain, (const uint8_t *)l->window.p, l->window.n };
	}
	sha256_many(jobs, n);
}

/* ---- entries ---- */

static int on_entry(struct lane *l, struct err *e)
{
	const struct layer_events *ev = l->from.events;
	int r;

	if (l->tar.entries > LAYER_ENTRIES_MAX)
		return err_set(e, -E2BIG, "the layer has more than %u entries", LAYER_ENTRIES_MAX);
	r = ev->entry(ev->ctx, &l->tar.entry, e);
	l->wanted = r > 0;
	if (!l->wanted)
		tar_skip(&l->tar);
	return r;
}

static int on_data(struct lane *l, struct err *e)
{
	const struct layer_events *ev = l->from.events;
	int r = ev->data(ev->ctx, l->tar.data_offset, (const uint8_t *)l->tar.data.p, l->tar.data.n, e);

	if (r == 0)
		tar_skip(&l->tar);
	return r;
}

static int on_end(struct lane *l, struct err *e)
{
	const struct layer_events *ev = l->from.events;
	bool wanted = l->wanted;

	l->wanted = false;
	return wanted ? ev->end(ev->ctx, e) : 0;
}

static int on_event(struct lane *l, int event, struct err *e)
{
	switch (event) {
	case TAR_ENTRY:
		return on_entry(l, e);
	case TAR_DATA:
		return on_data(l, e);
	default:
		return on_end(l, e);
	}
}

static void lane_walk(struct lane *l)
{
	struct str in = l->window;
	struct err e = { 0 };

	while (!l->tar_over) {
		int event = tar_step(&l->tar, &in, &e), r;

		if (event == TAR_MORE)
			return;
		if (event < 0)
			fail(l, event, &e);
		if (event < 0 || event == TAR_END) {
			l->tar_over = true;
			break;
		}
		r = on_event(l, event, &e);
		if (r < 0) {
			kill_lane(l, r, &e);
			return;
		}
	}
	if (l->result.status == 0)
		l->trailer_bytes += in.n;
	if (l->trailer_bytes > LAYER_TRAILER_MAX)
		limit_passed(l, "more than 64 MiB behind the end of the layer's tar");
}

/* ---- a lane's life ---- */

static void lane_begin(struct lane *l, const struct layer_input *from, uint32_t id)
{
	uint8_t *room = l->room ? l->room : xmalloc(READ_BYTES + WINDOW_BYTES);

	*l = (struct lane){ .busy = true, .id = id, .from = *from, .room = room };
	sha256_init(&l->blob);
	sha256_init(&l->plain);
	tar_init(&l->tar);
}

/* Takes the digests and gives back what the layer held. The streams are ended in any case: they may own memory. */
static void lane_close(struct lane *l)
{
	struct digest blob = { 0 }, plain = { 0 };

	sha256_end(&l->blob, &blob);
	sha256_end(&l->plain, &plain);
	if (!l->z)
		plain = blob;
	if (!l->dead)
		l->result.blob = blob;
	/* A stream that broke has no whole to be the digest of; a tar that broke has. */
	if (!l->dead && !l->plain_bad)
		l->result.diff_id = plain;
	l->result.entries = l->tar.entries;
	l->z = inflate_free(l->z);
	tar_done(&l->tar);
	l->busy = false;
}

static void lane_drop(struct lane *l)
{
	if (l->busy)
		lane_close(l);
	free(l->room);
}

/* The tar's last word, once all plain bytes are through. */
static void lane_finish(struct lane *l)
{
	struct err e = { 0 };
	int r;

	if (l->dead || l->result.status < 0)
		return;
	r = tar_finish(&l->tar, &e);
	if (r < 0)
		fail(l, r, &e);
	l->result.end_unmarked = r > 0;
}

static void tell_progress(struct lane *l)
{
	const struct layer_events *ev = l->from.events;

	if (!ev->progress || (l->result.blob_bytes - l->told_bytes < PROGRESS_BYTES && !l->read_all))
		return;
	l->told_bytes = l->result.blob_bytes;
	ev->progress(ev->ctx, l->result.blob_bytes);
}

static bool lane_is_over(const struct lane *l)
{
	return l->dead || (l->read_all && l->plain_all);
}

/* ---- rounds ---- */

static unsigned int busy_lanes(const struct lane *lane, unsigned int lanes)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < lanes; i++)
		n += lane[i].busy;
	return n;
}

/* Fills free lanes; 1 while any lane runs, 0 when nothing is left. */
static int start_lanes(const struct layer_feed *feed, struct lane *lane, unsigned int lanes, struct err *e)
{
	unsigned int busy = busy_lanes(lane, lanes);

	for (unsigned int i = 0; i < lanes; i++) {
		struct layer_input from = { .fd = -1 };
		uint32_t id = 0;
		int r;

		if (lane[i].busy)
			continue;
		r = feed->next(feed->ctx, busy == 0, &from, &id, e);
		if (r < 0)
			return r;
		if (r == 0)
			break;
		lane_begin(&lane[i], &from, id);
		busy++;
	}
	return busy > 0;
}

static int end_lanes(const struct layer_feed *feed, struct lane *lane, unsigned int lanes, struct err *e)
{
	for (unsigned int i = 0; i < lanes; i++) {
		struct lane *l = &lane[i];
		int r;

		if (!l->busy || !lane_is_over(l))
			continue;
		lane_finish(l);
		lane_close(l);
		r = feed->done(feed->ctx, l->id, &l->result, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int run_round(const struct layer_feed *feed, struct lane *lane, unsigned int lanes, struct err *e)
{
	for (unsigned int i = 0; i < lanes; i++)
		if (lane[i].busy) {
			lane_fill(&lane[i]);
			lane_limits(&lane[i]);
		}
	hash_all(lane, lanes);
	for (unsigned int i = 0; i < lanes; i++)
		if (lane[i].busy && !lane[i].dead) {
			lane_walk(&lane[i]);
			tell_progress(&lane[i]);
		}
	return end_lanes(feed, lane, lanes, e);
}

int layers_read(const struct layer_feed *feed, unsigned int lanes, struct err *e)
{
	auto_free struct lane *lane = xcalloc(LAYER_LANES_MAX, sizeof(*lane));
	int r;

	if (lanes < 1)
		lanes = 1;
	if (lanes > LAYER_LANES_MAX)
		lanes = LAYER_LANES_MAX;
	while ((r = start_lanes(feed, lane, lanes, e)) > 0) {
		r = run_round(feed, lane, lanes, e);
		if (r < 0)
			break;
	}
	for (unsigned int i = 0; i < lanes; i++)
		lane_drop(&lane[i]);
	return r;
}
