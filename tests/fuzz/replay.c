/* replay: runs a fuzz target over the files named on the command line, as a plain test. Directories are walked, one
 * level deep. Fails when there was nothing to replay. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEED_BYTES_MAX (64u << 20)

static int replay_file(int dir_fd, const char *name)
{
	struct err e = { 0 };
	auto_buf struct buf b = { 0 };

	if (file_read(dir_fd, name, SEED_BYTES_MAX, &b, &e) < 0) {
		fprintf(stderr, "replay: %s\n", e.msg);
		return -1;
	}
	/* A copy of the exact size: a read past the end then shows. */
	auto_free uint8_t *copy = xmalloc(b.n);
	if (b.n)
		memcpy(copy, b.p, b.n);
	LLVMFuzzerTestOneInput(copy, b.n);
	return 1;
}

static int replay_dir(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	if (!d)
		return 0;
	for (struct dirent *ent; n >= 0 && (ent = readdir(d));) {
		if (ent->d_name[0] == '.')
			continue;
		n = replay_file(dirfd(d), ent->d_name) < 0 ? -1 : n + 1;
	}
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;
		int n;

		if (stat(argv[i], &st) < 0)
			continue;
		n = S_ISDIR(st.st_mode) ? replay_dir(argv[i]) : replay_file(AT_FDCWD, argv[i]);
		if (n < 0)
			return 1;
		total += n;
	}
	printf("%d inputs\n", total);
	return total == 0;
}
