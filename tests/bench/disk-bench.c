/* What a writable layer of limited size costs, in parts: how much of it a pool of prepared devices could save.
 * disk-bench ROUNDS, as root; a line of medians in microseconds. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "runtime/disk.h"
#include "runtime/loop.h"

#define ROUNDS_MAX 1000
#define SIZE (1ull << 30)

enum part { MAKE, DEVICE, GIVE_BACK, PARTS };

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "disk-bench: %s\n", what);
	exit(1);
}

/* A file of that size as a device: what a pool would have ready, but for the copied pieces of the template. */
static uint64_t device_us(void)
{
	uint64_t from = now_us();
	auto_close int file = fd_open(AT_FDCWD, DISK_DIR, O_RDWR | O_TMPFILE);
	auto_close int device = -1;
	char path[64];

	if (file < 0 || ftruncate(file, SIZE) < 0 || (device = loop_attach(file, false, path, sizeof(path))) < 0)
		die("no device");
	return now_us() - from;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	static uint64_t us[PARTS][ROUNDS_MAX];
	const struct disk_want want = { .size_bytes = SIZE };
	uint32_t rounds = 100;

	if (argc > 2 || (argc == 2 && (!num_u32(str_c(argv[1]), &rounds) || !rounds || rounds > ROUNDS_MAX)))
		die("usage: disk-bench [ROUNDS]");
	for (uint32_t i = 0; i < rounds; i++) {
		struct disk_layer layer;
		struct err e = { 0 };
		uint64_t from = now_us();

		if (disk_layer_make(DISK_DIR, &want, &layer, &e) < 0)
			die(e.msg);
		us[MAKE][i] = now_us() - from;
		from = now_us();
		close(layer.mount);
		us[GIVE_BACK][i] = now_us() - from;
		us[DEVICE][i] = device_us();
	}
	for (size_t p = 0; p < PARTS; p++)
		qsort(us[p], rounds, sizeof(us[p][0]), by_value);
	printf("%llu %llu %llu\n", (unsigned long long)us[MAKE][rounds / 2], (unsigned long long)us[DEVICE][rounds / 2],
	       (unsigned long long)us[GIVE_BACK][rounds / 2]);
	return 0;
}
