/* run: one file and the analyzers that want it, until each has said what it has to say.
 *
 * Shared by the layer pass, where the bytes stream past, and by the directory scan, which reads what is asked for:
 *
 *     inventory_run_start(&run, path, size, mode, candidates);
 *     for each chunk of the file, while inventory_run_wanted_from(&run) != UINT64_MAX
 *             inventory_run_feed(&run, offset, p, n);
 *     (again from inventory_run_wanted_from() on, when that lies behind the stream)
 *     inventory_run_finish(&run);
 *     ... run.parts.v[i].facts ...
 *     inventory_run_done(&run);
 *
 * A wish that lies ahead in the chunk an analyzer was answered from is served by that same chunk. An analyzer that
 * fails, or asks for more than its row allows, leaves a FACT_NOTE with the reason behind what it had said before. */
#ifndef INVENTORY_RUN_H
#define INVENTORY_RUN_H

#include "inventory/analyzer.h"

struct inventory_part {
	uint32_t analyzer; /* row of the table */
	bool finished;
	struct err error; /* why it failed; code 0 when it did not */
	struct facts facts;
};

struct inventory_run {
	struct file file;
	VEC(struct inventory_part) parts; /* one per candidate, in the table's order */
};

/* `path` is borrowed until inventory_run_done(). `candidates` is a bit set over the table, as analyzers_for_path()
 * gives.
 */
void inventory_run_start(struct inventory_run *run, struct str path, uint64_t size, uint32_t mode, uint64_t candidates);

/* The bytes of [offset, offset+n). Bytes nobody asked for are passed over. */
void inventory_run_feed(struct inventory_run *run, uint64_t offset, const uint8_t *p, size_t n);

/* The lowest offset still wanted; UINT64_MAX when every analyzer has finished. */
uint64_t inventory_run_wanted_from(const struct inventory_run *run);

/* No more bytes come: an analyzer that still wants some leaves a note instead. */
void inventory_run_finish(struct inventory_run *run);
void inventory_run_done(struct inventory_run *run);

/* The row of that name; analyzer_count when there is none. */
uint32_t analyzer_named(struct str name);

/* For tests and fuzzing: one analyzer over a file in memory, streamed in small chunks as a layer is. Returns what the
 * analyzer returned, its facts in *ret (to be freed with facts_done() in any case), and in *ret_passes (may be NULL)
 * how often the stream had to begin again. */
int inventory_read_memory(struct str path, uint32_t mode, struct str bytes, const char *analyzer, struct facts *ret,
			  unsigned int *ret_passes, struct err *e) must_check;

#endif
