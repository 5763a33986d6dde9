/* config-part: what the files config*.c share with each other and with nobody else: rows of decode tables. */
#ifndef RUNTIME_CONFIG_PART_H
#define RUNTIME_CONFIG_PART_H

#include "base/decode.h"
#include "runtime/config.h"

#define PATH_MAX_BYTES 4096 /* of a path, as the kernel's PATH_MAX */
/* Major and minor numbers. */
#define DEVICE_NUMBER .max = UINT32_MAX

#define ROW(T, member_name, reader, field, ...)                                                   \
	{                                                                                         \
		.name = member_name, .read = reader, .at = offsetof(struct T, field), __VA_ARGS__ \
	}
#define LIST(T, reader, limit, ...)                                          \
	{                                                                    \
		.size = sizeof(T), .max = limit, .read = reader, __VA_ARGS__ \
	}
/* An array's elements as objects of a table. */
#define LIST_OF(T, table, limit) LIST(T, decode_object, limit, .members = table)

int config_missing(struct decode *d, const char *name);
/* Of a network interface, as the kernel's dev_valid_name(): it also becomes a word of net_prio.ifpriomap. */
bool config_interface_form(const char *name);

int config_read_process(struct decode *d, const struct decode_member *m, void *to); /* struct oci_process */
int config_read_linux(struct decode *d, const struct decode_member *m, void *to);   /* struct oci_config */
extern const struct decode_member config_resources_members[];
extern const struct decode_list config_mapping_list; /* struct oci_mapping */
extern const struct decode_list config_text_map;     /* struct key_value */

#endif
