/* merge: the layers of an image laid over each other. See merge.h; the inventory is in merge-inventory.c. */
#include "scan/merge.h"

#include "inventory/analyzer.h"
#include "scan/merge-part.h"

#define LINK_STEPS_MAX 40 /* as the kernel's limit on links in one path */
#define NO_NODE UINT32_MAX

static uint32_t node_at(struct merge *m, struct str path)
{
	bool added;
	uint32_t at = *map_put(&m->by_path, path, (uint32_t)m->nodes.n, &added);
	uint32_t parent;

	if (!added)
		return at;
	*vec_add(&m->nodes) = (struct node){ .path = path, .parent = NO_NODE, .child = NO_NODE, .sibling = NO_NODE };
	if (!path.n)
		return at;
	parent = node_at(m, path_dir(path)); /* depth: at most PATH_BYTES_MAX / 2 parts */
	m->nodes.v[at].parent = parent;
	m->nodes.v[at].sibling = m->nodes.v[parent].child;
	m->nodes.v[parent].child = at;
	return at;
}

/* Records come from a worker or from a file: a path in them may be anything. */
static bool is_possible(struct str path)
{
	return path.n <= PATH_BYTES_MAX;
}

/* Nodes for everything the layers say something about. */
static int add_nodes(struct merge *m, const struct record *layer)
{
	struct rd in = rd_of(layer->tree[TREE_LINKS]);

	while (rd_ok(&in) && rd_left(&in)) {
		struct str path = rd_var_str(&in);
		struct str target = rd_var_str(&in);

		if (!path.n || !is_possible(str_from(path, 1)))
			return -EBADMSG;
		node_at(m, str_from(path, 1));
		if (path.p[0] != '?')
			continue;
		if (!is_possible(target))
			return -EBADMSG;
		node_at(m, target);
		m->lost_links = true;
	}
	if (!rd_ok(&in))
		return -EBADMSG;
	for (size_t a = 0; a < analyzer_count; a++) {
		in = rd_of(layer->evidence[a]);
		while (rd_ok(&in) && rd_left(&in)) {
			struct str path = rd_var_str(&in);

			rd_var_str(&in);
			if (!is_possible(evidence_real(path)))
				return -EBADMSG;
			node_at(m, evidence_real(path));
		}
		if (!rd_ok(&in))
			return -EBADMSG;
	}
	return 0;
}

static void index_hashes(struct merge *m)
{
	m->slots = 64;
	while (m->slots < m->nodes.n * 4)
		m->slots *= 2;
	m->by_hash = xcalloc(m->slots, sizeof(*m->by_hash));
	m->hashes = xcalloc(m->nodes.n, sizeof(*m->hashes));
	for (uint32_t i = 0; i < m->nodes.n; i++) {
		uint64_t h = path_hash(m->nodes.v[i].path);
		size_t s = h & (m->slots - 1);

		m->hashes[i] = h;
		while (m->by_hash[s])
			s = (s + 1) & (m->slots - 1);
		m->by_hash[s] = i + 1;
	}
}

static uint32_t node_by_hash(const struct merge *m, uint64_t h)
{
	for (size_t s = h & (m->slots - 1); m->by_hash[s]; s = (s + 1) & (m->slots - 1))
		if (m->hashes[m->by_hash[s] - 1] == h)
			return m->by_hash[s] - 1;
	return NO_NODE;
}

/* What lower layers had at this node is gone; kept until the layer's own evidence is in, to tell an update from new. */
static void drop_content(struct node *n, uint32_t layer)
{
	if (n->content) {
		n->previous = n->content;
		n->previous_layer = layer;
	}
	n->content = NULL;
	n->link = n->lost = STR_NONE;
	n->held = false;
}

/* Each node is visited at most once in a layer, however often and from wherever above it is taken away. */
static void drop_below(struct merge *m, uint32_t top, uint32_t layer)
{
	uint32_t at = m->nodes.v[top].child;

	if (m->nodes.v[top].swept_layer == layer)
		return;
	m->nodes.v[top].swept_layer = layer;
	while (at != NO_NODE) {
		struct node *n = &m->nodes.v[at];
		bool swept = n->swept_layer == layer;

		drop_content(n, layer);
		n->swept_layer = layer;
		if (!swept && n->child != NO_NODE) {
			at = n->child;
			continue;
		}
		while (at != top && m->nodes.v[at].sibling == NO_NODE)
			at = m->nodes.v[at].parent;
		at = at == top ? NO_NODE : m->nodes.v[at].sibling;
	}
}

static void apply_paths(struct merge *m, struct str paths, uint32_t layer, bool itself)
{
	struct rd in = rd_of(paths);

	while (rd_ok(&in) && rd_left(&in)) {
		uint32_t at = node_by_hash(m, path_hash(rd_var_str(&in)));

		if (at == NO_NODE)
			continue;
		if (itself)
			drop_content(&m->nodes.v[at], layer);
		drop_below(m, at, layer);
	}
}

static void apply_hashes(struct merge *m, struct str hashes, uint32_t layer, bool directories)
{
	for (size_t i = 0; i + 8 <= hashes.n; i += 8) {
		uint64_t h;
		uint32_t at;

		memcpy(&h, hashes.p + i, sizeof(h));
		at = node_by_hash(m, h);
		if (at == NO_NODE)
			continue;
		drop_content(&m->nodes.v[at], layer);
		m->nodes.v[at].held = !directories;
		if (!directories)
			drop_below(m, at, layer);
	}
}

static struct content *content_of(struct content *list, unsigned int analyzer)
{
	while (list && list->analyzer != analyzer)
		list = list->next;
	return list;
}

struct str merge_package_key(struct arena *a, const struct package *p)
{
	return arena_fmt(a, STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT, STR_ARG(p->name), STR_ARG(p->version),
			 STR_ARG(p->arch), STR_ARG(p->inner));
}

/* Which layer introduced each package of `c`, given what stood there before. */
static int attribute(struct merge *m, struct content *c, const struct content *before, struct err *e)
{
	auto_arena struct arena keys = { 0 };
	auto_map struct map seen = { 0 };
	struct rd in = rd_of(before->facts);
	VEC(uint32_t) intro = { 0 };
	struct fact f;
	size_t i = 0;
	int r;

	while ((r = facts_next(&in, &f, e)) > 0) {
		if (f.kind != FACT_PACKAGE)
			continue;
		map_put(&seen, merge_package_key(&keys, &f.package), before->intro ? before->intro[i] : before->layer,
			NULL);
		i++;
	}
	in = rd_of(c->facts);
	while (r == 0 && (r = facts_next(&in, &f, e)) > 0) {
		const uint32_t *known;

		r = 0;
		if (f.kind != FACT_PACKAGE)
			continue;
		known = map_get(&seen, merge_package_key(&keys, &f.package));
		vec_push(&intro, known ? *known : c->layer);
	}
	c->intro = arena_array(&m->arena, uint32_t, intro.n);
	c->intro_count = intro.n;
	if (intro.n)
		memcpy(c->intro, intro.v, intro.n * sizeof(*intro.v));
	vec_done(&intro);
	return r;
}

static void put_content(struct merge *m, uint32_t at, unsigned int analyzer, struct str name, struct str facts,
			uint32_t layer)
{
	struct node *n = &m->nodes.v[at];
	struct content *c = content_of(n->content, analyzer);

	if (!c) {
		c = arena_new(&m->arena, struct content);
		c->next = n->content;
		n->content = c;
		c->before = n->previous_layer == layer ? content_of(n->previous, analyzer) : NULL;
		vec_push(&m->fresh, c);
	}
	c->name = name;
	c->facts = facts;
	c->layer = layer;
	c->analyzer = analyzer;
	c->intro = NULL;
}

/* Once all is in: of a file that stands in the layer many times only the last counts. */
static int attribute_fresh(struct merge *m, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < m->fresh.n && r == 0; i++)
		if (m->fresh.v[i]->before)
			r = attribute(m, m->fresh.v[i], m->fresh.v[i]->before, e);
	m->fresh.n = 0;
	return r;
}

static void apply_evidence(struct merge *m, const struct record *r, uint32_t layer)
{
	for (unsigned int a = 0; a < analyzer_count; a++) {
		struct rd in = rd_of(r->evidence[a]);

		while (rd_ok(&in) && rd_left(&in)) {
			struct str path = rd_var_str(&in);
			struct str facts = rd_var_str(&in);
			put_content(m, node_at(m, evidence_real(path)), a, evidence_name(path), facts, layer);
		}
	}
}

static void apply_hard_link(struct merge *m, struct str path, struct str target, uint32_t layer)
{
	const uint32_t *from = map_get(&m->by_path, target);
	uint32_t at = node_at(m, path);
	const struct content *c;

	if (!from)
		return;
	/* The target may be a lower layer's file which this layer takes away under its first name. */
	c = m->nodes.v[*from].content;
	if (!c && m->nodes.v[*from].previous_layer == layer)
		c = m->nodes.v[*from].previous;
	for (; c; c = c->next)
		put_content(m, at, c->analyzer, path, c->facts, layer);
}

/* A hard link that no file of its layer was the target of. When a lower layer has that file, and read it as what the
 * link's name says, all is known. */
static void apply_lost_link(struct merge *m, struct str path, struct str target, uint32_t layer)
{
	struct node *n = &m->nodes.v[node_at(m, path)];
	uint64_t wanted = analyzers_for_path(path);

	if (n->content || (m->nodes.v[node_at(m, target)].held && !(wanted & ~analyzers_for_path(target))))
		return;
	n->lost = target;
	n->lost_layer = layer;
}

static void apply_links(struct merge *m, const struct record *r, uint32_t layer)
{
	struct rd in = rd_of(r->tree[TREE_LINKS]);

	while (rd_ok(&in) && rd_left(&in)) {
		struct str path = rd_var_str(&in);
		struct str target = rd_var_str(&in);
		char kind = path.p[0];

		path = str_from(path, 1);
		if (kind == '>')
			m->nodes.v[node_at(m, path)].link = target;
		else if (kind == '?')
			apply_lost_link(m, path, target, layer);
		else
			apply_hard_link(m, path, target, layer);
	}
}

static int apply_layer(struct merge *m, uint32_t i, struct err *e)
{
	const struct record *l = m->layers[i];
	int r;

	/* In the lowest layer there is nothing to hide; what it holds matters to links that are looked for below. */
	if (i > 0 || m->lost_links) {
		apply_paths(m, l->tree[TREE_WHITEOUTS], i, true);
		apply_paths(m, l->tree[TREE_OPAQUES], i, false);
		apply_hashes(m, l->tree[TREE_FILES], i, false);
		apply_hashes(m, l->tree[TREE_DIRS], i, true);
	}
	apply_evidence(m, l, i);
	apply_links(m, l, i);
	r = attribute_fresh(m, e);
	return r < 0 ? err_wrap(e, r, "layer %u", i) : 0;
}

struct merge *merge_free(struct merge *m)
{
	if (!m)
		return NULL;
	vec_done(&m->nodes);
	vec_done(&m->fresh);
	map_done(&m->by_path);
	free(m->by_hash);
	free(m->hashes);
	arena_done(&m->arena);
	free(m);
	return NULL;
}

int merge_open(struct merge **ret, const struct record *const *layers, size_t n, struct err *e)
{
	struct merge *m = xcalloc(1, sizeof(*m));
	int r = 0;

	m->layers = layers;
	m->n = n;
	for (size_t i = 0; i < n && r == 0; i++)
		if (add_nodes(m, layers[i]) < 0)
			r = err_set(e, -EBADMSG, "damaged record of layer %zu", i);
	index_hashes(m);
	for (uint32_t i = 0; i < n && r == 0; i++)
		r = apply_layer(m, i, e);
	if (r == 0)
		*ret = m;
	else
		merge_free(m);
	return r;
}

/* Follows the merged links along a path; the path itself when there are none on it. */
static struct str resolve(const struct merge *m, struct arena *a, struct str path)
{
	for (unsigned int steps = 0; steps < LINK_STEPS_MAX; steps++) {
		size_t end = 0;
		bool changed = false;

		/* Longer names cannot exist on a running system. */
		while (!changed && end < path.n && path.n <= PATH_BYTES_MAX) {
			ptrdiff_t slash = str_find(str_from(path, end + 1), '/');
			const uint32_t *at;

			end = slash < 0 ? path.n : end + 1 + (size_t)slash;
			at = map_get(&m->by_path, str_head(path, end));
			if (!at || !m->nodes.v[*at].link.p)
				continue;
			struct str real = path_resolve(a, path_dir(str_head(path, end)), m->nodes.v[*at].link);
			struct str rest = str_from(path, end);
			path = arena_fmt(a, STR_FMT STR_FMT, STR_ARG(real), STR_ARG(rest));
			if (!real.n)
				path = str_from(path, 1);
			changed = true;
		}
		if (!changed)
			return path;
	}
	return STR_NONE;
}

static bool some_layer_holds(const struct merge *m, enum tree_part part, uint64_t hash)
{
	for (size_t i = 0; i < m->n; i++)
		if (record_holds(m->layers[i], part, hash))
			return true;
	return false;
}

/* The part of a pattern before its first '*': a whole path, or a directory. */
static struct str pattern_head(struct str pattern, bool *ret_whole)
{
	ptrdiff_t star = str_find(pattern, '*');

	*ret_whole = star < 0;
	return star < 0 ? pattern : path_dir(str_head(pattern, (size_t)star));
}

static bool is_some_head(struct str dir)
{
	for (size_t i = 0; i < analyzer_count; i++) {
		for (size_t k = 0; k < ANALYZER_PATTERNS_MAX && analyzers[i].patterns[k]; k++) {
			struct str pattern = str_c(analyzers[i].patterns[k]);
			bool whole;

			if (pattern.p[0] == '/' && str_eq(pattern_head(str_from(pattern, 1), &whole), dir) && !whole)
				return true;
		}
	}
	return false;
}

static void name_for_pattern(const struct merge *m, struct str pattern, struct arena *a, struct names *ret)
{
	bool whole;
	struct str logical = pattern_head(pattern, &whole);
	struct str real = resolve(m, a, logical);

	if (!real.n || str_eq(real, logical) || ret->n == NAMES_MAX)
		return;
	if (whole ? analyzers_for_path(real) != 0 : is_some_head(real))
		return; /* read under its own name already */
	if (!some_layer_holds(m, whole ? TREE_FILES : TREE_DIRS, path_hash(real)))
		return;
	ret->pair[ret->n++] = (struct name_pair){ real, logical };
	ret->key = str_hash(logical, str_hash(real, ret->key + 1));
}

void merge_names(const struct merge *m, struct arena *a, struct names *ret)
{
	auto_arena struct arena scratch = { 0 };

	ret->n = 0;
	ret->key = 0;
	for (size_t i = 0; i < analyzer_count; i++)
		for (size_t k = 0; k < ANALYZER_PATTERNS_MAX && analyzers[i].patterns[k]; k++)
			if (analyzers[i].patterns[k][0] == '/')
				name_for_pattern(m, str_c(analyzers[i].patterns[k] + 1), &scratch, ret);
	for (size_t i = 0; i < ret->n; i++) {
		ret->pair[i].real = arena_str(a, ret->pair[i].real);
		ret->pair[i].logical = arena_str(a, ret->pair[i].logical);
	}
}
