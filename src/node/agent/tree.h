/* tree: a directory removed with all that is in it. */
#ifndef NODE_AGENT_TREE_H
#define NODE_AGENT_TREE_H

#define TREE_DEPTH_MAX 128 /* directories in each other that are followed; what lies deeper is moved up first */

/* Links are removed, not followed; other file systems mounted inside are left alone. What cannot be removed stays. */
void tree_remove(int dir_fd, const char *name);

#endif
