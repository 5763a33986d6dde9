/* Packages as numbers: what goes in comes out, for many at once, and after damage. */
#include "scan/interned.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codec/sha256.h"
#include "tap.h"

#define COMMITTED_AT 24 /* docs/formats/cache.md */
#define PROCESSES 4
#define IMAGES_EACH 12
#define PACKAGES_EACH 40

#define CACHES_MAX 64

static char made[CACHES_MAX][32];
static size_t made_count;

static struct cache new_cache(void)
{
	char *path = made[made_count++ % CACHES_MAX];
	struct cache c = { .dir_fd = -1 };
	struct err e = { 0 };

	snprintf(path, sizeof(made[0]), "/tmp/yagura-interned.XXXXXX");
	if (mkdtemp(path))
		OK_ERR(cache_open(&c, path, &e), &e);
	return c;
}

static void remove_one(int dir_fd, const char *name)
{
	int fd = fd_open(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	for (struct dirent *ent; d && (ent = readdir(d));)
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			remove_one(dirfd(d), ent->d_name);
	if (d)
		closedir(d);
	if (unlinkat(dir_fd, name, d ? AT_REMOVEDIR : 0) < 0)
		printf("# %s stays: %s\n", name, strerror(errno));
}

__attribute__((destructor)) static void remove_caches(void)
{
	for (size_t i = 0; i < made_count && i < CACHES_MAX; i++)
		remove_one(AT_FDCWD, made[i]);
}

static struct digest chain_of(struct str name)
{
	struct digest d;

	sha256_of(name, &d);
	return d;
}

static void add(struct inventory *inv, enum pkg_type type, const char *name, const char *version)
{
	vec_push(&inv->packages,
		 ((struct inv_package){ .p = { .type = type, .name = str_c(name), .version = str_c(version) },
					.owner = NO_OWNER }));
}

static void put(struct cache *c, const char *name, const struct inventory *inv)
{
	struct digest chain = chain_of(str_c(name));

	interned_put(c, &chain, str_c(name), inv);
}

static const struct rematch_package *package_of(const struct interned *s, size_t image, size_t i)
{
	return &s->packages.v[s->inventories.v[image].packages[i]];
}

static bool holds(const struct interned *s, const char *image, const char *name, const char *version)
{
	for (size_t i = 0; i < s->images.n; i++)
		for (size_t k = 0; str_is(s->images.v[i].name, image) && k < s->inventories.v[i].count; k++)
			if (str_is(package_of(s, i, k)->p.name, name) &&
			    str_is(package_of(s, i, k)->p.version, version))
				return true;
	return false;
}

static size_t count_of(const struct interned *s, const char *image)
{
	for (size_t i = 0; i < s->images.n; i++)
		if (str_is(s->images.v[i].name, image))
			return s->inventories.v[i].count;
	return SIZE_MAX;
}

TEST(round_trip)
{
	struct inventory a = { .os_ns = STR("debian:12") }, b = { .os_ns = STR("debian:12") };
	struct cache c = new_cache();
	struct interned s;
	struct err e = { 0 };

	add(&a, PKG_DEB, "libc6", "2.36-9");
	a.packages.v[0].p.source = STR("glibc");
	a.packages.v[0].p.arch = STR("amd64");
	add(&a, PKG_NPM, "left-pad", "1.0.0");
	add(&a, PKG_NPM, "left-pad", "1.0.0"); /* twice in the image, once here */
	add(&b, PKG_NPM, "left-pad", "1.0.0");
	add(&b, PKG_DEB, "theirs", "1");
	b.packages.v[1].foreign = true;
	add(&b, PKG_PYPI, "owned", "1");
	b.packages.v[2].owner = 0;
	put(&c, "a", &a);
	put(&c, "b", &b);
	put(&c, "b", &b);
	OK_ERR(interned_load(&s, &c, STR("2026-11-22"), &e), &e);
	EQ_INT(s.packages.n, 2);
	EQ_INT(s.images.n, 2);
	EQ_INT(count_of(&s, "a"), 2);
	EQ_INT(count_of(&s, "b"), 1);
	OK(holds(&s, "a", "libc6", "2.36-9"));
	OK(holds(&s, "b", "left-pad", "1.0.0"));
	for (size_t i = 0; i < s.packages.n; i++) {
		const struct rematch_package *p = &s.packages.v[i];

		EQ_STR(s.os.v[p->os].ns, p->p.type == PKG_DEB ? STR("debian:12") : STR(""));
		EQ_STR(p->p.source, p->p.type == PKG_DEB ? STR("glibc") : STR(""));
	}
	interned_free(&s);
	cache_close(&c);
	vec_done(&a.packages);
	vec_done(&b.packages);
}

TEST(a_known_image_is_not_written_again)
{
	struct inventory inv = { .os_ns = STR("alpine:3.18") };
	struct cache c = new_cache();
	struct stat before = { 0 }, after = { 0 };
	struct interned s;
	struct err e = { 0 };

	add(&inv, PKG_APK, "musl", "1.2.4-r1");
	put(&c, "a", &inv);
	OK(fstatat(c.dir_fd, INTERNED_DIR, &before, 0) == 0);
	add(&inv, PKG_APK, "other", "1"); /* cannot be: the same layers hold the same packages */
	put(&c, "a", &inv);
	OK(fstatat(c.dir_fd, INTERNED_DIR, &after, 0) == 0);
	EQ_INT(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	OK_ERR(interned_load(&s, &c, STR("2026-11-22"), &e), &e);
	EQ_INT(s.packages.n, 1);
	interned_free(&s);
	cache_close(&c);
	vec_done(&inv.packages);
}

/* Every process adds its own packages and ones that all have. */
static void one_process(struct cache *c, int number)
{
	for (int i = 0; i < IMAGES_EACH; i++) {
		struct inventory inv = { .os_ns = STR("debian:12") };
		struct arena a = { 0 };
		char image[32];

		snprintf(image, sizeof(image), "%d-%d", number, i);
		for (int k = 0; k < PACKAGES_EACH; k++) {
			add(&inv, PKG_DEB, arena_fmt(&a, "own-%d", number).p,
			    arena_fmt(&a, "%d", i * PACKAGES_EACH + k).p);
			add(&inv, PKG_DEB, arena_fmt(&a, "shared-%d", i).p, arena_fmt(&a, "%d", k).p);
		}
		put(c, image, &inv);
		vec_done(&inv.packages);
		arena_done(&a);
	}
}

TEST(processes_at_once)
{
	struct cache c = new_cache();
	pid_t pid[PROCESSES];
	struct interned s;
	struct err e = { 0 };

	for (int i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			one_process(&c, i);
			_exit(0);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;

		OK(waitpid(pid[i], &status, 0) == pid[i] && status == 0);
	}
	OK_ERR(interned_load(&s, &c, STR("2026-11-22"), &e), &e);
	EQ_INT(s.damaged, 0);
	EQ_INT(s.images.n, PROCESSES * IMAGES_EACH);
	EQ_INT(s.packages.n, (PROCESSES + 1) * IMAGES_EACH * PACKAGES_EACH);
	for (int i = 0; i < PROCESSES; i++) {
		char image[32], own[32];

		snprintf(image, sizeof(image), "%d-3", i);
		snprintf(own, sizeof(own), "own-%d", i);
		EQ_INT(count_of(&s, image), 2 * PACKAGES_EACH);
		OK(holds(&s, image, own, "121"));
		OK(holds(&s, image, "shared-3", "39"));
	}
	interned_free(&s);
	cache_close(&c);
}

static void write_bytes(struct cache *c, off_t at, const void *p, size_t n)
{
	int fd = openat(c->dir_fd, INTERNED_DIR "/packages", O_WRONLY | O_CLOEXEC);

	if (at < 0)
		at += lseek(fd, 0, SEEK_END) + 1;
	OK(pwrite(fd, p, n, at) == (ssize_t)n);
	close(fd);
}

/* What a process leaves that was killed while it wrote, or what a disk does to a file. */
TEST(damage)
{
	static const struct {
		const char *name;
		off_t at; /* negative: from the end, -1 is behind the last byte */
		const char *bytes;
		size_t n;
		bool loads;	 /* before anything is scanned again */
		size_t packages; /* after one more image with one new package */
	} rows[] = {
		{ "torn tail", -1, "\x40\0\0\0garbage", 11, true, 3 },
		{ "a package that was never committed", -1, "\1\0\0\0\0\0\0\0\0\0\0\0x", 13, true, 3 },
		{ "one byte of a package", 80, "\xff", 1, false, 1 },
		{ "no magic", 0, "X", 1, false, 1 },
		{ "a committed length behind the end", COMMITTED_AT, "\xff\xff", 2, false, 1 },
		{ "a committed length inside a package", COMMITTED_AT, "\x46", 1, false, 1 },
		{ "a committed length before the head ends", COMMITTED_AT, "\1\0", 2, false, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct inventory inv = { .os_ns = STR("debian:12") }, more = { .os_ns = STR("debian:12") };
		struct cache c = new_cache();
		struct interned s;
		struct err e = { 0 };

		row("%s", rows[i].name);
		add(&inv, PKG_DEB, "bash", "5.2-1");
		add(&inv, PKG_DEB, "dash", "0.5-1");
		add(&more, PKG_DEB, "curl", "8-1");
		put(&c, "first", &inv);
		write_bytes(&c, rows[i].at, rows[i].bytes, rows[i].n);
		EQ_INT(interned_load(&s, &c, STR("2026-11-22"), &e), rows[i].loads ? 0 : -EBADMSG);
		interned_free(&s);
		put(&c, "second", &more);
		OK_ERR(interned_load(&s, &c, STR("2026-11-22"), &e), &e);
		EQ_INT(s.packages.n, rows[i].packages);
		EQ_INT(s.damaged, rows[i].loads ? 0 : 1); /* the first image, until it is scanned again */
		OK(holds(&s, "second", "curl", "8-1"));
		interned_free(&s);
		put(&c, "first", &inv);
		OK_ERR(interned_load(&s, &c, STR("2026-11-22"), &e), &e);
		EQ_INT(s.packages.n, 3);
		OK(holds(&s, "first", "dash", "0.5-1"));
		interned_free(&s);
		cache_close(&c);
		vec_done(&inv.packages);
		vec_done(&more.packages);
	}
}

TEST(without_a_cache)
{
	struct cache c = { .dir_fd = -1 };
	struct inventory inv = { 0 };
	struct interned s;
	struct err e = { 0 };

	put(&c, "a", &inv);
	OK_ERR(interned_load(&s, &c, STR("2026-11-22"), &e), &e);
	EQ_INT(s.set.package_count, 0);
	interned_free(&s);
	c = new_cache();
	OK_ERR(interned_load(&s, &c, STR("2026-11-22"), &e), &e);
	EQ_INT(s.set.inventory_count, 0);
	interned_free(&s);
	cache_close(&c);
}
