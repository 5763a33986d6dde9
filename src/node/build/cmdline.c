/* cmdline: the kernel's command line: what every node's says, the specification's words, and the root by its hash, in
 * whichever slot it lies (Documentation/admin-guide/device-mapper/dm-init.rst). See part.h. */
#include "node/baseline.h"
#include "node/build/part.h"
#include "node/verity.h"

#define CONSOLE "console=ttyS0"

static bool has_console(const struct spec *s)
{
	for (size_t i = 0; i < s->kernel.command_line.n; i++)
		if (str_starts(str_c(s->kernel.command_line.v[i]), STR("console=")))
			return true;
	return false;
}

int build_cmdline(struct build *b, struct err *e)
{
	const struct spec *s = &b->spec;
	char table[VERITY_TABLE_MAX], device[64];
	auto_buf struct buf text;

	buf_init(&text, 2 * BUILD_CMDLINE_MAX);
	buf_fmt(&text, "%s%s", has_console(s) ? "" : CONSOLE " ", baseline_cmdline);
	for (size_t i = 0; i < s->kernel.command_line.n; i++)
		buf_fmt(&text, " %s", s->kernel.command_line.v[i]);
	snprintf(device, sizeof(device), "PARTUUID=%s", b->root.uuid_text);
	verity_table(device, b->root.data_bytes, b->root.data_bytes, &b->root.salt, &b->root.hash, true, table);
	buf_fmt(&text, " dm-mod.create=\"vroot,,,ro,0 %llu verity %s\"", (unsigned long long)(b->root.data_bytes / 512),
		table);
	/* Devices of clouds appear when they like; a machine of QEMU has its disk when the kernel looks. */
	if (s->kernel.variant == SPEC_CLOUD)
		buf_fmt(&text, " dm-mod.waitfor=%s", device);
	buf_str(&text, STR(" root=/dev/dm-0 ro rootfstype=erofs init=/sbin/yagura-init"));
	if (buf_finish(&text) < 0 || text.n > BUILD_CMDLINE_MAX)
		return err_set(e, -E2BIG, "the kernel's command line is longer than %d bytes", BUILD_CMDLINE_MAX);
	b->cmdline = arena_str(&b->arena, buf_all(&text)).p;
	return 0;
}
