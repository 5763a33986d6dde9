/* packages: the binary packages of a repository's index, and which of them an image is made of.
 *
 * Documents: deb-control(5), Debian policy chapter 7 (relationships), "DebianRepository/Format". Strs point into the
 * text, which must live as long. A paragraph without what is needed is left out and counted. */
#ifndef NODE_IMAGE_PACKAGES_H
#define NODE_IMAGE_PACKAGES_H

#include "base/digest.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"

#define PACKAGES_MAX 1000000u	  /* of all indexes of one image */
#define PACKAGES_CHOSEN_MAX 5000u /* in one image */

struct deb_package {
	struct str name, version, arch;
	struct str source, source_version; /* "" = as the package's own */
	struct str path;		   /* below the repository's URI */
	uint64_t size;
	struct digest digest;
	struct str depends, pre_depends, provides;
	bool essential, required;
	uint32_t suite; /* which of the image's, by the caller's numbers */
};

struct packages {
	VEC(struct deb_package) all;
	struct map by_name; /* name -> the newest of it */
	VEC(struct {
		struct str name;
		uint32_t p;
	})
	provided; /* sorted by packages_index() */
	uint64_t skipped;
};
void packages_done(struct packages *p);

/* Adds what an index has for one architecture (and "all"). May be called for several. */
int packages_parse(struct str text, struct str arch, uint32_t suite, struct packages *ret, struct err *e) must_check;
/* After the last of them: finds the newest of each. */
void packages_index(struct packages *p);
const struct deb_package *packages_named(const struct packages *p, struct str name); /* NULL */

/* What an image wants. */
struct packages_wish {
	bool essential, required; /* all that are marked so */
	const struct str *names;  /* and these */
	size_t name_count;
	const char *const *without; /* names that no dependency brings in (NULL at the end); NULL */
	const char *const *alone;   /* names whose dependencies are not followed; NULL */
};
/* With all they depend on, sorted by name: the first alternative that is there already, else the first that can be
 * had; of a virtual package the first provider by name. -ENOENT names what cannot be had. */
struct packages_chosen {
	VEC(const struct deb_package *) all;
};
int packages_choose(const struct packages *p, const struct packages_wish *wish, struct packages_chosen *ret,
		    struct err *e) must_check;

#endif
