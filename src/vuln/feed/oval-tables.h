/* oval-tables: what oval.c has read of a document, and oval-say.c says of it.
 *
 * Definitions name tests, tests name objects and states, objects name variables: all by ids, which get a number where
 * they are first named. Numbers here are one more than the index, so that 0 is "none". */
#ifndef VULN_FEED_OVAL_TABLES_H
#define VULN_FEED_OVAL_TABLES_H

#include "vuln/feed/feed.h"

/* A test, object, state or variable. */
struct oval_node {
	struct str text;	/* object: package name; state: version */
	struct str arch;	/* state */
	uint32_t object, state; /* test */
	uint32_t variable;	/* object */
	uint32_t first, n;	/* variable: its values */
	bool less_than;		/* state: version says "less than" */
	bool usable;		/* test: true for a package that is there */
	bool esm;		/* Ubuntu: for subscribers only */
};

struct oval_cve {
	struct str id;
	enum severity severity;
};

/* What stands in a criterion, and in which criteria it stands. */
struct oval_leaf {
	uint32_t test; /* 0 = name and version are here */
	uint32_t group;
	struct str name, version;
	struct str cve; /* which of the definition's it is about; "" all of them */
	enum advisory_status unfixed;
	bool esm, installed;
	bool is_unfixed; /* it says that there is no fix, and `unfixed` why */
};

struct oval_group {
	uint32_t parent;
	struct str module;
};

/* Red Hat's word about a component: "Will not fix". */
struct oval_state_of {
	struct str component, state;
};

/* `first_...` and the count behind it are its part of the tables. */
struct oval_definition {
	struct str ns, channel, bulletin;
	enum severity severity;
	bool unpatched, unaffected; /* Red Hat's word on what has no fix; that it needs none */
	uint32_t first_cve, cves, first_leaf, leaves, first_component, components;
	uint32_t first_group;
};

struct oval_tables {
	struct feed_doc d;
	struct arena kept, scratch;
	VEC(struct oval_node) nodes;
	VEC(struct str) values;
	VEC(struct oval_definition) definitions;
	VEC(struct oval_cve) cves;
	VEC(struct oval_leaf) leaves;
	VEC(struct oval_group) groups;
	VEC(struct oval_state_of) components;
	struct map once; /* ids whose vuln_info was told */
	uint64_t said;	 /* statements */
};

/* Ubuntu: what is said of a package that is not repaired; fixes for subscribers only; the one CVE that a criterion is
 * about, the release that an id names, the channel of a platform, and a package's name, which for images is in a
 * pattern; all "" when there is none. */
bool oval_ubuntu_unfixed(struct str comment, enum advisory_status *ret);
bool oval_ubuntu_for_subscribers(struct str comment);
bool oval_ubuntu_esm_version(struct str version);
struct str oval_ubuntu_cve(struct str comment);
struct str oval_ubuntu_release(struct arena *a, struct str id);
struct str oval_ubuntu_channel(struct arena *a, struct str platform);
struct str oval_ubuntu_package(struct arena *a, struct str value);

/* Statements about each package and id of a definition. */
void oval_say_definition(struct oval_tables *o, const struct oval_definition *x);
/* A title or score: told once for each id. */
void oval_say_info(struct oval_tables *o, struct vuln_info *v);

#endif
