/* config: the list of feeds, the installed one too. */
#include "vuln/update/update.h"

#include <fcntl.h>

#include "base/fd.h"
#include "tap.h"

TEST(good)
{
	struct update_config c = { 0 };
	struct err e = { 0 };

	OK_ERR(update_config_parse(STR("# x\n\nmirror installed\n  feed a https://h.example.org/x/y.json\n"
				       "feed b http://h.example.org/v{1,2}/{main,extra}.json?q=1\nfeed a "
				       "https://h.example.org/z\n"),
				   &c, &e),
	       &e);
	EQ_INT(c.mirror, MIRROR_INSTALLED);
	EQ_INT(c.feeds.n, 6);
	EQ_STR(c.feeds.v[0].file, STR("feeds/a/x_y.json"));
	EQ_STR(c.feeds.v[0].state, STR("state/a_x_y.json"));
	EQ_STR(c.feeds.v[1].url, STR("http://h.example.org/v1/main.json?q=1"));
	EQ_STR(c.feeds.v[4].file, STR("feeds/b/v2_extra.json"));
	EQ_STR(c.feeds.v[5].file, STR("feeds/a/z"));
	/* a second text replaces feeds by name */
	OK_ERR(update_config_parse(STR("off b\nfeed a https://two.example.org/w\n"), &c, &e), &e);
	EQ_INT(c.feeds.n, 1);
	EQ_STR(c.feeds.v[0].url, STR("https://two.example.org/w"));
	update_config_done(&c);
}

TEST(bad)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "feed\n", "line 1: a feed's name" },
		{ "\nfeed ../x https://h.example.org/\n", "line 2: a feed's name" },
		{ "feed a\n", "not an http" },
		{ "feed a ftp://h.example.org/x\n", "not an http" },
		{ "feed a https://h.example.org/x y\n", "no spaces" },
		{ "feed a https://h.example.org/{x\n", "braces" },
		{ "feed a https://h.example.org/{x,x}\n", "would be the file" },
		{ "feed a https://h.example.org/{1,2}{1,2}{1,2}{1,2}{1,2}\n", "braces" },
		{ "feed a https://h.example.org/{0,1,2,3,4,5,6,7,8,9}{0,1,2,3,4,5,6,7,8,9}{0,1,2,3,4,5,6,7,8,9}{a,b}\n",
		  "more than 1000" },
		{ "mirror some\n", "mirror is one of" },
		{ "off a b\n", "off takes" },
		{ "fed a https://h.example.org/\n", "\"fed\" is not known" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct update_config c = { 0 };
		struct err e = { 0 };

		row("%s", rows[i].why);
		OK(update_config_parse(str_c(rows[i].text), &c, &e) < 0);
		if (!OK(str_find_str(str_c(e.msg), str_c(rows[i].why)) >= 0))
			EQ_Z(e.msg, rows[i].why);
		update_config_done(&c);
	}
}

TEST(installed)
{
	char path[4096];
	struct update_config c = { 0 };
	struct err e = { 0 };

	snprintf(path, sizeof(path), "%s/data/feeds.conf", getenv("YAGURA_SOURCE"));
	OK_ERR(update_config_load(path, &c, &e), &e);
	OK(c.feeds.n > 30);
	EQ_INT(c.mirror, MIRROR_BUDGET);
	update_config_done(&c);
	EQ_INT(update_config_load("/does/not/exist", &c, &e), -ENOENT);
}
