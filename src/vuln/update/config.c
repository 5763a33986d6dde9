/* config: the list of feeds. See update.h and docs/formats/feeds-conf.md. */
#include <fcntl.h>

#include "base/fd.h"
#include "base/path.h"
#include "vuln/update/update.h"

#define URL_BYTES_MAX 2000
#define NAME_BYTES_MAX 60
#define FILE_BYTES_MAX 150 /* of the file name made of a URL: its end, which tells files of one feed apart */
#define PATH_TEXT_MAX 4096

void update_config_done(struct update_config *c)
{
	vec_done(&c->feeds);
	arena_done(&c->arena);
}

static bool name_good(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) && (!i || !memchr("-._", s.p[i], 3)))
			return false;
	return s.n && s.n <= NAME_BYTES_MAX;
}

/* The path of a URL as one file name: "v3.18_main.json". */
static struct str file_name(struct arena *a, struct str url)
{
	ptrdiff_t at = str_find_str(url, STR("://"));
	struct str rest = str_from(url, at < 0 ? 0 : (size_t)at + 3), host, path;
	char *p;

	if (!str_split(rest, '/', &host, &path))
		path = STR("index");
	path = str_head(path, (size_t)(str_find(path, '?') < 0 ? (ptrdiff_t)path.n : str_find(path, '?')));
	if (path.n > FILE_BYTES_MAX)
		path = str_from(path, path.n - FILE_BYTES_MAX);
	p = arena_alloc(a, path.n + 1);
	for (size_t i = 0; i < path.n; i++)
		p[i] = is_alpha(path.p[i]) || is_digit(path.p[i]) || (i && memchr("-._", path.p[i], 3)) ? path.p[i]
													: '_';
	return str_n(p, path.n);
}

static int feed_add(struct update_config *c, struct str name, struct str url, struct err *e)
{
	struct str file = file_name(&c->arena, url);
	struct update_feed f = { .name = name, .url = arena_str(&c->arena, url) };

	if (c->feeds.n >= UPDATE_FEEDS_MAX)
		return err_set(e, -E2BIG, "more than %d files", UPDATE_FEEDS_MAX);
	f.file = arena_fmt(&c->arena, "feeds/" STR_FMT "/" STR_FMT, STR_ARG(name), STR_ARG(file));
	f.state = arena_fmt(&c->arena, "state/" STR_FMT "_" STR_FMT, STR_ARG(name), STR_ARG(file));
	for (size_t i = 0; i < c->feeds.n; i++)
		if (str_eq(c->feeds.v[i].file, f.file))
			return err_set(e, -EBADMSG, "two URLs of " STR_FMT " would be the file " STR_FMT, STR_ARG(name),
				       STR_ARG(f.file));
	vec_push(&c->feeds, f);
	return 0;
}

/* Writes out the first {a,b,c} of the URL and looks again. Depth is the number of braces: each call uses one up. */
static int url_expand(struct update_config *c, struct str name, struct str url, unsigned int depth, struct err *e)
{
	struct str head, rest, list, tail;

	if (!str_split(url, '{', &head, &rest))
		return feed_add(c, name, url, e);
	if (depth == 4 || !str_split(rest, '}', &list, &tail))
		return err_set(e, -EBADMSG, "braces that do not close, or more than four pairs");
	for (struct str word; str_cut(&list, ',', &word);) {
		struct str one =
			arena_fmt(&c->arena, STR_FMT STR_FMT STR_FMT, STR_ARG(head), STR_ARG(word), STR_ARG(tail));
		int r = one.n > URL_BYTES_MAX ? err_set(e, -E2BIG, "a URL of more than %d bytes", URL_BYTES_MAX)
					      : url_expand(c, name, one, depth + 1, e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Feeds of that name from an earlier text. *before is how many of the earlier ones are left. */
static void feed_forget(struct update_config *c, size_t *before, struct str name)
{
	size_t kept = 0, left = *before;

	for (size_t i = 0; i < c->feeds.n; i++) {
		if (i < *before && str_eq(c->feeds.v[i].name, name))
			left--;
		else
			c->feeds.v[kept++] = c->feeds.v[i];
	}
	c->feeds.n = kept;
	*before = left;
}

static int config_line(struct update_config *c, size_t *before, struct str line, struct err *e)
{
	struct str word, name, url;

	if (!str_word(&line, &word) || word.p[0] == '#')
		return 0;
	(void)str_word(&line, &name);
	url = str_trim(line);
	if (str_is(word, "mirror"))
		return !url.n && mirror_mode_parse(name, &c->mirror)
			       ? 0
			       : err_set(e, -EBADMSG, "mirror is one of budget, all, installed, off");
	if (!str_is(word, "feed") && !str_is(word, "off"))
		return err_set(e, -EBADMSG, "\"" STR_FMT "\" is not known", STR_ARG(str_head(word, 40)));
	if (!name_good(name))
		return err_set(e, -EBADMSG, "a feed's name is letters, digits, '-', '.' and '_'");
	feed_forget(c, before, name);
	if (str_is(word, "off"))
		return url.n ? err_set(e, -EBADMSG, "off takes a name alone") : 0;
	if ((!str_starts(url, STR("https://")) && !str_starts(url, STR("http://"))) || url.n > URL_BYTES_MAX)
		return err_set(e, -EBADMSG, "not an http or https URL");
	for (size_t i = 0; i < url.n; i++)
		if ((uint8_t)url.p[i] <= ' ' || (uint8_t)url.p[i] >= 0x7f)
			return err_set(e, -EBADMSG, "a URL has no spaces and is ASCII");
	return url_expand(c, name, url, 0, e);
}

int update_config_parse(struct str text, struct update_config *c, struct err *e)
{
	size_t before = c->feeds.n;
	unsigned int number = 0;

	text = arena_str(&c->arena, text);
	for (struct str line; str_cut(&text, '\n', &line);) {
		int r = config_line(c, &before, line, e);

		number++;
		if (r < 0)
			return err_wrap(e, r, "line %u", number);
	}
	return 0;
}

static int load_one(const char *file, struct update_config *ret, struct err *e)
{
	auto_buf struct buf b = { 0 };
	int r = file_read(AT_FDCWD, file, UPDATE_CONFIG_BYTES_MAX, &b, e);

	if (r == 0) {
		r = update_config_parse(buf_all(&b), ret, e);
		if (r < 0)
			r = err_wrap(e, r, "%s", file);
	}
	return r;
}

/* data/feeds.conf, made part of the program by tools/embed. */
extern const char default_feeds_conf[];
extern const size_t default_feeds_conf_size;

int update_config_load(const char *file, struct update_config *ret, struct err *e)
{
	char user[PATH_TEXT_MAX] = "";
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	const char *places[] = { user, "/etc/yagura/feeds.conf" };
	struct update_config c = { 0 };
	int r = -ENOENT;

	if (xdg && xdg[0] == '/')
		snprintf(user, sizeof(user), "%s/yagura/feeds.conf", xdg);
	else if (home && home[0] == '/')
		snprintf(user, sizeof(user), "%s/.config/yagura/feeds.conf", home);
	if (file)
		r = load_one(file, &c, e);
	for (size_t i = 0; !file && r == -ENOENT && i < ARRAY_LEN(places); i++)
		if (places[i] && places[i][0])
			r = load_one(places[i], &c, e);
	if (!file && r == -ENOENT)
		r = update_config_parse(str_n(default_feeds_conf, default_feeds_conf_size), &c, e);
	if (r < 0) {
		update_config_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}
