/* Fuzz target of members: the table of contents of any bytes; what is found lies inside the archive. */
#include "image/members.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"

#define MEMBERS_HERE 64
#define LOAD_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(struct members *m, struct str name)
{
	struct err e = { 0 };
	struct buf b;
	int r = members_load(m, name, LOAD_MAX, &b, &e);

	if (r == 0)
		buf_done(&b);
	else if (!e.msg[0])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_close int fd = memfd_create("archive", MFD_CLOEXEC);
	struct err e = { 0 };
	struct members m;

	if (fd < 0 || fd_write(fd, data, size) < 0)
		abort();
	if (members_read(&m, fd, size, MEMBERS_HERE, &e) < 0 && !e.msg[0])
		abort();
	for (size_t i = 0; i < m.list.n; i++)
		load(&m, m.list.v[i].name);
	load(&m, STR("manifest.json"));
	load(&m, STR("../x"));
	members_done(&m);
	return 0;
}
