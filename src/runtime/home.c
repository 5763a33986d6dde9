/* home: the home directory that a container's own user database names. See home.h. */
#include "runtime/home.h"

#include <fcntl.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"

#define FIELD_UID 2
#define FIELD_HOME 5

static bool is_home(struct str s)
{
	if (!s.n || s.p[0] != '/' || s.n >= PATH_BYTES_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

/* name:password:uid:gid:comment:home:shell (passwd(5)) */
static bool home_of_line(struct str line, uint32_t uid, struct str *ret)
{
	struct str field, home = STR_NONE;
	uint32_t number = 0;
	bool is_user = false;

	for (unsigned int i = 0; str_cut(&line, ':', &field); i++) {
		if (i == FIELD_UID)
			is_user = num_u32(field, &number) && number == uid;
		if (i == FIELD_HOME)
			home = field;
	}
	if (!is_user || !is_home(home))
		return false;
	*ret = home;
	return true;
}

bool home_find(struct str passwd, uint32_t uid, struct str *ret)
{
	for (struct str line; str_cut(&passwd, '\n', &line);)
		if (home_of_line(line, uid, ret))
			return true;
	return false;
}

const char *home_variable(int root_fd, uint32_t uid, struct arena *a)
{
	auto_close int fd = fd_open_inside(root_fd, STR("etc/passwd"), O_RDONLY | O_NONBLOCK);
	auto_buf struct buf text = { 0 };
	struct str home = STR("/");

	if (fd >= 0 && fd_read_all(fd, HOME_PASSWD_MAX, &text, NULL) == 0)
		home_find(buf_all(&text), uid, &home);
	return arena_fmt(a, "HOME=" STR_FMT, STR_ARG(home)).p;
}
