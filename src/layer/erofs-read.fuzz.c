/* Any bytes as an image: walked or refused, every str lies inside, and no walk is longer than the image has names. */
#include <assert.h>

#include "layer/erofs-read.h"

#define NAMES_MAX 10000
#define DEPTH_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct str s, struct str image)
{
	assert(!s.n || (s.p >= image.p && s.p + s.n <= image.p + image.n));
}

static void walk(struct str image, const struct erofs_inode *dir, unsigned int depth, unsigned int *left)
{
	uint64_t cursor = 0, nid;
	struct str name;
	struct err e;

	while (*left && erofs_next(image, dir, &cursor, &name, &nid, &e) > 0) {
		struct erofs_inode i;
		struct str rest, value;
		const char *prefix;

		--*left;
		inside(name, image);
		assert(name.n && !memchr(name.p, '/', name.n));
		if (erofs_inode(image, nid, &i, &e) < 0)
			continue;
		inside(erofs_bytes(image, &i, 0), image);
		inside(erofs_bytes(image, &i, i.size / 2), image);
		assert(!erofs_bytes(image, &i, i.size).n);
		rest = i.xattrs;
		while (erofs_xattr_next(&rest, &prefix, &name, &value))
			inside(value, image);
		if (i.kind == EROFS_DIR && depth < DEPTH_MAX)
			walk(image, &i, depth + 1, left);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str image = str_n(data, size);
	unsigned int left = NAMES_MAX;
	struct erofs_inode root;
	struct err e;

	if (erofs_root(image, &root, &e) == 0 && root.kind == EROFS_DIR)
		walk(image, &root, 0, &left);
	return 0;
}
