/* db-status: what the database was built from, for a person or a program (`yagura db status`).
 *
 * The files of one feed are one row; what could not be fetched or read is named below it. */
#ifndef CMD_DB_STATUS_H
#define CMD_DB_STATUS_H

#include "vuln/db.h"

struct db_status_options {
	int data_dir; /* whose state/ tells what the last update could not fetch */
	bool json;
	bool all; /* each file, with its warnings */
};

/* Prints to standard output; returns the exit status. */
int db_status(const struct db *d, const struct db_status_options *o);

#endif
