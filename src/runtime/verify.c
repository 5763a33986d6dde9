/* verify: what was asked for a container against what the kernel says. See enforce.h. */
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/json.h"
#include "base/num.h"
#include "runtime/enforce.h"
#include "runtime/project.h"
#include "base/quantity.h"

struct verifier {
	struct arena *a;
	struct enforce_report *report;
	const struct enforce_record *rec;
};

void enforce_report_done(struct enforce_report *r)
{
	vec_done(&r->rows);
}

static void add(struct verifier *v, struct enforce_row row)
{
	vec_push(&v->report->rows, row);
	v->report->differences += !row.holds;
}

static const char *text_of(struct verifier *v, struct str s)
{
	return arena_str(v->a, s).p;
}

/* -- groups -- */

/* Which limit of ours a knob serves, for the column that says where the number came from. */
static const struct {
	const char *knob;
	enum limit limit;
} knob_limits[] = {
	{ "cpu.quota", LIMIT_CPU },
	{ "cpu.period", LIMIT_CPU },
	{ "pids.limit", LIMIT_PIDS },
	{ "memory.limit", LIMIT_MEMORY },
	{ "memory.swap", LIMIT_SWAP },
	{ "unified.memory.high", LIMIT_MEMORY_HIGH },
	{ "unified.memory.swap.max", LIMIT_SWAP },
	{ "unified.memory.oom.group", LIMIT_OOM_GROUP },
	{ "blockIO.throttleReadBpsDevice", LIMIT_READ_BPS },
	{ "blockIO.throttleWriteBpsDevice", LIMIT_WRITE_BPS },
	{ "blockIO.throttleReadIOPSDevice", LIMIT_READ_IOPS },
	{ "blockIO.throttleWriteIOPSDevice", LIMIT_WRITE_IOPS },
};

static const char *source_of(const struct verifier *v, const char *knob)
{
	for (size_t i = 0; i < ARRAY_LEN(knob_limits); i++)
		if (!strcmp(knob, knob_limits[i].knob) && v->rec->limits.v[knob_limits[i].limit].from != LIMIT_UNSET)
			return limit_source_name(v->rec->limits.v[knob_limits[i].limit].from);
	return "config";
}

/* A file of many lines is told by the one that is asked about. */
static struct str telling_line(const struct cgroup_knob *k, struct str got)
{
	struct str key, rest, line;

	if (k->compare != CG_KEYED || !str_split(str_c(k->value), ' ', &key, &rest)) {
		(void)str_cut(&got, '\n', &line);
		return line;
	}
	while (str_cut(&got, '\n', &line))
		if (str_starts(line, key) && line.n > key.n && line.p[key.n] == ' ')
			return line;
	return STR("");
}

static void verify_knob(struct verifier *v, const struct cgroup *g, const struct cgroup_knob *k)
{
	char text[CGROUP_VALUE_MAX];
	int r = cgroup_read(g, k->which, k->file, text);

	add(v, (struct enforce_row){ k->limit, source_of(v, k->limit), k->file, k->value,
				     r < 0 ? text_of(v, str_c(strerror(-r))) : text_of(v, telling_line(k, str_c(text))),
				     r == 0 && cgroup_knob_holds(k, str_c(text)) });
}

static void verify_groups(struct verifier *v, const struct cgroup *g, const struct oci_config *c, pid_t pid)
{
	char text[CGROUP_VALUE_MAX] = "";
	struct err e = { 0 };
	int r = cgroup_check_member(g, pid, &e);

	add(v, (struct enforce_row){ "group", "config", "/proc/PID/cgroup", g->path,
				     r < 0 ? text_of(v, str_c(e.msg)) : g->path, r == 0 });
	for (size_t i = 0; i < v->rec->knobs.knobs.n; i++)
		verify_knob(v, g, &v->rec->knobs.knobs.v[i]);
	if (!v->rec->devices)
		return;
	r = cgroup_devices_verify(g, c->resources.devices, c->resources.device_count, text, &e);
	add(v, (struct enforce_row){ "devices", "config", "devices", "as configured, the rest denied",
				     text_of(v, r < 0 ? str_c(e.msg) : str_c(text)), r == 0 });
}

/* -- disk -- */

static const char *amount(struct verifier *v, uint64_t n)
{
	char text[QUANTITY_TEXT_MAX];

	return n ? text_of(v, str_c(quantity_text(n, 1, text))) : "none";
}

/* The kernel counts in pages: what is no whole one may be rounded up. */
static bool within(uint64_t asked, uint64_t got)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return got && (got <= asked || got - asked < page);
}

static void at_most(struct verifier *v, enum limit which, const char *where, uint64_t asked, uint64_t got, bool holds)
{
	add(v, (struct enforce_row){ limit_rows[which].name, limit_source_name(v->rec->limits.v[which].from), where,
				     amount(v, asked), amount(v, got), holds });
}

static void verify_project(struct verifier *v)
{
	const char *where = arena_fmt(v->a, "/ by project quota %u", v->rec->disk.project).p;
	uint64_t size = 0, inodes = 0;

	if (project_limits(DISK_DIR, v->rec->disk.project, &size, &inodes) < 0)
		size = inodes = 0;
	at_most(v, LIMIT_DISK_SIZE, where, v->rec->disk.size_bytes, size, size && size <= v->rec->disk.size_bytes);
	if (v->rec->disk.inodes)
		at_most(v, LIMIT_DISK_INODES, where, v->rec->disk.inodes, inodes,
			inodes && inodes <= v->rec->disk.inodes);
}

static void verify_layer(struct verifier *v, pid_t pid)
{
	struct statfs fs = { 0 };
	uint64_t size;
	char path[32];
	const char *where = arena_fmt(v->a, "/ on %u:%u", v->rec->disk.major, v->rec->disk.minor).p;

	snprintf(path, sizeof(path), "/proc/%d/root/", pid);
	if (statfs(path, &fs) < 0)
		fs = (struct statfs){ 0 };
	size = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize;
	at_most(v, LIMIT_DISK_SIZE, where, v->rec->disk.size_bytes, size, size && size <= v->rec->disk.size_bytes);
	if (v->rec->disk.inodes)
		at_most(v, LIMIT_DISK_INODES, where, v->rec->disk.inodes, (uint64_t)fs.f_files,
			fs.f_files && fs.f_files <= v->rec->disk.inodes);
}

static void verify_root_rule(struct verifier *v, const struct cgroup_host *h)
{
	const struct disk_rates *want = &v->rec->disk.rates;
	struct disk_rates got = { 0 };
	const struct {
		enum limit limit;
		uint64_t want, got;
	} * rows;
	const char *where = arena_fmt(v->a, "root blkio %u:%u", v->rec->disk.major, v->rec->disk.minor).p;

	if (!h || disk_throttled(h, v->rec->disk.major, v->rec->disk.minor, &got) < 0)
		got = (struct disk_rates){ 0 };
	rows = (const __typeof__(*rows)[]){
		{ LIMIT_READ_BPS, want->read_bps, got.read_bps },
		{ LIMIT_WRITE_BPS, want->write_bps, got.write_bps },
		{ LIMIT_READ_IOPS, want->read_iops, got.read_iops },
		{ LIMIT_WRITE_IOPS, want->write_iops, got.write_iops },
	};
	for (size_t i = 0; i < 4; i++)
		if (rows[i].want)
			at_most(v, rows[i].limit, where, rows[i].want, rows[i].got, rows[i].got == rows[i].want);
}

/* -- tmpfs -- */

/* The size of the tmpfs at a place of the container, 0 when it has none or cannot be looked at; false: there is no
 * tmpfs. */
static bool tmpfs_size(int root, const char *place, uint64_t *ret)
{
	auto_close int fd = fd_open_inside(root, str_c(place), O_RDONLY | O_DIRECTORY);
	struct statfs fs = { .f_type = TMPFS_MAGIC };

	*ret = 0;
	if (fd == -ENOENT || (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type != TMPFS_MAGIC))
		return false;
	if (fd >= 0)
		*ret = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize;
	return true;
}

static bool is_limited_tmpfs(const struct verifier *v, const struct oci_mount *m, enum limit *ret)
{
	*ret = !strcmp(m->destination, "/dev/shm") ? LIMIT_SHM : LIMIT_TMPFS;
	return m->type && !strcmp(m->type, "tmpfs") && limit_is_set(&v->rec->limits, *ret);
}

static bool is_remount(const struct oci_mount *m)
{
	for (size_t i = 0; i < m->options.n; i++)
		if (!strcmp(m->options.v[i], "remount"))
			return true;
	return false;
}

/* What is mounted later at its place or above is what is seen there: a volume, whose size is not ours. */
static bool is_hidden(const struct oci_config *c, size_t at)
{
	struct str place = str_c(c->mounts[at].destination);

	for (size_t i = at + 1; i < c->mount_count; i++) {
		struct str over = str_c(c->mounts[i].destination);

		if (!is_remount(&c->mounts[i]) && str_starts(place, over) &&
		    (place.n == over.n || place.p[over.n] == '/'))
			return true;
	}
	return false;
}

static void verify_tmpfs(struct verifier *v, const struct oci_config *c, pid_t pid)
{
	auto_close int root = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	for (size_t i = 0; i < c->mount_count; i++) {
		const struct oci_mount *m = &c->mounts[i];
		enum limit which;
		uint64_t size;

		if (!is_limited_tmpfs(v, m, &which) || is_hidden(c, i))
			continue;
		if (root < 0)
			root = fd_open(AT_FDCWD, path, O_PATH | O_DIRECTORY);
		if (tmpfs_size(root, m->destination, &size))
			at_most(v, which, m->destination, v->rec->limits.v[which].v, size,
				within(v->rec->limits.v[which].v, size));
	}
}

/* -- network -- */

static void verify_net_way(struct verifier *v, enum limit which, uint64_t got, const char *where)
{
	uint64_t want = v->rec->limits.v[which].v;

	if (limit_is_set(&v->rec->limits, which))
		at_most(v, which, where, want, got, got && got <= want);
}

static void verify_net(struct verifier *v, const struct cgroup *g)
{
	const struct net_record *n = &v->rec->net;
	uint64_t in = 0, out = 0;
	const char *where = n->in_group ? "bpf on the group" : n->n ? text_of(v, str_c(n->v[0].host_name)) : "";
	int r;

	if (!n->in_group && !n->n)
		return; /* no interface: nothing to hold */
	r = n->in_group ? (g ? net_read_group(g, &in, &out, NULL) : -ENOENT) : net_read(n, &in, &out, NULL);
	if (r < 0)
		in = out = 0;
	verify_net_way(v, LIMIT_NET_IN, in, where);
	verify_net_way(v, LIMIT_NET_OUT, out, where);
}

/* -- output -- */

/* No kernel knows it: who keeps the output answers for it. */
static void verify_log(struct verifier *v)
{
	uint64_t want = v->rec->limits.v[LIMIT_LOG].v, kept = v->rec->log_kept;

	if (limit_is_set(&v->rec->limits, LIMIT_LOG))
		at_most(v, LIMIT_LOG, "the caller's word", want, kept, kept && kept <= want);
}

/* -- inside a guest -- */

static void verify_inside(struct verifier *v, enum limit which, const char *where, uint64_t asked, const char *said,
			  bool holds)
{
	enum limit_source from = v->rec->limits.v[which].from;

	add(v, (struct enforce_row){ limit_rows[which].name, from == LIMIT_UNSET ? "tier" : limit_source_name(from),
				     where, arena_fmt(v->a, "%llu", (unsigned long long)asked).p, said, holds });
}

static const char *said_by(struct verifier *v, const struct enforce_guest *g, uint64_t value)
{
	return g->waits	   ? "not started"
	       : g->silent ? text_of(v, str_c(g->silent))
	       : value	   ? arena_fmt(v->a, "%llu", (unsigned long long)value).p
			   : "none";
}

/* What the guest's kernel needs itself the container cannot have, whatever is asked. */
static bool memory_holds(uint64_t asked, const struct enforce_guest *g)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), want = asked < g->memory_most ? asked : g->memory_most;

	return g->memory_bytes && g->memory_bytes / page == want / page;
}

void enforce_verify_guest(const struct enforce_record *rec, const struct enforce_guest *g, struct arena *a,
			  struct enforce_report *ret)
{
	struct verifier v = { a, ret, rec };
	uint64_t memory = rec->inside.memory_bytes, pids = rec->inside.pids;

	if (memory)
		verify_inside(&v, LIMIT_MEMORY, "memory.max in the guest", memory, said_by(&v, g, g->memory_bytes),
			      g->waits || (!g->silent && memory_holds(memory, g)));
	if (pids)
		verify_inside(&v, LIMIT_PIDS, "pids.max in the guest", pids, said_by(&v, g, g->pids),
			      g->waits || (!g->silent && g->pids == pids));
}

/* -- all of it -- */

void enforce_verify(const struct enforce_record *rec, const struct cgroup *cgroup, const struct oci_config *c,
		    pid_t pid, struct arena *a, struct enforce_report *ret)
{
	struct verifier v = { a, ret, rec };

	*ret = (struct enforce_report){ 0 };
	if (cgroup)
		verify_groups(&v, cgroup, c, pid);
	if (rec->disk.project)
		verify_project(&v);
	else if (rec->disk.layer)
		verify_layer(&v, pid);
	if (rec->disk.root_rule)
		verify_root_rule(&v, cgroup ? cgroup->host : NULL);
	verify_tmpfs(&v, c, pid);
	verify_net(&v, cgroup);
	verify_log(&v);
}

int enforce_report_check(const struct enforce_report *r, struct err *e)
{
	for (size_t i = 0; i < r->rows.n; i++) {
		const struct enforce_row *row = &r->rows.v[i];

		if (!row->holds)
			return err_set(e, -EBADMSG, "limit %s does not hold: %s says '%s', asked was '%s'", row->limit,
				       row->where, row->effective, row->asked);
	}
	return 0;
}

static const char *cell(const struct enforce_row *row, size_t column)
{
	const char *const cells[] = { row->limit, row->from,	  row->where,
				      row->asked, row->effective, row->holds ? "yes" : "NO" };

	return cells[column];
}

void enforce_report_table(const struct enforce_report *r, struct buf *b)
{
	static const struct enforce_row head = { "LIMIT", "FROM", "WHERE", "ASKED", "EFFECTIVE", true };
	static const char holds[] = "HOLDS";
	int width[5] = { 0 };

	for (size_t i = 0; i <= r->rows.n; i++)
		for (size_t k = 0; k < ARRAY_LEN(width); k++) {
			int n = (int)strlen(cell(i ? &r->rows.v[i - 1] : &head, k));

			width[k] = n > width[k] ? n : width[k];
		}
	for (size_t i = 0; i <= r->rows.n; i++) {
		const struct enforce_row *row = i ? &r->rows.v[i - 1] : &head;

		for (size_t k = 0; k < ARRAY_LEN(width); k++)
			buf_fmt(b, "%-*s  ", width[k], cell(row, k));
		buf_fmt(b, "%s\n", i ? cell(row, 5) : holds);
	}
}

void enforce_report_json(const struct enforce_report *r, const char *id, struct buf *b)
{
	static const char *const keys[] = { "limit", "from", "where", "asked", "effective" };

	buf_fmt(b, "{\n  \"id\": ");
	json_quote(b, str_c(id));
	buf_fmt(b, ",\n  \"differences\": %zu,\n  \"limits\": [", r->differences);
	for (size_t i = 0; i < r->rows.n; i++) {
		buf_fmt(b, "%s\n    { ", i ? "," : "");
		for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
			buf_fmt(b, "\"%s\": ", keys[k]);
			json_quote(b, str_c(cell(&r->rows.v[i], k)));
			buf_fmt(b, ", ");
		}
		buf_fmt(b, "\"holds\": %s }", r->rows.v[i].holds ? "true" : "false");
	}
	buf_fmt(b, "\n  ]\n}\n");
}
