/* evidence: runs the analyzer of a path over bytes, and writes its facts as text, a line each, for the unit tests of
 * inventory/. Also the output of a command, for oracles. */
#ifndef TESTS_EVIDENCE_H
#define TESTS_EVIDENCE_H

#include <fcntl.h>

#include "base/fd.h"
#include "inventory/analyzer.h"
#include "model/facts.h"
#include "tap.h"

#define EVIDENCE_BYTES_MAX (256u << 20)

typedef int evidence_read(struct file *f, struct facts *ret, struct err *e);

/* As the worker does it: asked again until everything wanted is there. */
static inline int evidence_run(evidence_read *read, const char *path, struct str bytes, struct facts *ret,
			       struct err *e)
{
	struct file f;
	int r;

	file_init(&f, str_c(path), bytes.n, 0644, EVIDENCE_BYTES_MAX);
	while ((r = read(&f, ret, e)) == -EAGAIN && file_wanted_from(&f) != UINT64_MAX)
		file_put(&f, 0, (const uint8_t *)bytes.p, bytes.n);
	file_done(&f);
	return r;
}

/* The columns of a package by letter: n(ame) v(ersion) a(rch) s(ource) S(ource version, as matched) m(odule)
 * V(endor) L(icense). */
static inline void evidence_package(struct buf *out, const struct package *p, const char *columns)
{
	for (const char *c = columns; *c; c++) {
		struct str v = *c == 'n'   ? p->name
			       : *c == 'v' ? p->version
			       : *c == 'a' ? p->arch
			       : *c == 's' ? package_source(p)
			       : *c == 'S' ? package_source_version(p)
			       : *c == 'm' ? p->module
			       : *c == 'V' ? p->vendor
					   : p->license;

		buf_fmt(out, "%s" STR_FMT, c == columns ? "" : "|", STR_ARG(v));
	}
	buf_char(out, '\n');
}

/* All facts, or with `packages_only` only the packages, without a word in front. */
static inline void facts_text(const struct facts *facts, const char *columns, bool packages_only, struct buf *out)
{
	struct rd r = rd_of(buf_all(&facts->b));
	struct err e = { 0 };
	struct fact f;
	int n;

	while ((n = facts_next(&r, &f, &e)) > 0) {
		if (f.kind == FACT_PACKAGE) {
			buf_str(out, packages_only ? STR("") : STR("package "));
			evidence_package(out, &f.package, columns);
		}
		if (packages_only)
			continue;
		if (f.kind == FACT_OWNS)
			buf_fmt(out, "owns " STR_FMT "|" STR_FMT "|%zu\n", STR_ARG(f.owns.package),
				STR_ARG(f.owns.arch), f.owns.hashes.n / 8);
		if (f.kind == FACT_RELEASE)
			buf_fmt(out, "release " STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT "\n", STR_ARG(f.release.id),
				STR_ARG(f.release.version_id), STR_ARG(f.release.codename), STR_ARG(f.release.name));
		if (f.kind == FACT_PROPERTY)
			buf_fmt(out, "property " STR_FMT "=" STR_FMT "\n", STR_ARG(f.property.key),
				STR_ARG(f.property.value));
		if (f.kind == FACT_NOTE)
			buf_fmt(out, "note " STR_FMT "\n", STR_ARG(f.note));
	}
	OK_ERR(n, &e);
}

/* One row of a test: what the analyzer says of a text, and how it ends. */
static inline void evidence_check(evidence_read *read, const char *path, const char *text, const char *columns,
				  int result, const char *want)
{
	auto_facts struct facts facts = { 0 };
	auto_buf struct buf got = { 0 };
	struct err e = { 0 };

	facts_init(&facts);
	buf_init(&got, EVIDENCE_BYTES_MAX);
	EQ_INT(evidence_run(read, path, str_c(text), &facts, &e), result);
	facts_text(&facts, columns, false, &got);
	EQ_STR(buf_all(&got), str_c(want));
}

static inline int evidence_line_cmp(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Compares two texts line by line, in any order; every line of either is looked at. */
static inline void evidence_same_lines(struct str got, struct str want)
{
	VEC(struct str) a = { 0 }, b = { 0 };

	for (struct str line; str_cut(&got, '\n', &line);)
		if (line.n)
			vec_push(&a, line);
	for (struct str line; str_cut(&want, '\n', &line);)
		if (line.n)
			vec_push(&b, line);
	if (a.n)
		qsort(a.v, a.n, sizeof(*a.v), evidence_line_cmp);
	if (b.n)
		qsort(b.v, b.n, sizeof(*b.v), evidence_line_cmp);
	EQ_INT(a.n, b.n);
	for (size_t i = 0; i < a.n && i < b.n; i++)
		if (!EQ_STR(a.v[i], b.v[i]))
			break;
	vec_done(&a);
	vec_done(&b);
}

/* What a shell command prints; false when it fails or prints nothing. */
static inline bool evidence_command(const char *command, struct buf *ret)
{
	FILE *p = popen(command, "r");
	char part[4096];

	buf_init(ret, EVIDENCE_BYTES_MAX);
	if (!p)
		return false;
	for (size_t n; (n = fread(part, 1, sizeof(part), p)) > 0;)
		buf_add(ret, part, n);
	return pclose(p) == 0 && ret->n > 0;
}

/* A path below ../shared, NULL (and the line is skipped) when it is not there. */
static inline const char *evidence_shared(const char *name, char path[4096])
{
	const char *shared = getenv("YAGURA_SHARED");
	int fd;

	snprintf(path, 4096, "%s/%s", shared ? shared : "", name);
	fd = shared ? fd_open(AT_FDCWD, path, 0) : -1;
	if (fd < 0) {
		tap_skip("../shared is not here");
		return NULL;
	}
	fd_close(&fd);
	return path;
}

#endif
