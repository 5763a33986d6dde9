/* changelog: which CVE which version fixed, from the changelog of a Debian source package.
 *
 * The rule: the lowest version whose entry names a CVE fixed it. Later mentions (regressions, dropped patches, merged
 * branches) therefore change nothing. One exception: an item that begins with "revert" or "back out" and does not speak
 * of something "introduced" or "fixed" takes earlier mentions back; when no later entry names the CVE again it is
 * `open`, which says that the changelog does not tell (it may have been fixed otherwise) and not that it is affected.
 * Entries whose version is above the package's own (from a renamed source, say) do not count. Words such as "not
 * affected" or "was fixed already" cannot be told from a fix; a package that says so is "fixed" in that version, which
 * errs on the side of reporting too much for older versions.
 *
 * Documents: deb-changelog(5), tar(5) (ustar), the unified format of diff. Bytes in, values out. */
#ifndef VULN_UPDATE_CHANGELOG_H
#define VULN_UPDATE_CHANGELOG_H

#include "base/buf.h"
#include "base/mem.h"
#include "vuln/update/apt.h"

#define CHANGELOG_BYTES_MAX (24u << 20)	   /* linux has 5 MB */
#define CHANGELOG_ARCHIVE_MAX (2ull << 30) /* plain bytes of an archive that are looked at */
#define CHANGELOG_CVES_MAX 20000	   /* linux names 6,000 */

/* debian/changelog out of the bytes of a source package's file, as it was downloaded (compressed). Reading stops when
 * it has been found. The buf is made by the call. -ENOENT when there is none in it. */
int changelog_extract(struct str archive, enum apt_packing packing, struct buf *ret, struct err *e) must_check;

struct changelog_fix {
	struct str cve;	    /* "CVE-2024-1234"; in the arena */
	struct str version; /* fixed since; of an open one, what took the fix back. Points into the text */
	bool open;
};

struct changelog_fixes {
	VEC(struct changelog_fix) all; /* in the order of first mention, newest entry first */
};

/* `current` is the version the changelog belongs to, `compare` the order of Debian versions. Text without a single
 * entry is -EBADMSG. */
int changelog_parse(struct str text, struct str current, int (*compare)(struct str a, struct str b), struct arena *a,
		    struct changelog_fixes *ret, struct err *e) must_check;

#endif
