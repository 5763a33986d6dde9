/* Unit tests of inventory/gem. */
#include "facts_text.h"

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
