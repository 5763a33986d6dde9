/* denials: what a container was refused, counted. See denials.h. */
#include "runtime/denials.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define SLOTS (DENIALS_SLOTS + 1)
#define FILE_BYTES (SLOTS * sizeof(struct denial))
#define PROBES_MAX 16 /* slots looked at for one kind */
#define OTHER_KEY 1   /* of the last slot */

_Static_assert(sizeof(struct denial) == 136, "the layout is on disk");

static uint64_t key_of(const struct denial *d)
{
	const uint64_t what[] = { d->arch, (uint32_t)d->nr, (uint32_t)d->error, d->detail };

	return str_hash(str_n(what, sizeof(what)), 0) | 2; /* neither free nor OTHER_KEY */
}

int denials_open(int state_fd, struct denials *ret, struct err *e)
{
	auto_close int fd = fd_open(state_fd, DENIALS_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	void *p;

	if (fd < 0)
		return err_errno(e, fd, DENIALS_FILE);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_size && st.st_size != FILE_BYTES))
		return err_set(e, -EBADMSG, DENIALS_FILE " is no table of denials");
	if (!st.st_size && ftruncate(fd, FILE_BYTES) < 0)
		return err_errno(e, -errno, DENIALS_FILE);
	p = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_errno(e, -errno, DENIALS_FILE);
	ret->slots = p;
	return 0;
}

void denials_close(struct denials *d)
{
	if (d->slots)
		munmap(d->slots, FILE_BYTES);
	d->slots = NULL;
}

/* The slot of a kind, taken for it when it has none; the last one when there is no room. */
static struct denial *slot_of(struct denials *t, uint64_t key)
{
	for (size_t i = 0; i < PROBES_MAX; i++) {
		struct denial *s = &t->slots[(key + i) % DENIALS_SLOTS];
		uint64_t found = __atomic_load_n(&s->key, __ATOMIC_ACQUIRE);

		if (!found &&
		    __atomic_compare_exchange_n(&s->key, &found, key, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return s;
		if (found == key)
			return s;
	}
	__atomic_store_n(&t->slots[DENIALS_SLOTS].key, OTHER_KEY, __ATOMIC_RELEASE);
	return &t->slots[DENIALS_SLOTS];
}

void denials_count(struct denials *t, const struct denial *d)
{
	struct denial *s = slot_of(t, key_of(d));
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	/* Two who count the same kind write the same, but for who was last. */
	if (s == &t->slots[DENIALS_SLOTS]) {
		s->nr = -1;
	} else {
		s->arch = d->arch;
		s->nr = d->nr;
		s->error = d->error;
		s->detail = d->detail;
		memcpy(s->program, d->program, sizeof(s->program));
		memcpy(s->path, d->path, sizeof(s->path));
	}
	s->last_s = (uint64_t)now.tv_sec;
	if (!__atomic_fetch_add(&s->count, 1, __ATOMIC_RELAXED))
		s->first_s = (uint64_t)now.tv_sec;
}

static void clean(char *text, size_t n)
{
	text[n - 1] = 0;
	str_tame(text, strlen(text));
}

static int by_count(const void *a, const void *b)
{
	const struct denial *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	if (x->nr != y->nr)
		return x->nr < y->nr ? -1 : 1;
	return x->key < y->key ? -1 : x->key > y->key;
}

int denials_parse(struct str bytes, struct arena *a, struct denial **ret, size_t *ret_n, struct err *e)
{
	struct denial *all = arena_array(a, struct denial, SLOTS);
	size_t n = 0;

	if (bytes.n != FILE_BYTES)
		return err_set(e, -EBADMSG, DENIALS_FILE ": %zu bytes are no table of denials", bytes.n);
	for (size_t i = 0; i < SLOTS; i++) {
		struct denial *d = &all[n];

		memcpy(d, bytes.p + i * sizeof(*d), sizeof(*d));
		if (!d->key || !d->count)
			continue;
		clean(d->program, sizeof(d->program));
		clean(d->path, sizeof(d->path));
		n++;
	}
	qsort(all, n, sizeof(*all), by_count);
	*ret = all;
	*ret_n = n;
	return 0;
}

int denials_read(int state_fd, struct arena *a, struct denial **ret, size_t *ret_n, struct err *e)
{
	auto_buf struct buf bytes = { 0 };
	auto_close int fd = fd_open(state_fd, DENIALS_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	int r;

	if (fd == -ENOENT) {
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}
	if (fd < 0)
		return err_errno(e, fd, DENIALS_FILE);
	r = fd_read_all(fd, FILE_BYTES, &bytes, e);
	if (r < 0)
		return err_wrap(e, r, DENIALS_FILE);
	return denials_parse(buf_all(&bytes), a, ret, ret_n, e);
}
