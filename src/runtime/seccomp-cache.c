/* seccomp-cache: compiled filters kept in a directory. See seccomp-cache.h. */
#include "runtime/seccomp-cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rd.h"

#define MAGIC 0x31435359u /* "YSC1" */
#define SEED 0x79616775u
#define PREFIX "seccomp-"
#define NAME_MAX_HERE (sizeof(PREFIX) + 16)

static void name_of(struct str key, char ret[NAME_MAX_HERE])
{
	snprintf(ret, NAME_MAX_HERE, PREFIX "%016llx", (unsigned long long)str_hash(key, SEED));
}

bool seccomp_cache_parse(struct str bytes, struct str key, struct seccomp_program *ret)
{
	struct rd r = rd_of(bytes);
	uint32_t magic = rd_le32(&r);
	uint32_t flags = rd_le32(&r);
	uint32_t notify = rd_le32(&r);
	struct str made_for = rd_var_str(&r);
	struct str program = rd_var_str(&r);
	size_t sealed = bytes.n - rd_left(&r);
	uint64_t seal = rd_le64(&r);

	if (!rd_ok(&r) || rd_left(&r) || magic != MAGIC || notify > 1 || !str_eq(made_for, key) ||
	    seal != str_hash(str_head(bytes, sealed), SEED) || filter_check(program, NULL) < 0)
		return false;
	*ret = (struct seccomp_program){ .flags = flags, .notify = notify };
	buf_init(&ret->bytes, program.n);
	buf_str(&ret->bytes, program);
	return true;
}

/* Only a plain file that nobody but us can write is believed. */
static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022);
}

bool seccomp_cache_get(int dir_fd, struct str key, struct seccomp_program *ret)
{
	auto_buf struct buf bytes = { 0 };
	char name[NAME_MAX_HERE];

	name_of(key, name);
	auto_close int fd = fd_open(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || !is_ours(fd) || fd_read_all(fd, SECCOMP_CACHE_BYTES_MAX, &bytes, NULL) < 0)
		return false;
	return seccomp_cache_parse(buf_all(&bytes), key, ret);
}

/* Profiles come and go with their images; a full directory starts anew. */
static void make_room(int dir_fd)
{
	int fd = fd_open(dir_fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	unsigned int files = 0;

	if (!d) {
		fd_close(&fd);
		return;
	}
	for (struct dirent *f; (f = readdir(d));)
		files += str_starts(str_c(f->d_name), STR(PREFIX));
	if (files >= SECCOMP_CACHE_FILES) {
		rewinddir(d);
		for (struct dirent *f; (f = readdir(d));) {
			if (str_starts(str_c(f->d_name), STR(PREFIX)))
				unlinkat(dir_fd, f->d_name, 0);
		}
	}
	closedir(d);
}

void seccomp_cache_put(int dir_fd, struct str key, const struct seccomp_program *p)
{
	auto_buf struct buf b = { 0 };
	char name[NAME_MAX_HERE];

	buf_init(&b, SECCOMP_CACHE_BYTES_MAX);
	buf_le32(&b, MAGIC);
	buf_le32(&b, p->flags);
	buf_le32(&b, p->notify);
	buf_var_str(&b, key);
	buf_var_str(&b, buf_all(&p->bytes));
	buf_le64(&b, str_hash(buf_all(&b), SEED));
	if (buf_finish(&b) < 0)
		return;
	make_room(dir_fd);
	name_of(key, name);
	if (file_write(dir_fd, name, buf_all(&b), false, NULL) < 0)
		unlinkat(dir_fd, name, 0); /* something that is no file stands in the way */
}
