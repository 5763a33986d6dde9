/* loop: a file as a block device.
 *
 * The kernel gives the device back when nothing uses it any more (LO_FLAGS_AUTOCLEAR): a killed process leaks none.
 * Direct I/O is asked for, so that a file's pages are not kept twice and what is written is charged to who writes it; a
 * file system that has none is used without. Source: Linux Documentation/admin-guide/blockdev/, linux/loop.h (loop(4)).
 */
#ifndef RUNTIME_LOOP_H
#define RUNTIME_LOOP_H

#include "base/err.h"

#define LOOP_TRIES_MAX 64 /* others take free devices too */

/* The device's descriptor, which keeps it until something is mounted from it; its path in `path`. It is open for
 * reading: a kernel may refuse to mount what somebody else could write (CONFIG_BLK_DEV_WRITE_MOUNTED). */
int loop_attach(int file, bool read_only, char *path, size_t path_size) must_check;

#endif
