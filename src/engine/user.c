/* user: whom a process runs as. See user.h. */
#include "engine/user.h"

#include <fcntl.h>

#include "base/fd.h"
#include "base/num.h"

#define ID_MAX (UINT32_MAX - 1) /* -1 means "leave as it is" to the kernel */

struct fields {
	struct str name, list; /* list: the fourth field */
	uint32_t id, gid;      /* third and fourth field as numbers */
	bool has_gid;
};

static bool id_of(struct str text, uint32_t *ret)
{
	uint32_t v;

	if (!num_u32(text, &v) || v > ID_MAX)
		return false;
	*ret = v;
	return true;
}

/* passwd(5) "name:password:uid:gid:...", group(5) "name:password:gid:members". */
static bool line_fields(struct str line, struct fields *ret)
{
	struct str password, id, more;

	*ret = (struct fields){ 0 };
	if (!str_cut(&line, ':', &ret->name) || !str_cut(&line, ':', &password) || !str_cut(&line, ':', &id) ||
	    !ret->name.n || !id_of(id, &ret->id))
		return false;
	if (!str_cut(&line, ':', &more))
		more = STR("");
	ret->list = more;
	ret->has_gid = id_of(more, &ret->gid);
	return true;
}

/* The first line of that name; or, of that number when no name is given. */
static bool find(struct str text, struct str name, uint32_t id, struct fields *ret)
{
	for (struct str line; str_cut(&text, '\n', &line);)
		if (line_fields(line, ret) && (name.n ? str_eq(ret->name, name) : ret->id == id))
			return true;
	return false;
}

static bool is_member(struct str list, struct str name)
{
	for (struct str one; str_cut(&list, ',', &one);)
		if (str_eq(one, name))
			return true;
	return false;
}

static int add_groups(struct str group, struct str name, struct user_ids *u, struct err *e)
{
	struct fields f;

	for (struct str line; str_cut(&group, '\n', &line);) {
		if (!line_fields(line, &f) || !is_member(f.list, name) || f.id == u->gid)
			continue;
		if (u->group_count == USER_GROUPS_MAX)
			return err_set(e, -E2BIG, "user " STR_FMT " is in more than %d groups", STR_ARG(name),
				       USER_GROUPS_MAX);
		u->groups[u->group_count++] = f.id;
	}
	return 0;
}

static int resolve_group(struct str spec, struct str group, uint32_t *ret, struct err *e)
{
	struct fields f;

	if (id_of(spec, ret))
		return 0;
	if (!spec.n || is_digit(spec.p[0]) || spec.p[0] == '-')
		return err_set(e, -EBADMSG, "\"" STR_FMT "\" is no group", STR_ARG(spec));
	if (!find(group, spec, 0, &f))
		return err_set(e, -ENOENT, "group " STR_FMT " is not in the image's /etc/group", STR_ARG(spec));
	*ret = f.id;
	return 0;
}

int user_resolve(struct str spec, struct str passwd, struct str group, struct user_ids *ret, struct err *e)
{
	struct str user = spec, group_spec = STR("");
	bool has_group = str_split(spec, ':', &user, &group_spec);
	struct user_ids u = { 0 };
	struct fields f = { 0 };
	bool known;
	int r = 0;

	if (!user.n)
		user = STR("0");
	if (id_of(user, &u.uid)) {
		known = find(passwd, STR(""), u.uid, &f);
	} else {
		if (is_digit(user.p[0]) || user.p[0] == '-')
			return err_set(e, -EBADMSG, "\"" STR_FMT "\" is no user", STR_ARG(user));
		known = find(passwd, user, 0, &f);
		if (!known)
			return err_set(e, -ENOENT, "user " STR_FMT " is not in the image's /etc/passwd", STR_ARG(user));
		u.uid = f.id;
	}
	u.gid = known && f.has_gid ? f.gid : 0;
	if (has_group)
		r = resolve_group(group_spec, group, &u.gid, e);
	else if (known)
		r = add_groups(group, f.name, &u, e);
	if (r == 0)
		*ret = u;
	return r;
}

static void read_inside(int root, const char *path, struct buf *text)
{
	auto_close int fd = fd_open_inside(root, str_c(path), O_RDONLY);

	if (fd < 0 || fd_read_all(fd, USER_FILE_MAX, text, NULL) < 0)
		return; /* numbers need no file */
}

int user_find(const char *root, struct str spec, struct user_ids *ret, struct err *e)
{
	auto_close int fd = fd_open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY);
	auto_buf struct buf passwd = { 0 }, group = { 0 };

	if (fd < 0)
		return err_errno(e, fd, "%s", root);
	read_inside(fd, "etc/passwd", &passwd);
	read_inside(fd, "etc/group", &group);
	return user_resolve(spec, buf_all(&passwd), buf_all(&group), ret, e);
}
