/* remove: a directory of ours with all that is in it. */
#ifndef NODE_IMAGE_REMOVE_H
#define NODE_IMAGE_REMOVE_H

/* Links are not followed; what cannot be removed stays. */
void directory_remove(int dir_fd, const char *name);

#endif
