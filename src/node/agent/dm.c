/* dm: dm-verity devices by ioctls. See dm.h. */
#include "node/agent/dm.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/verity.h"
#include "runtime/loop.h"

#define CONTROL "/dev/mapper/control"
#define SECTOR 512u
#define PATH_TEXT_MAX 64
#define REQUEST_BYTES 4096u /* head, one target, its table */

union request {
	struct dm_ioctl head;
	char bytes[REQUEST_BYTES];
};

bool dm_available(void)
{
	return access(CONTROL, R_OK | W_OK) == 0;
}

static void begin(union request *q, const char *name, uint32_t flags)
{
	memset(q, 0, sizeof(*q));
	q->head.version[0] = DM_VERSION_MAJOR;
	q->head.version[1] = 0;
	q->head.version[2] = 0;
	q->head.data_size = sizeof(*q);
	q->head.data_start = sizeof(q->head);
	q->head.flags = flags;
	snprintf(q->head.name, sizeof(q->head.name), "%s", name);
}

static int ask(int control, unsigned long command, union request *q)
{
	return ioctl(control, command, q) < 0 ? -errno : 0;
}

static int load(int control, const char *name, uint64_t data_bytes, const char *table)
{
	union request q;
	struct dm_target_spec *target;
	char *text;

	begin(&q, name, DM_READONLY_FLAG);
	q.head.target_count = 1;
	target = (struct dm_target_spec *)(void *)(q.bytes + q.head.data_start);
	target->length = data_bytes / SECTOR;
	snprintf(target->target_type, sizeof(target->target_type), "verity");
	text = (char *)(target + 1);
	snprintf(text, sizeof(q) - q.head.data_start - sizeof(*target), "%s", table);
	return ask(control, DM_TABLE_LOAD, &q);
}

static void take_away(int control, const char *name)
{
	union request q;

	begin(&q, name, DM_DEFERRED_REMOVE);
	(void)!ask(control, DM_DEV_REMOVE, &q);
}

/* Makes it live and opens it; from then on it goes by itself. */
static int start(int control, const char *name, int *ret)
{
	char path[PATH_TEXT_MAX];
	union request q;
	int r;

	begin(&q, name, DM_READONLY_FLAG); /* without DM_SUSPEND_FLAG: resume */
	r = ask(control, DM_DEV_SUSPEND, &q);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/dev/dm-%u", minor((dev_t)q.head.dev));
	*ret = fd_open(AT_FDCWD, path, O_RDONLY);
	return *ret < 0 ? *ret : 0;
}

int dm_verity_open(const char *name, int file, uint64_t data_bytes, const struct digest *salt,
		   const struct digest *root, struct err *e)
{
	auto_close int control = fd_open(AT_FDCWD, CONTROL, O_RDWR);
	char device[PATH_TEXT_MAX], table[VERITY_TABLE_MAX];
	auto_close int loop = -1;
	union request q;
	int fd = -1, r;

	if (control < 0)
		return err_errno(e, control, "dm-verity: " CONTROL);
	loop = loop_attach(file, true, device, sizeof(device));
	if (loop < 0)
		return err_errno(e, loop, "dm-verity: a loop device");
	verity_table(device, data_bytes, data_bytes, salt, root, false, table);
	begin(&q, name, DM_READONLY_FLAG);
	r = ask(control, DM_DEV_CREATE, &q);
	if (r < 0)
		return err_errno(e, r, "dm-verity: %s", name);
	r = load(control, name, data_bytes, table);
	r = r < 0 ? r : start(control, name, &fd);
	take_away(control, name);
	return r < 0 ? err_errno(e, r, "dm-verity: %s", name) : fd;
}
