/* texts: what tells where each byte of the image comes from: lock.json, provenance.json, sbom.spdx.json, report.json.
 * See part.h. */
#include <fcntl.h>
#include <gnu/libc-version.h>

#include "base/date.h"
#include "base/json.h"
#include "codec/sha256.h"
#include "host/kernel.h"
#include "node/baseline.h"
#include "node/build/commit.h"
#include "node/build/part.h"

#define SYSCTL_TEXT_MAX (256u << 10)
#define LOCK_TEXT_MAX (16u << 20) /* bytes of a lock.json */

static void text(struct json_out *w, const char *key, const char *value)
{
	json_out_key_str(w, key, str_c(value));
}

static void number(struct json_out *w, const char *key, uint64_t v)
{
	json_out_key_u64(w, key, v);
}

static void hex(struct json_out *w, const char *key, const struct digest *d)
{
	char z[DIGEST_TEXT_MAX];

	text(w, key, digest_text(d, z) + sizeof("sha256:") - 1);
}

static int finish(struct build *b, const char *name, struct out *o, struct err *e)
{
	int r;

	out_str(o, STR("\n"));
	r = part_write(b, name, buf_all(&o->b), e);
	buf_done(&o->b);
	return r;
}

/* ---- lock.json (docs/formats/node-lock.md) ---- */

static void write_lock(struct build *b, struct json_out *w)
{
	json_out_object(w);
	number(w, "version", 1);
	text(w, "name", b->spec.name);
	text(w, "release", b->spec.release);
	number(w, "time", b->time);
	json_out_key_array(w, "inputs");
	for (size_t i = 0; i < b->inputs.n; i++) {
		const struct input *in = &b->inputs.v[i];

		json_out_object(w);
		text(w, "kind", in->kind);
		text(w, "name", in->name);
		json_out_key_opt(w, "version", str_c(in->version));
		hex(w, "sha256", &in->digest);
		number(w, "size", in->size);
		json_out_end_object(w);
	}
	json_out_end_array(w);
	json_out_end_object(w);
}

/* The first line of the lock given that is not in the one of this build. */
static int compare_lock(struct build *b, struct err *e)
{
	auto_buf struct buf old = { 0 }, new = { 0 };
	struct str x, y, line, other;
	int r = b->o->lock ? file_read(AT_FDCWD, b->o->lock, LOCK_TEXT_MAX, &old, e) : 0;

	if (r < 0 || !b->o->lock)
		return r < 0 ? err_wrap(e, r, "%s", b->o->lock) : 0;
	r = file_read(b->part_fd, "lock.json", LOCK_TEXT_MAX, &new, e);
	if (r < 0 || str_eq(buf_all(&old), buf_all(&new)))
		return r < 0 ? r : 0;
	x = buf_all(&old);
	y = buf_all(&new);
	while (str_cut(&x, '\n', &line) && str_cut(&y, '\n', &other) && str_eq(line, other))
		;
	return err_set(e, -EBADMSG, "%s: other inputs: " STR_FMT " is here " STR_FMT, b->o->lock,
		       STR_ARG(str_head(str_trim(line), 120)), STR_ARG(str_head(str_trim(other), 120)));
}

/* ---- provenance.json ---- */

static void write_origin(struct json_out *w, const struct origin *o)
{
	json_out_key_object(w, "from");
	text(w, "kind", o->kind);
	text(w, "name", o->name);
	json_out_key_opt(w, "version", str_c(o->version));
	json_out_key_opt(w, "maintainer", str_c(o->maintainer));
	json_out_key_opt(w, "archive", str_c(o->archive));
	if (strcmp(o->kind, "yagura") == 0)
		text(w, "commit", YAGURA_COMMIT);
	json_out_end_object(w);
}

static void write_provenance(struct build *b, struct json_out *w)
{
	char mode[8];

	json_out_object(w);
	number(w, "version", 1);
	json_out_key_array(w, "files");
	for (size_t i = 0; i < b->files.n; i++) {
		const struct root_file *f = &b->files.v[i];

		json_out_object(w);
		json_out_key_str(w, "path", arena_fmt(&b->arena, "/" STR_FMT, STR_ARG(f->path)));
		text(w, "type", f->directory ? "directory" : f->link.p ? "link" : "file");
		snprintf(mode, sizeof(mode), "%04o", f->mode);
		text(w, "mode", mode);
		json_out_key_opt(w, "target", f->link);
		if (f->digest.set) {
			hex(w, "sha256", &f->digest);
			number(w, "size", f->bytes.n);
		}
		write_origin(w, &f->origin);
		json_out_end_object(w);
	}
	json_out_end_array(w);
	json_out_end_object(w);
}

/* ---- sbom.spdx.json (SPDX 2.3) ---- */

static void spdx_package(struct json_out *w, const char *id, const char *name, const char *version,
			 const char *supplier, const char *purl)
{
	json_out_object(w);
	text(w, "SPDXID", id);
	text(w, "name", name);
	text(w, "versionInfo", version);
	text(w, "supplier", supplier);
	text(w, "downloadLocation", "NOASSERTION");
	text(w, "licenseConcluded", "NOASSERTION");
	text(w, "licenseDeclared", "NOASSERTION");
	text(w, "copyrightText", "NOASSERTION");
	json_out_key_bool(w, "filesAnalyzed", false);
	if (*purl) {
		json_out_key_array(w, "externalRefs");
		json_out_object(w);
		text(w, "referenceCategory", "PACKAGE-MANAGER");
		text(w, "referenceType", "purl");
		text(w, "referenceLocator", purl);
		json_out_end_object(w);
		json_out_end_array(w);
	}
	json_out_end_object(w);
}

static void spdx_relation(struct json_out *w, const char *from, const char *kind, const char *to)
{
	json_out_object(w);
	text(w, "spdxElementId", from);
	text(w, "relationshipType", kind);
	text(w, "relatedSpdxElement", to);
	json_out_end_object(w);
}

#define ID(format, ...) arena_fmt(&b->arena, format, __VA_ARGS__).p

static void spdx_packages(struct build *b, struct json_out *w)
{
	const char *debian = "Organization: Debian";

	json_out_key_array(w, "packages");
	spdx_package(w, "SPDXRef-image", b->spec.name, b->spec.release, "NOASSERTION", "");
	spdx_package(w, "SPDXRef-yagura", "yagura", YAGURA_VERSION, "NOASSERTION",
		     ID("pkg:generic/yagura@%s?vcs_commit=%s", YAGURA_VERSION, YAGURA_COMMIT));
	spdx_package(w, "SPDXRef-kernel", "linux-source-6.12", b->kernel.version, debian,
		     ID("pkg:deb/debian/linux-source-6.12@%s?arch=all", b->kernel.version));
	/* What our static programs have in them. */
	spdx_package(w, "SPDXRef-libc", "glibc", gnu_get_libc_version(), debian,
		     ID("pkg:generic/glibc@%s", gnu_get_libc_version()));
	spdx_package(w, "SPDXRef-libseccomp", "libseccomp", YAGURA_LIBSECCOMP, debian,
		     ID("pkg:generic/libseccomp@%s", YAGURA_LIBSECCOMP));
	for (size_t i = 0; i < b->packages.n; i++)
		spdx_package(w, ID("SPDXRef-package-%zu", i), b->packages.v[i].name, b->packages.v[i].version,
			     ID("Person: %s", b->packages.v[i].maintainer),
			     ID("pkg:deb/debian/%s@%s?arch=%s", b->packages.v[i].name, b->packages.v[i].version,
				b->packages.v[i].arch));
	json_out_end_array(w);
}

static void spdx_files(struct build *b, struct json_out *w)
{
	json_out_key_array(w, "files");
	for (size_t i = 0; i < b->files.n; i++) {
		const struct root_file *f = &b->files.v[i];

		if (!f->digest.set)
			continue;
		json_out_object(w);
		text(w, "SPDXID", ID("SPDXRef-file-%zu", i));
		text(w, "fileName", ID("./" STR_FMT, STR_ARG(f->path)));
		json_out_key_array(w, "checksums");
		json_out_object(w);
		text(w, "algorithm", "SHA256");
		hex(w, "checksumValue", &f->digest);
		json_out_end_object(w);
		json_out_end_array(w);
		text(w, "licenseConcluded", "NOASSERTION");
		text(w, "copyrightText", "NOASSERTION");
		json_out_end_object(w);
	}
	json_out_end_array(w);
}

static const char *owner_of(struct build *b, const struct root_file *f)
{
	for (size_t i = 0; i < b->packages.n; i++)
		if (strcmp(f->origin.kind, "package") == 0 && strcmp(f->origin.name, b->packages.v[i].name) == 0)
			return ID("SPDXRef-package-%zu", i);
	return strcmp(f->origin.kind, "yagura") == 0 ? "SPDXRef-yagura" : "SPDXRef-image";
}

static void spdx_relations(struct build *b, struct json_out *w)
{
	json_out_key_array(w, "relationships");
	spdx_relation(w, "SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-image");
	spdx_relation(w, "SPDXRef-image", "CONTAINS", "SPDXRef-yagura");
	spdx_relation(w, "SPDXRef-image", "CONTAINS", "SPDXRef-kernel");
	spdx_relation(w, "SPDXRef-yagura", "STATIC_LINK", "SPDXRef-libc");
	spdx_relation(w, "SPDXRef-yagura", "STATIC_LINK", "SPDXRef-libseccomp");
	for (size_t i = 0; i < b->packages.n; i++)
		spdx_relation(w, "SPDXRef-image", "CONTAINS", ID("SPDXRef-package-%zu", i));
	for (size_t i = 0; i < b->files.n; i++)
		if (b->files.v[i].digest.set)
			spdx_relation(w, owner_of(b, &b->files.v[i]), "CONTAINS", ID("SPDXRef-file-%zu", i));
	json_out_end_array(w);
}

static void write_sbom(struct build *b, struct json_out *w)
{
	char date[DATE_TEXT_MAX], root[DIGEST_TEXT_MAX];

	json_out_object(w);
	text(w, "spdxVersion", "SPDX-2.3");
	text(w, "dataLicense", "CC0-1.0");
	text(w, "SPDXID", "SPDXRef-DOCUMENT");
	text(w, "name", ID("%s-%s", b->spec.name, b->spec.release));
	text(w, "documentNamespace", ID("urn:yagura:node:%s", digest_text(&b->root.hash, root)));
	json_out_key_object(w, "creationInfo");
	text(w, "created", date_time_text(b->time, date));
	json_out_key_array(w, "creators");
	json_out_str(w, STR("Tool: yagura-" YAGURA_VERSION));
	json_out_end_array(w);
	json_out_end_object(w);
	spdx_packages(b, w);
	spdx_files(b, w);
	spdx_relations(b, w);
	json_out_end_object(w);
}

/* ---- report.json: attack surface and hardening score ---- */

static void count_options(struct build *b)
{
	struct str rest = b->kernel.config;

	for (struct str line; str_cut(&rest, '\n', &line);) {
		b->report->options_y += str_ends(line, STR("=y"));
		b->report->options_m += str_ends(line, STR("=m"));
	}
}

static void count_files(struct build *b)
{
	struct node_build_report *r = b->report;

	for (size_t i = 0; i < b->files.n; i++) {
		r->files += b->files.v[i].digest.set;
		r->elf_files += b->files.v[i].elf;
		r->setuid_files += (b->files.v[i].mode & 06000) != 0;
	}
	r->listening = (b->spec.agent.vsock != 0) + (b->spec.agent.tcp != 0) + (unsigned int)b->spec.firewall_count;
	r->packages = (unsigned int)b->packages.n;
}

static struct str sysctl_text(struct build *b)
{
	auto_buf struct buf t;

	buf_init(&t, SYSCTL_TEXT_MAX);
	/* The agent is on every node that is built. */
	for (size_t i = 0; i < baseline_sysctl_count; i++)
		buf_fmt(&t, "%s = %s\n", baseline_sysctls[i].name, baseline_sysctl_value(&baseline_sysctls[i], true));
	for (size_t i = 0; i < b->spec.sysctl_count; i++)
		buf_fmt(&t, "%s = %s\n", b->spec.sysctl[i].key, b->spec.sysctl[i].value);
	return arena_str(&b->arena, buf_all(&t));
}

/* The same rules as `yagura audit kernel`. */
static int score(struct build *b, struct err *e)
{
	struct kernel_input in = { .config = b->kernel.config, .proc_sys = -1 };
	struct audit alone = { 0 }, together = { 0 };
	int r = kernel_audit(&in, &alone, e);

	in.cmdline = str_c(b->cmdline);
	in.sysctl = sysctl_text(b);
	r = r < 0 ? r : kernel_audit(&in, &together, e);
	b->report->kernel = check_count(&alone, "kernel build", 2);
	b->report->together = check_count(&together, NULL, 2);
	audit_done(&alone);
	audit_done(&together);
	return r;
}

static void write_score(struct json_out *w, const char *key, const struct check_counts *c)
{
	json_out_key_object(w, key);
	number(w, "ok", c->result[CHECK_PASS]);
	number(w, "fail", c->result[CHECK_FAIL]);
	json_out_end_object(w);
}

static void write_report(struct build *b, struct json_out *w)
{
	const struct node_build_report *r = b->report;

	json_out_object(w);
	number(w, "version", 1);
	number(w, "kernel_bytes", r->kernel_bytes);
	number(w, "root_bytes", r->root_bytes);
	number(w, "image_bytes", r->kernel_bytes + r->root_bytes);
	number(w, "files", r->files);
	number(w, "elf_files", r->elf_files);
	number(w, "setuid_files", r->setuid_files);
	number(w, "listening_sockets", r->listening);
	number(w, "apparmor_profiles", r->profiles);
	number(w, "packages", r->packages);
	number(w, "kernel_options", r->options_y);
	number(w, "kernel_modules", r->options_m);
	write_score(w, "score_kernel", &r->kernel);
	write_score(w, "score_together", &r->together);
	json_out_end_object(w);
}

int build_texts(struct build *b, struct err *e)
{
	static const struct {
		const char *name;
		void (*write)(struct build *b, struct json_out *w);
	} all[] = {
		{ "lock.json", write_lock },
		{ "provenance.json", write_provenance },
		{ "sbom.spdx.json", write_sbom },
		{ "report.json", write_report },
	};
	int r;

	count_options(b);
	count_files(b);
	r = score(b, e);
	for (size_t i = 0; i < ARRAY_LEN(all) && r == 0; i++) {
		struct json_out w;
		struct out o;

		out_init(&o, -1);
		json_out_init(&w, &o);
		all[i].write(b, &w);
		r = finish(b, all[i].name, &o, e);
	}
	return r < 0 ? r : compare_lock(b, e);
}
