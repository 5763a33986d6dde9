/* redhat_content: content manifests of Red Hat's images. See redhat_content.h. */
#include "inventory/redhat_content.h"

#include "base/json.h"
#include "inventory/field.h"

#define CONTENT_SETS_MAX 10000 /* of one file; real ones have up to some dozens */
#define NOTES_MAX 20	       /* of one file */

/* https://access.redhat.com/support/policy/updates/errata */
static const char *const streams[] = { "-eus-", "-e4s-", "-aus-", "-tus-", "-els-" };

static bool is_of_stream(struct str set)
{
	for (size_t i = 0; i < ARRAY_LEN(streams); i++)
		if (str_find_str(set, str_c(streams[i])) >= 0)
			return true;
	return false;
}

static int read_sets(struct json *j, struct facts *ret, struct err *e)
{
	struct str set;
	unsigned int notes = 0;

	if (!json_array(j))
		return err_set(e, -EBADMSG, "content manifest: \"content_sets\" is no array");
	for (unsigned int n = 0; json_next(j); n++) {
		if (n >= CONTENT_SETS_MAX)
			return err_set(e, -E2BIG, "content manifest: more than %d content sets", CONTENT_SETS_MAX);
		if (!json_str(j, &set) || !field_ok(set) || !is_of_stream(set) || notes++ >= NOTES_MAX)
			continue;
		facts_note(ret,
			   "not assessed: fixes of extended support: packages of " STR_FMT
			   " are compared with the release's own",
			   STR_ARG(str_head(set, 120)));
	}
	return 0;
}

int redhat_content_read(struct file *f, struct facts *ret, struct err *e)
{
	auto_arena struct arena arena = { 0 };
	struct str all, key;
	struct json j;
	int r = 0;

	if (!file_all(f, &all))
		return -EAGAIN;
	json_init(&j, all, &arena);
	if (json_object(&j))
		while (r == 0 && json_key(&j, &key))
			if (str_is(key, "content_sets"))
				r = read_sets(&j, ret, e);
	if (r < 0)
		return r;
	r = json_finish(&j, e);
	return r < 0 ? err_wrap(e, r, "content manifest") : 0;
}
