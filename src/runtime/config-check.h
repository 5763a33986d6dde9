/* config-check: whether a configuration makes sense as a whole, before anything is made: what it asks for must stay
 * inside namespaces it gets, and nothing it asks for may go undone. */
#ifndef RUNTIME_CONFIG_CHECK_H
#define RUNTIME_CONFIG_CHECK_H

#include "runtime/config.h"

/* -EBADMSG what contradicts itself, -ENOTSUP what is known and not done; the member's path in the message. */
int oci_config_check(const struct oci_config *c, struct err *e) must_check;

/* The namespace that keeps a sysctl to the container: NS_KINDS when there is none, NS_USER, NS_IPC, ... */
enum oci_namespace sysctl_namespace(struct str name);

#endif
