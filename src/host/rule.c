/* rule: what the parts of host/ share. See rule.h. */
#include "host/rule.h"

#include "base/json.h"
#include "host/host.h"

bool host_read(struct host *h, const char *path, struct buf *ret, bool *ret_missing)
{
	int r = file_read(h->root, path, HOST_FILE_MAX, ret, NULL);

	*ret_missing = r == -ENOENT || r == -ENOTDIR || r == -ESRCH; /* the last: a process that has ended */
	return r == 0;
}

bool host_member(struct str text, struct arena *a, struct str name, struct str *ret)
{
	bool found = false;
	struct json j;
	struct str key;

	json_init(&j, text.n ? text : STR("{}"), a);
	json_object(&j);
	while (json_key(&j, &key))
		if (str_eq(key, name)) {
			*ret = json_raw(&j);
			found = true;
		}
	return found;
}

void host_say(struct host *h, struct str item)
{
	struct buf *b = h->evidence;

	/* The last words are for saying that there is more. */
	if (b->n + item.n + 8 > HOST_EVIDENCE_MAX) {
		if (b->n + 5 <= HOST_EVIDENCE_MAX && !str_ends(buf_all(b), STR(", ...")))
			buf_str(b, STR(", ..."));
		return;
	}
	if (b->n)
		buf_str(b, STR(", "));
	buf_str(b, item);
}
