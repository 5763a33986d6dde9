/* table: the analyzers, one row each, and the question which of them want a file. */
#include "inventory/readers.h"

#include "base/map.h"
#include "base/path.h"
#include "inventory/apk.h"
#include "inventory/dpkg.h"
#include "inventory/osrelease.h"
#include "inventory/pacman.h"
#include "inventory/redhat_content.h"
#include "inventory/rpm.h"

#define KIB 1024ull
#define MIB (1024 * KIB)

/* size_max: the largest real ones seen are far below; what is larger is a mistake or an attack, and is reported. */
const struct analyzer analyzers[] = {
	/* Installed language packages. The executable's size hardly matters: only headers and two sections are held. */
	{ .name = "executable",
	  .version = 2,
	  .language = true,
	  .executables = true,
	  .size_max = 8192 * MIB,
	  .held_max = 24 * MIB,
	  .read = executable_read },
	{ .name = "jar",
	  .version = 5,
	  .language = true,
	  .patterns = { "*.jar", "*.war", "*.ear", "*.par", "*.sar", "*.nar", "*.jpi", "*.hpi", "*.lpkg", "*.kar" },
	  .size_max = 512 * MIB,
	  .held_max = 512 * MIB,
	  .read = jar_read },
	{ .name = "npm",
	  .version = 1,
	  .language = true,
	  .patterns = { "**/node_modules/**/package.json" },
	  .size_max = 4 * MIB,
	  .held_max = 4 * MIB,
	  .read = npm_read },
	{ .name = "python",
	  .version = 1,
	  .language = true,
	  .patterns = { "**/*.dist-info/METADATA", "*.egg-info", "**/*.egg-info/PKG-INFO", "**/EGG-INFO/PKG-INFO" },
	  .size_max = 16 * MIB,
	  .held_max = 16 * MIB,
	  .read = python_read },
	{ .name = "egg",
	  .version = 1,
	  .language = true,
	  .patterns = { "*.egg" },
	  .size_max = 128 * MIB,
	  .held_max = 128 * MIB,
	  .read = egg_read },
	{ .name = "gem",
	  .version = 1,
	  .language = true,
	  .patterns = { "**/specifications/*.gemspec", "**/specifications/default/*.gemspec" },
	  .size_max = 4 * MIB,
	  .held_max = 4 * MIB,
	  .read = gem_read },
	{ .name = "composer",
	  .version = 1,
	  .language = true,
	  .patterns = { "**/composer/installed.json" },
	  .size_max = 64 * MIB,
	  .held_max = 64 * MIB,
	  .read = composer_read },
	{ .name = "dotnet",
	  .version = 2,
	  .language = true,
	  .patterns = { "*.deps.json" },
	  .size_max = 64 * MIB,
	  .held_max = 64 * MIB,
	  .read = dotnet_read },

	/* Operating system. Real sizes: status 1 MB, a .list 100 kB (3 MB for kernel sources), rpm databases 10 to 300
	   MB. */
	{ .name = "os-release",
	  .version = 1,
	  .patterns = { "/etc/os-release", "/usr/lib/os-release", "/etc/lsb-release", "/etc/debian_version",
			"/etc/alpine-release", "/etc/arch-release", "/etc/SuSE-release", "/etc/photon-release",
			"/etc/mariner-release", "/etc/azurelinux-release" },
	  .size_max = 64 * KIB,
	  .held_max = 64 * KIB,
	  .read = osrelease_read },
	{ .name = "redhat-release",
	  .version = 1,
	  .patterns = { "/etc/redhat-release", "/etc/centos-release", "/etc/system-release", "/etc/oracle-release",
			"/etc/rocky-release", "/etc/almalinux-release", "/etc/fedora-release" },
	  .size_max = 64 * KIB,
	  .held_max = 64 * KIB,
	  .read = osrelease_read },
	{ .name = "dpkg",
	  .version = 1,
	  .patterns = { "/var/lib/dpkg/status", "/var/lib/dpkg/status.d/*" },
	  .size_max = 128 * MIB,
	  .held_max = 128 * MIB,
	  .read = dpkg_status_read },
	{ .name = "dpkg-files",
	  .version = 1,
	  .patterns = { "/var/lib/dpkg/info/*.list" },
	  .size_max = 64 * MIB,
	  .held_max = 64 * MIB,
	  .read = dpkg_list_read },
	{ .name = "apk",
	  .version = 1,
	  .patterns = { "/lib/apk/db/installed", "/usr/lib/apk/db/installed" },
	  .size_max = 128 * MIB,
	  .held_max = 128 * MIB,
	  .read = apk_installed_read },
	{ .name = "apk-repositories",
	  .version = 1,
	  .patterns = { "/etc/apk/repositories", "/etc/apk/repositories.d/*.list" },
	  .size_max = 1 * MIB,
	  .held_max = 1 * MIB,
	  .read = apk_repositories_read },
	{ .name = "rpm",
	  .version = 1,
	  .patterns = { "/var/lib/rpm/Packages", "/var/lib/rpm/Packages.db", "/var/lib/rpm/rpmdb.sqlite",
			"/var/lib/rpm/rpmdb.sqlite-wal", "/usr/lib/sysimage/rpm/Packages",
			"/usr/lib/sysimage/rpm/Packages.db", "/usr/lib/sysimage/rpm/rpmdb.sqlite",
			"/usr/lib/sysimage/rpm/rpmdb.sqlite-wal", "/usr/share/rpm/Packages",
			"/usr/share/rpm/Packages.db", "/usr/share/rpm/rpmdb.sqlite",
			"/usr/share/rpm/rpmdb.sqlite-wal" },
	  .size_max = 1024 * MIB,
	  .held_max = 1024 * MIB,
	  .read = rpm_database_read },
	{ .name = "redhat-content",
	  .version = 2,
	  .patterns = { "/root/buildinfo/content_manifests/*.json", "/root/buildinfo/content-sets.json",
			"/usr/share/buildinfo/content_manifests/*.json", "/usr/share/buildinfo/content-sets.json" },
	  .size_max = 4 * MIB,
	  .held_max = 4 * MIB,
	  .read = redhat_content_read },
	{ .name = "redhat-repo",
	  .version = 1,
	  .patterns = { "/etc/yum.repos.d/redhat.repo" },
	  .size_max = 4 * MIB,
	  .held_max = 4 * MIB,
	  .read = redhat_repo_read },
	{ .name = "rpm-manifest",
	  .version = 1,
	  .patterns = { "/var/lib/rpmmanifest/container-manifest-2" },
	  .size_max = 64 * MIB,
	  .held_max = 64 * MIB,
	  .read = rpm_manifest_read },
	{ .name = "pacman",
	  .version = 1,
	  .patterns = { "/var/lib/pacman/local/*/desc" },
	  .size_max = 4 * MIB,
	  .held_max = 4 * MIB,
	  .read = pacman_desc_read },
	{ .name = "pacman-files",
	  .version = 1,
	  .patterns = { "/var/lib/pacman/local/*/files" },
	  .size_max = 64 * MIB,
	  .held_max = 64 * MIB,
	  .read = pacman_files_read },
};
const size_t analyzer_count = ARRAY_LEN(analyzers);

/* Patterns by what a path is looked up by first: its file name, its endings, its first part. Most paths of an image
 * are in no bucket, so the cost is a few look-ups of short texts. Built at the first question, from the table alone. */
#define ENDING_DOTS_MAX 3

enum key { KEY_NAME, KEY_ENDING, KEY_FIRST_PART, KEY_COUNT };

struct row {
	struct str pattern; /* to be tried with str_glob(); empty: the key decides alone */
	bool anywhere;	    /* of "**" "/": tried on the whole path without these, too */
	unsigned int analyzer;
};

struct bucket {
	VEC(struct row) rows;
};

#define SHAPES 1024 /* of texts, by length, first and last byte: most are no key's, and need no look-up */

static struct {
	bool ready;
	struct map keys[KEY_COUNT]; /* text -> index into buckets */
	bool shapes[KEY_COUNT][SHAPES];
	VEC(struct bucket) buckets;
	struct map links; /* every path on the way to a fixed path, itself included */
} index_;

static const struct str anywhere = { "**/", 3 };

static bool has_star(struct str s)
{
	return str_find(s, '*') >= 0 || str_find(s, '?') >= 0;
}

static bool is_ending(struct str last)
{
	ptrdiff_t dots = 0;

	for (size_t i = 1; i < last.n; i++)
		dots += last.p[i] == '.';
	return str_starts(last, STR("*.")) && !has_star(str_from(last, 1)) && dots <= ENDING_DOTS_MAX;
}

bool analyzer_pattern_ok(struct str pattern)
{
	if (!pattern.n || str_ends(pattern, STR("/")))
		return false;
	if (pattern.p[0] == '/')
		return pattern.n > 1 && pattern.p[1] != '/' && pattern.p[1] != '*';
	if (str_starts(pattern, anywhere))
		return !has_star(path_base(pattern)) || is_ending(path_base(pattern));
	return str_find(pattern, '/') < 0 && (is_ending(pattern) || !has_star(pattern));
}

static struct str first_part(struct str path)
{
	ptrdiff_t slash = str_find(path, '/');

	return slash < 0 ? path : str_head(path, (size_t)slash);
}

static unsigned int shape_of(struct str text)
{
	if (!text.n)
		return 0;
	return ((unsigned char)text.p[0] * 31u + (unsigned char)text.p[text.n - 1] * 7u + (unsigned int)text.n) %
	       SHAPES;
}

static void index_row(enum key key, struct str text, struct row row)
{
	bool added;
	uint32_t at = *map_put(&index_.keys[key], text, (uint32_t)index_.buckets.n, &added);

	if (added)
		vec_add(&index_.buckets);
	vec_push(&index_.buckets.v[at].rows, row);
	index_.shapes[key][shape_of(text)] = true;
}

static void index_links(struct str path)
{
	ptrdiff_t star = str_find(path, '*');

	if (star >= 0)
		path = path_dir(str_head(path, (size_t)star));
	for (; path.n; path = path_dir(path))
		map_put(&index_.links, path, 1, NULL);
}

static void index_pattern(struct str pattern, unsigned int analyzer)
{
	struct row row = { .analyzer = analyzer };
	struct str last = path_base(pattern);

	if (pattern.p[0] == '/') {
		row.pattern = str_from(pattern, 1);
		index_links(row.pattern);
	} else if (str_starts(pattern, anywhere)) {
		row.pattern = pattern;
		row.anywhere = true;
	}
	if (!has_star(last))
		index_row(KEY_NAME, last, row);
	else if (is_ending(last))
		index_row(KEY_ENDING, str_from(last, 1), row);
	else
		index_row(KEY_FIRST_PART, first_part(row.pattern), row);
}

static void index_build(void)
{
	for (unsigned int i = 0; i < analyzer_count; i++)
		for (size_t k = 0; k < ANALYZER_PATTERNS_MAX && analyzers[i].patterns[k]; k++)
			index_pattern(str_c(analyzers[i].patterns[k]), i);
	index_.ready = true;
}

static bool row_fits(const struct row *row, struct str path)
{
	if (!row->pattern.n || str_glob(row->pattern, path))
		return true;
	return row->anywhere && str_glob(str_from(row->pattern, anywhere.n), path);
}

static uint64_t bits_of(enum key key, struct str text, struct str path)
{
	const struct bucket *b;
	const uint32_t *at;
	uint64_t bits = 0;

	if (!index_.shapes[key][shape_of(text)])
		return 0;
	at = map_get(&index_.keys[key], text);
	if (!at)
		return 0;
	b = &index_.buckets.v[*at];
	for (size_t i = 0; i < b->rows.n; i++)
		if (!(bits >> b->rows.v[i].analyzer & 1) && row_fits(&b->rows.v[i], path))
			bits |= 1ull << b->rows.v[i].analyzer;
	return bits;
}

uint64_t analyzers_for_path(struct str path)
{
	struct str base = path_base(path);
	uint64_t bits;
	unsigned int dots = 0;

	if (!index_.ready)
		index_build();
	bits = bits_of(KEY_NAME, base, path);
	for (size_t at = base.n; at-- > 0 && dots < ENDING_DOTS_MAX;) {
		if (base.p[at] != '.')
			continue;
		bits |= bits_of(KEY_ENDING, str_from(base, at), path);
		dots++;
	}
	if (index_.keys[KEY_FIRST_PART].n)
		bits |= bits_of(KEY_FIRST_PART, first_part(path), path);
	return bits;
}

bool analyzers_care_for_link(struct str path)
{
	if (!index_.ready)
		index_build();
	return map_get(&index_.links, path);
}
