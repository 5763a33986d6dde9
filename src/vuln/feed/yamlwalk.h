/* yamlwalk: the scalars of a YAML document, each with the keys that lead to it. No tree, no aliases, no tags; nesting
 * to YAML_DEPTH_MAX. https://yaml.org/spec/1.1/ */
#ifndef VULN_FEED_YAMLWALK_H
#define VULN_FEED_YAMLWALK_H

#include "base/err.h"
#include "base/mem.h"

#define YAML_DEPTH_MAX 16

struct yaml_place {
	struct str key[YAML_DEPTH_MAX]; /* "" inside a sequence */
	unsigned int depth;
};

/* Strs live in the arena. -EBADMSG for bad YAML, an alias or too deep nesting. */
int yaml_walk(struct str text, struct arena *a,
	      void (*scalar)(void *ctx, const struct yaml_place *at, struct str value), void *ctx,
	      struct err *e) must_check;

/* The place is that one key at the top, or an element of the sequence below it. */
bool yaml_at(const struct yaml_place *at, const char *key);
bool yaml_in(const struct yaml_place *at, const char *key);

#endif
