/* block: what /sys/class/block says of a disk or a partition. See node.h. */
#include <fcntl.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "node/init/node.h"

#define ATTRIBUTE_MAX 4096 /* bytes: a page, as sysfs has it */

bool block_text(const char *name, const char *file, struct buf *ret)
{
	char path[PATH_BYTES_MAX];

	snprintf(path, sizeof(path), "/sys/class/block/%.60s/%s", name, file);
	return file_read(AT_FDCWD, path, ATTRIBUTE_MAX, ret, NULL) == 0;
}

bool block_number(const char *name, const char *file, uint64_t *ret)
{
	auto_buf struct buf b = { 0 };

	return block_text(name, file, &b) && num_u64(str_trim(buf_all(&b)), 10, ret);
}
