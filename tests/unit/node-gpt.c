/* Partition tables: written, read back, and every damage found. `sgdisk --verify` judges them in
 * tests/e2e/node-build.sh. */
#include "node/gpt.h"

#include "tap.h"

static uint8_t head[GPT_TABLE_SECTORS * GPT_SECTOR], tail[(GPT_TABLE_SECTORS - 1) * GPT_SECTOR];

static struct gpt example(void)
{
	struct gpt g = { .sectors = 10000, .count = 2 };

	OK(gpt_uuid_parse(STR("f9ca60a1-1462-9e31-28f2-2baab82820b4"), &g.disk));
	g.partition[0] = (struct gpt_partition){
		.type = gpt_type_esp, .uuid = { { 1 } }, .first = 2048, .sectors = 1000, .name = "esp"
	};
	g.partition[1] = (struct gpt_partition){
		.type = gpt_type_root, .uuid = g.disk, .first = 3048, .sectors = 6919, .attributes = 5, .name = "root-a"
	};
	return g;
}

TEST(round_trip)
{
	static struct gpt back;
	struct gpt g = example();
	char text[GPT_UUID_TEXT];
	struct err e = { 0 };

	OK_ERR(gpt_write(&g, head, tail, &e), &e);
	OK_ERR(gpt_parse(str_n(head, sizeof(head)), &back, &e), &e);
	EQ_INT(back.sectors, 10000);
	EQ_INT(back.count, 2);
	EQ_Z(gpt_uuid_text(&back.disk, text), "f9ca60a1-1462-9e31-28f2-2baab82820b4");
	OK(memcmp(&back.partition[1], &g.partition[1], sizeof(g.partition[1])) == 0);
	EQ_INT(gpt_find(&back, "root-a")->first, 3048);
	OK(!gpt_find(&back, "root-b"));
	/* The first field of a UUID is little-endian on disk (UEFI appendix A). */
	EQ_INT(head[GPT_SECTOR + 56], 0xa1);
	EQ_INT(head[GPT_SECTOR + 56 + 15], 0xb4);
	EQ_INT(head[510], 0x55);
}

static const struct {
	const char *name;
	size_t at; /* of a byte that is changed */
	int code;
} damages[] = {
	{ "signature", GPT_SECTOR, -EBADMSG },
	{ "header size", GPT_SECTOR + 12, -ENOTSUP },
	{ "header checksum", GPT_SECTOR + 16, -EBADMSG },
	{ "place of the second copy", GPT_SECTOR + 32, -EBADMSG },
	{ "disk's UUID", GPT_SECTOR + 56, -EBADMSG },
	{ "first entry", 2 * GPT_SECTOR + 40, -EBADMSG },
	{ "last entry", GPT_TABLE_SECTORS *GPT_SECTOR - 1, -EBADMSG },
};

TEST(damages)
{
	static struct gpt back;
	struct gpt g = example();
	struct err e = { 0 };

	OK_ERR(gpt_write(&g, head, tail, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		row("%s", damages[i].name);
		head[damages[i].at] ^= 1;
		EQ_INT(gpt_parse(str_n(head, sizeof(head)), &back, &e), damages[i].code);
		head[damages[i].at] ^= 1;
	}
	row("cut short");
	EQ_INT(gpt_parse(str_n(head, sizeof(head) - 1), &back, &e), -EBADMSG);
	row("none");
	EQ_INT(gpt_parse(str_n(head, sizeof(head)), &back, &e), 0);
}

static const struct {
	const char *name;
	uint64_t first, sectors;
} places[] = {
	{ "overlaps the first", 3047, 10 }, { "in the table", 33, 10 },
	{ "in the second table", 9960, 8 }, { "empty", 5000, 0 },
	{ "behind the disk", 10001, 1 },    { "endless", 5000, UINT64_MAX },
};

TEST(places)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct gpt g = example();
		struct err e = { 0 };

		row("%s", places[i].name);
		g.partition[1].first = places[i].first;
		g.partition[1].sectors = places[i].sectors;
		EQ_INT(gpt_write(&g, head, tail, &e), -EINVAL);
		OK(*e.msg);
	}
}

/* A disk that became larger: after each step, and within each, there is the old table or the new one, and from there
 * the new one is reached. */
static uint8_t disk[20000 * GPT_SECTOR];

static uint64_t read_disk(struct gpt *g)
{
	struct err e = { 0 };

	OK_ERR(gpt_parse(str_n(disk, (size_t)GPT_HEAD_SECTORS * GPT_SECTOR), g, &e), &e);
	return g->sectors;
}

/* So many of the steps, and the first sectors of the next. */
static void take_steps(const struct gpt *g, size_t whole, size_t sectors)
{
	static struct gpt_steps s;
	struct err e = { 0 };

	OK_ERR(gpt_replace(g, &s, &e), &e);
	for (size_t i = 0; i < GPT_STEPS && i <= whole; i++) {
		size_t n = i < whole ? s.v[i].bytes.n : sectors * GPT_SECTOR;

		memcpy(disk + s.v[i].sector * GPT_SECTOR, s.v[i].bytes.p, n < s.v[i].bytes.n ? n : s.v[i].bytes.n);
	}
}

TEST(grow)
{
	static struct gpt g, now;
	struct err e = { 0 };

	for (size_t whole = 0; whole <= GPT_STEPS; whole++)
		for (size_t sectors = 0; sectors < 4; sectors++) {
			row("%zu steps, %zu sectors", whole, sectors);
			memset(disk, 0, sizeof(disk));
			g = example();
			OK_ERR(gpt_write(&g, disk, disk + (size_t)(10000 - 33) * GPT_SECTOR, &e), &e);
			OK(gpt_grow(&g, 20000, "root-a"));
			take_steps(&g, whole, sectors);
			OK(read_disk(&now) == (whole < 2 || (whole == 2 && !sectors) ? 10000u : 20000u));
			EQ_INT(now.partition[1].sectors, now.sectors == 10000 ? 6919 : 18432 - 3048);
			if (now.entries_at != GPT_ENTRIES_AT)
				take_steps(&now, GPT_STEPS, 0);
			if (gpt_grow(&now, 20000, "root-a"))
				take_steps(&now, GPT_STEPS, 0);
			EQ_INT(read_disk(&now), 20000);
			EQ_INT(now.entries_at, GPT_ENTRIES_AT);
			EQ_INT(now.partition[1].sectors, 18432 - 3048);
			EQ_INT(now.partition[0].sectors, 1000);
		}
}

static const struct {
	const char *name, *partition;
	uint64_t sectors;
} not_grown[] = { { "no larger", "root-a", 10000 },
		  { "smaller", "root-a", 9000 },
		  { "by less than a MiB", "root-a", 10010 },
		  { "not the last", "esp", 20000 },
		  { "not there", "data", 20000 } };

TEST(not_grown)
{
	static struct gpt_steps s;
	static struct gpt g;
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(not_grown); i++) {
		row("%s", not_grown[i].name);
		g = example();
		OK(!gpt_grow(&g, not_grown[i].sectors, not_grown[i].partition));
		EQ_INT(g.partition[1].sectors, 6919);
	}
	row("a partition where the entries would lie in between");
	g = example();
	g.partition[0].first = 40;
	EQ_INT(gpt_replace(&g, &s, &e), -EINVAL);
}

TEST(uuids)
{
	struct gpt_uuid u;

	OK(!gpt_uuid_parse(STR("f9ca60a1-1462-9e31-28f2-2baab82820b"), &u));
	OK(!gpt_uuid_parse(STR("f9ca60a1x1462-9e31-28f2-2baab82820b4"), &u));
	OK(!gpt_uuid_parse(STR("g9ca60a1-1462-9e31-28f2-2baab82820b4"), &u));
	OK(!gpt_uuid_parse(STR(""), &u));
}
