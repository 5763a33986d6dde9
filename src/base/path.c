/* path: names inside an image. See path.h. */
#include "base/path.h"

static bool part_is_plain(struct str part)
{
	return part.n && !str_eq(part, STR(".")) && !str_eq(part, STR(".."));
}

/* Whether the part that begins at `i` is "." or "..". */
static bool is_dots(struct str name, size_t i)
{
	size_t n = i;

	while (n < name.n && name.p[n] == '.')
		n++;
	return n - i <= 2 && n > i && (n == name.n || name.p[n] == '/');
}

/* Also false for a NUL. One look at each byte: this runs for every file of every package database. */
static bool is_normal(struct str name)
{
	bool at_start = true;

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!c || (at_start && (c == '/' || (c == '.' && is_dots(name, i)))))
			return false;
		at_start = c == '/';
	}
	return !at_start;
}

int path_normal(struct str name, char out[PATH_BYTES_MAX], struct str *ret)
{
	size_t n = 0;

	if (name.n > PATH_BYTES_MAX)
		return -EBADMSG;
	if (is_normal(name)) {
		*ret = name;
		return 0;
	}
	if (str_find(name, 0) >= 0)
		return -EBADMSG;
	for (struct str part; str_cut(&name, '/', &part);) {
		if (str_eq(part, STR("..")))
			return -EBADMSG;
		if (!part_is_plain(part))
			continue;
		if (n)
			out[n++] = '/';
		memcpy(out + n, part.p, part.n);
		n += part.n;
	}
	*ret = str_n(out, n);
	return 0;
}

static size_t append_resolved(char *out, size_t n, struct str text)
{
	for (struct str part; str_cut(&text, '/', &part);) {
		if (str_eq(part, STR(".."))) {
			while (n && out[n - 1] != '/')
				n--;
			n -= n > 0;
		} else if (part_is_plain(part)) {
			if (n)
				out[n++] = '/';
			memcpy(out + n, part.p, part.n);
			n += part.n;
		}
	}
	return n;
}

struct str path_resolve(struct arena *a, struct str dir, struct str target)
{
	char *out = arena_alloc(a, dir.n + target.n + 2);
	size_t n = 0;

	if (!target.n || target.p[0] != '/')
		n = append_resolved(out, n, dir);
	return str_n(out, append_resolved(out, n, target));
}

struct str path_base(struct str path)
{
	return str_from(path, (size_t)(str_rfind(path, '/') + 1));
}

struct str path_dir(struct str path)
{
	ptrdiff_t at = str_rfind(path, '/');

	return str_head(path, at < 0 ? 0 : (size_t)at);
}

bool path_under(struct str path, struct str dir)
{
	return dir.n == 0 || (str_starts(path, dir) && (path.n == dir.n || path.p[dir.n] == '/'));
}

uint64_t path_hash(struct str path)
{
	return str_hash(path, 0);
}

uint64_t path_hash_merged(struct str path)
{
	static const struct str merged[] = {
		STR("bin/"), STR("sbin/"), STR("lib/"), STR("lib32/"), STR("lib64/"), STR("libx32/"),
	};
	not_zeroed char full[PATH_BYTES_MAX + 4];

	if (!path.n || path.p[0] == 'u') /* most paths are below "usr/" already */
		return path_hash(path);
	for (size_t i = 0; i < ARRAY_LEN(merged); i++) {
		if (!str_starts(path, merged[i]) || path.n > PATH_BYTES_MAX)
			continue;
		memcpy(full, "usr/", 4);
		memcpy(full + 4, path.p, path.n);
		return path_hash(str_n(full, path.n + 4));
	}
	return path_hash(path);
}
