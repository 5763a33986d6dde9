/* baseline: what every node's kernel is told, whatever its specification says: sysctls and the command line. init sets
 * the one, the builder writes the other, and the specification's additions are held to both. */
#ifndef NODE_BASELINE_H
#define NODE_BASELINE_H

#include "base/str.h"

struct baseline_sysctl {
	const char *name, *value;
	const char *for_pods; /* the value where an agent runs pods; NULL: the same */
};

/* In the order they are set; a name whose feature the kernel does not have is passed over. */
extern const struct baseline_sysctl baseline_sysctls[];
extern const size_t baseline_sysctl_count;
/* NULL: is not set. */
const char *baseline_sysctl_value(const struct baseline_sysctl *b, bool pods);
/* The value of one of them without pods, NULL when it is not there. */
const char *baseline_sysctl(struct str name);

/* The built-in words, before what names the root file system (parted by one blank). */
extern const char baseline_cmdline[];
/* Whether a word may not be added: it is about something that the built-in ones decide, or lets verification be left
 * out. */
bool baseline_cmdline_refuses(struct str word);

#endif
