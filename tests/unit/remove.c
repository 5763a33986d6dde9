/* A tree that somebody else made is removed, and nothing else. */
#include "base/remove.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "tap.h"

#define DEEP 300

static int place(char name[32])
{
	snprintf(name, 32, "/tmp/yagura-remove-XXXXXX");
	if (!mkdtemp(name))
		abort();
	return fd_open(AT_FDCWD, name, O_RDONLY | O_DIRECTORY);
}

static void make_file(int dir, const char *name)
{
	close(openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

TEST(deeper_than_it_goes)
{
	char name[32];
	auto_close int top = place(name), at = dup(top);

	OK(mkdirat(top, "kept", 0700) == 0 && mkdirat(top, "tree", 0700) == 0 &&
	   mkdirat(top, "tree/.moved-0", 0700) == 0);
	make_file(top, "kept/file");
	OK(symlinkat("../kept", top, "tree/link") == 0);
	for (int i = 0; i < DEEP; i++) {
		const char *part = i ? "d" : "tree";
		int below = i ? mkdirat(at, part, 0700) : 0;

		below = below < 0 ? below : fd_open(at, part, O_RDONLY | O_DIRECTORY);
		close(at);
		at = below;
		make_file(at, "file");
	}
	EQ_INT(tree_remove(top, "tree"), 0);
	OK(faccessat(top, "tree", F_OK, AT_SYMLINK_NOFOLLOW) < 0);
	OK(faccessat(top, "kept/file", F_OK, 0) == 0);
	row("not there");
	EQ_INT(tree_remove(top, "tree"), 0);
	row("a file");
	EQ_INT(tree_remove(top, "kept/file"), 0);
	row("a link");
	OK(symlinkat("kept", top, "link") == 0);
	EQ_INT(tree_remove(top, "link"), 0);
	OK(faccessat(top, "kept", F_OK, 0) == 0);
	EQ_INT(tree_remove(AT_FDCWD, name), 0);
	OK(access(name, F_OK) < 0);
}
