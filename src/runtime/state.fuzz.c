/* Fuzz target: state.json, and /proc/PID/stat (when the first byte is a digit). What is read is written again the same.
 */
#include <assert.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "runtime/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct process_stat stat = { 0 };
	struct state s;
	struct err e = { 0 };

	if (size && is_digit((char)*data)) {
		if (process_stat_parse(str_n(data, size), &stat))
			assert(stat.parent >= 0);
		return 0;
	}
	if (state_parse(str_n(data, size), &a, &s, &e) < 0) {
		assert(e.code < 0 && e.msg[0]);
		return 0;
	}
	assert(state_id_valid(str_c(s.id)) && !strchr(s.id, '/') && s.pid >= 0);
	assert(*s.bundle == '/' && *s.rootfs == '/' && s.phase <= STATE_CREATED);
	for (size_t i = 0; i < s.annotation_count; i++)
		assert(s.annotations[i].key[0] && s.annotations[i].value);
	return 0;
}
