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

static const struct example client_examples[] = {
	{ "yagura node status -n vsock:3:1024", "a node in a virtual machine of this host" },
	{ "yagura node import -n 10.0.0.5:7443 --cert me.pem --key me.key --ca node.pem debian:12",
	  "bring it an image" },
	{ "yagura node apply -n vsock:3:1024 pod.yaml", "run a pod there" },
	{ NULL, NULL },
};

static const struct exit_row client_exits[] = {
	{ 0, "done" },
	{ EXIT_WRONG_USAGE, "wrong usage" },
	{ EXIT_COULD_NOT, "the node could not be reached, or refused" },
	{ -1, NULL },
};

#define CLIENT(name_, arguments_, min_, max_, summary_, options_, run_)                                          \
	{                                                                                                        \
		.name = (name_), .arguments = (arguments_), .summary = (summary_), .min = (min_), .max = (max_), \
		.options = (options_), .examples = client_examples, .exits = client_exits, .run = (run_)         \
	}

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
		.details =
			"DIR is what `yagura node build` has made. The signature of its manifest is checked, and that "
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
	CLIENT("status", NULL, 0, 0, "what a node says of itself", node_client_options, node_status_run),
	CLIENT("logs", "[NAME]", 0, 1,
	       "a log of a node or of a container on it (POD/CONTAINER); without a name: which there are",
	       node_client_options, node_logs_run),
	CLIENT("pods", "[NAME]", 0, 1, "the pods of a node", node_client_options, node_pods_run),
	CLIENT("apply", "FILE", 1, 1, "run a pod, or a new version of it, by its manifest", node_client_options,
	       node_apply_run),
	CLIENT("delete", "POD", 1, 1, "stop a pod and forget it", node_client_options, node_delete_run),
	CLIENT("images", "[NAME]", 0, 1, "the images of a node", node_client_options, node_images_run),
	CLIENT("import", "[KIND:]TARGET", 1, 1, "bring an image to a node", node_import_options, node_import_run),
	CLIENT("remove-image", "NAME", 1, 1, "remove an image from a node", node_client_options, node_remove_image_run),
	CLIENT("settings", "[FILE]", 0, 1, "show a node's settings, or set them", node_client_options,
	       node_settings_run),
	CLIENT("reboot", NULL, 0, 0, "boot a node again", node_client_options, node_reboot_run),
	CLIENT("power-off", NULL, 0, 0, "switch a node off", node_client_options, node_power_off_run),
	{ .name = NULL },
};

const struct command node_command = {
	.name = "node",
	.summary = "the operating system of a container host",
	.examples = client_examples,
	.commands = node_commands,
};
