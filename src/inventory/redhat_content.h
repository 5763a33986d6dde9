/* redhat_content: which repositories the packages of a Red Hat system come from.
 *
 * redhat_content_read(): what an image's build wrote down, {"content_sets": ["rhel-9-for-x86_64-baseos-eus-rpms__9_2",
 * ...]}. redhat_repo_read(): /etc/yum.repos.d/redhat.repo of a registered machine, whose sections have the same names;
 * those that are switched off do not count. Streams of extended support get fixes of their own, with other versions
 * than the release's: each that is named is a property REDHAT_STREAM, "eus". */
#ifndef INVENTORY_REDHAT_CONTENT_H
#define INVENTORY_REDHAT_CONTENT_H

#include "base/err.h"
#include "inventory/file.h"
#include "model/facts.h"

#define REDHAT_STREAM "redhat.stream"
#define REDHAT_STREAMS 5

/* "eus", "e4s", "aus", "tus", "els". https://access.redhat.com/support/policy/updates/errata */
extern const char *const redhat_streams[REDHAT_STREAMS];

/* As struct analyzer's read(). */
int redhat_content_read(struct file *f, struct facts *ret, struct err *e) must_check;
int redhat_repo_read(struct file *f, struct facts *ret, struct err *e) must_check;

#endif
