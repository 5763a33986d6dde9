/* osrelease: release files. See osrelease.h. */
#include "inventory/osrelease.h"

#include "base/path.h"
#include "inventory/evidence.h"

#define VALUE_BYTES_MAX 1024 /* one value; os-release(5) names none; the longest in use are URLs of 100 */
#define LINES_MAX 4096	     /* lines looked at in one file */

/* A value as a POSIX shell would see it (os-release(5)): "..." with \-escapes, '...' without, or bare. */
static struct str unquote(struct str v, char out[VALUE_BYTES_MAX])
{
	char quote = v.n && (v.p[0] == '"' || v.p[0] == '\'') ? v.p[0] : 0;
	size_t n = 0;

	for (size_t i = quote != 0; i < v.n && n < VALUE_BYTES_MAX; i++) {
		if (v.p[i] == quote && quote)
			break;
		if (v.p[i] == '\\' && quote != '\'' && i + 1 < v.n)
			i++;
		out[n++] = v.p[i];
	}
	return str_n(out, n);
}

struct wanted_key {
	const char *key;
	struct str *to;
	bool lower;
};

/* Fills the wanted keys from KEY=value lines; the last assignment counts, as in a shell. */
static void read_assignments(struct str text, struct arena *a, const struct wanted_key *want, size_t want_count)
{
	char out[VALUE_BYTES_MAX];
	size_t lines = 0;

	for (struct str line, key, value; lines < LINES_MAX && str_cut(&text, '\n', &line); lines++) {
		if (!str_split(str_trim(line), '=', &key, &value))
			continue;
		key = str_trim(key);
		for (size_t i = 0; i < want_count; i++) {
			if (!str_is(key, want[i].key))
				continue;
			value = unquote(str_trim(value), out);
			for (size_t k = 0; want[i].lower && k < value.n; k++)
				out[k] = to_lower(out[k]);
			*want[i].to = arena_str(a, value);
		}
	}
}

static void read_os_release(struct str text, struct arena *a, struct release *r)
{
	struct str pretty = STR_NONE;
	const struct wanted_key want[] = {
		{ "ID", &r->id, true },
		{ "ID_LIKE", &r->id_like, true },
		{ "VERSION_ID", &r->version_id, false },
		{ "VERSION_CODENAME", &r->codename, true },
		{ "NAME", &r->name, false },
		{ "PRETTY_NAME", &pretty, false },
	};

	read_assignments(text, a, want, ARRAY_LEN(want));
	if (pretty.n)
		r->name = pretty;
}

static void read_lsb_release(struct str text, struct arena *a, struct release *r)
{
	const struct wanted_key want[] = {
		{ "DISTRIB_ID", &r->id, true },
		{ "DISTRIB_RELEASE", &r->version_id, false },
		{ "DISTRIB_CODENAME", &r->codename, true },
		{ "DISTRIB_DESCRIPTION", &r->name, false },
	};

	read_assignments(text, a, want, ARRAY_LEN(want));
}

static struct str first_line(struct str text)
{
	struct str line = STR_NONE;

	str_cut(&text, '\n', &line);
	return str_head(str_trim(line), VALUE_BYTES_MAX);
}

/* "12.4", or "trixie/sid" while it is not released. */
static void read_debian_version(struct str text, struct arena *a unused_arg, struct release *r)
{
	struct str line = first_line(text);

	r->id = STR("debian");
	if (line.n && is_digit(line.p[0]))
		r->version_id = line;
	else
		r->codename = line;
}

static void read_alpine_release(struct str text, struct arena *a unused_arg, struct release *r)
{
	r->id = STR("alpine");
	r->version_id = first_line(text);
}

/* The file is empty; that it is there says it. */
static void read_arch_release(struct str text, struct arena *a unused_arg, struct release *r)
{
	r->id = STR("arch");
	r->name = first_line(text);
}

/* How the text of the one-line files begins, the longer before the shorter. The version is the first word behind that
 * begins with a digit. */
static const struct {
	const char *head, *id;
} release_heads[] = {
	{ "Red Hat Enterprise Linux", "rhel" },
	{ "CentOS", "centos" },
	{ "Rocky Linux", "rocky" },
	{ "AlmaLinux", "almalinux" },
	{ "Oracle Linux", "ol" },
	{ "Amazon Linux", "amzn" },
	{ "Fedora", "fedora" },
	{ "SUSE Linux Enterprise Desktop", "sled" },
	{ "SUSE Linux Enterprise", "sles" },
	{ "openSUSE Leap", "opensuse-leap" },
	{ "openSUSE Tumbleweed", "opensuse-tumbleweed" },
	{ "openSUSE", "opensuse" },
	{ "VMware Photon", "photon" },
	{ "Mariner", "mariner" },
	{ "CBL-Mariner", "mariner" },
	{ "Microsoft Azure Linux", "azurelinux" },
	{ "Azure Linux", "azurelinux" },
};

static struct str first_number(struct str line)
{
	for (struct str word; str_cut(&line, ' ', &word);)
		if (word.n && is_digit(word.p[0]))
			return word;
	return STR_NONE;
}

static void read_one_line(struct str text, struct arena *a unused_arg, struct release *r)
{
	r->name = first_line(text);
	for (size_t i = 0; i < ARRAY_LEN(release_heads); i++) {
		if (!str_starts(r->name, str_c(release_heads[i].head)))
			continue;
		r->id = str_c(release_heads[i].id);
		r->version_id = first_number(str_from(r->name, strlen(release_heads[i].head)));
		return;
	}
}

/* "VERSION = 11" and "PATCHLEVEL = 4" below the line that names it. */
static void read_suse_release(struct str text, struct arena *a, struct release *r)
{
	struct str version = STR_NONE, level = STR_NONE;
	const struct wanted_key want[] = { { "VERSION", &version, false }, { "PATCHLEVEL", &level, false } };

	read_one_line(text, a, r);
	read_assignments(text, a, want, ARRAY_LEN(want));
	if (version.n && level.n && !str_is(level, "0"))
		r->version_id = arena_fmt(a, STR_FMT "." STR_FMT, STR_ARG(version), STR_ARG(level));
	else if (version.n)
		r->version_id = version;
}

/* By file name; what is not here is a one-line file. */
static const struct {
	const char *name;
	void (*read)(struct str text, struct arena *a, struct release *r);
} readers[] = {
	{ "os-release", read_os_release },	   { "lsb-release", read_lsb_release },
	{ "debian_version", read_debian_version }, { "alpine-release", read_alpine_release },
	{ "arch-release", read_arch_release },	   { "SuSE-release", read_suse_release },
};

int osrelease_read(struct file *f, struct facts *ret, struct err *e)
{
	struct release release = { 0 };
	auto_arena struct arena a = { 0 };
	struct str text, base = path_base(f->path);
	size_t i = 0;
	int r = evidence_text(f, &text, e);

	if (r < 0)
		return r;
	while (i < ARRAY_LEN(readers) && !str_is(base, readers[i].name))
		i++;
	(i < ARRAY_LEN(readers) ? readers[i].read : read_one_line)(text, &a, &release);
	facts_release(ret, &release);
	return 0;
}
