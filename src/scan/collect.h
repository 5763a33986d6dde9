/* collect: the worker's side of a scan: layers and files in, facts out through the socket.
 *
 * Runs confined. Holds only what analyzers ask for; every entry of a layer leaves a hash of its path, evidence leaves
 * facts, links and whiteouts leave their names. Wishes that lie behind the stream, and hard links to files that passed
 * by unread, are kept for a further pass over the layer. */
#ifndef SCAN_COLLECT_H
#define SCAN_COLLECT_H

#include "base/err.h"

/* Serves the parent on `fd` until it says that there is nothing more. */
int collect_serve(int fd, struct err *e) must_check;

#endif
