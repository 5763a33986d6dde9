/* target: what `scan` and `explain` share: options about the target, and the target scanned and matched. */
#ifndef CMD_TARGET_H
#define CMD_TARGET_H

#include "cmd/option.h"
#include "scan/scan.h"

struct target_args {
	struct str platform, auth_file, user, ca_file;
	bool insecure, plain_http, no_cache, no_inferred, pro;
};
extern struct target_args arg_target;

/* Rows for an option table. TARGET_OPTION_ROWS without credentials: for a command whose --user is another. */
#define TARGET_OPTION_ROWS TARGET_LOGIN_ROW, TARGET_IMAGE_ROWS
#define TARGET_LOGIN_ROW                                                                                 \
	{                                                                                                \
		"user", 0, OPTION_TEXT, &arg_target.user, "NAME:PASSWORD", "Registry credentials.", NULL \
	}
/* Rows about a registry beside TARGET_LOGIN_ROW. */
#define TARGET_REGISTRY_ROWS                                                                                             \
	{ "authfile",  0,                                                                                                \
	  OPTION_TEXT, &arg_target.auth_file,                                                                            \
	  "FILE",      "Registry credentials, as podman and docker keep them.",                                          \
	  NULL },                                                                                                        \
		{ "ca-file", 0, OPTION_TEXT, &arg_target.ca_file, "FILE", "Certificates to trust besides the system's.", \
		  NULL },                                                                                                \
		{ "insecure", 0, OPTION_FLAG, &arg_target.insecure, NULL, "Do not verify the registry's certificate.",   \
		  NULL },                                                                                                \
	{                                                                                                                \
		"plain-http", 0, OPTION_FLAG, &arg_target.plain_http, NULL, "Speak to the registry without TLS.", NULL   \
	}
#define TARGET_IMAGE_ROWS                                                                                            \
	{ "platform",  0,                                                                                            \
	  OPTION_TEXT, &arg_target.platform,                                                                         \
	  "OS/ARCH",   "Which image of a multi-platform one. Default: this machine's.",                              \
	  NULL },                                                                                                    \
		TARGET_REGISTRY_ROWS,                                                                                \
		{ "no-cache", 0, OPTION_FLAG, &arg_target.no_cache, NULL, "Neither use nor fill the cache.", NULL }, \
		{ "no-inferred", 0,                                                                                  \
		  OPTION_FLAG,	 &arg_target.no_inferred,                                                            \
		  NULL,		 "Leave out what is concluded from other branches of a distribution.",               \
		  NULL },                                                                                            \
	{                                                                                                            \
		"pro", 0, OPTION_FLAG, &arg_target.pro, NULL,                                                        \
			"The target has Ubuntu Pro: fixes for subscribers count as available.", NULL                 \
	}

/* 0 and both filled (scan_done(), db_free()), or the exit status, after saying why on stderr. *ret_db is NULL where
 * there is no database yet: then nothing was matched, and the notes say so. */
int target_scan(struct scan *ret, struct db **ret_db, struct str target);
/* For people, where that is not part of what is said anyway. */
void target_say_no_database(void);
/* The target alone: no database. */
int target_read(struct scan *ret, struct str target);
/* The same without matching. */
int target_inventory(struct scan *ret, struct db **ret_db, struct str target);
struct match_options target_match_options(void);
/* What the options say about a registry; without a scratch directory. */
struct image_options target_image_options(void);
/* Where what has to be unpacked to be read goes; negative errno. */
int target_scratch(void);

#endif
