/* stage2: the program of runtime/stage2/ as a file. See stage2.h. */
#include "runtime/stage2.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

/* stage2-blob.S */
extern const char stage2_begin[], stage2_end[];

/* Kernels before 6.3 know neither the flag nor the seal: files of theirs can be executed as they are. */
static int make_file(void)
{
	int fd = memfd_create("yagura-stage2", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("yagura-stage2", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

static int seal(int fd)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	if (fcntl(fd, F_ADD_SEALS, seals | F_SEAL_EXEC | F_SEAL_SEAL) == 0)
		return 0;
	if (errno == EINVAL && fcntl(fd, F_ADD_SEALS, seals | F_SEAL_SEAL) == 0)
		return 0;
	return -errno;
}

int stage2_file(struct err *e)
{
	auto_close int fd = make_file();
	int r;

	if (fd < 0)
		return err_errno(e, fd, "a memory file to execute from (sysctl vm.memfd_noexec?)");
	r = fd_write(fd, stage2_begin, (size_t)(stage2_end - stage2_begin));
	if (r >= 0)
		r = seal(fd);
	return r < 0 ? err_errno(e, r, "the memory file to execute from") : take_fd(&fd);
}
