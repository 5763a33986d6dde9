/* image-refresh: `yagura image refresh`. */
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/image.h"
#include "cmd/target.h"
#include "codec/sha256.h"
#include "model/finding.h"
#include "node/image/build.h"
#include "scan/data.h"
#include "vuln/match.h"

#define NAME_BYTES 4200

static bool arg_check;

const struct option image_refresh_options[] = {
	{ "check", 0, OPTION_FLAG, &arg_check, NULL, "Only tell: exit status 1 when there is something newer.", NULL },
	IMAGE_SOURCE_ROWS,
	IMAGE_KEY_ROWS,
	{ NULL },
};

/* -------- what the scanner says of a lock -------- */

struct judged {
	struct inventory inventory;
	struct image_info info;
	struct verdict verdict;
};

static void judged_done(struct judged *j)
{
	verdict_done(&j->verdict);
	inventory_done(&j->inventory);
	image_info_done(&j->info);
}

/* The packages as a scan of the image finds them. */
static int judge(struct judged *j, const struct lock *l, const struct db *db, struct err *e)
{
	struct match_options options = { 0 };
	struct inventory *inv = &j->inventory;

	*j = (struct judged){ 0 };
	inv->os = (struct release){ .id = str_c(l->release->id), .version_id = str_c(l->release->version) };
	inv->os_ns = arena_fmt(&inv->arena, "%s:%s", l->release->id, l->release->version);
	for (size_t i = 0; i < l->packages.n; i++) {
		const struct lock_package *p = &l->packages.v[i];

		vec_push(&inv->packages, ((struct inv_package){ .p = { .type = PKG_DEB,
								       .name = p->name,
								       .version = p->version,
								       .arch = p->arch,
								       .source = p->source,
								       .source_version = p->source_version },
								.layer = NO_LAYER,
								.owner = NO_OWNER }));
	}
	inventory_sort(inv);
	j->verdict.image = &j->info;
	j->verdict.inventory = inv;
	return match_inventory(db, inv, &options, &j->verdict, e);
}

static bool has_finding(const struct judged *j, struct str id, struct str package)
{
	for (size_t i = 0; i < j->verdict.findings.n; i++) {
		const struct finding *f = &j->verdict.findings.v[i];

		if (str_eq(f->id, id) && str_eq(j->inventory.packages.v[f->package].p.name, package))
			return true;
	}
	return false;
}

/* Findings of one that the other does not have. */
static size_t print_gone(const struct judged *from, const struct judged *to, const char *what)
{
	size_t n = 0;

	for (size_t i = 0; i < from->verdict.findings.n; i++) {
		const struct finding *f = &from->verdict.findings.v[i];
		struct str package = from->inventory.packages.v[f->package].p.name;

		if (has_finding(to, f->id, package))
			continue;
		printf("%s " STR_FMT " in " STR_FMT " (%s)\n", what, STR_ARG(f->id), STR_ARG(package),
		       severity_name(f->severity));
		n++;
	}
	return n;
}

static int tell_vulnerabilities(const struct lock *old, const struct lock *fresh)
{
	struct db *db = NULL;
	struct judged a, b;
	struct err e = { 0 };
	int r = data_db_open(&db, arg_z(arg_data), &e);

	if (r == -ENOENT) {
		fputs("yagura: there is no vulnerability database: what the new packages fix is not known; run `yagura "
		      "db "
		      "update`\n",
		      stderr);
		return 0;
	}
	if (r < 0)
		return cmd_fail(&e);
	r = judge(&a, old, db, &e);
	if (r == 0) {
		r = judge(&b, fresh, db, &e);
		if (r == 0) {
			size_t fixed = print_gone(&a, &b, "fixes"), added = print_gone(&b, &a, "brings");

			printf("%zu vulnerabilities fixed, %zu new, %zu left\n", fixed, added, b.verdict.findings.n);
		}
		judged_done(&b);
	}
	judged_done(&a);
	db_free(db);
	return r < 0 ? cmd_fail(&e) : 0;
}

/* -------- what changed -------- */

/* Both are sorted by name. */
static void tell_packages(const struct lock *old, const struct lock *fresh)
{
	size_t i = 0, k = 0;

	while (i < old->packages.n || k < fresh->packages.n) {
		const struct lock_package *a = i < old->packages.n ? &old->packages.v[i] : NULL;
		const struct lock_package *b = k < fresh->packages.n ? &fresh->packages.v[k] : NULL;
		int order = !a ? 1 : !b ? -1 : str_cmp(a->name, b->name);

		if (order < 0)
			printf("removed " STR_FMT " " STR_FMT "\n", STR_ARG(a->name), STR_ARG(a->version));
		else if (order > 0)
			printf("added " STR_FMT " " STR_FMT "\n", STR_ARG(b->name), STR_ARG(b->version));
		else if (!digest_eq(&a->digest, &b->digest))
			printf("changed " STR_FMT " " STR_FMT " to " STR_FMT "\n", STR_ARG(a->name),
			       STR_ARG(a->version), STR_ARG(b->version));
		i += order <= 0;
		k += order >= 0;
	}
}

static int refresh(struct str place, int store, const struct lock *old)
{
	struct resolve_options o = { .release = old->release,
				     .variant = old->variant,
				     .arch = old->arch.p,
				     .includes = old->includes.v,
				     .include_count = old->includes.n,
				     .store = store };
	struct lock fresh;
	char name[128];
	int r = image_lock_make(&o, &fresh);

	if (r)
		return r;
	lock_name(old, name, sizeof(name));
	if (lock_same_packages(old, &fresh)) {
		printf("%s is up to date\n", name);
	} else {
		tell_packages(old, &fresh);
		r = tell_vulnerabilities(old, &fresh);
		if (r == 0)
			r = arg_check ? EXIT_FINDINGS : image_build_lock(&fresh, store, place);
	}
	lock_done(&fresh);
	return r;
}

int image_refresh_run(const struct invocation *in)
{
	auto_close int store = -1;
	char name[NAME_BYTES];
	struct lock old;
	int r;

	sha256_setup();
	snprintf(name, sizeof(name), STR_FMT "/" IMAGE_LOCK_NAME, STR_ARG(str_head(in->args.v[0], 4096)));
	r = image_lock_read(name, &old);
	if (r)
		return r;
	r = image_store(&store);
	if (r == 0)
		r = refresh(in->args.v[0], store, &old);
	lock_done(&old);
	return r;
}
