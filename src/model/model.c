/* model: the small tables and helpers of the plain structs. See package.h, image.h, advisory.h, finding.h, inventory.h.
 */
#include <stdarg.h>

#include "model/advisory.h"
#include "model/finding.h"
#include "model/image.h"
#include "model/inventory.h"
#include "model/package.h"

static const struct pkg_type_row type_rows[PKG_TYPE_COUNT] = {
	[PKG_UNKNOWN] = { "unknown", false, NULL, NULL },  [PKG_DEB] = { "deb", true, NULL, NULL },
	[PKG_RPM] = { "rpm", true, NULL, NULL },	   [PKG_APK] = { "apk", true, NULL, NULL },
	[PKG_ALPM] = { "alpm", true, NULL, NULL },	   [PKG_PYPI] = { "pypi", false, "Python", "pypi" },
	[PKG_NPM] = { "npm", false, "JavaScript", "npm" }, [PKG_GOLANG] = { "golang", false, "Go", "golang" },
	[PKG_CARGO] = { "cargo", false, "Rust", "cargo" }, [PKG_MAVEN] = { "maven", false, "Java", "maven" },
	[PKG_GEM] = { "gem", false, "Ruby", "gem" },	   [PKG_COMPOSER] = { "composer", false, "PHP", "composer" },
	[PKG_NUGET] = { "nuget", false, ".NET", "nuget" },
};

const struct pkg_type_row *pkg_type_row(enum pkg_type type)
{
	return &type_rows[(unsigned int)type < PKG_TYPE_COUNT ? type : PKG_UNKNOWN];
}

const char *image_kind_name(enum image_kind kind)
{
	static const char *const names[IMAGE_KIND_COUNT] = {
		[IMAGE_DOCKER_ARCHIVE] = "docker-archive",
		[IMAGE_OCI_DIR] = "oci",
		[IMAGE_OCI_ARCHIVE] = "oci-archive",
		[IMAGE_REGISTRY] = "registry",
		[IMAGE_PODMAN] = "podman",
		[IMAGE_DOCKER] = "docker",
		[IMAGE_ROOTFS] = "rootfs",
		[IMAGE_TAR] = "tar",
		[IMAGE_HOST] = "host",
	};

	return names[kind];
}

void image_info_done(struct image_info *info)
{
	vec_done(&info->layers);
	vec_done(&info->start.entrypoint);
	vec_done(&info->start.command);
	vec_done(&info->start.env);
	arena_done(&info->arena);
}

static const char *const severity_names[] = {
	[SEV_UNKNOWN] = "unknown", [SEV_NEGLIGIBLE] = "negligible", [SEV_LOW] = "low", [SEV_MEDIUM] = "medium",
	[SEV_HIGH] = "high",	   [SEV_CRITICAL] = "critical",
};

const char *severity_name(enum severity s)
{
	return severity_names[s];
}

bool severity_parse(struct str s, enum severity *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(severity_names); i++) {
		if (!str_eq_nocase(s, str_c(severity_names[i])))
			continue;
		*ret = (enum severity)i;
		return true;
	}
	if (str_eq_nocase(s, STR("moderate")))
		*ret = SEV_MEDIUM;
	else if (str_eq_nocase(s, STR("important")))
		*ret = SEV_HIGH;
	else
		return false;
	return true;
}

enum severity severity_of_cvss(double score)
{
	if (score < 0)
		return SEV_UNKNOWN;
	if (score < 0.1)
		return SEV_NEGLIGIBLE;
	if (score < 4.0)
		return SEV_LOW;
	if (score < 7.0)
		return SEV_MEDIUM;
	return score < 9.0 ? SEV_HIGH : SEV_CRITICAL;
}

const char *advisory_status_name(enum advisory_status s)
{
	static const char *const names[] = {
		[ADV_AFFECTED] = "affected",	   [ADV_NOT_AFFECTED] = "not-affected",
		[ADV_WONT_FIX] = "wont-fix",	   [ADV_DEFERRED] = "deferred",
		[ADV_END_OF_LIFE] = "end-of-life", [ADV_INVESTIGATING] = "under-investigation",
	};

	return names[s];
}

static const char *const finding_status_names[FINDING_STATUS_COUNT] = {
	[FINDING_FIXED] = "fixed",
	[FINDING_AFFECTED] = "affected",
	[FINDING_WONT_FIX] = "wont-fix",
	[FINDING_DEFERRED] = "deferred",
	[FINDING_END_OF_LIFE] = "end-of-life",
	[FINDING_SUBSCRIPTION] = "subscription",
	[FINDING_INVESTIGATING] = "under-investigation",
};

const char *finding_status_name(enum finding_status s)
{
	return finding_status_names[s];
}

void verdict_done(struct verdict *v)
{
	vec_done(&v->findings);
	vec_done(&v->feeds);
	arena_done(&v->arena);
}

void inventory_done(struct inventory *inv)
{
	vec_done(&inv->packages);
	vec_done(&inv->properties);
	vec_done(&inv->notes);
	arena_done(&inv->arena);
}

void inventory_note(struct inventory *inv, struct str what, struct str path, uint32_t layer, const char *fmt, ...)
{
	char reason[ERR_MSG_MAX];
	struct not_assessed *n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	n = vec_add(&inv->notes);
	n->what = arena_str(&inv->arena, what);
	n->path = arena_str(&inv->arena, path);
	n->reason = arena_str(&inv->arena, str_c(reason));
	n->layer = layer;
}

static int compare_packages(const struct inv_package *a, const struct inv_package *b)
{
	int r = (int)a->p.type - (int)b->p.type;

	r = r ? r : str_cmp(a->p.name, b->p.name);
	r = r ? r : str_cmp(a->p.version, b->p.version);
	r = r ? r : str_cmp(a->p.arch, b->p.arch);
	r = r ? r : str_cmp(a->path, b->path);
	return r ? r : str_cmp(a->p.inner, b->p.inner);
}

static int compare_package_order(const void *a, const void *b, void *ctx)
{
	const struct inv_package *all = ctx;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	int r = compare_packages(&all[i], &all[j]);

	return r ? r : (i > j) - (i < j);
}

static int compare_notes(const void *va, const void *vb)
{
	const struct not_assessed *a = va, *b = vb;
	int r = str_cmp(a->what, b->what);

	r = r ? r : str_cmp(a->path, b->path);
	r = r ? r : str_cmp(a->reason, b->reason);
	return r ? r : (a->layer > b->layer) - (a->layer < b->layer);
}

void inventory_sort(struct inventory *inv)
{
	size_t n = inv->packages.n;
	auto_free uint32_t *order = xcalloc(n, sizeof(*order));
	auto_free uint32_t *place = xcalloc(n, sizeof(*place));
	struct inv_package *sorted = xcalloc(n, sizeof(*sorted));

	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	if (n)
		qsort_r(order, n, sizeof(*order), compare_package_order, inv->packages.v);
	for (uint32_t i = 0; i < n; i++) {
		sorted[i] = inv->packages.v[order[i]];
		place[order[i]] = i;
	}
	for (size_t i = 0; i < n; i++)
		if (sorted[i].owner != NO_OWNER)
			sorted[i].owner = place[sorted[i].owner];
	free(inv->packages.v);
	inv->packages.v = sorted;
	inv->packages.cap = n;
	if (inv->notes.n)
		qsort(inv->notes.v, inv->notes.n, sizeof(*inv->notes.v), compare_notes);
}
