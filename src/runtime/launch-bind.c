/* launch-bind: copies of the host's mounts, and the ids that are mapped on them. See launch-mounts.h. */
#include "base/num.h"
#include "runtime/launch-mounts.h"

/* "@0-1000-10": 1000 is the container's, else the host's. Numbers may have a sign, as strtol(3) of crun takes them. */
static bool parse_range(struct str range, const struct oci_mappings *container, struct oci_mapping *ret)
{
	bool relative = range.n && range.p[0] == '@';
	struct str inside, outside, size;

	range = str_from(range, relative);
	range = str_from(range, range.n && range.p[0] == '+');
	return str_split(range, '-', &inside, &outside) && str_split(outside, '-', &outside, &size) &&
	       num_u32(inside, &ret->container_id) && num_u32(outside, &ret->host_id) && num_u32(size, &ret->size) &&
	       (!relative || mounts_host_id(container, ret->host_id, &ret->host_id));
}

/* "uids=0-1000-10#10-2000-5;gids=...", crun's way: inside, on the file system, how many. */
static int parse_ranges(struct mounts *m, const char *about, struct str text, const struct oci_mappings *container,
			struct oci_mappings *ret, struct err *e)
{
	struct oci_mapping *v = arena_array(m->s->a, struct oci_mapping, text.n / 2 + 1);
	size_t n = 0;

	for (struct str range; str_cut(&text, '#', &range); n++)
		if (n >= CONFIG_MAPPINGS_MAX || !parse_range(range, container, &v[n]))
			return err_set(e, -EBADMSG, "%s: idmap: \"" STR_FMT "\" is no range", about, STR_ARG(range));
	*ret = (struct oci_mappings){ v, n };
	return 0;
}

static int parse_id_map(struct mounts *m, const struct wish *w, struct oci_mappings *uids, struct oci_mappings *gids,
			struct err *e)
{
	struct str kind, rest = str_c(w->o.idmap);
	int r = 0;

	str_split(rest, '=', &kind, &rest);
	for (struct str part, name, ranges; r >= 0 && str_cut(&rest, ';', &part);) {
		if (!str_split(part, '=', &name, &ranges) || !(str_is(name, "uids") || str_is(name, "gids")))
			return err_set(e, -EBADMSG, "%s: idmap: \"" STR_FMT "\"", w->about, STR_ARG(part));
		r = str_is(name, "uids") ? parse_ranges(m, w->about, ranges, &m->l->config->uids, uids, e)
					 : parse_ranges(m, w->about, ranges, &m->l->config->gids, gids, e);
	}
	return r;
}

/* The mount's own mappings, those in its option, or those of the container's user namespace. */
static int id_map(struct mounts *m, const struct wish *w, struct launch_source *source, struct err *e)
{
	struct oci_mappings *ids = arena_array(m->s->a, struct oci_mappings, 2);
	const struct oci_config *c = m->l->config;
	int r = 0;

	ids[0] = w->mount->uids;
	ids[1] = w->mount->gids;
	if (!w->o.idmap && !ids[0].n && !ids[1].n)
		return 0;
	if (w->o.idmap && strchr(w->o.idmap, '=')) {
		r = parse_id_map(m, w, &ids[0], &ids[1], e);
	} else if (!ids[0].n && !ids[1].n) {
		ids[0] = c->uids;
		ids[1] = c->gids;
	}
	if (r < 0)
		return r;
	if (!ids[0].n || !ids[1].n)
		return err_set(e, -EBADMSG, "%s: an id-mapped mount needs uidMappings and gidMappings", w->about);
	if (m->l->rootless)
		return err_set(e, -ENOTSUP, "%s: id-mapped mounts need privileges", w->about);
	source->uids = &ids[0];
	source->gids = &ids[1];
	source->map_recursive = w->o.idmap && w->o.idmap[0] == 'r';
	return 0;
}

int bind_wish_make(struct mounts *m, struct wish *w, struct err *e)
{
	const struct oci_mount *o = w->mount;
	struct launch_source source = { .kind = SOURCE_TREE,
					.about = w->about,
					.path = o->source,
					.recursive = w->o.recursive,
					.no_follow = w->o.source_no_follow };

	int r;

	if (!o->source || !*o->source)
		return err_set(e, -EBADMSG, "%s: a bind mount needs a source", w->about);
	r = id_map(m, w, &source, e);
	if (r < 0)
		return r;
	/* By stage 2 where it may: kernels since 6.8 list mounts in the order they came to be, and whoever reads
	 * /proc/self/mountinfo expects that of the configuration. A user namespace may not see the source. */
	if (m->l->rootless || (!mounts_in_user_namespace(m) && !source.uids && !mounts_joined(m))) {
		w->slot = plan_made(&m->s->plan);
		mounts_add_tree(m->s, w->slot, w->about, steps_host_path(m->s, o->source), w->o.recursive,
				w->o.source_no_follow);
	} else {
		w->slot = steps_source(m->s, source);
	}
	return 0;
}
