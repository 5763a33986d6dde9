/* json: everything a verdict holds, for programs. docs/formats/report-json.md is the contract: a field is never renamed
 * or removed under the same schema_version, and every field is always there (null when unknown). */
#include "report/audit.h"
#include "report/purl.h"
#include "report/write.h"

#define SCHEMA_VERSION 1
#define PURL_BYTES_MAX (256u << 10) /* names and versions come from bounded readers; three bytes for one at worst */

static void layer_content(struct json_out *w, const struct layer_info *layer, uint32_t index)
{
	json_out_key_u64(w, "index", index);
	json_out_key_digest(w, "digest", &layer->blob);
	json_out_key_digest(w, "diff_id", &layer->diff_id);
	json_out_key_or_null(w, "created_by", layer->created_by);
	json_out_key_bool(w, "base", layer->base);
	json_out_key_bool(w, "base_inferred", layer->base_inferred);
}

static void key_blanks(struct json_out *w, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_out_key(w, keys[i]);
		json_out_blank(w);
	}
}

/* The layer something came from, by what names it; null without layers. */
static void key_layer(struct json_out *w, const struct verdict *v, uint32_t index)
{
	json_out_key(w, "layer");
	if (!v->image || index >= v->image->layers.n) {
		json_out_null(w);
		return;
	}
	json_out_object(w);
	json_out_key_u64(w, "index", index);
	json_out_key_digest(w, "diff_id", &v->image->layers.v[index].diff_id);
	json_out_end_object(w);
}

/* All of a layer as the value of a key of each package: half of what a report of packages is, so written once. */
static struct str layer_text(const struct verdict *v, uint32_t index, unsigned int depth, struct arena *a)
{
	struct json_out w;
	struct out out;
	struct str text;

	out_init(&out, -1);
	json_out_init(&w, &out);
	w.depth = depth;
	w.keyed = true;
	json_out_object(&w);
	layer_content(&w, &v->image->layers.v[index], index);
	json_out_end_object(&w);
	text = arena_str(a, buf_all(&out.b));
	buf_done(&out.b);
	return text;
}

struct layer_texts {
	size_t n;
	struct str *v;
};

static struct layer_texts layer_texts(const struct verdict *v, unsigned int depth, struct arena *a)
{
	struct layer_texts texts = { .n = v->image ? v->image->layers.n : 0 };

	texts.v = arena_array(a, struct str, texts.n);
	for (uint32_t i = 0; i < texts.n; i++)
		texts.v[i] = layer_text(v, i, depth, a);
	return texts;
}

static void write_target(struct json_out *w, const struct image_info *image)
{
	json_out_key_object(w, "target");
	json_out_key_str(w, "kind", str_c(image_kind_name(image->kind)));
	json_out_key_str(w, "name", image->target);
	json_out_key_or_null(w, "reference", image->reference);
	json_out_key_digest(w, "manifest", &image->manifest);
	json_out_key_digest(w, "config", &image->config);
	json_out_key_or_null(w, "os", image->os);
	json_out_key_or_null(w, "arch", image->arch);
	json_out_key_or_null(w, "variant", image->variant);
	json_out_key_or_null(w, "created", image->created);
	json_out_key_or_null(w, "base_name", image->base_name);
	json_out_key_array(w, "layers");
	for (uint32_t i = 0; i < image->layers.n; i++) {
		json_out_object(w);
		layer_content(w, &image->layers.v[i], i);
		json_out_key_u64(w, "size_bytes", image->layers.v[i].size_bytes);
		json_out_end_object(w);
	}
	json_out_end_array(w);
	json_out_end_object(w);
}

static void write_os(struct json_out *w, const struct inventory *inv)
{
	json_out_key(w, "os");
	if (!inv->os.id.n) {
		json_out_null(w);
		return;
	}
	json_out_object(w);
	json_out_key_str(w, "id", inv->os.id);
	json_out_key_or_null(w, "version", inv->os.version_id);
	json_out_key_or_null(w, "codename", inv->os.codename);
	json_out_key_or_null(w, "name", inv->os.name);
	json_out_key_or_null(w, "namespace", inv->os_ns);
	json_out_key(w, "end_of_life");
	if (inv->os_eol_known)
		json_out_bool(w, inv->os_eol);
	else
		json_out_null(w);
	json_out_end_object(w);
}

static void put_purl(struct json_out *w, const struct package *p, const struct release *os, struct buf *room)
{
	buf_clear(room);
	purl_write(room, p, os);
	json_out_or_null(w, buf_finish(room) < 0 ? STR_NONE : buf_all(room));
}

/* The keys of a package; of its source, the name and the version. */
static void package_form(struct json_out *w)
{
	static const char *const before[] = { "id", "name", "version", "type", "purl", "arch" };
	static const char *const behind[] = { "module", "vendor", "license", "evidence_path",
					      "inner",	"layer",  "owner",   "owner_foreign" };

	json_out_object(w);
	key_blanks(w, before, ARRAY_LEN(before));
	json_out_key_object(w, "source");
	key_blanks(w, before + 1, 2);
	json_out_end_object(w);
	key_blanks(w, behind, ARRAY_LEN(behind));
	json_out_end_object(w);
}

/* What the packages of a report have in common. */
struct packages {
	const struct verdict *v;
	struct json_form form;
	struct layer_texts layers;
	struct buf purl; /* room */
};

static void next_str(struct packages *all, struct json_out *w, struct str s)
{
	json_form_next(&all->form, w);
	json_out_str(w, s);
}

static void next_or_null(struct packages *all, struct json_out *w, struct str s)
{
	json_form_next(&all->form, w);
	json_out_or_null(w, s);
}

static void write_package(struct packages *all, struct json_out *w, uint32_t index)
{
	const struct inventory *inv = all->v->inventory;
	const struct inv_package *ip = &inv->packages.v[index];
	const struct package *p = &ip->p;

	json_form_next(&all->form, w);
	json_out_u64(w, index);
	next_str(all, w, p->name);
	next_str(all, w, p->version);
	next_str(all, w, str_c(pkg_type_row(p->type)->name));
	json_form_next(&all->form, w);
	put_purl(w, p, &inv->os, &all->purl);
	next_or_null(all, w, p->arch);
	next_str(all, w, package_source(p));
	next_str(all, w, package_source_version(p));
	next_or_null(all, w, p->module);
	next_or_null(all, w, p->vendor);
	next_or_null(all, w, p->license);
	next_or_null(all, w, ip->path);
	next_or_null(all, w, p->inner);
	json_form_next(&all->form, w);
	json_out_raw(w, ip->layer < all->layers.n ? all->layers.v[ip->layer] : STR("null"));
	json_form_next(&all->form, w);
	if (ip->owner < inv->packages.n)
		json_out_u64(w, ip->owner);
	else
		json_out_null(w);
	json_form_next(&all->form, w);
	json_out_bool(w, ip->owner_foreign);
	json_form_next(&all->form, w);
}

static void write_packages(struct json_out *w, const struct verdict *v)
{
	auto_arena struct arena arena = { 0 };
	struct packages all = { .v = v };

	json_out_key_array(w, "packages");
	all.layers = layer_texts(v, w->depth + 1, &arena);
	json_form_init(&all.form, w, package_form);
	buf_init(&all.purl, PURL_BYTES_MAX);
	for (uint32_t i = 0; i < v->inventory->packages.n; i++)
		write_package(&all, w, i);
	buf_done(&all.purl);
	json_form_done(&all.form);
	json_out_end_array(w);
}

/* {"score": ..., "<other>": ...}, or null when the score is unknown */
static void key_cvss(struct json_out *w, const struct finding *f)
{
	json_out_key(w, "cvss");
	if (f->cvss_score < 0) {
		json_out_null(w);
		return;
	}
	json_out_object(w);
	json_out_key(w, "score");
	json_out_double(w, f->cvss_score, 1);
	json_out_key_or_null(w, "vector", f->cvss_vector);
	json_out_end_object(w);
}

static void key_epss(struct json_out *w, const struct finding *f)
{
	json_out_key(w, "epss");
	if (f->epss < 0) {
		json_out_null(w);
		return;
	}
	json_out_object(w);
	json_out_key(w, "score");
	json_out_double(w, f->epss, 5);
	json_out_key(w, "percentile");
	if (f->epss_percentile < 0)
		json_out_null(w);
	else
		json_out_double(w, f->epss_percentile, 5);
	json_out_end_object(w);
}

static void write_finding(struct json_out *w, const struct verdict *v, const struct finding *f)
{
	const struct inv_package *ip = &v->inventory->packages.v[f->package];

	json_out_object(w);
	json_out_key_str(w, "id", f->id);
	json_out_key_array(w, "aliases");
	for (size_t i = 0; i < f->alias_count; i++)
		json_out_str(w, f->aliases[i]);
	json_out_end_array(w);
	json_out_key_str(w, "package", ip->p.name);
	json_out_key_u64(w, "package_id", f->package);
	json_out_key_str(w, "installed", ip->p.version);
	json_out_key_or_null(w, "fixed", f->fixed);
	json_out_key_str(w, "status", str_c(finding_status_name(f->status)));
	json_out_key_str(w, "severity", str_c(severity_name(f->severity)));
	json_out_key_or_null(w, "severity_source", f->severity_source);
	key_cvss(w, f);
	key_epss(w, f);
	json_out_key_bool(w, "kev", f->kev);
	json_out_key_or_null(w, "title", f->title);
	json_out_key_object(w, "source");
	json_out_key_or_null(w, "feed", f->feed);
	json_out_key_or_null(w, "namespace", f->ns);
	json_out_key_or_null(w, "bulletin", f->bulletin);
	json_out_end_object(w);
	json_out_key_or_null(w, "reason", f->reason);
	json_out_key_or_null(w, "channel", f->channel);
	key_layer(w, v, ip->layer);
	json_out_key_or_null(w, "evidence_path", ip->path);
	json_out_key_bool(w, "inferred", f->inferred);
	json_out_key_bool(w, "unimportant", f->unimportant);
	json_out_end_object(w);
}

static void write_not_assessed(struct json_out *w, const struct verdict *v)
{
	json_out_key_array(w, "not_assessed");
	for (size_t i = 0; i < v->inventory->notes.n; i++) {
		const struct not_assessed *n = &v->inventory->notes.v[i];

		json_out_object(w);
		json_out_key_str(w, "what", n->what);
		json_out_key_or_null(w, "path", n->path);
		json_out_key_str(w, "reason", n->reason);
		key_layer(w, v, n->layer);
		json_out_end_object(w);
	}
	json_out_end_array(w);
}

/* null: the target was not held to any. */
static void write_check_counts(struct json_out *w, const struct verdict *v, const struct report_filter *filter)
{
	struct check_counts n;

	json_out_key(w, "checks");
	if (!v->audit) {
		json_out_null(w);
		return;
	}
	n = check_count(v->audit, NULL, filter->checks);
	json_out_object(w);
	json_out_key_u64(w, "level", filter->checks);
	json_out_key_u64(w, "passed", n.result[CHECK_PASS]);
	json_out_key_u64(w, "failed", n.result[CHECK_FAIL]);
	json_out_key_u64(w, "not_assessed", n.result[CHECK_UNKNOWN]);
	json_out_key_u64(w, "not_applicable", n.result[CHECK_NONE]);
	json_out_key_u64(w, "ignored", n.ignored);
	json_out_end_object(w);
}

static void write_checks(struct json_out *w, const struct verdict *v, const struct report_filter *filter)
{
	json_out_key_array(w, "checks");
	for (size_t i = 0; v->audit && i < v->audit->checks.n; i++)
		if (report_wants_check(filter, &v->audit->checks.v[i]))
			check_json(w, &v->audit->checks.v[i]);
	json_out_end_array(w);
}

static void write_summary(struct json_out *w, const struct verdict *v, const struct report_filter *filter)
{
	struct report_counts c = report_count(v, filter);

	json_out_key_object(w, "summary");
	json_out_key_u64(w, "packages", v->inventory->packages.n);
	json_out_key_u64(w, "packages_affected", c.packages);
	json_out_key_u64(w, "findings", c.findings);
	json_out_key_u64(w, "filtered_out", c.hidden);
	json_out_key_u64(w, "fixed", c.fixed);
	json_out_key_u64(w, "kev", c.kev);
	json_out_key_u64(w, "inferred", c.inferred);
	json_out_key_u64(w, "not_assessed", v->inventory->notes.n);
	json_out_key_object(w, "severity");
	for (int s = SEV_CRITICAL; s >= SEV_UNKNOWN; s--)
		json_out_key_u64(w, severity_name((enum severity)s), c.severity[s]);
	json_out_end_object(w);
	write_check_counts(w, v, filter);
	json_out_end_object(w);
}

static void write_data(struct json_out *w, const struct verdict *v)
{
	json_out_key_object(w, "data");
	json_out_key_digest(w, "database", &v->database);
	json_out_key_or_null(w, "built", v->database_built);
	json_out_key_array(w, "feeds");
	for (size_t i = 0; i < v->feeds.n; i++) {
		const struct feed_info *f = &v->feeds.v[i];

		json_out_object(w);
		json_out_key_str(w, "name", f->name);
		json_out_key_or_null(w, "source", f->source);
		json_out_key_or_null(w, "date", f->date);
		json_out_key_or_null(w, "fetched", f->fetched);
		json_out_key_digest(w, "digest", &f->digest);
		json_out_key_u64(w, "records", f->records);
		json_out_key_u64(w, "warnings", f->warnings);
		json_out_key_or_null(w, "failure", f->failure);
		json_out_key_bool(w, "consulted", f->consulted);
		json_out_end_object(w);
	}
	json_out_end_array(w);
	json_out_end_object(w);
}

void json_write(const struct verdict *v, const struct report_options *o, struct out *out)
{
	struct json_out w;

	json_out_init(&w, out);
	json_out_object(&w);
	json_out_key_u64(&w, "schema_version", SCHEMA_VERSION);
	json_out_key_object(&w, "generator");
	json_out_key_str(&w, "name", STR("yagura"));
	json_out_key_or_null(&w, "version", str_c(o->version));
	json_out_end_object(&w);
	write_target(&w, v->image);
	write_os(&w, v->inventory);
	write_summary(&w, v, &o->filter);
	write_packages(&w, v);
	json_out_key_array(&w, "findings");
	for (size_t i = 0; i < v->findings.n; i++)
		if (report_wants(&o->filter, &v->findings.v[i]))
			write_finding(&w, v, &v->findings.v[i]);
	json_out_end_array(&w);
	write_not_assessed(&w, v);
	write_checks(&w, v, &o->filter);
	write_data(&w, v);
	json_out_end_object(&w);
}
