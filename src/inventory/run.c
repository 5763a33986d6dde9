/* run: one file and the analyzers that want it. See run.h. */
#include "inventory/run.h"

#include <assert.h>

#include "base/num.h"

#define CHUNK_BYTES 4096u /* of the stream in inventory_read_memory(): small, so that ranges cross its edges */

/* One call of one analyzer. -EAGAIN only when bytes are wanted that can still come. */
static int call(struct file *f, const struct analyzer *a, struct facts *ret, struct err *e)
{
	int r;

	f->wanting = false;
	f->refused = false;
	r = a->read(f, ret, e);
	if (r != -EAGAIN)
		return r;
	if (f->refused)
		return err_set(e, -E2BIG, "more of the file is needed than may be held");
	if (file_wanted_from(f) == UINT64_MAX)
		return err_set(e, -EBADMSG, "the file points past its end");
	return r;
}

/* Facts start from nothing at each call: an analyzer that is called again begins at its beginning. */
static int part_call(struct file *f, const struct analyzer *a, struct facts *facts, struct err *e)
{
	int r;

	facts_done(facts);
	facts_init(facts);
	r = call(f, a, facts, e);
	if (r == -EAGAIN || facts_finish(facts) == 0)
		return r;
	facts_done(facts);
	facts_init(facts);
	return err_set(e, -E2BIG, "the file says more than can be kept");
}

static void part_fail(struct inventory_part *part)
{
	part->finished = true;
	facts_note(&part->facts, "not assessed: %s", part->error.msg);
}

static void part_step(struct file *f, struct inventory_part *part)
{
	int r;

	if (part->finished)
		return;
	f->held_max = analyzers[part->analyzer].held_max;
	r = part_call(f, &analyzers[part->analyzer], &part->facts, &part->error);
	if (r == -EAGAIN)
		return;
	part->finished = true;
	part->error.code = r;
	if (r < 0)
		part_fail(part);
}

static void step(struct inventory_run *run)
{
	for (size_t i = 0; i < run->parts.n; i++)
		part_step(&run->file, &run->parts.v[i]);
}

static bool unfinished(const struct inventory_run *run)
{
	for (size_t i = 0; i < run->parts.n; i++)
		if (!run->parts.v[i].finished)
			return true;
	return false;
}

void inventory_run_start(struct inventory_run *run, struct str path, uint64_t size, uint32_t mode, uint64_t candidates)
{
	*run = (struct inventory_run){ 0 };
	file_init(&run->file, path, size, mode, 0);
	for (uint32_t i = 0; i < analyzer_count; i++) {
		struct inventory_part *part;
		char size_text[NUM_BYTES_TEXT_MAX];

		if (!(candidates >> i & 1))
			continue;
		part = vec_add(&run->parts);
		part->analyzer = i;
		facts_init(&part->facts);
		if (size <= analyzers[i].size_max)
			continue;
		err_set(&part->error, -E2BIG, "a file of %s is too large", num_bytes_text(size, size_text));
		part_fail(part);
	}
	step(run);
}

void inventory_run_feed(struct inventory_run *run, uint64_t offset, const uint8_t *p, size_t n)
{
	/* Each turn but the last fills a range, and there are at most FILE_RANGES_MAX of them per file. */
	while (unfinished(run)) {
		uint64_t before = file_wanted_from(&run->file);

		file_put(&run->file, offset, p, n);
		if (file_wanted_from(&run->file) == before)
			return;
		if (file_wanted_from(&run->file) == UINT64_MAX)
			step(run);
	}
}

uint64_t inventory_run_wanted_from(const struct inventory_run *run)
{
	return unfinished(run) ? file_wanted_from(&run->file) : UINT64_MAX;
}

void inventory_run_finish(struct inventory_run *run)
{
	for (size_t i = 0; i < run->parts.n; i++) {
		struct inventory_part *part = &run->parts.v[i];

		if (part->finished)
			continue;
		err_set(&part->error, -EBADMSG, "the file is cut short");
		part_fail(part);
	}
}

void inventory_run_done(struct inventory_run *run)
{
	for (size_t i = 0; i < run->parts.n; i++)
		facts_done(&run->parts.v[i].facts);
	vec_done(&run->parts);
	file_done(&run->file);
}

uint32_t analyzer_named(struct str name)
{
	uint32_t i = 0;

	while (i < analyzer_count && !str_is(name, analyzers[i].name))
		i++;
	return i;
}

int inventory_read_memory(struct str path, uint32_t mode, struct str bytes, const char *analyzer, struct facts *ret,
			  unsigned int *ret_passes, struct err *e)
{
	uint32_t row = analyzer_named(str_c(analyzer));
	struct inventory_run run;
	unsigned int passes = 0;
	int r;

	assert(row < analyzer_count);
	inventory_run_start(&run, path, bytes.n, mode, 1ull << row);
	while (inventory_run_wanted_from(&run) != UINT64_MAX) {
		passes++;
		for (uint64_t at = 0; at < bytes.n; at += CHUNK_BYTES) {
			struct str chunk = str_head(str_from(bytes, at), CHUNK_BYTES);

			inventory_run_feed(&run, at, (const uint8_t *)chunk.p, chunk.n);
		}
	}
	if (ret_passes)
		*ret_passes = passes;
	r = run.parts.v[0].error.code;
	if (e)
		*e = run.parts.v[0].error;
	*ret = run.parts.v[0].facts;
	run.parts.v[0].facts = (struct facts){ 0 };
	inventory_run_done(&run);
	return r;
}
