/* redhat_content: where the packages of Red Hat's systems come from. See redhat_content.h. */
#include "inventory/redhat_content.h"

#include "base/json.h"
#include "inventory/evidence.h"

#define CONTENT_SETS_MAX 10000 /* of one file; real ones have up to some dozens */

const char *const redhat_streams[REDHAT_STREAMS] = { "eus", "e4s", "aus", "tus", "els" };

/* "rhel-9-for-x86_64-baseos-eus-rpms": a word between hyphens. */
static bool names(struct str set, const char *stream)
{
	for (struct str word; str_cut(&set, '-', &word);)
		if (str_is(word, stream))
			return true;
	return false;
}

static void add_set(struct str set, bool *named)
{
	for (size_t i = 0; i < REDHAT_STREAMS; i++)
		named[i] |= names(set, redhat_streams[i]);
}

static void say_streams(const bool *named, struct facts *ret)
{
	for (size_t i = 0; i < REDHAT_STREAMS; i++)
		if (named[i])
			facts_property(ret, STR(REDHAT_STREAM), str_c(redhat_streams[i]));
}

static int read_sets(struct json *j, bool *named, struct err *e)
{
	struct str set;

	if (!json_array(j))
		return err_set(e, -EBADMSG, "content manifest: \"content_sets\" is no array");
	for (unsigned int n = 0; json_next(j); n++) {
		if (n >= CONTENT_SETS_MAX)
			return err_set(e, -E2BIG, "content manifest: more than %d content sets", CONTENT_SETS_MAX);
		if (json_str(j, &set))
			add_set(set, named);
	}
	return 0;
}

int redhat_content_read(struct file *f, struct facts *ret, struct err *e)
{
	auto_arena struct arena arena = { 0 };
	struct str all, key;
	struct json j;
	bool named[REDHAT_STREAMS] = { false };
	int r = 0;

	if (!file_all(f, &all))
		return -EAGAIN;
	json_init(&j, all, &arena);
	if (json_object(&j))
		while (r == 0 && json_key(&j, &key))
			if (str_is(key, "content_sets"))
				r = read_sets(&j, named, e);
	if (r < 0)
		return r;
	r = json_finish(&j, e);
	if (r < 0)
		return err_wrap(e, r, "content manifest");
	say_streams(named, ret);
	return 0;
}

int redhat_repo_read(struct file *f, struct facts *ret, struct err *e)
{
	struct str text, set = STR_NONE, key, value;
	bool named[REDHAT_STREAMS] = { false }, enabled = false;
	int r = evidence_text(f, &text, e);

	if (r < 0)
		return r;
	for (struct str rest = text, line; str_cut(&rest, '\n', &line);) {
		line = str_trim(line);
		if (str_starts(line, STR("["))) {
			if (enabled)
				add_set(set, named);
			set = str_from(line, 1);
			str_split(set, ']', &set, &value);
			enabled = true; /* dnf.conf(5) */
		} else if (str_split(line, '=', &key, &value) && str_is(str_trim(key), "enabled")) {
			value = str_trim(value);
			enabled = set.n && !str_is(value, "0") && !str_is(value, "false") && !str_is(value, "no");
		}
	}
	if (enabled)
		add_set(set, named);
	say_streams(named, ret);
	return 0;
}
