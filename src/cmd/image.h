/* image: what the files of `yagura image` share: their rows' options and functions. */
#ifndef CMD_IMAGE_H
#define CMD_IMAGE_H

#include "cmd/option.h"
#include "node/image/lock.h"
#include "node/image/resolve.h"

extern const struct option image_build_options[], image_refresh_options[], image_push_options[], image_verify_options[];
int image_build_run(const struct invocation *in);
int image_refresh_run(const struct invocation *in);
int image_push_run(const struct invocation *in);
int image_verify_run(const struct invocation *in);
int image_key_run(const struct invocation *in);

/* Options about where packages come from, for build and refresh. */
struct image_source_args {
	struct str mirror, security_mirror, keyring, sources;
};
extern struct image_source_args arg_image_source;

#define IMAGE_SOURCE_ROWS                                                                                          \
	{ "mirror",    0,                                                                                          \
	  OPTION_TEXT, &arg_image_source.mirror,                                                                   \
	  "URL",       "The archive to take packages from. Default: where apt's sources of this machine have it.", \
	  NULL },                                                                                                  \
		{ "security-mirror",                                                                               \
		  0,                                                                                               \
		  OPTION_TEXT,                                                                                     \
		  &arg_image_source.security_mirror,                                                               \
		  "URL",                                                                                           \
		  "The archive of security updates. Default: beside the mirror.",                                  \
		  NULL },                                                                                          \
		{ "apt-sources", 0,                                                                                \
		  OPTION_TEXT,	 &arg_image_source.sources,                                                        \
		  "FILE",	 "Repositories to read instead of the machine's own.",                             \
		  NULL },                                                                                          \
	{                                                                                                          \
		"keyring", 0, OPTION_TEXT, &arg_image_source.keyring, "FILE",                                      \
			"Keys to trust instead of those of the release.", NULL                                     \
	}

extern struct str arg_image_key, arg_image_name;
#define IMAGE_KEY_ROWS                                                                                  \
	{ "key", 0, OPTION_TEXT, &arg_image_key, "FILE", "Sign with this secret key, PEM.", NULL },     \
	{                                                                                               \
		"name", 0, OPTION_TEXT, &arg_image_name, "HOST/NAME",                                   \
			"What the signature calls the image; whoever checks it may ask for that.", NULL \
	}

/* Builds, signs with --key when it was given, and says so on stdout; the exit status. */
int image_build_lock(const struct lock *l, int store, struct str place);

/* The store of the cache; the exit status when it cannot be had, else 0. */
int image_store(int *ret);
/* A lock out of a file, or made anew; both say on stderr what went wrong and return the exit status. */
int image_lock_read(const char *file, struct lock *ret);
int image_lock_make(struct resolve_options *o, struct lock *ret);

#endif
