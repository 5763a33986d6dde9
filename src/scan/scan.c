/* scan: a target from its name to a verdict. See scan.h. */
#include "scan/scan.h"

#include <time.h>

#include "base/date.h"
#include "codec/sha256.h"
#include "inventory/analyzer.h"
#include "inventory/release.h"
#include "scan/blob.h"
#include "scan/interned.h"
#include "scan/layers.h"
#include "scan/merge.h"
#include "scan/results.h"
#include "scan/tree.h"

/* What is known of the layers while they are looked up and read. */
struct layers {
	struct scan *scan;
	const struct scan_options *options;
	struct cache *cache; /* the scan's */
	size_t n;
	struct digest *blob;	/* computed by us, now or when the cache was filled */
	struct digest *diff_id; /* likewise */
	struct record *record;	/* per layer; diff_id.set false: not there yet */
	bool *have;
	uint32_t *same_as; /* an earlier layer with the same bytes, or the layer itself */
	uint64_t started_ns;
};

static uint64_t now_ns(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int mismatch(struct err *e, size_t layer, const char *what, const struct digest *claimed,
		    const struct digest *computed)
{
	char a[DIGEST_TEXT_MAX], b[DIGEST_TEXT_MAX];

	return err_set(e, -EBADMSG, "layer %zu: the %s says %s, its bytes are %s", layer, what, digest_text(claimed, a),
		       digest_text(computed, b));
}

/* What the manifest and the config claim is held against what was computed, also when that comes out of the cache. */
static int check_claims(const struct layers *l, size_t i, struct err *e)
{
	const struct layer_info *claimed = &l->scan->image.info.layers.v[i];

	if (claimed->blob.set && l->blob[i].set && !digest_eq(&claimed->blob, &l->blob[i]))
		return mismatch(e, i, "manifest", &claimed->blob, &l->blob[i]);
	if (claimed->diff_id.set && l->diff_id[i].set && !digest_eq(&claimed->diff_id, &l->diff_id[i]))
		return mismatch(e, i, "config", &claimed->diff_id, &l->diff_id[i]);
	return 0;
}

/* The blob's digest as far as it is known without reading it: a file that has not changed since we hashed it; in a
 * registry, content is addressed by the digest in the manifest. */
static void recall_blob(struct layers *l, size_t i)
{
	const struct blob_source *s = &l->scan->image.blobs.v[i];
	struct stat st;

	if (s->place == BLOB_URL)
		l->blob[i] = l->scan->image.info.layers.v[i].blob;
	else if (s->file_identity && fstat(s->fd, &st) == 0)
		cache_file_get(l->cache, &st, s->offset, s->size, &l->blob[i]);
}

/* What the bytes of a layer are, as far as that is known without reading them. */
static int recall_layer(struct layers *l, size_t i, struct err *e)
{
	recall_blob(l, i);
	return cache_blob_get(l->cache, &l->blob[i], &l->diff_id[i]) ? check_claims(l, i, e) : 0;
}

static bool same_source(const struct blob_source *a, const struct blob_source *b)
{
	if (a->place != b->place)
		return false;
	if (a->place == BLOB_URL)
		return str_eq(a->url, b->url);
	return a->fd == b->fd && a->offset == b->offset && a->size == b->size;
}

static void find_repeated(struct layers *l)
{
	const struct image *img = &l->scan->image;

	for (uint32_t i = 0; i < l->n; i++) {
		l->same_as[i] = i;
		for (uint32_t k = 0; k < i; k++) {
			const struct digest *a = &img->info.layers.v[i].blob, *b = &img->info.layers.v[k].blob;

			if (digest_eq(a, b) || same_source(&img->blobs.v[i], &img->blobs.v[k])) {
				l->same_as[i] = k;
				break;
			}
		}
	}
}

static void remember(struct layers *l, size_t i)
{
	const struct blob_source *s = &l->scan->image.blobs.v[i];
	struct stat st;

	cache_blob_put(l->cache, &l->blob[i], &l->diff_id[i]);
	if (s->place == BLOB_FILE && s->file_identity && fstat(s->fd, &st) == 0)
		cache_file_put(l->cache, &st, s->offset, s->size, l->started_ns, &l->blob[i]);
}

/* Takes a task's result for its layer. With names the record goes beside the plain one. */
static int take_result(struct layers *l, size_t i, struct layer_task *t, uint64_t names_key, struct err *e)
{
	struct record old = { 0 };
	int r;

	/* Digests first: wrong bytes explain a wrong content better than the reverse. */
	if (t->end.blob.set)
		l->blob[i] = t->end.blob;
	if (t->end.diff_id.set)
		l->diff_id[i] = t->end.diff_id;
	r = check_claims(l, i, e);
	if (r < 0)
		return r;
	if (t->end.status < 0)
		return err_set(e, t->end.status, "layer %zu: %s", i, t->end_message);
	if (l->have[i]) {
		old = l->record[i];
		if (!names_key)
			record_take_missing(&t->record, &old);
	}
	l->record[i] = t->record;
	record_init(&t->record);
	if (l->have[i])
		record_done(&old);
	l->have[i] = true;
	cache_layer_put(l->cache, &l->record[i], names_key);
	remember(l, i);
	return 0;
}

static int read_layers(struct layers *l, const uint32_t *which, const uint64_t *wanted, size_t n, struct str names,
		       uint64_t names_key, struct err *e)
{
	auto_free struct layer_task *task = xcalloc(n, sizeof(*task));
	struct image *img = &l->scan->image;
	struct layer_opener opener;
	struct blobs blobs;
	int r;

	for (size_t k = 0; k < n; k++) {
		task[k].analyzers = wanted[k];
		task[k].size_bytes = img->blobs.v[which[k]].size;
		task[k].names = names;
		task[k].number = which[k];
	}
	blobs_init(&blobs, img, which);
	opener = blobs_opener(&blobs);
	r = layers_run(task, n, &opener, l->options->progress, e);
	for (size_t k = 0; k < n; k++) {
		/* Also when another one failed: what is in the cache need not be fetched again. */
		int taken = task[k].done ? take_result(l, which[k], &task[k], names_key, r < 0 ? NULL : e) : 0;

		r = r < 0 ? r : taken;
		record_done(&task[k].record);
	}
	blobs_done(&blobs);
	l->scan->layers_read += n;
	return r;
}

static uint64_t all_analyzers(void)
{
	return analyzer_count < 64 ? (1ull << analyzer_count) - 1 : UINT64_MAX;
}

static int read_missing(struct layers *l, struct err *e)
{
	auto_free uint32_t *which = xcalloc(l->n, sizeof(*which));
	auto_free uint64_t *wanted = xcalloc(l->n, sizeof(*wanted));
	size_t n = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		uint64_t missing;

		if (l->same_as[i] != i)
			continue;
		l->have[i] = cache_layer_get(l->cache, &l->diff_id[i], 0, &l->record[i]) == 1;
		missing = l->have[i] ? record_missing(&l->record[i]) : all_analyzers();
		if (!missing)
			continue;
		which[n] = i;
		wanted[n++] = missing;
	}
	return n ? read_layers(l, which, wanted, n, STR(""), 0, e) : 0;
}

/* Links in the image may give other names to evidence: the layers that hold such files are read again with these names.
 * 1 when any record changed by that. */
static int read_renamed(struct layers *l, const struct names *names, struct err *e)
{
	auto_free uint32_t *which = xcalloc(l->n, sizeof(*which));
	auto_free uint64_t *wanted = xcalloc(l->n, sizeof(*wanted));
	auto_buf struct buf bytes = { 0 };
	size_t n = 0;
	int changed = 0, r = 0;

	buf_init(&bytes, MSG_BYTES_MAX);
	for (uint32_t i = 0; i < l->n; i++) {
		struct record renamed;

		if (l->same_as[i] != i || !names_concern(names, &l->record[i]))
			continue;
		changed = 1;
		if (cache_layer_get(l->cache, &l->diff_id[i], names->key, &renamed) == 1) {
			if (!record_missing(&renamed)) {
				record_done(&l->record[i]);
				l->record[i] = renamed;
				continue;
			}
			record_done(&renamed);
		}
		which[n] = i;
		wanted[n++] = all_analyzers();
	}
	if (n)
		r = read_layers(l, which, wanted, n, names_bytes(names, &bytes), names->key, e);
	return r < 0 ? r : changed;
}

/* OCI image-spec config.md: chain(1) = diff(1), chain(n) = SHA-256 of "chain(n-1) diff(n)".
 * Returns that of all layers. */
static struct digest mark_base(struct layers *l)
{
	struct image_info *info = &l->scan->image.info;
	char name[512], a[DIGEST_TEXT_MAX], b[DIGEST_TEXT_MAX];
	struct digest chain = { 0 };
	size_t base = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (i == 0) {
			chain = l->diff_id[0];
		} else {
			auto_arena struct arena room = { 0 };

			sha256_of(arena_fmt(&room, "%s %s", digest_text(&chain, a), digest_text(&l->diff_id[i], b)),
				  &chain);
		}
		if (i + 1 < l->n && cache_chain_get(l->cache, &chain, name, sizeof(name))) {
			base = i + 1;
			info->base_name = arena_str(&info->arena, str_c(name));
		}
	}
	for (size_t i = 0; i < base; i++) {
		info->layers.v[i].base = true;
		info->layers.v[i].base_inferred = false;
	}
	if (l->n)
		cache_chain_put(l->cache, &chain, info->reference.n ? info->reference : info->target);
	return chain;
}

static void remember_image(struct layers *l)
{
	const struct image_info *info = &l->scan->image.info;
	struct digest chain = mark_base(l);

	interned_put(l->cache, &chain, info->reference.n ? info->reference : info->target, &l->scan->inventory);
}

static void fill_claims(struct layers *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct layer_info *info = &l->scan->image.info.layers.v[i];

		info->blob = l->blob[i];
		info->diff_id = l->diff_id[i];
	}
}

static int take_repeated(struct layers *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t same = l->same_as[i];
		int r;

		l->blob[i] = l->blob[same];
		l->diff_id[i] = l->diff_id[same];
		r = check_claims(l, i, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The layers merged; *ret_merge refers to l->record. */
static int merge_all(struct layers *l, const struct record **all, struct merge **ret_merge, struct err *e)
{
	auto_free struct names *names = xcalloc(1, sizeof(*names));
	auto_arena struct arena arena = { 0 };
	struct merge *m = NULL;
	int r;

	for (size_t i = 0; i < l->n; i++)
		all[i] = &l->record[l->same_as[i]];
	r = merge_open(&m, all, l->n, e);
	if (r < 0)
		return r;
	merge_names(m, &arena, names);
	r = names->n ? read_renamed(l, names, e) : 0;
	if (r == 0) {
		*ret_merge = m;
		return 0;
	}
	merge_free(m);
	return r < 0 ? r : merge_open(ret_merge, all, l->n, e);
}

static bool is_layered(const struct layers *l)
{
	return l->scan->image.info.kind != IMAGE_TAR;
}

static int merge_layers(struct layers *l, struct err *e)
{
	auto_free const struct record **all = xcalloc(l->n, sizeof(*all));
	struct merge *m = NULL;
	int r = merge_all(l, all, &m, e);

	r = r < 0 ? r : merge_inventory(m, is_layered(l), &l->scan->inventory, e);
	merge_free(m);
	return r;
}

/* The inventory as it was merged before. Then the records are not even opened. */
static bool find_inventory(struct layers *l)
{
	struct scan *s = l->scan;

	for (size_t i = 0; i < l->n; i++)
		if (!l->diff_id[i].set)
			return false;
	s->key = results_key(l->diff_id, l->n, is_layered(l));
	if (!results_inventory_get(l->cache, &s->key, &s->inventory, &s->kept[0]))
		return false;
	for (size_t i = 0; i < l->n; i++)
		cache_layer_touch(l->cache, &l->diff_id[i]);
	return true;
}

static int make_inventory(struct layers *l, struct err *e)
{
	int r = read_missing(l, e);

	r = r < 0 ? r : take_repeated(l, e);
	r = r < 0 ? r : merge_layers(l, e);
	if (r < 0)
		return r;
	l->scan->key = results_key(l->diff_id, l->n, is_layered(l));
	results_inventory_put(l->cache, &l->scan->key, &l->scan->inventory);
	return 0;
}

static int take_inventory(struct layers *l, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < l->n && r == 0; i++)
		if (l->same_as[i] == i)
			r = recall_layer(l, i, e);
	r = r < 0 ? r : take_repeated(l, e);
	if (r == 0 && !find_inventory(l))
		r = make_inventory(l, e);
	if (r < 0)
		return r;
	fill_claims(l);
	if (is_layered(l))
		remember_image(l);
	return 0;
}

static int scan_layers(struct scan *s, const struct scan_options *o, struct err *e)
{
	struct layers l = { .scan = s, .options = o, .cache = &s->cache, .n = s->image.blobs.n };
	int r = o->no_cache ? 0 : cache_open(l.cache, o->cache_path, e);

	l.started_ns = now_ns();
	l.blob = xcalloc(l.n, sizeof(*l.blob));
	l.diff_id = xcalloc(l.n, sizeof(*l.diff_id));
	l.record = xcalloc(l.n, sizeof(*l.record));
	l.have = xcalloc(l.n, sizeof(*l.have));
	l.same_as = xcalloc(l.n, sizeof(*l.same_as));
	find_repeated(&l);
	r = r < 0 ? r : take_inventory(&l, e);
	s->layers_cached = l.n > s->layers_read ? l.n - s->layers_read : 0;
	for (size_t i = 0; i < l.n; i++)
		if (l.have[i])
			record_done(&l.record[i]);
	free(l.blob);
	free(l.diff_id);
	free(l.record);
	free(l.have);
	free(l.same_as);
	return r;
}

static int scan_directory(struct scan *s, const struct scan_options *o, struct err *e)
{
	struct record record;
	const struct record *all = &record;
	struct merge *m = NULL;
	int r = tree_scan(s->image.root_fd, s->image.info.kind == IMAGE_HOST, o->progress, &record, e);

	r = r < 0 ? r : merge_open(&m, &all, 1, e);
	r = r < 0 ? r : merge_inventory(m, false, &s->inventory, e);
	merge_free(m);
	record_done(&record);
	return r;
}

static void judge_life(struct inventory *inv, uint64_t now_s)
{
	char today[DATE_TEXT_MAX];
	enum release_life life = release_eol(inv->os_ns, str_c(date_text(now_s, today)));

	inv->os_eol_known = life != RELEASE_LIFE_UNKNOWN;
	inv->os_eol = life == RELEASE_EOL;
}

int scan_inventory(struct scan *ret, struct str target, const struct scan_options *options, struct err *e)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->cache.dir_fd = -1;
	sha256_setup();
	r = image_open(&ret->image, target, &options->image, e);
	if (r < 0)
		return r;
	r = ret->image.root_fd >= 0 ? scan_directory(ret, options, e) : scan_layers(ret, options, e);
	if (r < 0) {
		scan_done(ret);
		return r;
	}
	judge_life(&ret->inventory, options->now_s);
	return 0;
}

int scan_match(struct scan *s, const struct db *db, const struct match_options *options, struct err *e)
{
	int r;

	s->verdict.image = &s->image.info;
	s->verdict.inventory = &s->inventory;
	if (db && results_verdict_get(&s->cache, &s->key, db, options, &s->inventory, &s->verdict, &s->kept[1]))
		return 0;
	r = match_inventory(db, &s->inventory, options, &s->verdict, e);
	if (db && r == 0)
		results_verdict_put(&s->cache, &s->key, db, options, &s->verdict);
	return r;
}

void scan_done(struct scan *s)
{
	verdict_done(&s->verdict);
	inventory_done(&s->inventory);
	for (size_t i = 0; i < ARRAY_LEN(s->kept); i++)
		mapping_close(&s->kept[i]);
	cache_close(&s->cache);
	image_close(&s->image);
}
