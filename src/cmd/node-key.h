/* node-key: the user's own pair of keys for node images, in ~/.config/yagura: what builds signs with, what boots trusts
 * when no other is named. */
#ifndef CMD_NODE_KEY_H
#define CMD_NODE_KEY_H

#include "base/err.h"
#include "base/path.h"

/* The path of the private key (Ed25519, PEM); made when there is none, and told on stderr. */
int node_key_private(char path[PATH_BYTES_MAX], struct err *e) must_check;
/* The path of the public one. -ENOENT: this user has never built an image. */
int node_key_public(char path[PATH_BYTES_MAX], struct err *e) must_check;

#endif
