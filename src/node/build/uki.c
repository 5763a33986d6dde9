/* uki: kernel and command line as one signed program of UEFI. See part.h. */
#include <unistd.h>

#include "node/build/part.h"

#define STUB "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"
#define TOOL_MS 60000

/* The signature of an earlier build of the same image: then the outputs are the same to the last byte. */
static int take_signature(struct build *b, struct err *e)
{
	const char *signature = part_path(b, "uki.signature"), *uki = part_path(b, "uki.efi");
	const char *const detach[] = { "sbattach", "--detach", signature, b->o->uki_signature, NULL };
	const char *const attach[] = { "sbattach", "--attach", signature, uki, NULL };
	int r = run_tool(b, "uki.log", detach, TOOL_MS, e);

	return r < 0 ? r : run_tool(b, "uki.log", attach, TOOL_MS, e);
}

static int sign(struct build *b, struct err *e)
{
	const char *uki = part_path(b, "uki.efi");
	const char *const argv[] = { "sbsign",	 "--key", b->o->sb_key, "--cert", b->o->sb_cert,
				     "--output", uki,	  uki,		NULL };
	const char *const verify[] = { "sbverify", "--cert", b->o->sb_cert, uki, NULL };
	int r;

	if (!b->o->sb_key)
		return 0;
	r = b->o->uki_signature ? take_signature(b, e) : run_tool(b, "uki.log", argv, TOOL_MS, e);
	r = r < 0 ? r : run_tool(b, "uki.log", verify, TOOL_MS, e);
	b->report->uki_signed = r == 0;
	return r;
}

static int assemble(struct build *b, struct err *e)
{
	auto_buf struct buf image = { 0 };
	struct str stub, kernel;
	struct str release =
		arena_fmt(&b->arena, "ID=yagura\nVERSION_ID=%s\nIMAGE_ID=%s\nPRETTY_NAME=\"yagura node %s %s\"\n",
			  b->spec.release, b->spec.name, b->spec.name, b->spec.release);
	int r = build_map(b, STUB, &stub, e);

	r = r < 0 ? r : build_map(b, part_path(b, "kernel"), &kernel, e);
	if (r < 0)
		return r;
	input_add(b, "tool", "systemd-boot-efi", STUB, stub);
	const struct pe_section sections[] = {
		{ ".osrel", release },
		{ ".cmdline", str_n(b->cmdline, strlen(b->cmdline) + 1) },
		{ ".linux", kernel },
	};
	r = pe_add_sections(stub, sections, ARRAY_LEN(sections), &image, e);
	return r < 0 ? r : part_write(b, "uki.efi", buf_all(&image), e);
}

int build_uki(struct build *b, struct err *e)
{
	int r;

	say(b, "assembling the UKI");
	if (access(STUB, R_OK) < 0)
		return err_set(e, -ENOENT, STUB " is not there: install the package systemd-boot-efi");
	r = assemble(b, e);
	r = r < 0 ? r : sign(b, e);
	r = r < 0 ? r : part_digest(b, "uki.efi", &b->uki, e);
	b->report->uki_bytes = b->uki.size;
	return r < 0 ? err_wrap(e, r, "UKI") : 0;
}
