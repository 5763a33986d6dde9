/* tree: a directory (a root file system, or the running host) looked through for evidence.
 *
 * This process walks the tree and opens what analyzers want; a confined worker reads the bytes. Links are followed only
 * for the fixed paths of package databases, and never out of the tree. Not entered: pseudo and network file
 * systems, and, on a host, the stores of container engines (their images are scanned as images). */
#ifndef SCAN_TREE_H
#define SCAN_TREE_H

#include "base/progress.h"
#include "scan/record.h"

#define TREE_DEPTH_MAX 256
#define TREE_ENTRIES_MAX 50000000u

/* One record as if the tree were a single layer. */
int tree_scan(int root_fd, bool host, const struct progress *progress, struct record *ret, struct err *e) must_check;

#endif
