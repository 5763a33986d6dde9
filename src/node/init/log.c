/* log: bounded files of lines. See node.h. */
#include <assert.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/fd.h"
#include "node/init/node.h"
#include "node/layout.h"

#define NAME_MAX_BYTES 96
#define RETRY_MS 10000 /* after a failure: the partition may have room again */

struct log {
	char path[NAME_MAX_BYTES], old[NAME_MAX_BYTES];
	int fd;
	uint64_t size_bytes, retry_ms;
};

static uint64_t lost;

/* All of them, to be closed together. */
#define LOGS_MAX (SERVICES_MAX + 1)
static struct log *all[LOGS_MAX];
static size_t all_count;
static bool ended;

uint64_t log_lost(void)
{
	return lost;
}

struct log *log_open(const char *name)
{
	struct log *l = xcalloc(1, sizeof(*l));

	snprintf(l->path, sizeof(l->path), NODE_LOG "/%.70s.log", name);
	snprintf(l->old, sizeof(l->old), NODE_LOG "/%.70s.log.1", name);
	l->fd = -1;
	assert(all_count < LOGS_MAX);
	all[all_count++] = l;
	return l;
}

void logs_end(void)
{
	ended = true;
	for (size_t i = 0; i < all_count; i++)
		fd_close(&all[i]->fd);
}

static bool ready(struct log *l)
{
	struct stat st;

	if (l->fd >= 0 && l->size_bytes >= LOG_BYTES_MAX) {
		fd_close(&l->fd);
		(void)rename(l->path, l->old);
	}
	if (l->fd >= 0)
		return true;
	if (ended || clock_ms() < l->retry_ms)
		return false;
	l->fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	l->size_bytes = l->fd >= 0 && fstat(l->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	return l->fd >= 0;
}

void log_line(struct log *l, struct str line)
{
	char text[1200];
	char when[DATE_TEXT_MAX];
	int n;

	n = snprintf(text, sizeof(text), "%s " STR_FMT "\n", date_time_text((uint64_t)time(NULL), when),
		     STR_ARG(str_head(line, 1100)));
	if (!ready(l) || write(l->fd, text, (size_t)n) != n) {
		lost++;
		l->retry_ms = clock_ms() + RETRY_MS;
		fd_close(&l->fd);
		return;
	}
	l->size_bytes += (uint64_t)n;
}
