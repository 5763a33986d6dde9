/* pacman: desc and files. */
#include "inventory/pacman.h"

#include "evidence.h"

static const struct {
	const char *name, *path, *text, *want;
	int result;
} rows[] = {
	{ "desc", "var/lib/pacman/local/bash-5.2.026-2/desc",
	  "%NAME%\nbash\n\n%VERSION%\n5.2.026-2\n\n%BASE%\nbash-src\n\n%DESC%\nThe "
	  "shell\n\n%ARCH%\nx86_64\n\n%PACKAGER%\n"
	  "F <f@archlinux.org>\n\n%LICENSE%\nGPL\nMIT\n\n%DEPENDS%\nreadline\nglibc\n\n",
	  "package bash|5.2.026-2|x86_64|bash-src|F <f@archlinux.org>|GPL AND MIT\n" },
	{ "no version", "var/lib/pacman/local/bash-5.2.026-2/desc", "%NAME%\nbash\n", "", -EBADMSG },
	{ "empty", "var/lib/pacman/local/bash-5.2.026-2/desc", "", "", -EBADMSG },
	{ "the first value counts", "var/lib/pacman/local/a-1-1/desc", "%NAME%\na\nb\n\nstray\n%VERSION%\n1:1-1\n",
	  "package a|1:1-1||a||\n" },
	{ "files", "var/lib/pacman/local/lib32-glibc-2.38-5/files",
	  "%FILES%\nusr/\nusr/lib32/\nusr/lib32/libc.so.6\n\n%BACKUP%\netc/x\tmd5\n", "owns lib32-glibc||3\n" },
	{ "files of nothing", "var/lib/pacman/local/x/files", "%FILES%\nusr/\n", "", -EBADMSG },
	{ "files climbing out", "var/lib/pacman/local/a-1-1/files", "%FILES%\n../x\nusr/\n",
	  "note 1 file names of package \"a\" cannot be paths\nowns a||1\n" },
};

TEST(local)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool files = str_ends(str_c(rows[i].path), STR("/files"));

		row("%s", rows[i].name);
		evidence_check(files ? pacman_files_read : pacman_desc_read, rows[i].path, rows[i].text, "nvasVL",
			       rows[i].result, rows[i].want);
	}
}
