/* host: how a running Linux host is set up, against tables of rules: mounts, files, security modules, ports, firewall,
 * container engines, kubelet, and what still runs although it was replaced (the kernel itself: kernel.h).
 * A node is held to more: nothing that can be written may hold programs, and nothing on it makes new ones.
 *
 * Reads only; every file, directory and list is bounded. What cannot be read, or what needs root, is not assessed and
 * says so; what is about something that is not here does not apply. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "base/err.h"
#include "model/check.h"

#define HOST_FILE_MAX (4u << 20)  /* bytes of one file that is read */
#define HOST_ENTRIES_MAX 2000000u /* files looked at for set-user-id bits and permissions */
#define HOST_DEPTH_MAX 64	  /* directories below the root */
#define HOST_PROCESSES_MAX 65536  /* whose maps are looked at */
#define HOST_EVIDENCE_MAX 600	  /* bytes of one answer; lists say how much they leave out */

/* root_fd: the root directory; for this host "/". node: it is to be as a node is. */
int host_audit(int root_fd, bool node, struct audit *a, struct err *e) must_check;

#endif
