/* image: `yagura image`, base images. */
#include "cmd/image.h"

#include "cmd/cmd.h"

static const struct example image_examples[] = {
	{ "yagura image build debian:12 -o web-base", "with apt, as others' images have it" },
	{ "yagura image build debian:12:static -o base --include libssl3", "no shell, one library" },
	{ "yagura image build --lock base/image.lock -o again", "the same bytes, on any machine" },
	{ "yagura image refresh base --key team.key", "when something newer is there" },
	{ "yagura image push base registry.example.org/base:12", "with SBOM, provenance, signatures" },
	{ "yagura image verify registry.example.org/base:12 --key team.pub", "before it is used" },
	{ NULL, NULL },
};

static const struct exit_row image_refresh_exits[] = {
	{ EXIT_CLEAN, "nothing newer, or it was built" },
	{ EXIT_FINDINGS, "with --check: there is something newer" },
	{ EXIT_WRONG_USAGE, "wrong usage" },
	{ EXIT_COULD_NOT, "it could not be done" },
	{ -1, NULL },
};
static const struct exit_row image_verify_exits[] = {
	{ EXIT_CLEAN, "it is what was signed" },
	{ EXIT_WRONG_USAGE, "wrong usage" },
	{ EXIT_COULD_NOT, "it is not, or it could not be read" },
	{ -1, NULL },
};

static const struct command image_commands[] = {
	{ .name = "build",
	  .arguments = "[NAME:VERSION[:VARIANT]]",
	  .summary = "build a base image from the distribution's packages",
	  .details = "Variants are full (the default), minimal and static. The result is an OCI layout; the same lock "
		     "gives "
		     "the same digest. Without --lock the newest packages are chosen, and the lock is in the layout as "
		     "image.lock.",
	  .max = 1,
	  .options = image_build_options,
	  .examples = image_examples,
	  .run = image_build_run },
	{ .name = "refresh",
	  .arguments = "DIR",
	  .summary = "build again what has newer packages",
	  .details = "Resolves the image in DIR again, tells which packages changed and which vulnerabilities that "
		     "fixes, and "
		     "builds it in its place. Nothing is done when no package changed.",
	  .min = 1,
	  .max = 1,
	  .options = image_refresh_options,
	  .examples = image_examples,
	  .exits = image_refresh_exits,
	  .run = image_refresh_run },
	{ .name = "push",
	  .arguments = "DIR HOST/NAME[:TAG]",
	  .summary = "send an image, its SBOM, provenance and signatures to a registry",
	  .details = "What the registry has already is not sent again. The tag comes last: what it names is complete.",
	  .min = 2,
	  .max = 2,
	  .options = image_push_options,
	  .examples = image_examples,
	  .run = image_push_run },
	{ .name = "verify",
	  .arguments = "TARGET",
	  .summary = "hold an image to its signature, byte for byte",
	  .details = "TARGET is a layout or a reference. The signature is cosign's, of the key given; manifest, "
		     "config, every "
		     "layer, SBOM and provenance must be what was signed.",
	  .min = 1,
	  .max = 1,
	  .options = image_verify_options,
	  .examples = image_examples,
	  .exits = image_verify_exits,
	  .run = image_verify_run },
	{ .name = "key",
	  .arguments = "NAME",
	  .summary = "make a pair of keys, NAME.key and NAME.pub",
	  .min = 1,
	  .max = 1,
	  .run = image_key_run },
	{ .name = NULL },
};

const struct command image_command = {
	.name = "image",
	.summary = "build, refresh, publish and verify base images",
	.examples = image_examples,
	.commands = image_commands,
};
