/* interned: packages as numbers. See interned.h. */
#include "scan/interned.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/sha256.h"
#include "inventory/analyzer.h"
#include "inventory/release.h"

#define PACKAGES_NAME INTERNED_DIR "/packages"
#define PACKAGES_MAGIC "YGIDSPK1"
#define IMAGE_MAGIC "YGIDSIM1"
#define MAGIC_BYTES 8
#define GENERATION_BYTES 16
#define AT_GENERATION MAGIC_BYTES
#define AT_COMMITTED (AT_GENERATION + GENERATION_BYTES) /* u64: bytes of the file that count */
#define HEADER_BYTES 64
#define RECORD_HEAD_BYTES 12 /* u32 bytes of the package, u64 hash of them */
#define IMAGE_BYTES_MAX (64u + 4096u + 4u * INTERNED_PER_IMAGE_MAX)
#define IMAGE_HEAD_BYTES (MAGIC_BYTES + 8 + GENERATION_BYTES) /* magic, hash of the rest, generation */
#define FORMAT_VERSION 1u				      /* of what is said of a package */
#define NAME_ROOM 128
#define TOUCH_SECONDS 3600
#define IMAGE_INCOMPLETE 1u
#define NO_NUMBER UINT32_MAX

/* ---- one package as bytes ---- */

static void write_package(struct buf *b, struct str os_ns, const struct package *p)
{
	bool is_os = pkg_type_row(p->type)->is_os;

	buf_varint(b, p->type);
	buf_var_str(b, is_os ? os_ns : STR(""));
	buf_var_str(b, p->name);
	buf_var_str(b, p->version);
	buf_var_str(b, p->arch);
	buf_var_str(b, p->source);
	buf_var_str(b, p->source_version);
	buf_var_str(b, p->module);
}

static bool read_package(struct str bytes, struct str *ret_ns, struct package *ret)
{
	struct rd r = rd_of(bytes);
	uint64_t type = rd_varint(&r);

	*ret = (struct package){ .type = (enum pkg_type)type };
	*ret_ns = rd_var_str(&r);
	ret->name = rd_var_str(&r);
	ret->version = rd_var_str(&r);
	ret->arch = rd_var_str(&r);
	ret->source = rd_var_str(&r);
	ret->source_version = rd_var_str(&r);
	ret->module = rd_var_str(&r);
	return rd_ok(&r) && !rd_left(&r) && type < PKG_TYPE_COUNT;
}

/* ---- the file of packages ---- */

struct pool_file {
	struct mapping map;
	struct str generation;
	struct rd left; /* records not read yet, up to the committed length */
};

/* 1 and the next package's bytes and their hash, 0 at the end, -EBADMSG. */
static int pool_next(struct pool_file *f, uint64_t *ret_hash, struct str *ret)
{
	uint32_t n;

	if (!rd_left(&f->left))
		return rd_ok(&f->left) ? 0 : -EBADMSG;
	n = rd_le32(&f->left);
	*ret_hash = rd_le64(&f->left);
	*ret = rd_str(&f->left, n);
	if (!rd_ok(&f->left) || n > INTERNED_PACKAGE_BYTES_MAX || str_hash(*ret, n) != *ret_hash)
		return -EBADMSG;
	return 1;
}

/* The committed length is read before the file is mapped: meanwhile it may only grow. */
static bool read_header(int fd, struct mapping *map, uint64_t *ret_committed)
{
	uint8_t head[HEADER_BYTES];
	struct rd r = rd_of(str_n(head, sizeof(head)));
	const uint8_t *magic = rd_take(&r, MAGIC_BYTES);
	uint64_t committed;

	if (fd_pread(fd, head, sizeof(head), 0) != sizeof(head) || memcmp(magic, PACKAGES_MAGIC, MAGIC_BYTES) != 0)
		return false;
	rd_take(&r, GENERATION_BYTES);
	committed = rd_le64(&r);
	if (committed < HEADER_BYTES || committed > INTERNED_BYTES_MAX || mapping_open(fd, map, NULL) < 0)
		return false;
	*ret_committed = committed;
	return true;
}

/* 0, -ENOENT, -EBADMSG when it is no such file. */
static int pool_map(struct pool_file *f, int dir_fd)
{
	auto_close int fd = fd_open(dir_fd, PACKAGES_NAME, O_RDONLY | O_NOFOLLOW);
	uint64_t committed;

	*f = (struct pool_file){ 0 };
	if (fd < 0)
		return fd;
	if (!read_header(fd, &f->map, &committed))
		return -EBADMSG;
	if (committed > f->map.n) {
		mapping_close(&f->map);
		return -EBADMSG;
	}
	f->generation = str_n(f->map.p + AT_GENERATION, GENERATION_BYTES);
	f->left = rd_of(str_n(f->map.p + HEADER_BYTES, committed - HEADER_BYTES));
	return 0;
}

/* A new empty file in place of what is there. Only under the lock. */
static int pool_make(int dir_fd)
{
	uint8_t head[HEADER_BYTES] = PACKAGES_MAGIC;

	if (getrandom(head + AT_GENERATION, GENERATION_BYTES, 0) != GENERATION_BYTES)
		return -EIO;
	head[AT_COMMITTED] = HEADER_BYTES;
	return file_write(dir_fd, PACKAGES_NAME, str_n(head, sizeof(head)), false, NULL);
}

/* ---- looking packages up ---- */

/* A package of the image at hand. */
struct wanted {
	struct str bytes;
	uint64_t hash;
	uint32_t number;
};

struct lookup {
	VEC(struct wanted) want; /* sorted by hash, then bytes; no two are equal */
	size_t missing;
	uint32_t count; /* numbers given so far */
	bool incomplete;
	struct arena arena;
};

static int compare_wanted(const void *va, const void *vb)
{
	const struct wanted *a = va, *b = vb;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return str_cmp(a->bytes, b->bytes);
}

static void drop_equal(struct lookup *l)
{
	size_t n = 0;

	if (l->want.n)
		qsort(l->want.v, l->want.n, sizeof(*l->want.v), compare_wanted);
	for (size_t i = 0; i < l->want.n; i++)
		if (!n || compare_wanted(&l->want.v[n - 1], &l->want.v[i]) != 0)
			l->want.v[n++] = l->want.v[i];
	l->want.n = n;
}

static void lookup_init(struct lookup *l, const struct inventory *inv)
{
	auto_buf struct buf b;

	*l = (struct lookup){ 0 };
	buf_init(&b, INTERNED_PACKAGE_BYTES_MAX);
	for (size_t i = 0; i < inv->packages.n && l->want.n < INTERNED_PER_IMAGE_MAX; i++) {
		const struct inv_package *p = &inv->packages.v[i];

		if (p->foreign || (p->owner != NO_OWNER && !p->owner_foreign))
			continue;
		buf_clear(&b);
		write_package(&b, inv->os_ns, &p->p);
		if (buf_finish(&b) < 0)
			l->incomplete = true;
		else
			vec_push(&l->want, ((struct wanted){ arena_str(&l->arena, buf_all(&b)),
							     str_hash(buf_all(&b), b.n), NO_NUMBER }));
	}
	drop_equal(l);
}

static void lookup_done(struct lookup *l)
{
	vec_done(&l->want);
	arena_done(&l->arena);
}

static void found(struct lookup *l, uint64_t hash, struct str bytes, uint32_t number)
{
	struct wanted key = { .bytes = bytes, .hash = hash }, *w;

	w = l->want.n ? bsearch(&key, l->want.v, l->want.n, sizeof(key), compare_wanted) : NULL;
	if (!w || w->number != NO_NUMBER)
		return;
	w->number = number;
	l->missing--;
}

/* All numbers the file knows; -ENOENT, -EBADMSG. */
static int look_up(struct lookup *l, int dir_fd, uint8_t generation[GENERATION_BYTES])
{
	struct pool_file f;
	int r = pool_map(&f, dir_fd);
	struct str bytes;
	uint64_t hash;

	for (size_t i = 0; i < l->want.n; i++)
		l->want.v[i].number = NO_NUMBER;
	l->missing = l->want.n;
	l->count = 0;
	if (r < 0)
		return r;
	memcpy(generation, f.generation.p, GENERATION_BYTES);
	while ((r = pool_next(&f, &hash, &bytes)) > 0)
		found(l, hash, bytes, l->count++);
	mapping_close(&f.map);
	return r;
}

/* ---- appending ---- */

static int write_at(int fd, struct str bytes, uint64_t at)
{
	while (bytes.n) {
		ssize_t n = pwrite(fd, bytes.p, bytes.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes = str_from(bytes, (size_t)n);
		at += (uint64_t)n;
	}
	return 0;
}

static int append_to(int fd, struct lookup *l, uint64_t committed)
{
	auto_buf struct buf b;
	uint8_t length[8];
	int r;

	if (committed >= INTERNED_BYTES_MAX)
		return -E2BIG;
	buf_init(&b, INTERNED_BYTES_MAX - committed);
	for (size_t i = 0; i < l->want.n; i++) {
		struct wanted *w = &l->want.v[i];

		if (w->number != NO_NUMBER)
			continue;
		buf_le32(&b, (uint32_t)w->bytes.n);
		buf_le64(&b, w->hash);
		buf_str(&b, w->bytes);
		w->number = l->count++;
	}
	r = buf_finish(&b);
	r = r < 0 ? r : write_at(fd, buf_all(&b), committed);
	committed += b.n;
	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (uint8_t)(committed >> 8 * i);
	/* Last, and in one piece: from now on others see the packages. */
	return r < 0 ? r : write_at(fd, str_n(length, sizeof(length)), AT_COMMITTED);
}

/* Under the lock: what is missing still gets its number. */
static int append_locked(struct lookup *l, int dir_fd, uint8_t generation[GENERATION_BYTES])
{
	int r = look_up(l, dir_fd, generation);
	auto_close int fd = -1;
	struct pool_file f;
	uint64_t committed;

	if (r == -ENOENT || r == -EBADMSG) {
		r = pool_make(dir_fd);
		r = r < 0 ? r : look_up(l, dir_fd, generation);
	}
	if (r < 0 || !l->missing)
		return r;
	r = pool_map(&f, dir_fd);
	if (r < 0)
		return r;
	committed = HEADER_BYTES + rd_left(&f.left);
	mapping_close(&f.map);
	fd = fd_open(dir_fd, PACKAGES_NAME, O_WRONLY | O_NOFOLLOW);
	return fd < 0 ? fd : append_to(fd, l, committed);
}

/* The directory is what is locked: the file of packages may be replaced. */
static int number_all(struct lookup *l, int dir_fd, uint8_t generation[GENERATION_BYTES])
{
	int r = look_up(l, dir_fd, generation);
	auto_close int lock = -1;

	if (r == 0 && !l->missing)
		return 0;
	r = dir_make(dir_fd, INTERNED_DIR);
	lock = r < 0 ? r : fd_open(dir_fd, INTERNED_DIR, O_RDONLY | O_DIRECTORY);
	if (lock < 0)
		return lock;
	while ((r = flock(lock, LOCK_EX)) < 0 && errno == EINTR)
		;
	return r < 0 ? -errno : append_locked(l, dir_fd, generation);
}

/* ---- images ---- */

/* Another version of an analyzer may find other packages in the same layers. */
static void image_file(const struct digest *chain, char name[NAME_ROOM])
{
	char hex[DIGEST_TEXT_MAX];
	struct digest d;
	struct buf b;

	buf_init(&b, 1 << 16);
	buf_varint(&b, FORMAT_VERSION);
	buf_add(&b, chain->byte, sizeof(chain->byte));
	for (size_t i = 0; i < analyzer_count; i++) {
		buf_var_str(&b, str_c(analyzers[i].name));
		buf_varint(&b, analyzers[i].version);
	}
	sha256_of(buf_all(&b), &d);
	buf_done(&b);
	snprintf(name, NAME_ROOM, INTERNED_DIR "/%s", digest_text(&d, hex) + strlen("sha256:"));
}

/* Whether this image is there, of the generation at hand. Two small reads: a scan of cached layers pays no more. */
static bool is_known(int dir_fd, const char *name)
{
	auto_close int image = fd_open(dir_fd, name, O_RDONLY | O_NOFOLLOW);
	auto_close int pool = image < 0 ? -1 : fd_open(dir_fd, PACKAGES_NAME, O_RDONLY | O_NOFOLLOW);
	uint8_t a[IMAGE_HEAD_BYTES], b[HEADER_BYTES];
	struct timespec now;
	struct stat st;

	if (image < 0 || pool < 0 || fd_pread(image, a, sizeof(a), 0) != sizeof(a) ||
	    fd_pread(pool, b, sizeof(b), 0) != sizeof(b) || memcmp(a, IMAGE_MAGIC, MAGIC_BYTES) != 0 ||
	    memcmp(b, PACKAGES_MAGIC, MAGIC_BYTES) != 0 ||
	    memcmp(a + MAGIC_BYTES + 8, b + AT_GENERATION, GENERATION_BYTES) != 0)
		return false;
	if (clock_gettime(CLOCK_REALTIME, &now) == 0 && fstat(image, &st) == 0 &&
	    now.tv_sec - st.st_mtim.tv_sec > TOUCH_SECONDS)
		(void)!futimens(image, NULL);
	return true;
}

static int compare_numbers(const void *va, const void *vb)
{
	uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;

	return (a > b) - (a < b);
}

static void write_image(int dir_fd, const char *file, const struct digest *chain, struct str name,
			const struct lookup *l, const uint8_t generation[GENERATION_BYTES])
{
	auto_free uint32_t *number = xcalloc(l->want.n + 1, sizeof(*number));
	auto_buf struct buf b, head;

	for (size_t i = 0; i < l->want.n; i++)
		number[i] = l->want.v[i].number;
	qsort(number, l->want.n, sizeof(*number), compare_numbers);
	buf_init(&b, IMAGE_BYTES_MAX);
	buf_init(&head, IMAGE_BYTES_MAX);
	buf_add(&b, generation, GENERATION_BYTES);
	buf_le32(&b, (uint32_t)l->want.n); /* the numbers come first: they are used where they are mapped */
	buf_le32(&b, l->incomplete ? IMAGE_INCOMPLETE : 0);
	for (size_t i = 0; i < l->want.n; i++)
		buf_le32(&b, number[i]);
	buf_add(&b, chain->byte, sizeof(chain->byte));
	buf_var_str(&b, str_head(name, 4000));
	buf_add(&head, IMAGE_MAGIC, MAGIC_BYTES);
	buf_le64(&head, str_hash(buf_all(&b), 0));
	buf_str(&head, buf_all(&b));
	if (buf_finish(&b) == 0 && buf_finish(&head) == 0)
		(void)!file_write(dir_fd, file, buf_all(&head), false, NULL);
}

void interned_put(struct cache *c, const struct digest *chain, struct str name, const struct inventory *inv)
{
	uint8_t generation[GENERATION_BYTES] = { 0 };
	char file[NAME_ROOM];
	struct lookup l;

	if (c->dir_fd < 0 || !chain->set)
		return;
	image_file(chain, file);
	if (is_known(c->dir_fd, file))
		return;
	lookup_init(&l, inv);
	if (number_all(&l, c->dir_fd, generation) == 0)
		write_image(c->dir_fd, file, chain, name, &l, generation);
	lookup_done(&l);
}

/* ---- reading all of it ---- */

static uint32_t os_number(struct interned *s, struct str ns, struct str today)
{
	for (size_t i = s->os.n; i--;)
		if (str_eq(s->os.v[i].ns, ns))
			return (uint32_t)i;
	vec_push(&s->os, ((struct rematch_os){ ns, ns.n && release_eol(ns, today) == RELEASE_EOL }));
	return (uint32_t)s->os.n - 1;
}

static int load_packages(struct interned *s, struct pool_file *f, struct str today)
{
	struct str bytes;
	uint64_t hash;
	int r;

	while ((r = pool_next(f, &hash, &bytes)) > 0) {
		struct rematch_package *p = vec_add(&s->packages);
		struct str ns;

		if (!read_package(bytes, &ns, &p->p))
			return -EBADMSG;
		p->os = os_number(s, ns, today);
	}
	return r;
}

static bool read_image(struct interned *s, const struct pool_file *f, struct interned_image *image,
		       struct rematch_inventory *inv)
{
	struct rd r = rd_of(str_n(image->map.p, image->map.n));
	const uint8_t *magic = rd_take(&r, MAGIC_BYTES), *numbers, *chain;
	uint64_t hash = rd_le64(&r);
	struct str body = str_n(r.at, rd_left(&r));
	struct str generation = rd_str(&r, GENERATION_BYTES);
	uint32_t count = rd_le32(&r), flags = rd_le32(&r);

	if (!rd_ok(&r) || memcmp(magic, IMAGE_MAGIC, MAGIC_BYTES) != 0 || str_hash(body, 0) != hash ||
	    !str_eq(generation, f->generation) || count > INTERNED_PER_IMAGE_MAX)
		return false;
	numbers = rd_take(&r, (size_t)count * sizeof(uint32_t));
	chain = rd_take(&r, DIGEST_BYTES);
	image->name = rd_var_str(&r);
	if (!rd_ok(&r) || rd_left(&r))
		return false;
	memcpy(image->chain.byte, chain, DIGEST_BYTES);
	image->chain.set = true;
	image->incomplete = flags & IMAGE_INCOMPLETE;
	*inv = (struct rematch_inventory){ (const uint32_t *)(const void *)numbers, count };
	for (uint32_t i = 0; i < count; i++)
		if (inv->packages[i] >= s->packages.n || (i && inv->packages[i] <= inv->packages[i - 1]))
			return false;
	return true;
}

static void load_image(struct interned *s, const struct pool_file *f, int dir_fd, const char *name)
{
	auto_close int fd = fd_open(dir_fd, name, O_RDONLY | O_NOFOLLOW);
	struct interned_image image = { 0 };
	struct rematch_inventory inv;

	if (fd < 0 || mapping_open(fd, &image.map, NULL) < 0) {
		s->damaged++;
		return;
	}
	if (!read_image(s, f, &image, &inv)) {
		mapping_close(&image.map);
		s->damaged++;
		return;
	}
	vec_push(&s->images, image);
	vec_push(&s->inventories, inv);
}

struct image_name {
	char text[DIGEST_TEXT_MAX];
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* In the order of their names: the same cache gives the same arrays. */
static int load_images(struct interned *s, const struct pool_file *f, int dir_fd)
{
	int fd = fd_open(dir_fd, INTERNED_DIR, O_RDONLY | O_DIRECTORY);
	VEC(struct image_name) names = { 0 };
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close(&fd);
		return -errno;
	}
	for (struct dirent *ent; (ent = readdir(d)) && names.n < INTERNED_IMAGES_MAX;)
		if (strlen(ent->d_name) == 2 * DIGEST_BYTES)
			snprintf(vec_add(&names)->text, sizeof(struct image_name), "%.64s", ent->d_name);
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), compare_names);
	for (size_t i = 0; i < names.n; i++)
		load_image(s, f, dirfd(d), names.v[i].text);
	vec_done(&names);
	closedir(d);
	return 0;
}

int interned_load(struct interned *ret, const struct cache *c, struct str today, struct err *e)
{
	struct pool_file f;
	int r;

	*ret = (struct interned){ 0 };
	r = c->dir_fd < 0 ? -ENOENT : pool_map(&f, c->dir_fd);
	if (r == -ENOENT)
		return 0;
	if (r == 0) {
		ret->map = f.map;
		r = load_packages(ret, &f, today);
	}
	r = r < 0 ? r : load_images(ret, &f, c->dir_fd);
	ret->set = (struct rematch_set){
		.os = ret->os.v,
		.os_count = ret->os.n,
		.packages = ret->packages.v,
		.package_count = ret->packages.n,
		.inventories = ret->inventories.v,
		.inventory_count = ret->inventories.n,
	};
	return r < 0 ? err_errno(e, r, "cache: " PACKAGES_NAME) : 0;
}

void interned_free(struct interned *s)
{
	for (size_t i = 0; i < s->images.n; i++)
		mapping_close(&s->images.v[i].map);
	vec_done(&s->images);
	vec_done(&s->inventories);
	vec_done(&s->packages);
	vec_done(&s->os);
	mapping_close(&s->map);
}
