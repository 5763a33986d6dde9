/* readers: the functions behind the rows of table.c, one a format. What each must do is said in analyzer.h, what each
 * does in its own file and in docs/formats/. */
#ifndef INVENTORY_READERS_H
#define INVENTORY_READERS_H

#include "inventory/analyzer.h"

/* Installed language packages: docs/formats/language-packages.md */
int executable_read(struct file *f, struct facts *ret, struct err *e);
int jar_read(struct file *f, struct facts *ret, struct err *e);
int npm_read(struct file *f, struct facts *ret, struct err *e);
int python_read(struct file *f, struct facts *ret, struct err *e);
int egg_read(struct file *f, struct facts *ret, struct err *e);
int gem_read(struct file *f, struct facts *ret, struct err *e);
int composer_read(struct file *f, struct facts *ret, struct err *e);
int dotnet_read(struct file *f, struct facts *ret, struct err *e);

#endif
