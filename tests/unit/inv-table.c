/* Unit tests of inventory/table: its rows are well-formed, and paths find the rows they should. */
#include "inventory/run.h"

#include <time.h>

#include "base/map.h"
#include "tap.h"

TEST(rows_are_well_formed)
{
	auto_map struct map names = { 0 };

	OK(analyzer_count <= 64);
	for (size_t i = 0; i < analyzer_count; i++) {
		const struct analyzer *a = &analyzers[i];
		bool fresh;

		row("%s", a->name);
		map_put(&names, str_c(a->name), 0, &fresh);
		OK(fresh);
		OK(a->version > 0);
		OK(a->read);
		OK(a->held_max && a->held_max <= a->size_max);
		OK(a->executables || a->patterns[0]);
		for (size_t k = 0; k < ANALYZER_PATTERNS_MAX && a->patterns[k]; k++)
			OK(analyzer_pattern_ok(str_c(a->patterns[k])));
	}
}

TEST(kinds_of_pattern)
{
	static const struct {
		const char *pattern;
		bool ok;
	} rows[] = {
		{ "/etc/os-release", true },
		{ "package.json", true },
		{ "*.jar", true },
		{ "*.deps.json", true },
		{ "*.a.b.c", true },
		{ "*.a.b.c.d", false },
		{ "/var/lib/dpkg/info/*.list", true },
		{ "**/*.dist-info/METADATA", true },
		{ "**/x/*.gemspec", true },
		{ "**/x/*", false },
		{ "", false },
		{ "/", false },
		{ "a/b", false },
		{ "jar*", false },
		{ "/*", false },
		{ "//x", false },
		{ "/etc/", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("'%s'", rows[i].pattern);
		EQ_INT(analyzer_pattern_ok(str_c(rows[i].pattern)), rows[i].ok);
	}
}

static const struct {
	const char *path, *analyzer; /* "" when nobody wants it */
} paths[] = {
	{ "usr/share/java/log4j-core-2.14.1.jar", "jar" },
	{ "opt/jenkins/plugins/git.hpi", "jar" },
	{ "app/lib.jar/x", "" },
	{ "app/x.jar.sha1", "" },
	{ "var/lib/dpkg/status", "dpkg" },
	{ "var/lib/dpkg/status.d/base-files", "dpkg" },
	{ "var/lib/dpkg/status-old", "" },
	{ "var/lib/dpkg/info/libc6:amd64.list", "dpkg-files" },
	{ "backup/var/lib/dpkg/status", "" },
	{ "lib/apk/db/installed", "apk" },
	{ "usr/lib/node_modules/npm/package.json", "npm" },
	{ "node_modules/a/package.json", "npm" },
	{ "app/node_modules/@babel/core/package.json", "npm" },
	{ "app/node_modules/a/node_modules/b/package.json", "npm" },
	{ "app/package.json", "" },
	{ "app/my_node_modules/a/package.json", "" },
	{ "app/node_modules/a/package-lock.json", "" },
	{ "usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA", "python" },
	{ "usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO", "python" },
	{ "usr/lib/python3/dist-packages/six-1.16.0.egg-info", "python" },
	{ "six-1.16.0.dist-info/METADATA", "python" },
	{ "opt/eggs/six-1.16.0-py3.9.egg/EGG-INFO/PKG-INFO", "python" },
	{ "EGG-INFO/PKG-INFO", "python" },
	{ "usr/lib/python3/dist-packages/six-1.16.0.dist-info/RECORD", "" },
	{ "usr/lib/python3/dist-packages/six-1.16.0.egg-info/top_level.txt", "" },
	{ "usr/lib/python3/dist-packages/a.dist-info/sub/METADATA", "" },
	{ "METADATA", "" },
	{ "PKG-INFO", "" },
	{ "usr/lib/python3.11/email/mime/text.py", "" },
	{ "var/lib/gems/3.1.0/specifications/rake-13.0.6.gemspec", "gem" },
	{ "usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec", "gem" },
	{ "specifications/a-1.gemspec", "gem" },
	{ "var/lib/gems/3.1.0/gems/rake-13.0.6/rake.gemspec", "" },
	{ "usr/lib/ruby/gems/3.1.0/specifications/other/json-2.6.1.gemspec", "" },
	{ "var/www/vendor/composer/installed.json", "composer" },
	{ "var/www/vendor/installed.json", "" },
	{ "vendor/composer/installed.php", "" },
	{ "app/App.deps.json", "dotnet" },
	{ "usr/share/dotnet/shared/Microsoft.NETCore.App/6.0.1/Microsoft.NETCore.App.deps.json", "dotnet" },
	{ ".deps.json", "dotnet" },
	{ "app/App.runtimeconfig.json", "" },
	{ "app/deps.json", "" },
	{ "app/App.deps.json.bak", "" },
	{ "etc/os-release", "os-release" },
	{ "usr/share/doc/etc/os-release", "" },
	{ "etc/rocky-release", "redhat-release" },
	{ "var/lib/dpkg/status", "dpkg" },
	{ "var/lib/dpkg/status-old", "" },
	{ "var/lib/dpkg/status.d/base-files.md5sums", "dpkg" },
	{ "var/lib/dpkg/info/libc6:amd64.list", "dpkg-files" },
	{ "var/lib/dpkg/info/libc6:amd64.md5sums", "" },
	{ "lib/apk/db/installed", "apk" },
	{ "usr/lib/apk/db/installed", "apk" },
	{ "etc/apk/repositories", "apk-repositories" },
	{ "var/lib/rpm/Packages", "rpm" },
	{ "usr/lib/sysimage/rpm/rpmdb.sqlite", "rpm" },
	{ "usr/share/rpm/rpmdb.sqlite-wal", "rpm" },
	{ "root/buildinfo/content_manifests/ubi9.json", "redhat-content" },
	{ "etc/yum.repos.d/redhat.repo", "redhat-repo" },
	{ "etc/yum.repos.d/ubi.repo", "" },
	{ "var/lib/rpmmanifest/container-manifest-2", "rpm-manifest" },
	{ "var/lib/pacman/local/bash-5.2-1/desc", "pacman" },
	{ "var/lib/pacman/local/bash-5.2-1/files", "pacman-files" },
	{ "var/lib/pacman/local/ALPM_DB_VERSION", "" },
	{ "usr/bin/bash", "" },
	{ "usr/share/doc/libc6/copyright", "" },
	{ "usr/share/zoneinfo/Europe/Berlin", "" },
	{ "usr/lib/x86_64-linux-gnu/libc.so.6", "" },
	{ "usr/share/locale/de/LC_MESSAGES/bash.mo", "" },
	{ "usr/share/man/man1/ls.1.gz", "" },
	{ "etc/passwd", "" },
	{ "a", "" },
	{ "a.", "" },
	{ ".", "" },
	{ "...", "" },
	{ "a.b.c.d.e.f", "" },
	{ "dir.jar/file", "" },
	{ "usr/share/perl/5.36.0/unicore/lib/Sc/Arab.pl", "" },
	{ "usr/include/linux/netfilter/xt_string.h", "" },
	{ "usr/lib/modules/6.1.0/kernel/fs/ext4/ext4.ko", "" },
	{ "home/user/.cache/pip/http/1/2/3/4", "" },
	{ "usr/lib/python3/dist-packages/__pycache__/six.cpython-311.pyc", "" },
	{ "root/.bashrc", "" },
};

TEST(paths_find_their_rows)
{
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		uint64_t want = paths[i].analyzer[0] ? 1ull << analyzer_named(str_c(paths[i].analyzer)) : 0;

		row("%s", paths[i].path);
		EQ_INT(analyzers_for_path(str_c(paths[i].path)), want);
	}
}

TEST(links_on_the_way)
{
	OK(analyzers_care_for_link(STR("etc/os-release")));
	OK(analyzers_care_for_link(STR("var/lib/dpkg/info")));
	OK(analyzers_care_for_link(STR("var/lib/rpm")));
	OK(analyzers_care_for_link(STR("lib")));
	OK(!analyzers_care_for_link(STR("usr/bin/vi")));
	OK(!analyzers_care_for_link(STR("")));
}

TEST(cost)
{
	struct timespec a, b;
	unsigned int rounds = 4000;
	uint64_t bits = 0;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (unsigned int k = 0; k < rounds; k++)
		for (size_t i = 0; i < ARRAY_LEN(paths); i++)
			bits |= analyzers_for_path(str_c(paths[i].path));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	OK(bits);
	printf("# %.0f ns a path\n",
	       ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / rounds / ARRAY_LEN(paths));
}
