/* merge-part: what the files merge*.c share with each other and with nobody else: the merged nodes. */
#ifndef SCAN_MERGE_PART_H
#define SCAN_MERGE_PART_H

#include "base/map.h"
#include "scan/merge.h"

/* What one analyzer said of the file at a node. */
struct content {
	struct str facts;
	struct str name; /* the path it is evidence under */
	uint32_t layer;
	uint32_t *intro; /* per package, in the order of the facts: the layer that introduced it; NULL: `layer` */
	size_t intro_count;
	struct content *before; /* while its layer is applied: what stood here in lower ones */
	struct content *next;	/* of other analyzers at the same node */
	unsigned int analyzer;
};

/* A path that is evidence, a link on the way to some, or a directory above either. */
struct node {
	struct str path;
	uint32_t parent, child, sibling;
	struct content *content;
	struct content *previous; /* what this layer just replaced */
	uint32_t previous_layer;  /* ... the layer that did */
	uint32_t swept_layer;	  /* the last layer that took away all below; 0: none, the lowest takes nothing */
	struct str link;	  /* symbolic link's target; p NULL when it is none */
	struct str lost;	  /* target of a hard link that was not read; p NULL: it is none */
	uint32_t lost_layer;
	bool held; /* there is a file, as far as it was asked */
};

struct merge {
	const struct record *const *layers;
	size_t n;
	struct arena arena;
	VEC(struct node) nodes;
	struct map by_path;
	VEC(struct content *) fresh; /* of the layer being applied */
	uint32_t *by_hash;	     /* open addressing over path hashes: node + 1, 0 empty */
	uint64_t *hashes;
	size_t slots;
	bool lost_links; /* some layer has a hard link whose target is not in it */
};

/* What tells two packages apart; lives in the arena. */
struct str merge_package_key(struct arena *a, const struct package *p);

#endif
