/* node: `yagura node`, the operating system of a container host. */
#include "cmd/node.h"

#include "cmd/cmd.h"

static const struct example build_examples[] = {
	{ "yagura node build demo.yaml -o demo/", "kernel, root, disk image, signed manifest, SBOM" },
	{ "yagura node build demo.yaml -o demo/ --verify", "and build again: the same bytes?" },
	{ "yagura node build demo.yaml -o demo/ --sb-key db.key --sb-cert db.crt",
	  "a UKI for machines with Secure Boot" },
	{ NULL, NULL },
};

static const struct exit_row build_exits[] = {
	{ 0, "built (and, with --verify, built again to the same bytes)" },
	{ 1, "--verify: a file differs" },
	{ 2, "wrong usage" },
	{ 3, "could not be built; DIR is as it was" },
	{ -1, NULL },
};

static const struct example boot_examples[] = {
	{ "yagura node boot -k node.pub image/", "the console on this terminal" },
	{ "yagura node boot -k node.pub -d data.img -p 8443:7443 image/",
	  "what it keeps in data.img, its agent on port 8443" },
	{ "yagura node boot -k node.pub --uefi --vars vars.fd image/", "the way of firmware with Secure Boot" },
	{ NULL, NULL },
};

static const struct exit_row boot_exits[] = {
	{ EXIT_CLEAN, "the machine has ended" },
	{ EXIT_WRONG_USAGE, "wrong usage" },
	{ EXIT_COULD_NOT, "the image is not vouched for, or the machine could not be started" },
	{ -1, NULL },
};

static const struct command node_commands[] = {
	{
		.name = "build",
		.arguments = "SPEC",
		.summary = "build a node image from its specification",
		.details = "The kernel is built once for each set of source, fragments and compiler, and kept in the "
			   "cache: "
			   "that takes some thirty "
			   "minutes of one processor; everything else takes seconds.",
		.min = 1,
		.max = 1,
		.options = node_build_options,
		.examples = build_examples,
		.exits = build_exits,
		.run = node_build_run,
	},
	{
		.name = "boot",
		.arguments = "DIR",
		.summary = "boot an image in a machine (QEMU)",
		.details = "DIR is what `yagura node build` has made. The signature of its manifest is checked, and that "
			   "the kernel is the one it vouches for; the machine is started with exactly this kernel and the "
			   "manifest's command line. The disk is never written; its root is verified by the kernel, byte "
			   "for byte, as it is read.",
		.min = 1,
		.max = 1,
		.options = node_boot_options,
		.examples = boot_examples,
		.exits = boot_exits,
		.run = node_boot_run,
	},
	{ .name = NULL },
};

const struct command node_command = {
	.name = "node",
	.summary = "the operating system of a container host",
	.commands = node_commands,
};
