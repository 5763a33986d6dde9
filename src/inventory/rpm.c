/* rpm: databases and manifests. See rpm.h. */
#include "inventory/rpm.h"

#include "base/num.h"
#include "base/path.h"
#include "inventory/evidence.h"
#include "inventory/rpm_bdb.h"
#include "inventory/rpm_header.h"
#include "inventory/rpm_ndb.h"
#include "inventory/rpm_sqlite.h"

#define WAL_HEAD_BYTES 32  /* a log of that many holds no frame; https://www.sqlite.org/walformat.html */
#define EVR_BYTES_MAX 1024 /* epoch, version and release as one text */
#define MANIFEST_FIELDS 10

struct sink {
	struct facts *facts;
	struct owned_files owned;
};

/* "glibc-2.34-83.el9.src.rpm": name, and version-release as they are written there (without an epoch). */
static void split_source_rpm(struct str file, struct package *p)
{
	ptrdiff_t release, version;

	if (str_ends(file, STR(".rpm")))
		file.n -= 4;
	if (str_ends(file, STR(".src")) || str_ends(file, STR(".nosrc")))
		file.n = (size_t)str_rfind(file, '.');
	release = str_rfind(file, '-');
	version = release > 0 ? str_rfind(str_head(file, (size_t)release), '-') : -1;
	if (version <= 0)
		return; /* "(none)" */
	p->source = str_head(file, (size_t)version);
	p->source_version = str_from(file, (size_t)version + 1);
}

/* "nodejs:18:9020020230825:rhel9:x86_64" -> "nodejs:18" */
static struct str module_stream(struct str label)
{
	ptrdiff_t first = str_find(label, ':');
	ptrdiff_t second = first < 0 ? -1 : str_find(str_from(label, (size_t)first + 1), ':');

	return second < 0 ? label : str_head(label, (size_t)(first + 1 + second));
}

static void add_file(void *ctx, struct str dir, struct str base)
{
	struct sink *s = ctx;
	not_zeroed char path[PATH_BYTES_MAX];

	if (dir.n + base.n > sizeof(path)) {
		s->owned.bad++;
		return;
	}
	if (!dir.n) {
		owned_add(&s->owned, base);
		return;
	}
	memcpy(path, dir.p, dir.n);
	if (base.n)
		memcpy(path + dir.n, base.p, base.n);
	owned_add(&s->owned, str_n(path, dir.n + base.n));
}

static void put_package(struct sink *s, const struct rpm_header *h)
{
	struct package p = {
		.type = PKG_RPM, .name = h->name, .arch = h->arch, .vendor = h->vendor, .license = h->license
	};
	char evr[EVR_BYTES_MAX];
	int n;

	if (h->version.n + h->release.n > EVR_BYTES_MAX - 16) {
		facts_note(s->facts, "version of package \"" STR_FMT "\" is too long", STR_ARG(str_head(h->name, 100)));
		return;
	}
	if (h->has_epoch && h->epoch)
		n = snprintf(evr, sizeof(evr), "%u:" STR_FMT "-" STR_FMT, h->epoch, STR_ARG(h->version),
			     STR_ARG(h->release));
	else
		n = snprintf(evr, sizeof(evr), STR_FMT "-" STR_FMT, STR_ARG(h->version), STR_ARG(h->release));
	p.version = str_n(evr, (size_t)n);
	p.module = module_stream(h->module);
	split_source_rpm(h->source_rpm, &p);
	facts_package(s->facts, &p);
}

static void take_header(void *ctx, struct str blob)
{
	struct sink *s = ctx;
	struct rpm_header h;
	struct err e = { 0 };

	if (rpm_header_read(blob, &h, &e) < 0) {
		facts_note(s->facts, "%s", e.msg);
		return;
	}
	if (str_is(h.name, "gpg-pubkey"))
		return;
	put_package(s, &h);
	if (rpm_header_files(&h, s, add_file, &e) < 0)
		facts_note(s->facts, "files of package \"" STR_FMT "\": %s", STR_ARG(str_head(h.name, 100)), e.msg);
	owned_end(&s->owned, h.name, h.arch);
}

static void take_damage(void *ctx, const char *what, uint64_t where)
{
	struct sink *s = ctx;

	facts_note(s->facts, "%s %llu", what, (unsigned long long)where);
}

static const struct {
	bool (*probe)(struct str file);
	int (*read)(struct str file, const struct rpm_blobs *to, struct err *e);
} containers[] = {
	{ rpm_sqlite_probe, rpm_sqlite_read },
	{ rpm_ndb_probe, rpm_ndb_read },
	{ rpm_bdb_probe, rpm_bdb_read },
};

int rpm_database_read(struct file *f, struct facts *ret, struct err *e)
{
	struct sink s = { .facts = ret };
	const struct rpm_blobs to = { &s, take_header, take_damage };
	struct str file;
	int r;

	if (str_ends(f->path, STR("-wal"))) {
		if (f->size > WAL_HEAD_BYTES)
			facts_note(ret,
				   "write-ahead log of %llu bytes was not merged into the rpm database: "
				   "the newest changes may not be seen",
				   (unsigned long long)f->size);
		return 0;
	}
	r = evidence_text(f, &file, e);
	if (r < 0)
		return r;
	owned_init(&s.owned, ret, file.n);
	for (size_t i = 0; i < ARRAY_LEN(containers); i++)
		if (containers[i].probe(file))
			return containers[i].read(file, &to, e);
	return err_set(e, -ENOTSUP, "rpm database of unknown form");
}

/* name, version-release, install time, build time, vendor, epoch, size, arch, epoch as a number, source rpm:
 * the query Azure Linux writes its manifests with. */
static bool manifest_line(struct str line, struct rpm_header *ret)
{
	struct str field[MANIFEST_FIELDS] = { 0 };
	struct rpm_header h = { 0 };
	size_t n = 0;
	ptrdiff_t dash;

	while (n < MANIFEST_FIELDS && str_cut(&line, '\t', &field[n]))
		n++;
	dash = n == MANIFEST_FIELDS ? str_rfind(field[1], '-') : -1;
	if (dash <= 0 || !field[0].n)
		return false;
	h.name = field[0];
	h.version = str_head(field[1], (size_t)dash);
	h.release = str_from(field[1], (size_t)dash + 1);
	h.vendor = str_is(field[4], "(none)") ? STR_NONE : field[4];
	h.has_epoch = num_u32(field[8], &h.epoch);
	h.arch = field[7];
	h.source_rpm = field[9];
	*ret = h;
	return true;
}

int rpm_manifest_read(struct file *f, struct facts *ret, struct err *e)
{
	struct sink s = { .facts = ret };
	struct rpm_header h;
	struct str text;
	size_t number = 0;
	int r = evidence_text(f, &text, e);

	if (r < 0)
		return r;
	for (struct str line; str_cut(&text, '\n', &line);) {
		number++;
		line = str_trim(line);
		if (!line.n)
			continue;
		if (manifest_line(line, &h))
			put_package(&s, &h);
		else
			facts_note(ret, "line %zu is not of ten fields", number);
	}
	return 0;
}
