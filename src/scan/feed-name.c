/* feed-name: see feed-name.h. */
#include "scan/feed-name.h"

#include "base/buf.h"

#define NAME_BYTES_MAX 100 /* of one name; longer ones are cut */

/* How many components at the end of the path tell the files of a format apart; formats not named here: the last. */
static const struct row {
	const char *format, *name;
	unsigned int components;
} rows[] = {
	{ "debian-tracker", "debian-tracker", 0 },
	{ "kev", "kev", 0 },
	{ "kev-csv", "kev", 0 },
	{ "epss", "epss", 0 },
	{ "retire", "retire", 0 },
	{ "rubysec", "rubysec", 0 },
	{ "friendsofphp", "friendsofphp", 0 },
	{ "nodejs", "nodejs", 0 },
	{ "oval", "oval", 2 },
	{ "osv", "osv", 2 },
	{ "alpine-secdb", "alpine-secdb", 2 },
};

/* What upstream's file names have besides what tells them apart. */
static const char *const endings[] = { ".zst", ".gz",  ".bz2", ".xz",  ".json", ".xml", ".csv",
				       ".tsv", ".txt", ".zip", ".tar", ".oval", ".usn" };
static const char *const beginnings[] = { "oval-definitions-", "com.ubuntu.", "com.redhat.", "org.rockylinux." };

static struct str strip(struct str s)
{
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		if (!str_ends(s, str_c(endings[i])))
			continue;
		s = str_head(s, s.n - strlen(endings[i]));
		i = SIZE_MAX; /* again from the first */
	}
	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
		if (str_starts(s, str_c(beginnings[i])))
			s = str_from(s, strlen(beginnings[i]));
	return s;
}

static struct row row_of(struct str format)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (str_is(format, rows[i].format))
			return rows[i];
	return (struct row){ NULL, NULL, 1 };
}

/* The last n components. */
static struct str tail(struct str path, unsigned int n)
{
	size_t at = path.n;

	while (at && n) {
		at--;
		n -= path.p[at] == '/';
	}
	return at || n == 0 ? str_from(path, path.p[at] == '/' ? at + 1 : at) : path;
}

struct str feed_name(struct arena *a, struct str format, struct str path)
{
	struct row row = row_of(format);
	struct str base = row.name ? str_c(row.name) : format, rest = tail(path, row.components), part;
	char room[NAME_BYTES_MAX];
	struct buf b;
	size_t before;

	if (!format.n)
		return arena_str(a, path);
	if (!row.components)
		return arena_str(a, base);
	buf_init(&b, 2 * NAME_BYTES_MAX + path.n);
	buf_str(&b, base);
	before = b.n;
	while (str_cut(&rest, '/', &part)) {
		part = strip(part);
		if (str_ends(part, STR("_all")))
			part = str_head(part, part.n - 4);
		if (!part.n || str_is(part, "all") || str_eq(part, base))
			continue;
		buf_char(&b, b.n == before ? ':' : '/');
		buf_str(&b, part);
	}
	part = arena_fmt(a, "%.*s", (int)(b.n < sizeof(room) ? b.n : sizeof(room)), b.p);
	buf_done(&b);
	return part;
}
