/* disk: the image of a disk: a boot partition with the UKI, two slots of which the first is filled, and the data
 * partition, sparse. See part.h. */
#include <fcntl.h>
#include <unistd.h>

#include "codec/sha256.h"
#include "node/build/part.h"
#include "node/gpt.h"

#define MIB (1ull << 20)
#define ESP_MIN (34 * MIB) /* FAT32 has no fewer clusters */
#define ESP_FACTOR 4u	   /* a UKI being replaced lies beside the old one, and grows */
#define DATA_MIN SPEC_DATA_MIN
#define TOOL_MS 60000

static uint64_t round_up(uint64_t v)
{
	return (v + MIB - 1) / MIB * MIB;
}

/* A UUID of this image for a part of it: the first 128 bits of a digest over the root hash and the part's name, marked
 * as random (RFC 9562 section 5.4). */
static struct gpt_uuid uuid_of(const struct build *b, const char *name)
{
	struct gpt_uuid u;
	struct sha256 s;
	struct digest d;

	sha256_init(&s);
	sha256_add(&s, b->root.hash.byte, DIGEST_BYTES);
	sha256_add(&s, name, strlen(name));
	sha256_end(&s, &d);
	memcpy(u.byte, d.byte, sizeof(u.byte));
	u.byte[6] = (uint8_t)((u.byte[6] & 0x0f) | 0x40);
	u.byte[8] = (uint8_t)((u.byte[8] & 0x3f) | 0x80);
	return u;
}

static void add(struct gpt *g, const char *name, const struct gpt_uuid *type, struct gpt_uuid uuid, uint64_t bytes)
{
	struct gpt_partition *p = &g->partition[g->count];
	const struct gpt_partition *before = g->count ? p - 1 : NULL;

	p->type = *type;
	p->uuid = uuid;
	p->first = before ? before->first + before->sectors : MIB / GPT_SECTOR;
	p->sectors = bytes / GPT_SECTOR;
	snprintf(p->name, sizeof(p->name), "%s", name);
	g->count++;
}

static void plan(const struct build *b, struct gpt *g)
{
	uint64_t slot = round_up(BUILD_SLOT_FACTOR * b->root.image.size);
	uint64_t esp = round_up(ESP_FACTOR * b->uki.size);
	uint64_t data = b->spec.data_bytes ? round_up(b->spec.data_bytes) : round_up(DATA_MIN);

	slot = slot < BUILD_SLOT_MIN ? BUILD_SLOT_MIN : slot;
	esp = esp < ESP_MIN ? ESP_MIN : esp;
	g->disk = uuid_of(b, "disk");
	add(g, "esp", &gpt_type_esp, uuid_of(b, "esp"), esp);
	add(g, "root-a", &gpt_type_root, b->root.uuid, slot);
	add(g, "root-b", &gpt_type_root, uuid_of(b, "root-b"), slot);
	add(g, "data", &gpt_type_data, uuid_of(b, "data"), data);
	g->sectors = g->partition[3].first + g->partition[3].sectors + MIB / GPT_SECTOR;
}

/* FAT32 with EFI/BOOT/BOOTX64.EFI, by mtools: serial number and times are given. */
static int write_esp(struct build *b, const struct gpt *g, struct err *e)
{
	const char *image = part_path(b, "esp.img");
	struct arena *a = &b->arena;
	char uuid[GPT_UUID_TEXT];
	const char *epoch = arena_fmt(a, "SOURCE_DATE_EPOCH=%llu", (unsigned long long)b->time).p;
	const char *serial = arena_fmt(a, "%.8s", gpt_uuid_text(&g->partition[0].uuid, uuid)).p;
	const char *const format[] = { "env",
				       epoch,
				       "TZ=UTC",
				       "mformat",
				       "-i",
				       image,
				       "-F",
				       "-N",
				       serial,
				       "-v",
				       "YAGURA",
				       "-T",
				       arena_fmt(a, "%llu", (unsigned long long)g->partition[0].sectors).p,
				       "-h",
				       "64",
				       "-s",
				       "32",
				       "::",
				       NULL };
	const char *const dirs[] = { "env", epoch, "TZ=UTC", "mmd", "-i", image, "::/EFI", "::/EFI/BOOT", NULL };
	const char *const put[] = {
		"env", epoch, "TZ=UTC", "mcopy", "-i", image, part_path(b, "uki.efi"), "::/EFI/BOOT/BOOTX64.EFI", NULL
	};
	auto_close int fd = openat(b->part_fd, "esp.img", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int r = fd < 0 || ftruncate(fd, (off_t)(g->partition[0].sectors * GPT_SECTOR)) < 0
			? err_errno(e, -errno, "esp.img")
			: 0;

	r = r < 0 ? r : run_tool(b, "disk.log", format, TOOL_MS, e);
	r = r < 0 ? r : run_tool(b, "disk.log", dirs, TOOL_MS, e);
	return r < 0 ? r : run_tool(b, "disk.log", put, TOOL_MS, e);
}

static int write_at(int fd, const void *p, size_t n, uint64_t at, struct err *e)
{
	if (lseek(fd, (off_t)at, SEEK_SET) < 0)
		return err_errno(e, -errno, "disk.img");
	return fd_write(fd, p, n) < 0 ? err_errno(e, -errno, "disk.img") : 0;
}

/* Blocks of zeros are left out. */
static int copy_in(struct build *b, int fd, const char *name, uint64_t at, struct err *e)
{
	static const char zero[4096];
	struct str bytes;
	int r = build_map(b, part_path(b, name), &bytes, e);

	for (size_t i = 0; i < bytes.n && r == 0; i += sizeof(zero)) {
		struct str block = str_head(str_from(bytes, i), sizeof(zero));

		if (memcmp(block.p, zero, block.n) != 0)
			r = write_at(fd, block.p, block.n, at + i, e);
	}
	return r;
}

int build_disk(struct build *b, struct err *e)
{
	const size_t head_bytes = (size_t)GPT_TABLE_SECTORS * GPT_SECTOR, tail_bytes = head_bytes - GPT_SECTOR;
	uint8_t *head = arena_alloc(&b->arena, head_bytes), *tail = arena_alloc(&b->arena, tail_bytes);
	auto_close int fd = openat(b->part_fd, "disk.img", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct gpt *g = arena_new(&b->arena, struct gpt);
	uint64_t bytes;
	int r = fd < 0 ? err_errno(e, -errno, "disk.img") : 0;

	say(b, "writing the disk image");
	plan(b, g);
	r = r < 0 ? r : write_esp(b, g, e);
	r = r < 0 ? r : gpt_write(g, head, tail, e);
	if (r < 0)
		return err_wrap(e, r, "disk");
	bytes = g->sectors * GPT_SECTOR;
	if (ftruncate(fd, (off_t)bytes) < 0)
		return err_errno(e, -errno, "disk.img");
	r = write_at(fd, head, head_bytes, 0, e);
	r = r < 0 ? r : write_at(fd, tail, tail_bytes, bytes - tail_bytes, e);
	r = r < 0 ? r : copy_in(b, fd, "esp.img", g->partition[0].first * GPT_SECTOR, e);
	r = r < 0 ? r : copy_in(b, fd, "root.img", g->partition[1].first * GPT_SECTOR, e);
	b->report->disk_bytes = bytes;
	return r;
}
