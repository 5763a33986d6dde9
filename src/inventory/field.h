/* field: what a package's own files may say of themselves before it is believed. */
#ifndef INVENTORY_FIELD_H
#define INVENTORY_FIELD_H

#include "base/json.h"
#include "model/facts.h"

#define FIELD_BYTES_MAX 1024 /* of one name, version or licence: real ones stay below 250 */

/* Fit to be a name or a version: not empty, not too long, no control bytes and no spaces. */
bool field_ok(struct str s);

/* A licence as declared: one line, trimmed; "" when it says nothing ("UNKNOWN", "NONE"). */
struct str field_license(struct str s);

/* JSON: a licence as a string, an object with a "type" or an array of either ("MIT OR Apache-2.0"). The value is read
 * in any case; what is made of several is in the reader's arena. */
struct str field_license_json(struct json *j);

#endif
