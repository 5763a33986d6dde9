/* enforce: limits found, made and undone. See enforce.h. */
#include "runtime/enforce.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/cgroup-part.h"
#include "runtime/project.h"
#include "runtime/resctrl.h"

#define LAYER_DEFAULT_BYTES (10ull << 30) /* where only a rate or a number of files is asked for */

void enforce_init(struct enforce *x)
{
	*x = (struct enforce){ .layer.mount = -1 };
}

void enforce_done(struct enforce *x)
{
	enforce_record_done(&x->record);
	fd_close(&x->layer.mount);
}

/* -- disk -- */

static uint64_t number_or_0(const struct limits *l, enum limit which)
{
	return limit_is_set(l, which) ? l->v[which].v : 0;
}

static struct disk_rates rates_of(const struct limits *l)
{
	return (struct disk_rates){ number_or_0(l, LIMIT_READ_BPS), number_or_0(l, LIMIT_WRITE_BPS),
				    number_or_0(l, LIMIT_READ_IOPS), number_or_0(l, LIMIT_WRITE_IOPS) };
}

static bool any_rate(const struct disk_rates *r)
{
	return r->read_bps || r->write_bps || r->read_iops || r->write_iops;
}

static bool io_is_v2(const struct cgroup *c)
{
	bool v2 = false;

	cgroup_dir(c, CG_IO, &v2);
	return v2;
}

/* The host's id of the container's root. */
static uint32_t root_id(const struct oci_mappings *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].container_id == 0 && m->v[i].size)
			return m->v[i].host_id;
	return 0;
}

/* In a user namespace of its own nobody can give files to another project. A rate of v1 needs a device. */
static bool by_project(const struct enforce_place *p, const struct oci_config *c, bool for_rate)
{
	return !for_rate && c->namespaces[NS_USER].set && !c->namespaces[NS_USER].path && c->uids.n &&
	       project_is_there(p->layers ? p->layers : DISK_DIR);
}

/* Recorded before it is made, for its files have names; and after, with its number. */
static int make_project(struct enforce *x, const struct enforce_place *p, const struct disk_want *w, struct err *e)
{
	const char *dir = p->layers ? p->layers : DISK_DIR;
	int r = enforce_record_write(p->state_fd, &x->record, e);

	r = r < 0 ? r : project_make(dir, w, p->state_fd, &x->record.disk.project, &x->layer, e);
	return r < 0 ? r : enforce_record_write(p->state_fd, &x->record, e);
}

/* The layer is made where a size is asked for, and where v1 could not hold a rate without a device that is ours. */
static int make_layer(struct enforce *x, const struct enforce_place *p, const struct oci_config *c, struct err *e)
{
	struct enforce_record *rec = &x->record;
	uint64_t size = number_or_0(&rec->limits, LIMIT_DISK_SIZE);
	struct disk_want w = { size ? size : LAYER_DEFAULT_BYTES, number_or_0(&rec->limits, LIMIT_DISK_INODES),
			       root_id(&c->uids), root_id(&c->gids) };
	bool for_rate = any_rate(&rec->disk.rates) && !io_is_v2(p->cgroup);
	int r;

	if (c->root_readonly || (!size && !w.inodes && !for_rate))
		return 0;
	if (p->rootless)
		return err_set(e, -ENOTSUP, "limit disk.size: a user without rights has no loop devices");
	r = by_project(p, c, for_rate) ? make_project(x, p, &w, e)
				       : disk_layer_make(p->layers ? p->layers : DISK_DIR, &w, &x->layer, e);
	if (r < 0)
		return r;
	if (x->layer.size_bytes > w.size_bytes || (w.inodes && x->layer.inodes > w.inodes))
		return err_set(e, -EIO, "limit disk.size: the layer became larger than was asked");
	rec->disk.layer = true;
	rec->disk.major = x->layer.major;
	rec->disk.minor = x->layer.minor;
	rec->disk.size_bytes = w.size_bytes;
	rec->disk.inodes = w.inodes;
	rec->disk.root_rule = for_rate;
	return 0;
}

static bool has_option(const struct strings *o, const char *want)
{
	for (size_t i = 0; i < o->n; i++)
		if (!strcmp(o->v[i], want))
			return true;
	return false;
}

static bool is_writable_bind(const struct oci_mount *m)
{
	return (has_option(&m->options, "bind") || has_option(&m->options, "rbind")) &&
	       !has_option(&m->options, "ro") && m->source && m->source[0] == '/';
}

/* v2: the disk beneath a place gets the rates in the container's own group. */
static int rate_place(const struct disk_rates *rates, const char *path, const char *what, struct oci_config *c,
		      struct arena *a, struct err *e)
{
	auto_close int fd = fd_open(AT_FDCWD, path, O_PATH);
	unsigned int major_, minor_;
	int r = fd < 0 ? err_errno(e, fd, "%s", path) : disk_beneath(fd, &major_, &minor_, e);

	if (r < 0)
		return err_wrap(e, r, "limit disk: the rate of %s cannot be held", what);
	disk_rates_to_config(rates, major_, minor_, a, &c->resources);
	return 0;
}

/* Single files (an engine's /etc/hosts) are not places to write much to on v1; a directory is. */
static int rate_volume(const struct disk_rates *rates, bool v2, const struct oci_mount *m, struct oci_config *c,
		       struct arena *a, struct err *e)
{
	struct stat st;

	if (v2)
		return rate_place(rates, m->source, m->destination, c, a, e);
	if (stat(m->source, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(
			e, -ENOTSUP,
			"limit disk: the rate of the volume %s cannot be held: cgroup v1 does not know who wrote a "
			"page",
			m->destination);
	return 0;
}

/* v1 counts a group's own requests apart from what is written back, which is the root's: only where both are the root's
 * is there one bucket for all. */
static int stay_in_root(struct cgroup *g, const struct oci_resources *r, struct err *e)
{
	for (size_t i = 0; i < g->host->n; i++) {
		uint32_t with = g->host->h[i].controllers & ~(1u << CG_IO);

		if (g->host->h[i].controllers >> CG_IO & 1 && with)
			return err_set(e, -ENOTSUP, "limit disk: blkio is mounted together with other controllers (%s)",
				       g->host->h[i].name);
	}
	if (r->io.weight.set || r->io.leaf_weight.set || r->io.weight_count || r->io.read_bps.n || r->io.write_bps.n ||
	    r->io.read_iops.n || r->io.write_iops.n)
		return err_set(e, -ENOTSUP,
			       "limit disk: on cgroup v1 a rate of the layer cannot be had together with "
			       "linux.resources.blockIO");
	g->io_apart = true;
	return 0;
}

/* It is written after io.max, and would have the last word. */
static int refuse_unified_io(const struct oci_resources *r, struct err *e)
{
	for (size_t i = 0; i < r->unified_count; i++)
		if (!strcmp(r->unified[i].key, "io.max"))
			return err_set(e, -ENOTSUP, "limit disk: a rate cannot be had together with unified io.max");
	return 0;
}

static int set_rates(struct enforce *x, const struct enforce_place *p, struct oci_config *c, struct arena *a,
		     struct err *e)
{
	const struct disk_rates *rates = &x->record.disk.rates;
	bool v2 = io_is_v2(p->cgroup);
	int r = refuse_unified_io(&c->resources, e);

	if (r < 0)
		return r;
	if (x->record.disk.layer && v2)
		disk_rates_to_config(rates, x->layer.major, x->layer.minor, a, &c->resources);
	else if (x->record.disk.layer)
		r = stay_in_root(p->cgroup, &c->resources, e);
	if (r == 0 && x->record.disk.root_rule)
		r = disk_throttle(p->cgroup->host, rates, x->layer.major, x->layer.minor, e);
	else if (r == 0 && v2 && !c->root_readonly && !x->record.disk.layer)
		r = rate_place(rates, p->rootfs, "the root file system", c, a, e);
	for (size_t i = 0; r == 0 && i < c->mount_count; i++)
		if (is_writable_bind(&c->mounts[i]))
			r = rate_volume(rates, v2, &c->mounts[i], c, a, e);
	return r;
}

/* -- cache and memory bandwidth -- */

static struct resctrl_want rdt_want(const struct enforce_record *rec, const struct oci_config *c, const char *id)
{
	struct resctrl_want w = { .group = rec->rdt.group,
				  .shared = !rec->rdt.group || strcmp(rec->rdt.group, id) != 0,
				  .id = id };

	w.monitoring = rec->rdt.monitoring;
	if (c) {
		w.schemata = c->rdt.schemata;
		w.l3 = c->rdt.l3_schema;
		w.bandwidth = c->rdt.mb_schema;
	}
	return w;
}

/* Recorded before it is made: a directory without a record would stay. */
static int make_rdt(struct enforce *x, const struct enforce_place *p, const struct oci_config *c, struct err *e)
{
	struct enforce_record *rec = &x->record;
	auto_close int root = -1;
	struct resctrl_want w;
	struct stat st;
	int r;

	if (!c->rdt.set)
		return 0;
	r = resctrl_open(&root, e);
	if (r < 0)
		return r;
	rec->rdt.group = c->rdt.clos_id ? c->rdt.clos_id : p->id;
	rec->rdt.monitoring = c->rdt.monitoring;
	rec->rdt.made = fstatat(root, rec->rdt.group, &st, AT_SYMLINK_NOFOLLOW) < 0;
	w = rdt_want(rec, c, p->id);
	r = enforce_record_write(p->state_fd, rec, e);
	return r < 0 ? r : resctrl_make(root, &w, &rec->rdt.made, e);
}

static int join_rdt(const struct enforce_record *rec, const char *id, pid_t pid, struct err *e)
{
	const struct resctrl_want w = rdt_want(rec, NULL, id);
	auto_close int root = -1;
	int r = rec->rdt.group ? resctrl_open(&root, e) : 0;

	return r < 0 || !rec->rdt.group ? r : resctrl_join(root, &w, pid, e);
}

static void undo_rdt(const struct enforce_record *rec, const char *id)
{
	const struct resctrl_want w = rdt_want(rec, NULL, id);
	auto_close int root = -1;

	if (rec->rdt.group && resctrl_open(&root, NULL) >= 0)
		resctrl_remove(root, &w, rec->rdt.made);
}

/* -- all of it -- */

static void drop_unified(struct oci_resources *r, const struct cgroup *g, const char *file)
{
	char text[CGROUP_VALUE_MAX];
	size_t n = 0;

	if (cgroup_read(g, CG_UNIFIED, file, text) == 0)
		return;
	for (size_t i = 0; i < r->unified_count; i++)
		if (strcmp(r->unified[i].key, file) != 0)
			r->unified[n++] = r->unified[i];
	r->unified_count = n;
}

/* What nobody asked for is left out where it cannot be had: niceties of v2's memory that this kernel was built without,
 * and everything that a user was not given. */
static void drop_built_in(struct limits *l, const struct enforce_place *p, struct oci_resources *r)
{
	const struct {
		enum limit limit;
		const char *file;
	} rows[] = { { LIMIT_SWAP, "memory.swap.max" },
		     { LIMIT_MEMORY_HIGH, "memory.high" },
		     { LIMIT_OOM_GROUP, "memory.oom.group" } };
	char text[CGROUP_VALUE_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (l->v[rows[i].limit].from == LIMIT_BUILT_IN)
			drop_unified(r, p->cgroup, rows[i].file);
	if (p->rootless && l->v[LIMIT_PIDS].from == LIMIT_BUILT_IN &&
	    cgroup_read(p->cgroup, CG_PIDS, "pids.max", text) < 0) {
		r->pids.set = false;
		l->v[LIMIT_PIDS] = (struct limit_value){ LIMIT_UNSET, 0 };
	}
}

static int apply_groups(struct enforce *x, const struct cgroup *g, struct oci_config *c, struct arena *a, struct err *e)
{
	int r = cgroup_plan(g, &c->resources, a, &x->record.knobs, e);

	if (r < 0)
		return err_wrap(e, r, "linux.resources");
	x->record.devices = true;
	r = cgroup_systemd_set(g, &x->record.knobs, e);
	return r < 0 ? r : cgroup_apply(g, &x->record.knobs, &c->resources, e);
}

int enforce_make(struct enforce *x, const struct enforce_place *p, struct oci_config *c, struct arena *a, struct err *e)
{
	struct enforce_record *rec = &x->record;
	int r;

	rec->disk.rates = rates_of(&rec->limits);
	r = make_rdt(x, p, c, e);
	r = r < 0 ? r : make_layer(x, p, c, e);
	/* Recorded before the rule in the root group is made, which nothing else would take away. */
	if (r == 0 && any_rate(&rec->disk.rates))
		r = enforce_record_write(p->state_fd, rec, e);
	if (r == 0 && any_rate(&rec->disk.rates))
		r = set_rates(x, p, c, a, e);
	if (r == 0 && p->cgroup)
		drop_built_in(&rec->limits, p, &c->resources);
	if (r == 0 && p->cgroup)
		r = apply_groups(x, p->cgroup, c, a, e);
	return r == 0 ? enforce_record_write(p->state_fd, rec, e) : r;
}

static int limit_network(struct enforce *x, const struct enforce_place *p, const char *id, pid_t pid, struct err *e)
{
	uint64_t in = number_or_0(&x->record.limits, LIMIT_NET_IN), out = number_or_0(&x->record.limits, LIMIT_NET_OUT);
	char path[48];
	const char *netns = p->netns ? p->netns : path;
	bool own = false;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	r = net_is_own(netns, &own, e);
	if (r < 0)
		return r;
	if (own && p->rootless)
		return err_set(e, -ENOTSUP, "limit net: a user without rights has no host's end of an interface");
	if (own)
		return net_limit(netns, id, in, out, &x->record.net, e);
	if (!p->cgroup)
		return err_set(e, -ENOTSUP, "limit net: in the host's network it needs control groups");
	x->record.net.in_group = true;
	return net_limit_group(p->cgroup, in, out, e);
}

int enforce_network(struct enforce *x, const struct enforce_place *p, const char *id, pid_t pid, struct err *e)
{
	int r = join_rdt(&x->record, id, pid, e);

	if (r < 0)
		return r;
	if (!limit_is_set(&x->record.limits, LIMIT_NET_IN) && !limit_is_set(&x->record.limits, LIMIT_NET_OUT))
		return 0;
	r = limit_network(x, p, id, pid, e);
	if (r < 0) {
		net_undo(&x->record.net);
		return r;
	}
	return enforce_record_write(p->state_fd, &x->record, e);
}

int enforce_update(const struct cgroup *cgroup, int state_fd, const struct oci_resources *over,
		   const struct limits *newer, struct arena *a, struct err *e)
{
	auto_enforce_record struct enforce_record rec = { 0 };
	auto_cgroup_plan struct cgroup_plan plan = { 0 };
	int r = enforce_record_read(state_fd, a, &rec, e);

	if (r < 0 && r != -ENOENT)
		return r;
	r = cgroup_plan(cgroup, over, a, &plan, e);
	if (r < 0)
		return err_wrap(e, r, "linux.resources");
	r = cgroup_systemd_set(cgroup, &plan, e); /* first: what we write is the last word */
	if (r == 0)
		r = cgroup_update(cgroup, &plan, over, e);
	if (r < 0)
		return r;
	enforce_record_knobs(&rec, &plan);
	for (size_t i = 0; i < LIMITS; i++)
		if (newer->v[i].from != LIMIT_UNSET)
			rec.limits.v[i] = newer->v[i];
	return enforce_record_write(state_fd, &rec, e);
}

int enforce_record_inside(int state_fd, uint64_t memory_bytes, uint64_t pids, struct err *e)
{
	auto_enforce_record struct enforce_record rec = { 0 };
	auto_arena struct arena a = { 0 };
	int r = memory_bytes || pids ? enforce_record_read(state_fd, &a, &rec, e) : 0;

	if (r < 0 || (!memory_bytes && !pids))
		return r;
	rec.inside.memory_bytes = memory_bytes ? memory_bytes : rec.inside.memory_bytes;
	rec.inside.pids = pids ? pids : rec.inside.pids;
	return enforce_record_write(state_fd, &rec, e);
}

void enforce_limits(int state_fd, struct limits *ret, struct enforce_granted *ret_granted)
{
	auto_enforce_record struct enforce_record rec = { 0 };
	auto_arena struct arena a = { 0 };

	*ret = (struct limits){ 0 };
	*ret_granted = (struct enforce_granted){ 0 };
	if (enforce_record_read(state_fd, &a, &rec, NULL) < 0)
		return;
	*ret = rec.limits;
	*ret_granted = rec.granted;
}

bool enforce_io_apart(int state_fd)
{
	auto_enforce_record struct enforce_record rec = { 0 };
	auto_arena struct arena a = { 0 };

	return enforce_record_read(state_fd, &a, &rec, NULL) == 0 && rec.disk.root_rule;
}

void enforce_undo(int state_fd, const struct cgroup_host *host, const char *id)
{
	auto_enforce_record struct enforce_record rec = { 0 };
	auto_arena struct arena a = { 0 };

	if (enforce_record_read(state_fd, &a, &rec, NULL) < 0)
		return;
	net_undo(&rec.net);
	undo_rdt(&rec, id);
	if (limit_is_set(&rec.limits, LIMIT_DISK_SIZE) || limit_is_set(&rec.limits, LIMIT_DISK_INODES))
		(void)!project_remove(DISK_DIR, state_fd, NULL);
	if (limit_is_set(&rec.limits, LIMIT_NET_OUT))
		net_undo_id(id);
	if (!rec.disk.root_rule || !host)
		return;
	disk_unthrottle(host, rec.disk.major, rec.disk.minor);
	disk_reap(host);
}
