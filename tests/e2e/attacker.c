/* attacker: what a hostile program in a container tries, one way an argument. Static, so that it runs in an empty root
 * file system. Each prints what it got before it was stopped; most go on until they are killed.
 *
 * usage: attacker WAY [ARGUMENT...]      see the table at the end */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP (1u << 20)
#define BLOCK 4096u

static char bytes[STEP] __attribute__((aligned(BLOCK)));

static void say(const char *what, unsigned long long n)
{
	printf("%s %llu errno %d\n", what, n, errno);
	fflush(stdout);
}

static int for_ever(void)
{
	for (;;)
		pause();
	return 0;
}

/* Every process forks as fast as it can. */
static int fork_bomb(char **arg)
{
	(void)arg;
	for (;;)
		if (fork() < 0)
			sched_yield();
	return 0;
}

static int heap(char **arg)
{
	(void)arg;
	for (;;) {
		char *p = mmap(NULL, STEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p != MAP_FAILED)
			memset(p, 1, STEP);
	}
	return 0;
}

static int fill_fd(int fd)
{
	unsigned long long n = 0;
	ssize_t r;

	while ((r = write(fd, bytes, sizeof(bytes))) > 0)
		n += (unsigned long long)r;
	say("wrote", n);
	return for_ever();
}

static int fill(char **arg)
{
	return fill_fd(open(arg[0], O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static int memory_file(char **arg)
{
	(void)arg;
	return fill_fd(memfd_create("attack", MFD_CLOEXEC));
}

/* More of a file than memory, mapped and dirtied over and over. */
static int shared_map(char **arg)
{
	int fd = open(arg[0], O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	unsigned long long size = strtoull(arg[1], NULL, 10), rounds = 0;
	char *p;

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return 1;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return 1;
	for (;; rounds++) {
		for (unsigned long long at = 0; at < size; at += BLOCK)
			p[at] = (char)rounds;
		say("round", rounds);
	}
}

static int write_storm(const char *path, int flags)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC | flags, 0600);

	for (unsigned int i = 0; fd >= 0; i++) {
		if (pwrite(fd, bytes, flags & O_DIRECT ? BLOCK : sizeof(bytes),
			   (off_t)(i % 16) * (flags & O_DIRECT ? BLOCK : STEP)) < 0)
			return 1;
		/* what was written is written back, else the cache would take it all */
		if (!(flags & O_DIRECT) && fdatasync(fd) < 0)
			return 1;
	}
	return 1;
}

static int buffered(char **arg)
{
	return write_storm(arg[0], 0);
}

static int direct(char **arg)
{
	return write_storm(arg[0], O_DIRECT);
}

static int inodes(char **arg)
{
	unsigned long long n = 0;
	char name[256];

	for (;; n++) {
		int fd;

		snprintf(name, sizeof(name), "%s/%llu", arg[0], n);
		fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC | O_EXCL, 0600);
		if (fd < 0)
			break;
		close(fd);
	}
	say("made", n);
	return for_ever();
}

/* Lines of a log as fast as they go. */
static int log_bomb(char **arg)
{
	FILE *f = fopen(arg[0], "ae");
	unsigned long long n = 0;

	if (!f)
		return 1;
	while (fprintf(f, "%llu: an error that happens again and again\n", n) > 0 && fflush(f) == 0)
		n++;
	say("lines", n);
	return for_ever();
}

static int udp(char **arg)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(4000) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, arg[0], &a.sin_addr);
	for (;;)
		(void)!sendto(fd, bytes, 1400, 0, (struct sockaddr *)&a, sizeof(a));
	return 0;
}

/* Descriptors, each a pipe full of bytes, in as many processes as there may be. */
static int descriptors(char **arg)
{
	unsigned long long n = 0;
	int p[2];

	(void)arg;
	for (int i = 0; i < 8; i++)
		if (fork() < 0)
			break;
	for (; pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0; n += 2)
		while (write(p[1], bytes, sizeof(bytes)) > 0)
			;
	say("descriptors", n);
	return for_ever();
}

/* Groups of its own below the container's, anywhere it can see them. */
static int groups(char **arg)
{
	static const char *const tops[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/memory",
					    "/sys/fs/cgroup/unified", "/sys/fs/cgroup/freezer" };
	unsigned long long made = 0;
	char name[256];

	(void)arg;
	for (size_t i = 0; i < sizeof(tops) / sizeof(*tops); i++)
		for (int k = 0; k < 100; k++) {
			snprintf(name, sizeof(name), "%s/attack%d", tops[i], k);
			made += mkdir(name, 0755) == 0;
		}
	say("groups", made);
	return for_ever();
}

/* User namespaces inside each other, and one of each other kind. */
static int namespaces(char **arg)
{
	static const int kinds[] = { CLONE_NEWNET, CLONE_NEWNS,	 CLONE_NEWPID,
				     CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP };
	unsigned long long made = 0;

	(void)arg;
	for (int i = 0; i < 40; i++)
		made += unshare(CLONE_NEWUSER) == 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		made += unshare(kinds[i]) == 0;
	say("namespaces", made);
	return for_ever();
}

/* The neighbour: a bit of everything that an attack could take from it, counted. */
static int work(char **arg)
{
	for (unsigned long long n = 1;; n++) {
		char *p = malloc(STEP);
		int fd = open(arg[0], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600), status = 1;
		pid_t child;

		if (!p || fd < 0)
			return 1;
		memset(p, 1, STEP);
		if (write(fd, p, 65536) != 65536)
			return 1;
		close(fd);
		free(p);
		child = fork();
		if (child == 0)
			_exit(0);
		if (child < 0 || waitpid(child, &status, 0) < 0 || status)
			return 1;
		printf("%llu\n", n);
		fflush(stdout);
		usleep(1000);
	}
}

static const struct {
	const char *name;
	int (*run)(char **arg);
	int args;
} ways[] = {
	{ "fork", fork_bomb, 0 },
	{ "heap", heap, 0 },
	{ "fill", fill, 1 },
	{ "memfd", memory_file, 0 },
	{ "map", shared_map, 2 },
	{ "buffered", buffered, 1 },
	{ "direct", direct, 1 },
	{ "inodes", inodes, 1 },
	{ "log", log_bomb, 1 },
	{ "udp", udp, 1 },
	{ "fd", descriptors, 0 },
	{ "groups", groups, 0 },
	{ "namespaces", namespaces, 0 },
	{ "work", work, 1 },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(argv[1], ways[i].name) && argc - 2 >= ways[i].args)
			return ways[i].run(argv + 2);
	return 2;
}
