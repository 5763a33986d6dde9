/* Fuzz target: a package from its bytes into a tree and out again as a tar. What the tree writes is a tar whose names
 * are normal, sorted, and lead nowhere: reading it gives as many entries as there are nodes. */
#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/image/deb.h"
#include "node/image/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take(void *ctx, const void *p, size_t n, struct err *e unused_arg)
{
	buf_add(ctx, p, n);
	return buf_finish(ctx);
}

static void reread(const struct buf *tar, size_t nodes)
{
	struct str in = buf_all(tar);
	char last[PATH_BYTES_MAX + 1] = "";
	size_t last_n = 0;
	auto_tar struct tar t;
	int r;

	tar_init(&t);
	while ((r = tar_step(&t, &in, NULL)) > TAR_MORE && r != TAR_END) {
		if (r != TAR_ENTRY)
			continue;
		assert(t.entry.path.n && !t.entry.bad_name && t.entry.type != TAR_OTHER);
		assert(str_cmp(str_n(last, last_n), t.entry.path) < 0);
		memcpy(last, t.entry.path.p, t.entry.path.n);
		last_n = t.entry.path.n;
	}
	assert(r == TAR_END && t.entries == nodes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_close int fd = memfd_create("fuzz", MFD_CLOEXEC);
	auto_deb_control struct deb_control control = { 0 };
	auto_buf struct buf tar;
	struct tree_sink sink = { &tar, take };
	struct tree tree;
	struct layer_events events;
	struct err e = { 0 };
	struct deb deb;

	buf_init(&tar, 64u << 20);
	tree_init(&tree, memfd_create("scratch", MFD_CLOEXEC));
	events = tree_events(&tree);
	if (fd >= 0 && fd_write(fd, data, size) == 0 && deb_parse(str_n(data, size), &deb, &e) == 0) {
		assert(deb.control.offset + deb.control.size <= size && deb.data.offset + deb.data.size <= size);
		if (deb_control_read(fd, &deb, &control, &e) < 0)
			assert(e.msg[0]);
		if (deb_walk(fd, &deb.data, &events, &e) < 0)
			assert(e.msg[0]);
		/* also what came before an error */
		if (tree.scratch_bytes < 1u << 20 && tree_write(&tree, 1000000000, &sink, &e) == 0)
			reread(&tar, tree.nodes.n);
	}
	tree_done(&tree);
	return 0;
}
