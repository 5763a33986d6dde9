/* Parts of the node's build: sections of a PE image, fragments of a kernel's configuration. */
#include "node/build/part.h"

#include "tap.h"

#define STUB_BYTES 2048

/* A PE32+ image with one section of 16 bytes at 0x1000, headers of 1,024 bytes (PE/COFF revision 11). */
static void stub(uint8_t p[STUB_BYTES])
{
	memset(p, 0, STUB_BYTES);
	memcpy(p, "MZ", 2);
	p[0x3c] = 0x80;
	memcpy(p + 0x80, "PE\0\0", 4);
	p[0x86] = 1;	/* sections */
	p[0x94] = 0xf0; /* bytes of the optional header */
	p[0x98] = 0x0b;
	p[0x99] = 0x02;
	p[0x98 + 33] = 0x10; /* section alignment 4,096 */
	p[0x98 + 37] = 0x02; /* file alignment 512 */
	p[0x98 + 57] = 0x20; /* size of image */
	p[0x98 + 61] = 0x04; /* size of headers 1,024 */
	memcpy(p + 0x188, ".text", 5);
	p[0x188 + 8] = 16;
	p[0x188 + 13] = 0x10;
	p[0x188 + 17] = 0x02;
	p[0x188 + 21] = 0x04;
}

static uint32_t le32(const char *p)
{
	return (uint32_t)(uint8_t)p[0] | (uint32_t)(uint8_t)p[1] << 8 | (uint32_t)(uint8_t)p[2] << 16 |
	       (uint32_t)(uint8_t)p[3] << 24;
}

static const struct pe_section sections[] = { { ".osrel", { "ID=x\n", 5 } }, { ".linux", { "kernel", 6 } } };

TEST(pe)
{
	auto_buf struct buf out = { 0 };
	uint8_t p[STUB_BYTES];
	struct err e = { 0 };

	stub(p);
	if (!OK_ERR(pe_add_sections(str_n(p, sizeof(p)), sections, 2, &out, &e), &e))
		return;
	EQ_INT(out.p[0x86], 3);
	EQ_INT(out.n, STUB_BYTES + 2 * 512);
	OK(memcmp(out.p + 0x188 + 40, ".osrel", 7) == 0);
	EQ_INT(le32(out.p + 0x188 + 40 + 12), 0x2000); /* the next page of memory */
	EQ_INT(le32(out.p + 0x188 + 80 + 12), 0x3000);
	EQ_INT(le32(out.p + 0x188 + 80 + 20), STUB_BYTES + 512);
	EQ_INT(le32(out.p + 0x98 + 56), 0x4000);
	OK(memcmp(out.p + STUB_BYTES + 512, "kernel", 6) == 0);
}

static const struct {
	const char *name;
	size_t at;
	uint8_t value;
} wrong[] = {
	{ "no MZ", 0, 'X' },
	{ "no PE", 0x80, 'X' },
	{ "PE header far away", 0x3e, 0xff },
	{ "PE32", 0x99, 1 },
	{ "alignment 0", 0x98 + 33, 0 },
	{ "alignment no power of 2", 0x98 + 32, 3 },
	{ "more sections than headers hold", 0x86, 60 },
	{ "a section outside", 0x188 + 15, 0xff },
	{ "no room", 0x98 + 61, 0x01 },
};

TEST(pe_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		auto_buf struct buf out = { 0 };
		uint8_t p[STUB_BYTES];
		struct err e = { 0 };

		row("%s", wrong[i].name);
		stub(p);
		p[wrong[i].at] = wrong[i].value;
		EQ_INT(pe_add_sections(str_n(p, sizeof(p)), sections, 2, &out, &e), -EBADMSG);
	}
}

static const struct {
	const char *name, *fragment, *config, *missing;
	size_t n;
} options[] = {
	{ "all there", "CONFIG_A=y\n# CONFIG_B is not set\n", "CONFIG_A=y\n", "", 0 },
	{ "said to be off", "# CONFIG_B is not set\n", "# CONFIG_B is not set\n", "", 0 },
	{ "not there", "CONFIG_A=y\n", "CONFIG_AB=y\n", "CONFIG_A=y", 1 },
	{ "on though off was asked for", "# CONFIG_A is not set\n", "CONFIG_A=y\n", "CONFIG_A=n", 1 },
	{ "another value", "CONFIG_A=\"x\"\nCONFIG_B=1\n", "CONFIG_A=\"y\"\nCONFIG_B=2\n", "CONFIG_A=\"x\", CONFIG_B=1",
	  2 },
	{ "comments", "# CONFIG_A\nCONFIG_B=y\n", "CONFIG_B=y\n", "", 0 },
};

TEST(fragments)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		auto_arena struct arena a = { 0 };
		struct str missing = STR("");

		row("%s", options[i].name);
		EQ_INT(kconfig_not_taken(str_c(options[i].fragment), str_c(options[i].config), &a, &missing),
		       options[i].n);
		EQ_STR(missing, str_c(options[i].missing));
	}
}

TEST(built_in_fragments)
{
	auto_arena struct arena a = { 0 };
	size_t n;
	const struct fragment *f = kernel_fragments(&n);

	EQ_INT(n, 6);
	for (size_t i = 0; i < n; i++) {
		struct str options_only = kconfig_options(f[i].text, &a);

		row("%s", f[i].name);
		OK(options_only.n > 100 && options_only.n < f[i].text.n);
		OK(str_starts(options_only, STR("CONFIG_")));
	}
}
