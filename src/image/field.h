/* field: members of a JSON object as Go's encoding/json would take them, because that is what runs the images.
 *
 * Keys match without regard to case, of duplicate keys the last one wins, null leaves a field as it was, and a value of
 * another type is an error, told by fields_finish(). Read in any other way, a manifest could be one image to the
 * scanner and another to the runtime. */
#ifndef IMAGE_FIELD_H
#define IMAGE_FIELD_H

#include "base/json.h"

struct fields {
	struct json *json;
	struct str key;	 /* of the member at hand */
	const char *bad; /* first key whose value had the wrong type */
};

bool field_is(const struct fields *f, const char *name);
/* The rest each take the member at hand when its key is `name`; true when it was so and the member is used up. */
bool field_str(struct fields *f, const char *name, struct str *ret);
bool field_u64(struct fields *f, const char *name, uint64_t *ret);
bool field_bool(struct fields *f, const char *name, bool *ret);
/* True when the member is called so and is an object (an array), which then was entered; null counts as not there. */
bool field_object(struct fields *f, const char *name);
bool field_array(struct fields *f, const char *name);

bool field_next(struct fields *f); /* to the next member; false at the object's end */
void field_bad(struct fields *f, const char *name);

/* The end of a document: a syntax error first, then the first wrong type. */
int fields_finish(struct fields *f, struct err *e) must_check;

#endif
