/* enforce-record: limits.json. See enforce-record.h. */
#include "runtime/enforce-record.h"

#include <fcntl.h>
#include <limits.h>

#include "base/json.h"

void enforce_record_done(struct enforce_record *r)
{
	cgroup_plan_done(&r->knobs);
}

/* "8:0" of "8:0 rbps=5", "rbps" of it; knobs of one file differ in these. */
static struct str head_of(const char *value, char until)
{
	struct str s = str_c(value), head, tail;

	return str_split(s, until, &head, &tail) ? head : s;
}

static bool same_place(const struct cgroup_knob *a, const struct cgroup_knob *b)
{
	if (a->which != b->which || strcmp(a->file, b->file) != 0)
		return false;
	return a->compare != CG_KEYED || str_eq(head_of(a->value, strchr(a->value, '=') ? '=' : ' '),
						head_of(b->value, strchr(b->value, '=') ? '=' : ' '));
}

void enforce_record_knobs(struct enforce_record *r, const struct cgroup_plan *newer)
{
	for (size_t i = 0; i < newer->knobs.n; i++) {
		const struct cgroup_knob *k = &newer->knobs.v[i];
		size_t at = 0;

		while (at < r->knobs.knobs.n && !same_place(&r->knobs.knobs.v[at], k))
			at++;
		if (at < r->knobs.knobs.n)
			r->knobs.knobs.v[at] = *k;
		else
			vec_push(&r->knobs.knobs, *k);
	}
}

/* -- writing -- */

static void text_member(struct buf *b, const char *key, const char *value)
{
	buf_fmt(b, "\"%s\": ", key);
	json_quote(b, str_c(value));
}

static void text_limits(struct buf *b, const struct limits *l)
{
	bool first = true;

	buf_fmt(b, "{\n  \"limits\": {");
	for (unsigned int i = 0; i < LIMITS; i++) {
		if (l->v[i].from == LIMIT_UNSET)
			continue;
		buf_fmt(b, "%s\n    \"%s\": { \"from\": %d, \"value\": %llu }", first ? "" : ",", limit_rows[i].name,
			(int)l->v[i].from, (unsigned long long)l->v[i].v);
		first = false;
	}
	buf_fmt(b, "\n  },\n");
}

static void text_granted(struct buf *b, const struct enforce_record *r)
{
	buf_fmt(b, "  \"granted\": { \"capabilities\": %llu, \"writableRoot\": %s },\n  \"logKept\": %llu,\n",
		(unsigned long long)r->granted.capabilities, r->granted.writable_root ? "true" : "false",
		(unsigned long long)r->log_kept);
}

static void text_rdt(struct buf *b, const struct enforce_record *r)
{
	if (!r->rdt.group)
		return;
	buf_fmt(b, "  \"rdt\": { ");
	text_member(b, "group", r->rdt.group);
	buf_fmt(b, ", \"made\": %s, \"monitoring\": %s },\n", r->rdt.made ? "true" : "false",
		r->rdt.monitoring ? "true" : "false");
}

static void text_knobs(struct buf *b, const struct enforce_record *r)
{
	buf_fmt(b, "  \"devices\": %s,\n  \"knobs\": [", r->devices ? "true" : "false");
	for (size_t i = 0; i < r->knobs.knobs.n; i++) {
		const struct cgroup_knob *k = &r->knobs.knobs.v[i];

		buf_fmt(b, "%s\n    { ", i ? "," : "");
		text_member(b, "limit", k->limit);
		buf_fmt(b, ", ");
		text_member(b, "file", k->file);
		buf_fmt(b, ", ");
		text_member(b, "value", k->value);
		buf_fmt(b, ", \"controller\": %d, \"compare\": %d, \"granule\": %llu }", (int)k->which, (int)k->compare,
			(unsigned long long)k->granule);
	}
	buf_fmt(b, "\n  ],\n");
}

static void text_disk(struct buf *b, const struct enforce_record *r)
{
	buf_fmt(b,
		"  \"disk\": { \"layer\": %s, \"major\": %u, \"minor\": %u, \"size\": %llu, \"inodes\": %llu, "
		"\"project\": %u, \"rootRule\": %s,\n    \"readBps\": %llu, \"writeBps\": %llu, \"readIops\": %llu, "
		"\"writeIops\": %llu "
		"},\n",
		r->disk.layer ? "true" : "false", r->disk.major, r->disk.minor, (unsigned long long)r->disk.size_bytes,
		(unsigned long long)r->disk.inodes, r->disk.project, r->disk.root_rule ? "true" : "false",
		(unsigned long long)r->disk.rates.read_bps, (unsigned long long)r->disk.rates.write_bps,
		(unsigned long long)r->disk.rates.read_iops, (unsigned long long)r->disk.rates.write_iops);
}

static void text_inside(struct buf *b, const struct enforce_record *r)
{
	if (r->inside.memory_bytes || r->inside.pids)
		buf_fmt(b, "  \"inside\": { \"memory\": %llu, \"pids\": %llu },\n",
			(unsigned long long)r->inside.memory_bytes, (unsigned long long)r->inside.pids);
}

static void text_net(struct buf *b, const struct net_record *n)
{
	buf_fmt(b, "  \"net\": { \"group\": %s, \"links\": [", n->in_group ? "true" : "false");
	for (size_t i = 0; i < n->n; i++) {
		buf_fmt(b, "%s\n    { ", i ? "," : "");
		text_member(b, "name", n->v[i].host_name);
		buf_fmt(b, ", ");
		text_member(b, "ifb", n->v[i].ifb_name);
		buf_fmt(b, ", \"index\": %u, \"shared\": %s }", n->v[i].host_index, n->v[i].shared ? "true" : "false");
	}
	buf_fmt(b, "\n  ] }\n}\n");
}

void enforce_record_text(const struct enforce_record *r, struct buf *b)
{
	text_limits(b, &r->limits);
	text_granted(b, r);
	text_rdt(b, r);
	text_knobs(b, r);
	text_disk(b, r);
	text_inside(b, r);
	text_net(b, &r->net);
}

/* -- reading -- */

/* The first value that is not what it should be. */
struct reading {
	struct json j;
	struct arena *a;
	const char *bad;
};

static void fail(struct reading *r, const char *what)
{
	if (!r->bad)
		r->bad = what;
}

static uint64_t number(struct reading *r, const char *what, uint64_t max)
{
	uint64_t v = 0;

	if (!json_u64(&r->j, &v) || v > max)
		fail(r, what);
	return v <= max ? v : 0;
}

static bool boolean(struct reading *r, const char *what)
{
	bool v = false;

	if (!json_bool(&r->j, &v))
		fail(r, what);
	return v;
}

static const char *string(struct reading *r, const char *what, size_t max)
{
	struct str s;

	if (!json_str(&r->j, &s) || s.n > max || str_find(s, 0) >= 0) {
		fail(r, what);
		return "";
	}
	return arena_str(r->a, s).p;
}

static void read_limit(struct reading *r, struct limit_value *v)
{
	struct str key;

	if (!json_object(&r->j))
		fail(r, "limits");
	while (json_key(&r->j, &key))
		if (str_is(key, "from"))
			v->from = (enum limit_source)number(r, "limits.from", LIMIT_CEILING);
		else if (str_is(key, "value"))
			v->v = number(r, "limits.value", UINT64_MAX);
}

static void read_limits(struct reading *r, struct limits *l)
{
	struct str key;

	if (!json_object(&r->j))
		fail(r, "limits");
	while (json_key(&r->j, &key)) {
		unsigned int i = 0;

		while (i < LIMITS && !str_is(key, limit_rows[i].name))
			i++;
		if (i == LIMITS)
			fail(r, "limits");
		else
			read_limit(r, &l->v[i]);
	}
}

static void read_knob(struct reading *r, struct cgroup_knob *k)
{
	struct str key;

	*k = (struct cgroup_knob){ "", CG_CPU, "", "", CG_NUMBER, 0 };
	if (!json_object(&r->j))
		fail(r, "knobs");
	while (json_key(&r->j, &key))
		if (str_is(key, "limit"))
			k->limit = string(r, "knobs.limit", 256);
		else if (str_is(key, "file"))
			k->file = string(r, "knobs.file", 256);
		else if (str_is(key, "value"))
			k->value = string(r, "knobs.value", CGROUP_VALUE_MAX);
		else if (str_is(key, "controller"))
			k->which = (enum cgroup_controller)number(r, "knobs.controller", CG_UNIFIED);
		else if (str_is(key, "compare"))
			k->compare = (enum cgroup_compare)number(r, "knobs.compare", CG_KEYED);
		else if (str_is(key, "granule"))
			k->granule = number(r, "knobs.granule", UINT64_MAX);
	/* A name in the group's own directory, nothing else. */
	if (!k->file[0] || k->file[0] == '.' || strchr(k->file, '/'))
		fail(r, "knobs.file");
}

static void read_knobs(struct reading *r, struct cgroup_plan *p)
{
	if (!json_array(&r->j))
		fail(r, "knobs");
	while (json_next(&r->j)) {
		struct cgroup_knob k;

		read_knob(r, &k);
		if (p->knobs.n >= ENFORCE_KNOBS_MAX)
			fail(r, "knobs");
		else
			vec_push(&p->knobs, k);
	}
}

static void read_disk(struct reading *r, struct enforce_record *ret)
{
	const struct {
		const char *key;
		uint64_t *to;
	} numbers[] = {
		{ "size", &ret->disk.size_bytes },	    { "inodes", &ret->disk.inodes },
		{ "readBps", &ret->disk.rates.read_bps },   { "writeBps", &ret->disk.rates.write_bps },
		{ "readIops", &ret->disk.rates.read_iops }, { "writeIops", &ret->disk.rates.write_iops },
	};
	struct str key;

	if (!json_object(&r->j))
		fail(r, "disk");
	while (json_key(&r->j, &key)) {
		for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
			if (str_is(key, numbers[i].key))
				*numbers[i].to = number(r, "disk", UINT64_MAX);
		if (str_is(key, "layer"))
			ret->disk.layer = boolean(r, "disk.layer");
		else if (str_is(key, "project"))
			ret->disk.project = (uint32_t)number(r, "disk.project", UINT32_MAX);
		else if (str_is(key, "rootRule"))
			ret->disk.root_rule = boolean(r, "disk.rootRule");
		else if (str_is(key, "major"))
			ret->disk.major = (unsigned int)number(r, "disk.major", UINT32_MAX);
		else if (str_is(key, "minor"))
			ret->disk.minor = (unsigned int)number(r, "disk.minor", UINT32_MAX);
	}
}

static void read_inside(struct reading *r, struct enforce_record *ret)
{
	struct str key;

	if (!json_object(&r->j))
		fail(r, "inside");
	while (json_key(&r->j, &key))
		if (str_is(key, "memory"))
			ret->inside.memory_bytes = number(r, "inside.memory", INT64_MAX);
		else if (str_is(key, "pids"))
			ret->inside.pids = number(r, "inside.pids", INT64_MAX);
}

static void copy_name(char to[NET_NAME_MAX], const char *from)
{
	snprintf(to, NET_NAME_MAX, "%s", from);
}

static void read_net_link(struct reading *r, struct net_link *l)
{
	struct str key;

	if (!json_object(&r->j))
		fail(r, "net.links");
	while (json_key(&r->j, &key))
		if (str_is(key, "name"))
			copy_name(l->host_name, string(r, "net.links.name", NET_NAME_MAX - 1));
		else if (str_is(key, "ifb"))
			copy_name(l->ifb_name, string(r, "net.links.ifb", NET_NAME_MAX - 1));
		else if (str_is(key, "index"))
			l->host_index = (uint32_t)number(r, "net.links.index", UINT32_MAX);
		else if (str_is(key, "shared"))
			l->shared = boolean(r, "net.links.shared");
}

static void read_net(struct reading *r, struct net_record *n)
{
	struct str key;

	if (!json_object(&r->j))
		fail(r, "net");
	while (json_key(&r->j, &key)) {
		if (str_is(key, "group"))
			n->in_group = boolean(r, "net.group");
		if (!str_is(key, "links") || !json_array(&r->j))
			continue;
		while (json_next(&r->j)) {
			struct net_link l = { 0 };

			read_net_link(r, &l);
			if (n->n < NET_LINKS_MAX)
				n->v[n->n++] = l;
			else
				fail(r, "net.links");
		}
	}
}

static void read_granted(struct reading *r, struct enforce_granted *g)
{
	struct str key;

	if (!json_object(&r->j))
		fail(r, "granted");
	while (json_key(&r->j, &key))
		if (str_is(key, "capabilities"))
			g->capabilities = number(r, "granted.capabilities", INT64_MAX);
		else if (str_is(key, "writableRoot"))
			g->writable_root = boolean(r, "granted.writableRoot");
}

static void read_rdt(struct reading *r, struct enforce_record *rec)
{
	struct str key;

	if (!json_object(&r->j))
		fail(r, "rdt");
	while (json_key(&r->j, &key))
		if (str_is(key, "group"))
			rec->rdt.group = string(r, "rdt.group", NAME_MAX);
		else if (str_is(key, "made"))
			rec->rdt.made = boolean(r, "rdt.made");
		else if (str_is(key, "monitoring"))
			rec->rdt.monitoring = boolean(r, "rdt.monitoring");
	/* It is removed by this name. */
	if (rec->rdt.group && strchr(rec->rdt.group, '/'))
		fail(r, "rdt.group");
}

int enforce_record_parse(struct str text, struct arena *a, struct enforce_record *ret, struct err *e)
{
	struct enforce_record rec = { 0 };
	struct reading r = { .a = a };
	struct str key;
	int s;

	json_init(&r.j, text, a);
	if (!json_object(&r.j))
		fail(&r, "the whole");
	while (json_key(&r.j, &key))
		if (str_is(key, "limits"))
			read_limits(&r, &rec.limits);
		else if (str_is(key, "granted"))
			read_granted(&r, &rec.granted);
		else if (str_is(key, "logKept"))
			rec.log_kept = number(&r, "logKept", UINT64_MAX);
		else if (str_is(key, "rdt"))
			read_rdt(&r, &rec);
		else if (str_is(key, "devices"))
			rec.devices = boolean(&r, "devices");
		else if (str_is(key, "knobs"))
			read_knobs(&r, &rec.knobs);
		else if (str_is(key, "disk"))
			read_disk(&r, &rec);
		else if (str_is(key, "inside"))
			read_inside(&r, &rec);
		else if (str_is(key, "net"))
			read_net(&r, &rec.net);
	s = json_finish(&r.j, e);
	if (s == 0 && r.bad)
		s = err_set(e, -EBADMSG, "%s is not as it should be", r.bad);
	if (s < 0) {
		enforce_record_done(&rec);
		return s;
	}
	*ret = rec;
	return 0;
}

int enforce_record_write(int state_fd, const struct enforce_record *r, struct err *e)
{
	auto_buf struct buf b = { 0 };

	buf_init(&b, ENFORCE_BYTES_MAX);
	enforce_record_text(r, &b);
	if (buf_finish(&b) < 0)
		return err_set(e, -E2BIG, "%s: larger than %u bytes", ENFORCE_FILE, ENFORCE_BYTES_MAX);
	return file_write(state_fd, ENFORCE_FILE, buf_all(&b), false, e);
}

int enforce_record_read(int state_fd, struct arena *a, struct enforce_record *ret, struct err *e)
{
	auto_close int fd = fd_open(state_fd, ENFORCE_FILE, O_RDONLY | O_NOFOLLOW);
	auto_buf struct buf text = { 0 };
	int r = fd < 0 ? err_errno(e, fd, "%s", ENFORCE_FILE) : fd_read_all(fd, ENFORCE_BYTES_MAX, &text, e);

	if (r < 0)
		return r;
	r = enforce_record_parse(buf_all(&text), a, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", ENFORCE_FILE) : 0;
}
