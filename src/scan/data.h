/* data: where this program keeps the vulnerability data, and the database in it.
 *
 *     DIR/vuln.db       the compiled database (docs/formats/db.md)
 *     DIR/feeds/        what `yagura db update` fetched, as it came
 *     DIR/mirror/       what was read from the distribution's own mirror
 *
 * DIR is --data, else $YAGURA_DATA, else /var/lib/yagura for root, else $XDG_DATA_HOME/yagura or ~/.local/share/yagura.
 */
#ifndef SCAN_DATA_H
#define SCAN_DATA_H

#include "base/err.h"
#include "vuln/db.h"

#define DATA_DB_NAME "vuln.db"
#define DATA_FEEDS_NAME "feeds"

/* The directory as text, in `room`; -ENAMETOOLONG. `path` NULL: the default. */
int data_path(const char *path, char *room, size_t size) must_check;

/* The directory's descriptor; made when absent and `make`. -ENOENT when absent otherwise. */
int data_open(const char *path, bool make, struct err *e) must_check;

/* The database, mapped, to be freed with db_free(): 0 and *ret; -ENOENT without a message when there is none. */
int data_db_open(struct db **ret, const char *path, struct err *e) must_check;

#endif
