/* kernel-rules: the conditions a kernel is held to. Only host/ and its tests include this. */
#ifndef HOST_KERNEL_RULES_H
#define HOST_KERNEL_RULES_H

#include "base/attr.h"

enum kernel_group { G_SELF, G_SURFACE, G_POLICY, G_PROGRAMS, G_NETWORK, G_COUNT };

struct kernel_rule {
	const char *name; /* of the option, parameter or sysctl that it is about first */
	unsigned int level;
	enum kernel_group group;
	const char *condition; /* host/expr.h */
};

extern const struct kernel_rule kconfig_rules[], cmdline_rules[], sysctl_rules[];
extern const size_t kconfig_rule_count, cmdline_rule_count, sysctl_rule_count;

#endif
