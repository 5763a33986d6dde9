/* box: a container's directory. See box.h. */
#include "engine/box.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/num.h"
#include "base/remove.h"
#include "engine/net.h"
#include "scan/data.h"

#define NUMBER_MAX 16

void box_close(struct box *b)
{
	if (b->fd >= 0)
		fd_close(&b->fd);
	if (b->lock_fd >= 0)
		fd_close(&b->lock_fd);
	arena_done(&b->arena);
}

int boxes_open(const char *data_path, char *path, size_t path_size, struct err *e)
{
	auto_close int data = data_open(data_path, true, e);
	char room[PATH_MAX];
	int fd, n, r;

	if (data < 0)
		return data;
	r = dir_make(data, "containers");
	fd = r < 0 ? r : fd_open(data, "containers", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return err_errno(e, fd, "containers");
	snprintf(room, sizeof(room), "/proc/self/fd/%d", fd);
	n = (int)readlink(room, path, path_size - 1);
	if (n < 0 || (size_t)n == path_size - 1) {
		close(fd);
		return err_errno(e, -ENAMETOOLONG, "containers");
	}
	path[n] = 0;
	return fd;
}

/* ---- one ---- */

static void random_id(char id[BOX_ID_BYTES + 1])
{
	uint8_t bytes[BOX_ID_BYTES / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort(); /* the kernel gives so few at once always */
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

static int take_lock(struct box *b)
{
	b->lock_fd = openat(b->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (b->lock_fd < 0)
		return -errno;
	return flock(b->lock_fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

int box_create(int boxes_fd, struct box *ret, struct err *e)
{
	static const char *const inside[] = { "rootfs", "layers" };
	struct box b = { .fd = -1, .lock_fd = -1 };
	int r = 0;

	random_id(b.meta.id);
	b.meta.created_s = (uint64_t)time(NULL);
	if (mkdirat(boxes_fd, b.meta.id, 0700) < 0)
		return err_errno(e, -errno, "container %s", b.meta.id);
	b.fd = fd_open(boxes_fd, b.meta.id, O_RDONLY | O_DIRECTORY);
	r = b.fd < 0 ? b.fd : take_lock(&b);
	for (size_t i = 0; i < ARRAY_LEN(inside) && r == 0; i++)
		if (mkdirat(b.fd, inside[i], 0755) < 0)
			r = -errno;
	if (r < 0) {
		err_errno(e, r, "container %s", b.meta.id);
		(void)!box_remove(boxes_fd, &b, NULL);
		box_close(&b);
		return r;
	}
	*ret = b;
	return 0;
}

static int meta_text(const struct box_meta *m, int fd)
{
	struct json_out w;
	struct out out;

	out_init(&out, fd);
	json_out_init(&w, &out);
	json_out_object(&w);
	json_out_key_str(&w, "id", str_c(m->id));
	json_out_key_str(&w, "name", m->name);
	json_out_key_str(&w, "image", m->image);
	json_out_key_str(&w, "command", m->command);
	json_out_key_str(&w, "ports", m->ports);
	json_out_key_str(&w, "tier", m->tier);
	json_out_key_u64(&w, "created", m->created_s);
	json_out_key_bool(&w, "remove", m->remove);
	json_out_end_object(&w);
	return out_finish(&out);
}

static bool same_port(struct str a, struct str b)
{
	struct net_port x, y;

	return net_port_parse(a, &x, NULL) == 0 && net_port_parse(b, &y, NULL) == 0 && x.host == y.host &&
	       x.udp == y.udp && (x.address == y.address || !x.address || !y.address);
}

/* The first of these ports whose port of the host is among the others', STR_NONE: none is. */
static struct str common_port(struct str ports, struct str others)
{
	for (struct str port; str_cut(&ports, ',', &port);)
		for (struct str rest = others, other; str_cut(&rest, ',', &other);)
			if (same_port(port, other))
				return port;
	return STR_NONE;
}

/* The first rule for a port would win, and the second container would seem to be published. */
static int check_ports(int boxes_fd, const struct box *b, struct err *e)
{
	struct box_list all;
	int r = b->meta.ports.n ? box_list(boxes_fd, &all, e) : -ENOENT;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; i < all.v.n && r == 0; i++) {
		const struct box *other = &all.v.v[i];
		struct str port = common_port(b->meta.ports, other->meta.ports);

		if (port.n && other->state != BOX_ENDED)
			r = err_set(e, -EADDRINUSE, "--publish " STR_FMT ": container %s has that port of the host",
				    STR_ARG(port), other->meta.id);
	}
	box_list_done(&all);
	return r;
}

int box_publish(int boxes_fd, struct box *b, struct err *e)
{
	auto_close int guard = openat(boxes_fd, ".names", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	auto_box struct box other = { .fd = -1, .lock_fd = -1 };
	auto_close int fd = -1;
	int r;

	if (guard < 0 || flock(guard, LOCK_EX) < 0)
		return err_errno(e, -errno, "containers");
	if (b->meta.name.n && box_find(boxes_fd, b->meta.name, &other, NULL) == 0)
		return err_set(e, -EEXIST, "the name " STR_FMT " is taken by container %s", STR_ARG(b->meta.name),
			       other.meta.id);
	r = check_ports(boxes_fd, b, e);
	if (r < 0)
		return r;
	fd = openat(b->fd, ".meta", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : meta_text(&b->meta, fd);
	if (r == 0 && renameat(b->fd, ".meta", b->fd, "meta.json") < 0)
		r = -errno;
	return r < 0 ? err_errno(e, r, "container %s", b->meta.id) : 0;
}

int box_write_number(const struct box *b, const char *file, int number, struct err *e)
{
	char text[NUMBER_MAX];

	snprintf(text, sizeof(text), "%d", number);
	return file_write(b->fd, file, str_c(text), false, e);
}

int box_meta_parse(struct str text, struct arena *a, struct box_meta *ret, struct err *e)
{
	struct box_meta m = { 0 };
	struct str id = STR(""), key;
	const struct {
		const char *key;
		struct str *to;
	} rows[] = { { "id", &id },	    { "name", &m.name }, { "image", &m.image }, { "command", &m.command },
		     { "ports", &m.ports }, { "tier", &m.tier } };
	struct json j;
	int r;

	json_init(&j, text, a);
	json_object(&j);
	while (json_key(&j, &key)) {
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (str_is(key, rows[i].key))
				(void)json_str(&j, rows[i].to);
		if (str_is(key, "created"))
			(void)json_u64(&j, &m.created_s);
		if (str_is(key, "remove"))
			(void)json_bool(&j, &m.remove);
	}
	r = json_finish(&j, e);
	if (r < 0)
		return r;
	if (id.n != BOX_ID_BYTES)
		return err_set(e, -EBADMSG, "no id of a container");
	for (size_t i = 0; i < id.n; i++)
		if (!is_digit(id.p[i]) && !(id.p[i] >= 'a' && id.p[i] <= 'f'))
			return err_set(e, -EBADMSG, "no id of a container");
	memcpy(m.id, id.p, id.n);
	for (size_t i = 1; i < ARRAY_LEN(rows); i++)
		*rows[i].to = arena_str(a, *rows[i].to);
	*ret = m;
	return 0;
}

static bool read_number(const struct box *b, const char *file, int *ret)
{
	auto_buf struct buf text = { 0 };
	uint32_t v;

	if (file_read(b->fd, file, NUMBER_MAX, &text, NULL) < 0 || !num_u32(buf_all(&text), &v) || v > INT32_MAX)
		return false;
	*ret = (int)v;
	return true;
}

static bool is_looked_after(const struct box *b)
{
	auto_close int fd = fd_open(b->fd, "lock", O_RDONLY);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int box_open(int boxes_fd, const char *id, struct box *ret, struct err *e)
{
	struct box b = { .fd = fd_open(boxes_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), .lock_fd = -1 };
	auto_buf struct buf text = { 0 };
	int r = b.fd < 0 ? b.fd : file_read(b.fd, "meta.json", BOX_META_MAX, &text, e);

	r = r < 0 ? r : box_meta_parse(buf_all(&text), &b.arena, &b.meta, e);
	if (r == 0 && strcmp(b.meta.id, id) != 0)
		r = err_set(e, -EBADMSG, "container %s: its directory has another name", b.meta.id);
	if (r < 0) {
		box_close(&b);
		return r;
	}
	if (read_number(&b, "exit", &b.exit_status))
		b.state = BOX_ENDED;
	else if (!is_looked_after(&b))
		b.state = BOX_LOST;
	else
		b.state = read_number(&b, "pid", &b.pid) ? BOX_RUNNING : BOX_STARTING;
	*ret = b;
	return 0;
}

/* ---- all ---- */

static int by_creation(const void *va, const void *vb)
{
	const struct box *a = va, *b = vb;

	if (a->meta.created_s != b->meta.created_s)
		return a->meta.created_s < b->meta.created_s ? -1 : 1;
	return strcmp(a->meta.id, b->meta.id);
}

int box_list(int boxes_fd, struct box_list *ret, struct err *e)
{
	int fd = openat(boxes_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct box_list all = { 0 };
	struct dirent *d;

	if (!dir)
		return err_errno(e, -errno, "containers");
	while ((d = readdir(dir)) && all.v.n < BOXES_MAX) {
		struct box b;

		/* What has no meta.json yet, or a damaged one, is nobody's container. */
		if (strlen(d->d_name) == BOX_ID_BYTES && box_open(boxes_fd, d->d_name, &b, NULL) == 0)
			vec_push(&all.v, b);
	}
	closedir(dir);
	if (all.v.n)
		qsort(all.v.v, all.v.n, sizeof(*all.v.v), by_creation);
	*ret = all;
	return 0;
}

void box_list_done(struct box_list *l)
{
	for (size_t i = 0; i < l->v.n; i++)
		box_close(&l->v.v[i]);
	vec_done(&l->v);
}

int box_find(int boxes_fd, struct str which, struct box *ret, struct err *e)
{
	struct box_list all;
	size_t found = SIZE_MAX, n = 0;
	int r = box_list(boxes_fd, &all, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < all.v.n; i++) {
		const struct box_meta *m = &all.v.v[i].meta;
		bool exact = str_eq(m->name, which) || str_is(which, m->id);

		if (!which.n || !(exact || str_starts(str_c(m->id), which)))
			continue;
		found = i;
		n = exact ? 1 : n + 1;
		if (exact)
			break;
	}
	if (n == 1) {
		*ret = all.v.v[found];
		all.v.v[found] = (struct box){ .fd = -1, .lock_fd = -1 };
	} else {
		r = err_set(e, -ENOENT, n ? "several containers begin with " STR_FMT : "there is no container " STR_FMT,
			    STR_ARG(which));
	}
	box_list_done(&all);
	return r;
}

int box_remove(int boxes_fd, struct box *b, struct err *e)
{
	int r = tree_remove(boxes_fd, b->meta.id);

	return r < 0 ? err_errno(e, r, "container %s cannot be removed", b->meta.id) : 0;
}
