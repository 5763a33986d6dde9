/* lat: commands run by turns, each many times, and what they cost: wall clock, CPU of it and all it waited for, peak
 * memory of the largest process among them. One line a command: least and median wall, median CPU (microseconds),
 * peak KiB, exit statuses that were not 0.
 *
 * usage: lat ROUNDS COMMAND ARGUMENTS... [-- COMMAND ARGUMENTS...]... */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"

#define COMMANDS_MAX 32
#define ROUNDS_MAX 10000

struct command {
	char **argv;
	uint64_t *wall, *cpu;
	long peak_kib;
	unsigned int failed;
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t us(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static void run_once(struct command *c, uint32_t round)
{
	uint64_t start = now_us();
	struct rusage u;
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, c->argv[0], NULL, NULL, c->argv, environ) != 0 || wait4(pid, &status, 0, &u) < 0) {
		perror(c->argv[0]);
		exit(1);
	}
	c->wall[round] = now_us() - start;
	c->cpu[round] = us(u.ru_utime) + us(u.ru_stime);
	if (u.ru_maxrss > c->peak_kib)
		c->peak_kib = u.ru_maxrss;
	c->failed += status != 0;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int main(int argc, char **argv)
{
	struct command c[COMMANDS_MAX] = { 0 };
	uint32_t n = 0, rounds;

	if (argc < 3 || !num_u32(str_c(argv[1]), &rounds) || !rounds || rounds > ROUNDS_MAX)
		return 2;
	for (int i = 2; i < argc && n < COMMANDS_MAX; i++) {
		c[n].argv = argv + i;
		while (i < argc && strcmp(argv[i], "--") != 0)
			i++;
		argv[i] = NULL;
		c[n].wall = calloc(rounds, sizeof(uint64_t));
		c[n++].cpu = calloc(rounds, sizeof(uint64_t));
	}
	for (uint32_t round = 0; round < rounds; round++)
		for (uint32_t i = 0; i < n; i++)
			run_once(&c[i], round);
	for (uint32_t i = 0; i < n; i++) {
		qsort(c[i].wall, rounds, sizeof(uint64_t), by_size);
		qsort(c[i].cpu, rounds, sizeof(uint64_t), by_size);
		printf("%llu %llu %llu %ld %u\n", (unsigned long long)c[i].wall[0],
		       (unsigned long long)c[i].wall[rounds / 2], (unsigned long long)c[i].cpu[rounds / 2],
		       c[i].peak_kib, c[i].failed);
	}
	return 0;
}
