/* merge-inventory: from the merged nodes to the inventory: packages, release, ownership. See merge.h. */
#include "base/path.h"
#include "inventory/analyzer.h"
#include "inventory/release.h"
#include "scan/merge-part.h"

#define NOTE_WORDS STR("not assessed: ")

struct gather {
	struct inventory *inv;
	bool layered;
	struct map os_seen;    /* identity of OS packages, to count each once */
	struct map os_by_name; /* "name" and "name:arch" of OS packages -> index */
	VEC(struct release_fact) releases;
	VEC(struct fact_owns) owns;
	VEC(uint32_t) language_notes; /* about language packages, whose file may have an owner */
};

static struct str keep(struct gather *g, struct str s)
{
	return s.n ? arena_str(&g->inv->arena, s) : STR("");
}

static void keep_package(struct gather *g, struct package *to, const struct package *p)
{
	to->type = p->type;
	to->name = keep(g, p->name);
	to->version = keep(g, p->version);
	to->arch = keep(g, p->arch);
	to->source = keep(g, p->source);
	to->source_version = keep(g, p->source_version);
	to->module = keep(g, p->module);
	to->vendor = keep(g, p->vendor);
	to->license = keep(g, p->license);
	to->inner = keep(g, p->inner);
}

static void add_package(struct gather *g, const struct package *p, struct str path, uint32_t layer)
{
	struct inventory *inv = g->inv;
	uint32_t at = (uint32_t)inv->packages.n;
	struct inv_package *to;
	bool is_new = true;

	if (pkg_type_row(p->type)->is_os) {
		map_put(&g->os_seen, merge_package_key(&inv->arena, p), at, &is_new);
		if (!is_new)
			return;
	}
	to = vec_add(&inv->packages);
	keep_package(g, &to->p, p);
	to->path = keep(g, path);
	to->layer = g->layered ? layer : NO_LAYER;
	to->owner = NO_OWNER;
	if (pkg_type_row(p->type)->is_os) {
		map_put(&g->os_by_name, to->p.name, at, NULL);
		map_put(&g->os_by_name,
			arena_fmt(&inv->arena, STR_FMT ":" STR_FMT, STR_ARG(to->p.name), STR_ARG(to->p.arch)), at,
			NULL);
	}
}

static void add_property(struct gather *g, struct fact_pair p)
{
	struct fact_pair *to = vec_add(&g->inv->properties);

	to->key = keep(g, p.key);
	to->value = keep(g, p.value);
}

static void add_release(struct gather *g, const struct release *r, struct str path)
{
	struct release_fact *to = vec_add(&g->releases);

	to->path = keep(g, path);
	to->r.id = keep(g, r->id);
	to->r.id_like = keep(g, r->id_like);
	to->r.version_id = keep(g, r->version_id);
	to->r.codename = keep(g, r->codename);
	to->r.name = keep(g, r->name);
}

static int gather_content(struct gather *g, const struct content *c, struct err *e)
{
	struct rd in = rd_of(c->facts);
	struct fact f;
	size_t package = 0;
	int r;

	while ((r = facts_next(&in, &f, e)) > 0) {
		uint32_t layer = c->layer;

		switch (f.kind) {
		case FACT_PACKAGE:
			if (c->intro && package < c->intro_count)
				layer = c->intro[package];
			package++;
			add_package(g, &f.package, c->name, layer);
			break;
		case FACT_OWNS:
			vec_push(&g->owns, f.owns);
			break;
		case FACT_RELEASE:
			add_release(g, &f.release, c->name);
			break;
		case FACT_PROPERTY:
			add_property(g, f.property);
			break;
		case FACT_NOTE:
			/* some analyzers begin with the words under which notes are listed anyway */
			if (str_starts(f.note, NOTE_WORDS))
				f.note = str_from(f.note, NOTE_WORDS.n);
			if (analyzers[c->analyzer].language)
				vec_push(&g->language_notes, (uint32_t)g->inv->notes.n);
			inventory_note(g->inv, STR("file"), c->name, g->layered ? layer : NO_LAYER, STR_FMT,
				       STR_ARG(f.note));
			break;
		}
	}
	return r < 0 ? err_wrap(e, r, STR_FMT, STR_ARG(c->name)) : 0;
}

static int compare_nodes(const void *va, const void *vb)
{
	const struct node *const *a = va, *const *b = vb;

	return str_cmp((*a)->path, (*b)->path);
}

static void note_lost(struct gather *g, const struct node *n)
{
	inventory_note(g->inv, STR("file"), n->path, g->layered ? n->lost_layer : NO_LAYER,
		       "hard link to " STR_FMT ": no such file was read", STR_ARG(str_head(n->lost, 200)));
}

/* In the order of paths, so that which of two equal OS packages is kept does not depend on the layers' order of files.
 */
static int gather_nodes(struct gather *g, const struct merge *m, struct err *e)
{
	VEC(const struct node *) live = { 0 };
	int r = 0;

	for (size_t i = 0; i < m->nodes.n; i++) {
		if (m->nodes.v[i].content)
			vec_push(&live, &m->nodes.v[i]);
		else if (m->nodes.v[i].lost.p)
			note_lost(g, &m->nodes.v[i]);
	}
	if (live.n)
		qsort(live.v, live.n, sizeof(*live.v), compare_nodes);
	for (size_t i = 0; i < live.n && r == 0; i++)
		for (const struct content *c = live.v[i]->content; c && r == 0; c = c->next)
			r = gather_content(g, c, e);
	vec_done(&live);
	return r;
}

static void gather_layer_notes(struct gather *g, const struct record *layer, uint32_t index)
{
	struct rd in = rd_of(layer->tree[TREE_NOTES]);

	while (rd_ok(&in) && rd_left(&in)) {
		struct str path = rd_var_str(&in);
		struct str reason = rd_var_str(&in);

		if (!path.n && g->layered && str_is(reason, RECORD_UNMARKED))
			continue; /* an image's digests are right: it was written so */
		inventory_note(g->inv, path.n ? STR("file") : STR("archive"), path, g->layered ? index : NO_LAYER,
			       STR_FMT, STR_ARG(reason));
	}
}

/* ---- ownership: which OS package a language package's evidence file belongs to ---- */

struct owned_slot {
	uint64_t hash;
	uint32_t owner; /* NO_OWNER until one is found */
	bool used;
};

static struct owned_slot *owned_slot(struct owned_slot *slot, size_t mask, uint64_t h)
{
	for (size_t i = h & mask;; i = (i + 1) & mask)
		if (!slot[i].used || slot[i].hash == h)
			return &slot[i];
}

static uint32_t owner_index(const struct gather *g, struct arena *a, const struct fact_owns *o)
{
	const uint32_t *at = NULL;

	if (o->arch.n)
		at = map_get(&g->os_by_name, arena_fmt(a, STR_FMT ":" STR_FMT, STR_ARG(o->package), STR_ARG(o->arch)));
	if (!at)
		at = map_get(&g->os_by_name, o->package);
	return at ? *at : NO_OWNER;
}

static void resolve_owners(struct gather *g)
{
	struct inventory *inv = g->inv;
	auto_arena struct arena names = { 0 };
	size_t mask = 64;

	while (mask < (inv->packages.n + g->language_notes.n) * 2)
		mask *= 2;
	auto_free struct owned_slot *slot = xcalloc(mask--, sizeof(*slot));
	for (size_t i = 0; i < inv->packages.n; i++) {
		uint64_t h = path_hash_merged(inv->packages.v[i].path);

		if (!pkg_type_row(inv->packages.v[i].p.type)->is_os)
			*owned_slot(slot, mask, h) = (struct owned_slot){ h, NO_OWNER, true };
	}
	for (size_t i = 0; i < g->language_notes.n; i++) {
		uint64_t h = path_hash_merged(inv->notes.v[g->language_notes.v[i]].path);

		*owned_slot(slot, mask, h) = (struct owned_slot){ h, NO_OWNER, true };
	}
	for (size_t i = 0; i < g->owns.n; i++) {
		struct str hashes = g->owns.v[i].hashes;
		uint32_t owner = owner_index(g, &names, &g->owns.v[i]);

		for (size_t k = 0; owner != NO_OWNER && k + 8 <= hashes.n; k += 8) {
			uint64_t h;
			struct owned_slot *s;

			memcpy(&h, hashes.p + k, sizeof(h));
			s = owned_slot(slot, mask, h);
			if (s->used)
				s->owner = owner;
		}
	}
	for (size_t i = 0; i < inv->packages.n; i++) {
		struct inv_package *p = &inv->packages.v[i];

		if (pkg_type_row(p->p.type)->is_os)
			continue;
		p->owner = owned_slot(slot, mask, path_hash_merged(p->path))->owner;
		if (p->owner != NO_OWNER)
			p->owner_foreign = inv->packages.v[p->owner].foreign;
	}
	for (size_t i = 0; i < g->language_notes.n; i++) {
		struct not_assessed *n = &inv->notes.v[g->language_notes.v[i]];
		uint32_t owner = owned_slot(slot, mask, path_hash_merged(n->path))->owner;

		n->distro_owned = owner != NO_OWNER && !inv->packages.v[owner].foreign;
	}
}

static void mark_foreign(struct inventory *inv)
{
	for (size_t i = 0; i < inv->packages.n; i++) {
		struct inv_package *p = &inv->packages.v[i];

		if (pkg_type_row(p->p.type)->is_os)
			p->foreign = inv->os_ns.n && !release_package_is_own(inv->os_ns, &p->p);
	}
}

static void decide_release(struct gather *g)
{
	struct inventory *inv = g->inv;
	uint32_t types = 0;

	for (size_t i = 0; i < inv->packages.n; i++)
		types |= 1u << inv->packages.v[i].p.type;
	release_decide(&inv->arena, g->releases.v, g->releases.n, inv->properties.v, inv->properties.n, types, &inv->os,
		       &inv->os_ns);
}

static int gather_all(struct gather *g, const struct merge *m, struct err *e)
{
	int r = gather_nodes(g, m, e);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < m->n; i++)
		gather_layer_notes(g, m->layers[i], i);
	decide_release(g);
	mark_foreign(g->inv);
	resolve_owners(g);
	inventory_sort(g->inv);
	return 0;
}

int merge_inventory(const struct merge *m, bool layered, struct inventory *ret, struct err *e)
{
	struct gather g = { .inv = ret, .layered = layered };
	int r = gather_all(&g, m, e);

	map_done(&g.os_seen);
	map_done(&g.os_by_name);
	vec_done(&g.releases);
	vec_done(&g.owns);
	vec_done(&g.language_notes);
	return r;
}
