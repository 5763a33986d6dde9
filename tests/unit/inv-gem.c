/* Unit tests of inventory/gem. */
#include "facts_text.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>

#include "base/fd.h"
#include "base/path.h"

#define DIR "var/lib/gems/3.1.0/specifications/"

static const struct {
	const char *name, *text, *want;
} rows[] = {
	{ "as RubyGems 3 writes it",
	  "# -*- encoding: utf-8 -*-\n# stub: rake 13.0.6 ruby lib\n\nGem::Specification.new do |s|\n"
	  "  s.name = \"rake\".freeze\n  s.version = \"13.0.6\"\n\n  s.required_ruby_version = "
	  "Gem::Requirement.new(\">= 2.2\")\n"
	  "  s.licenses = [\"MIT\".freeze]\n  s.rubygems_version = \"3.3.5\".freeze\n\n"
	  "  s.specification_version = 4 if s.respond_to? :specification_version\nend\n",
	  "gem rake 13.0.6 [MIT]\n" },
	{ "old quotes", "Gem::Specification.new do |s|\n  s.name = %q{rack}\n  s.version = \"1.1.0\"\nend\n",
	  "gem rack 1.1.0\n" },
	{ "version object", "s.name = 'a'\ns.version = Gem::Version.new(\"2.0.0.rc1\")\n", "gem a 2.0.0.rc1\n" },
	{ "several licences",
	  "spec.name = \"a\"\nspec.version = \"1\"\nspec.licenses = [\"MIT\".freeze, \"GPL-2.0\".freeze]\n",
	  "gem a 1 [MIT OR GPL-2.0]\n" },
	{ "expressions, with a stub", "# stub: json 2.6.1 ruby lib\ns.name = \"json\"\ns.version = JSON::VERSION\n",
	  "gem json 2.6.1\n" },
	{ "expressions, without a stub", "s.name = \"json\"\ns.version = JSON::VERSION\n",
	  "note: not assessed: gem json: its version is not a literal\n" },
	{ "dependencies are not the gem", "s.name = \"a\"\ns.version = \"1\"\ns.add_dependency(%q<b>, [\">= 2\"])\n",
	  "gem a 1\n" },
	{ "empty", "", "note: not assessed: gemspec without a name\n" },
	{ "open quote", "s.name = \"a\ns.version = \"1\"\n", "note: not assessed: gemspec without a name\n" },
};

TEST(gemspec)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("%s", rows[i].name);
		facts_check("gem", DIR "x.gemspec", str_c(rows[i].text), rows[i].want);
	}
}

/* Every gem of this machine is one package, and its file is called NAME-VERSION[-PLATFORM].gemspec. */
TEST(gems_of_this_machine)
{
	static const char *const places[] = { "/usr/lib/ruby/gems/*/specifications/*.gemspec",
					      "/usr/lib/ruby/gems/*/specifications/default/*.gemspec",
					      "/usr/share/rubygems-integration/*/specifications/*.gemspec" };
	unsigned int n = 0;

	for (size_t k = 0; k < ARRAY_LEN(places); k++) {
		glob_t found;

		if (glob(places[k], 0, NULL, &found) != 0)
			continue;
		for (size_t i = 0; i < found.gl_pathc; i++) {
			auto_buf struct buf b = { 0 };
			auto_facts struct facts facts = { 0 };
			struct err e = { 0 };
			struct rd r;
			struct fact fact;
			char name[PATH_MAX];

			OK_ERR(file_read(AT_FDCWD, found.gl_pathv[i], 1u << 22, &b, &e), &e);
			OK_ERR(inventory_read_memory(str_c(found.gl_pathv[i] + 1), 0644, buf_all(&b), "gem", &facts,
						     NULL, &e),
			       &e);
			r = rd_of(buf_all(&facts.b));
			EQ_INT(facts_next(&r, &fact, &e), 1);
			snprintf(name, sizeof(name), STR_FMT "-" STR_FMT, STR_ARG(fact.package.name),
				 STR_ARG(fact.package.version));
			OK(str_starts(path_base(str_c(found.gl_pathv[i])), str_c(name)));
			n++;
		}
		globfree(&found);
	}
	if (!n)
		tap_skip("no gems are installed here");
	printf("# %u gems\n", n);
}
