/* config-part: rows that the files config*.c share. See config-part.h. */
#include "runtime/config-part.h"

int config_missing(struct decode *d, const char *name)
{
	return decode_bad(d, "\"%s\" is missing", name);
}

const struct decode_list config_text_map = {
	.size = sizeof(struct key_value),
	.max = CONFIG_MAP_MAX,
	.read = decode_map_text,
	.key_at = offsetof(struct key_value, key),
};
