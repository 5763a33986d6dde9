/* Unit tests of inventory/jar: archives made by hand, nested, shaded, nameless, hostile. */
#include "facts_text.h"

#include <limits.h>
#include <stdarg.h>

#include "zip_make.h"

#define auto_zip cleanup_with(zip_make_done)
#define POM(g, a, v) "#Created by Apache Maven\n#Mon Jan 01\nversion=" v "\ngroupId=" g "\nartifactId=" a "\n"

/* One archive: members as name and text, up to an empty name. */
struct member {
	const char *name, *text;
};

static void make(struct zip_make *z, const struct member *m)
{
	zip_make_init(z);
	for (; m->name; m++)
		zip_make_add(z, m->name, str_c(m->text));
	zip_make_end(z, STR(""));
}

#define MANIFEST "META-INF/MANIFEST.MF"
#define CLASS                                       \
	{                                           \
		"org/x/A.class", "\xca\xfe\xba\xbe" \
	}
#define POM_AT(g, a) "META-INF/maven/" g "/" a "/pom.properties"

static const struct {
	const char *name, *file, *want;
	struct member members[6];
} rows[] = {
	{ "pom.properties",
	  "x.jar",
	  "maven org.apache.logging.log4j:log4j-core 2.14.1\n",
	  { { POM_AT("org.apache.logging.log4j", "log4j-core"),
	      POM("org.apache.logging.log4j", "log4j-core", "2.14.1") },
	    CLASS } },
	{ "line ends of Windows, spaces",
	  "x.jar",
	  "maven g:a 1\n",
	  { { POM_AT("g", "a"), "groupId = g\r\nartifactId=a\r\nversion=1 \r\n" } } },
	{ "shaded",
	  "a-1.jar",
	  "maven g:a 1\nmaven g:b 2\n",
	  { { POM_AT("g", "a"), POM("g", "a", "1") }, { POM_AT("g", "b"), POM("g", "b", "2") }, CLASS } },
	{ "shaded, and only what was folded in is told: of a publisher that is known",
	  "xalan-2.7.3.jar",
	  "maven org.apache.bcel:bcel 6.7.0\nmaven xalan:xalan 2.7.3\n",
	  { { POM_AT("org.apache.bcel", "bcel"), POM("org.apache.bcel", "bcel", "6.7.0") },
	    { "META-INF/maven/org.apache.bcel/bcel/pom.xml", "<project/>" },
	    CLASS } },
	{ "shaded, and only what was folded in is told",
	  "x-1-all.jar",
	  "maven g:a 1\nmaven g:b 2\nmaven x 1\nnote: not assessed: the Maven group of x 1 is not known\n",
	  { { POM_AT("g", "a"), POM("g", "a", "1") }, { POM_AT("g", "b"), POM("g", "b", "2") }, CLASS } },
	{ "shaded, and the file name has no version: of a publisher that is known",
	  "guice.jar",
	  "maven cglib:cglib 3.2\nmaven com.google.inject:guice 4.2.3\n",
	  { { POM_AT("cglib", "cglib"), POM("cglib", "cglib", "3.2") },
	    { MANIFEST, "Bundle-Version: 4.2.3\n" },
	    CLASS } },
	{ "shaded, and the file name says nothing",
	  "app.jar",
	  "maven g:a 1\nmaven g:b 2\n",
	  { { POM_AT("g", "a"), POM("g", "a", "1") },
	    { POM_AT("g", "b"), POM("g", "b", "2") },
	    { MANIFEST, "Implementation-Version: 1\n" },
	    CLASS } },
	{ "an artifact under another file name",
	  "org.g.b-2.jar",
	  "maven g:b 2\n",
	  { { POM_AT("g", "b"), POM("g", "b", "2") }, CLASS } },
	{ "a classifier behind the artifact",
	  "b-jakarta-2.jar",
	  "maven g:b 2\n",
	  { { POM_AT("g", "b"), POM("g", "b", "2") }, CLASS } },
	{ "a classifier behind the version",
	  "zipkin-server-3.3.0-exec.jar",
	  "maven zipkin-server 3.3.0\nnote: not assessed: the Maven group of zipkin-server 3.3.0 is not known\n",
	  { { MANIFEST, "Implementation-Title: zipkin-server\n" }, CLASS } },
	{ "Gradle's title with the group",
	  "x-core-1.12.5.jar",
	  "maven io.x:x-core 1.12.5\n",
	  { { MANIFEST, "Implementation-Title: io.x#x-core;1.12.5\n" }, CLASS } },
	{ "symbolic name of group and artifact",
	  "snappy-java-1.1.10.5.jar",
	  "maven org.xerial.snappy:snappy-java 1.1.10.5\n",
	  { { MANIFEST, "Bundle-SymbolicName: org.xerial.snappy.snappy-java\n" }, CLASS } },
	{ "symbolic name that only ends like the artifact",
	  "vfs-tree-7.2.jar",
	  "maven vfs-tree 7.2\nnote: not assessed: the Maven group of vfs-tree 7.2 is not known\n",
	  { { MANIFEST, "Bundle-SymbolicName: org.objectweb.other.tree\n" }, CLASS } },
	{ "a vendor of many groups",
	  "widgets-2.1.jar",
	  "maven widgets 2.1\nnote: not assessed: the Maven group of widgets 2.1 is not known\n",
	  { { MANIFEST, "Implementation-Vendor-Id: org.apache\n" }, CLASS } },
	{ "the same twice",
	  "x.jar",
	  "maven g:a 1\n",
	  { { POM_AT("g", "a"), POM("g", "a", "1") }, { "BOOT-INF/classes/" POM_AT("g", "a"), POM("g", "a", "1") } } },
	{ "pom.properties that are test data", "x.jar", "", { { "test/pom.properties", POM("g", "a", "1") } } },
	{ "variable that was not filled in, name of the file",
	  "spring-core-5.3.9.jar",
	  "maven org.springframework:spring-core 5.3.9\n",
	  { { POM_AT("g", "a"), POM("g", "a", "${project.version}") }, CLASS } },
	{ "pom.xml and the name of the file",
	  "x-1.5.jar",
	  "maven org.g:art 1.5\n",
	  { { "META-INF/maven/org.g/art/pom.xml", "<project/>" }, CLASS } },
	{ "manifest of a bundle, licence",
	  "commons-lang3-3.12.0.jar",
	  "maven org.apache.commons:commons-lang3 3.12.0 [Apache-2.0]\n",
	  { { MANIFEST, "Manifest-Version: 1.0\r\nBundle-SymbolicName: org.apache.commons.lang3;singleton:=true\r\n"
			"Bundle-License: Apache-2.0\r\n" },
	    CLASS } },
	{ "manifest, long line",
	  "app.jar",
	  "maven org.example.group:tool 1.2.3\n",
	  { { MANIFEST, "Implementation-Title: tool\nImplementation-Version: 1.2\n .3\nImplementation-Vendor-Id: "
			"org.exam\n ple.group\n\n"
			"Name: section\nImplementation-Version: 9\n" },
	    CLASS } },
	{ "plugin of Jenkins",
	  "x.hpi",
	  "maven org.jenkins-ci.plugins:ssh-credentials 305.v8f43\n",
	  { { MANIFEST, "Implementation-Title: SSH Credentials Plugin\nImplementation-Version: 305.v8f43\n"
			"Group-Id: org.jenkins-ci.plugins\nShort-Name: ssh-credentials\nSpecification-Version: 0.0\n" },
	    CLASS } },
	{ "manifest with the line ends of old Macs",
	  "app.jar",
	  "maven org.example:tool 1.2.3\n",
	  { { MANIFEST,
	      "Implementation-Title: to\r ol\rImplementation-Version: 1.2.3\rImplementation-Vendor-Id: org.example\r\r"
	      "Name: section\rImplementation-Version: 9\r" },
	    CLASS } },
	{ "bundle whose symbolic name has no group in it",
	  "slf4j-api-1.7.25.jar",
	  "maven slf4j-api 1.7.25\nnote: not assessed: the Maven group of slf4j-api 1.7.25 is not known\n",
	  { { MANIFEST, "Bundle-SymbolicName: slf4j.api\n" }, CLASS } },
	{ "a manifest and no classes",
	  "mystery-1.0.jar",
	  "maven mystery 1.0\nnote: not assessed: the Maven group of mystery 1.0 is not known\n",
	  { { MANIFEST, "Manifest-Version: 1.0\n" } } },
	{ "sources with a manifest",
	  "x-1.0-sources.jar",
	  "",
	  { { MANIFEST, "Implementation-Version: 1.0\n" }, { "org/x/A.java", "class A {}" } } },
	{ "group nobody tells",
	  "mystery-1.0.jar",
	  "maven mystery 1.0\nnote: not assessed: the Maven group of mystery 1.0 is not known\n",
	  { CLASS } },
	{ "nothing at all",
	  "app.jar",
	  "note: not assessed: Java archive app.jar tells no version\n",
	  { { MANIFEST, "Manifest-Version: 1.0\n" }, CLASS } },
	{ "nothing at all, no classes", "app.jar", "", { { MANIFEST, "Manifest-Version: 1.0\n" }, { "a.txt", "x" } } },
	{ "sources", "x-1.0-sources.jar", "", { { "org/x/A.java", "class A {}" } } },
	{ "no members", "x-1.0.jar", "", { { NULL, NULL } } },
};

TEST(identity)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_zip struct zip_make z;
		char path[PATH_MAX];

		row("%s", rows[i].name);
		make(&z, rows[i].members);
		snprintf(path, sizeof(path), "opt/app/%s", rows[i].file);
		facts_check("jar", path, buf_all(&z.out), rows[i].want);
	}
}

TEST(file_names)
{
	static const struct {
		const char *file, *want;
	} names[] = {
		{ "log4j-1.2-api-2.17.1.jar", "log4j-1.2-api 2.17.1" },
		{ "guava-31.1-jre.jar", "guava 31.1-jre" },
		{ "a-b-1.0-SNAPSHOT.war", "a-b 1.0-SNAPSHOT" },
		{ "x-1.0-20210101.120000-1.jar", "x 1.0-20210101.120000-1" },
		{ "y-jdk15on-1.70.jar", "y-jdk15on 1.70" },
		{ "z-2.0.0.RELEASE.jar", "z 2.0.0.RELEASE" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		static const struct member only_class[] = { CLASS, { NULL, NULL } };
		auto_zip struct zip_make z;
		char want[200], path[PATH_MAX];

		row("%s", names[i].file);
		make(&z, only_class);
		snprintf(path, sizeof(path), "opt/%s", names[i].file);
		snprintf(want, sizeof(want), "maven %s\nnote: not assessed: the Maven group of %s is not known\n",
			 names[i].want, names[i].want);
		facts_check("jar", path, buf_all(&z.out), want);
	}
}

/* An archive around `inner`, stored or deflated. */
static void wrap(struct zip_make *z, const char *name, struct str inner, bool deflate)
{
	zip_make_init(z);
	zip_make_add_how(z, str_c(name), inner, (struct zip_how){ .deflate = deflate });
	zip_make_end(z, STR(""));
}

TEST(nested)
{
	static const struct member members[] = { { POM_AT("g", "a"), POM("g", "a", "1") }, CLASS, { NULL, NULL } };
	auto_zip struct zip_make jar, war, ear;

	make(&jar, members);
	row("stored");
	wrap(&war, "BOOT-INF/lib/a-1.jar", buf_all(&jar.out), false);
	facts_check("jar", "app.war", buf_all(&war.out), "maven g:a 1 in BOOT-INF/lib/a-1.jar\n");
	row("deflated, in another");
	wrap(&ear, "web.war", buf_all(&war.out), true);
	facts_check("jar", "app.ear", buf_all(&ear.out), "maven g:a 1 in web.war!/BOOT-INF/lib/a-1.jar\n");
}

TEST(nested_too_deeply)
{
	static const struct member members[] = { { POM_AT("g", "a"), POM("g", "a", "1") }, { NULL, NULL } };
	struct zip_make z[8];

	make(&z[0], members);
	for (size_t i = 1; i < ARRAY_LEN(z); i++)
		wrap(&z[i], "x.jar", buf_all(&z[i - 1].out), true);
	facts_check("jar", "x.jar", buf_all(&z[7].out),
		    "note: not assessed: x.jar!/x.jar!/x.jar!/x.jar!/x.jar: archives are nested deeper than 5\n");
	for (size_t i = 0; i < ARRAY_LEN(z); i++)
		zip_make_done(&z[i]);
}

TEST(one_bad_member_does_not_hide_the_others)
{
	auto_zip struct zip_make z;

	zip_make_init(&z);
	zip_make_add(&z, "lib/broken.jar", STR("this is no archive"));
	zip_make_add_how(&z, STR("lib/secret.jar"), STR("PK"), (struct zip_how){ .flags = 1 });
	zip_make_add(&z, POM_AT("g", "a"), STR(POM("g", "a", "1")));
	facts_check("jar", "x.jar", zip_make_end(&z, STR("")),
		    "note: not assessed: lib/broken.jar: zip: no end record\n"
		    "note: not assessed: lib/secret.jar: zip: encrypted member\nmaven g:a 1\n");
}

TEST(not_archives)
{
	row("empty");
	facts_check("jar", "x.jar", STR(""), "");
	row("text under a name of Java");
	facts_check("jar", "x.jar", STR("text"), "note: not assessed: zip: no end record\n");
	row("text under a name others use");
	facts_check("jar", "song.kar", STR("MThd"), "");
	row("cut short");
	facts_check("jar", "x.jar", STR("PK\3\4"), "note: not assessed: zip: no end record\n");
}

/* Ten gigabytes of zeros as one member, and as a thousand nested archives. */
TEST(bombs)
{
	auto_zip struct zip_make z, outer;
	auto_free char *zeros = xcalloc(1, 64u << 20);
	auto_facts struct facts facts = { 0 };
	struct err e = { 0 };

	row("a member that claims more than is taken");
	zip_make_init(&z);
	zip_make_add_how(&z, STR("a.jar"), str_n(zeros, 1u << 20),
			 (struct zip_how){ .deflate = true, .plain_bytes = UINT32_MAX - 1 });
	facts_check("jar", "x.jar", zip_make_end(&z, STR("")),
		    "note: not assessed: a.jar: zip: member of 4294967294 bytes, more than is unpacked\n");

	row("many large ones");
	zip_make_init(&outer);
	for (unsigned int i = 0; i < 40; i++)
		zip_make_add_how(&outer, STR("a.jar"), str_n(zeros, 64u << 20), (struct zip_how){ .deflate = true });
	EQ_INT(inventory_read_memory(STR("x.jar"), 0644, zip_make_end(&outer, STR("")), "jar", &facts, NULL, &e),
	       -E2BIG);
	EQ_Z(e.msg, "Java archive holds more than 1024 MiB");
}

TEST(many_members)
{
	auto_zip struct zip_make z;
	char name[64];

	zip_make_init(&z);
	for (unsigned int i = 0; i < 50000; i++) {
		snprintf(name, sizeof(name), "org/example/p%u/Class%u.class", i / 100, i);
		zip_make_add_how(&z, str_c(name), STR("\xca\xfe\xba\xbe"), (struct zip_how){ 0 });
	}
	zip_make_add(&z, POM_AT("g", "a"), STR(POM("g", "a", "1")));
	facts_check("jar", "x.jar", zip_make_end(&z, STR("")), "maven g:a 1\n");
}

/* What other writers of archives make: zip and Python's zipfile. */
static void other_writer(const char *command)
{
	char dir[] = "/tmp/yagura-jar-XXXXXX";
	char line[2 * PATH_MAX];
	static char bytes[1u << 16];
	size_t n = 0;
	FILE *f;

	OK(mkdtemp(dir));
	snprintf(line, sizeof(line),
		 "cd %s && mkdir -p META-INF/maven/g/a && printf 'groupId=g\\nartifactId=a\\nversion=1\\n' > "
		 "META-INF/maven/g/a/pom.properties && %s >/dev/null 2>&1 && cat x.jar; rm -rf %s",
		 dir, command, dir);
	f = popen(line, "r");
	if (f)
		n = fread(bytes, 1, sizeof(bytes), f);
	if (f)
		pclose(f);
	if (!n)
		tap_absent("the tool is not installed here");
	else
		facts_check("jar", "x.jar", str_n(bytes, n), "maven g:a 1\n");
}

TEST(by_other_writers)
{
	row("zip");
	other_writer("zip -r x.jar META-INF");
	row("zip to a pipe: sizes behind the data");
	other_writer("sh -c 'zip -r - META-INF | cat > x.jar'");
	row("python3");
	other_writer("python3 -m zipfile -c x.jar META-INF");
	row("jar");
	other_writer("jar cf x.jar META-INF");
}
