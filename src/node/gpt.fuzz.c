/* Any bytes as a partition table: what is read lies on its disk, and reads back the same when it is written. */
#include <assert.h>

#include "node/gpt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t head[GPT_TABLE_SECTORS * GPT_SECTOR], tail[(GPT_TABLE_SECTORS - 1) * GPT_SECTOR];
	static struct gpt g, again;
	struct err e = { 0 };

	if (gpt_parse(str_n(data, size), &g, &e) < 0) {
		assert(*e.msg);
		return 0;
	}
	for (unsigned int i = 0; i < g.count; i++)
		assert(g.partition[i].first + g.partition[i].sectors <= g.sectors);
	assert(gpt_write(&g, head, tail, &e) == 0);
	assert(gpt_parse(str_n(head, sizeof(head)), &again, &e) == 0);
	assert(again.count == g.count && again.sectors == g.sectors);
	assert(memcmp(again.partition, g.partition, sizeof(g.partition)) == 0);
	if (gpt_grow(&g, g.sectors + 100000, "data"))
		assert(gpt_write(&g, head, tail, &e) == 0);
	return 0;
}
