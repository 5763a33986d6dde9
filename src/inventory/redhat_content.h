/* redhat_content: which repositories the packages of a Red Hat image come from, as its build wrote it down.
 *
 * {"content_sets": ["rhel-9-for-x86_64-baseos-eus-rpms__9_2", ...]}. Streams of extended support get fixes of their
 * own, with other versions than the release's. Those are not compared (docs/matching.md): a note says so. */
#ifndef INVENTORY_REDHAT_CONTENT_H
#define INVENTORY_REDHAT_CONTENT_H

#include "base/err.h"
#include "inventory/file.h"
#include "model/facts.h"

/* As struct analyzer's read(). */
int redhat_content_read(struct file *f, struct facts *ret, struct err *e) must_check;

#endif
