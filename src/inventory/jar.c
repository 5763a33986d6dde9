/* jar: Java archives: jar, war, ear and their kin, and the archives inside them.
 *
 * Maven's own pom.properties names a package exactly; an archive that other archives were folded into ("shaded") has
 * several. Without one the manifest (JAR File Specification; OSGi Core 3.2.1) and the file's name are asked. Advisories
 * are about "group:artifact", so an artifact whose group nobody tells cannot be compared: that is said in a note, and
 * so is an archive with classes and without a name.
 *
 * Archives are held in memory, and so is one nested archive per depth; a stored one is looked at where it lies. */
#include <stdarg.h>

#include "base/map.h"
#include "base/path.h"
#include "codec/zip.h"
#include "inventory/field.h"
#include "inventory/readers.h"

#define DEPTH_MAX 5u		      /* archives in archives; an ear of wars of jars has 3 */
#define MEMBERS_MAX 4000000u	      /* entries walked, in all archives of one file */
#define READ_BYTES_MAX (1ull << 30)   /* unpacked, in all archives of one file */
#define NESTED_BYTES_MAX (256u << 20) /* unpacked, of one nested archive */
#define TEXT_BYTES_MAX (1u << 20)     /* of one manifest or pom.properties */
#define INNER_BYTES_MAX 4096u	      /* of the path inside the file */
#define NOTES_MAX 100u		      /* of one file: many broken members are told by the first ones */

static const char *const endings[] = {
	".jar", ".war", ".ear", ".par", ".sar", ".nar", ".jpi", ".hpi", ".lpkg", ".kar"
};

/* One file, whatever is inside it. */
struct walk {
	struct facts *ret;
	struct arena arena; /* keys of `seen` */
	struct map seen;    /* "group:artifact", version and inner path of the packages told */
	uint64_t members, read_bytes;
	unsigned int notes;
};

/* What a manifest says that may name the archive. */
struct manifest {
	struct str title, version, vendor_id; /* Implementation- */
	struct str symbolic_name, bundle_version;
	struct str specification_version;
	struct str plugin_group, plugin_name; /* Maven's, of a plugin of Jenkins */
	struct str license;
};

/* One archive of the walk. */
struct archive {
	struct walk *w;
	struct arena arena;
	struct str name;  /* file name */
	struct str inner; /* "" for the file itself */
	unsigned int depth;
	struct manifest manifest;
	struct str pom_group, pom_artifact; /* from the path of a pom.xml */
	unsigned int poms;		    /* pom.xml seen */
	unsigned int packages;		    /* told by pom.properties */
	struct str told_version;	    /* of the last of them */
	bool itself;			    /* one of them is the archive, by its file name */
	bool classes, described;	    /* it has a manifest */
};

static void note(struct archive *a, const char *fmt, ...) printf_like(2, 3);
static void note(struct archive *a, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	if (a->w->notes++ >= NOTES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (a->inner.n)
		facts_note(a->w->ret, "not assessed: " STR_FMT ": %s", STR_ARG(str_head(a->inner, 160)), text);
	else
		facts_note(a->w->ret, "not assessed: %s", text);
}

static bool is_archive_name(struct str name)
{
	ptrdiff_t dot = str_rfind(name, '.');

	for (size_t i = 0; dot >= 0 && i < ARRAY_LEN(endings); i++)
		if (str_eq_nocase(str_from(name, (size_t)dot), str_c(endings[i])))
			return true;
	return false;
}

/* A value of pom.properties or a manifest; "" when it is a variable nobody filled in, or no name at all. */
static struct str usable(struct str s)
{
	s = str_trim(s);
	return field_ok(s) && str_find(s, '$') < 0 && str_find(s, '@') < 0 ? s : STR("");
}

static void add_package(struct archive *a, struct str group, struct str artifact, struct str version)
{
	struct package p = { .type = PKG_MAVEN, .version = version, .inner = a->inner };
	bool fresh;

	p.name = group.n ? arena_fmt(&a->arena, STR_FMT ":" STR_FMT, STR_ARG(group), STR_ARG(artifact)) : artifact;
	p.license = a->manifest.license;
	map_put(&a->w->seen,
		arena_fmt(&a->w->arena, STR_FMT " " STR_FMT " " STR_FMT, STR_ARG(p.name), STR_ARG(version),
			  STR_ARG(a->inner)),
		0, &fresh);
	if (fresh)
		facts_package(a->w->ret, &p);
}

/* True when the file is called like an artifact: "xalan-2.7.3.jar", "xalan-all.jar" and "xalan.jar" like "xalan". */
static bool is_called(struct str name, struct str artifact)
{
	return str_starts(name, artifact) &&
	       (name.n == artifact.n || !(is_alpha(name.p[artifact.n]) || is_digit(name.p[artifact.n])));
}

/* "groupId=...", "artifactId=...", "version=..." between comments (java.util.Properties, of which Maven writes the
 * simplest form). */
static void read_pom(struct archive *a, struct str text)
{
	struct str group = STR(""), artifact = STR(""), version = STR("");

	for (struct str line, key, value; str_cut(&text, '\n', &line);) {
		line = str_trim(line);
		if (!line.n || line.p[0] == '#' || !str_split(line, '=', &key, &value))
			continue;
		key = str_trim(key);
		if (str_is(key, "groupId"))
			group = usable(value);
		else if (str_is(key, "artifactId"))
			artifact = usable(value);
		else if (str_is(key, "version"))
			version = usable(value);
	}
	if (!group.n || !artifact.n || !version.n)
		return;
	add_package(a, group, artifact, version);
	a->packages++;
	a->itself |= is_called(a->name, artifact);
	a->told_version = arena_str(&a->arena, version);
}

/* META-INF/maven/GROUP/ARTIFACT/pom.xml */
static void take_pom_path(struct archive *a, struct str path)
{
	struct str dir = path_dir(path);

	a->poms++;
	a->pom_artifact = arena_str(&a->arena, usable(path_base(dir)));
	a->pom_group = arena_str(&a->arena, usable(path_base(path_dir(dir))));
}

/* A line, which ends with CR LF, LF or CR (JAR File Specification, "Notes on Manifest and Signature Files"). */
static bool manifest_line(struct str *rest, struct str *ret)
{
	size_t n = 0;

	if (!rest->n)
		return false;
	while (n < rest->n && rest->p[n] != '\n' && rest->p[n] != '\r')
		n++;
	*ret = str_head(*rest, n);
	*rest = str_from(*rest, n + (str_starts(str_from(*rest, n), STR("\r\n")) ? 2 : 1));
	return true;
}

/* The next header of a manifest's main section: lines of 72 bytes go on after a line end and a space. */
static bool manifest_header(struct str *rest, struct arena *arena, struct str *ret_key, struct str *ret_value)
{
	struct str line;
	struct buf value;

	do {
		if (!manifest_line(rest, &line) || !str_trim(line).n)
			return false;
	} while (!str_split(line, ':', ret_key, ret_value));
	*ret_value = str_trim(*ret_value);
	if (!rest->n || rest->p[0] != ' ')
		return true;
	buf_init(&value, TEXT_BYTES_MAX);
	buf_str(&value, *ret_value);
	while (rest->n && rest->p[0] == ' ' && manifest_line(rest, &line))
		buf_str(&value, str_from(line, 1));
	*ret_value = arena_str(arena, str_trim(buf_all(&value)));
	buf_done(&value);
	return true;
}

static void read_manifest(struct archive *a, struct str text)
{
	struct manifest *m = &a->manifest;
	const struct {
		struct str key;
		struct str *to;
	} keys[] = {
		{ STR("Implementation-Title"), &m->title },
		{ STR("Implementation-Version"), &m->version },
		{ STR("Implementation-Vendor-Id"), &m->vendor_id },
		{ STR("Bundle-SymbolicName"), &m->symbolic_name },
		{ STR("Bundle-Version"), &m->bundle_version },
		{ STR("Specification-Version"), &m->specification_version },
		{ STR("Group-Id"), &m->plugin_group },
		{ STR("Short-Name"), &m->plugin_name },
	};
	struct str key, value, rest, license = STR("");

	a->described = true;
	while (manifest_header(&text, &a->arena, &key, &value)) {
		if (str_eq_nocase(key, STR("Bundle-License")))
			license = value;
		/* "name;singleton:=true" */
		str_split(value, ';', &value, &rest);
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			if (str_eq_nocase(key, keys[i].key))
				*keys[i].to = arena_str(&a->arena, usable(value));
	}
	m->license = arena_str(&a->arena, field_license(license));
}

/* Words that may follow a version's number in a file name. */
static bool is_qualifier(struct str s)
{
	static const char *const words[] = { "alpha",	   "beta",    "cr",	  "rc",	   "m",	   "b",
					     "jre",	   "android", "snapshot", "final", "ga",   "release",
					     "incubating", "redhat",  "sp",	  "jdk",   "java", "milestone",
					     "pre",	   "dev",     "hadoop" };
	size_t n = 0;

	while (n < s.n && is_alpha(s.p[n]))
		n++;
	for (size_t i = 0; n && i < ARRAY_LEN(words); i++)
		if (str_eq_nocase(str_head(s, n), str_c(words[i])))
			return true;
	return false;
}

/* True for "1.2.3", "31.1-jre", "1.0-20210101.120000-1", "2.0-SNAPSHOT". */
static bool is_version(struct str s)
{
	struct str part;
	bool first = true;

	while (str_cut(&s, '-', &part)) {
		if (!part.n || !(is_digit(part.p[0]) || (!first && is_qualifier(part))))
			return false;
		first = false;
	}
	return !first;
}

/* What may stand behind the version without being part of it: Maven's classifiers. */
static struct str without_classifier(struct str name)
{
	static const char *const words[] = {
		"-exec", "-executable", "-all",	      "-shaded", "-fat",
		"-uber", "-native",	"-javaagent", "-boot",	 "-jar-with-dependencies"
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct str word = str_c(words[i]), head;

		if (!str_ends(name, word))
			continue;
		head = str_head(name, name.n - word.n);
		if (head.n && is_digit(head.p[head.n - 1]))
			return head;
	}
	return name;
}

/* "log4j-1.2-api-2.17.1.jar": artifact and version. The first cut behind which everything is a version counts. */
static bool split_name(struct str name, struct str *ret_artifact, struct str *ret_version)
{
	ptrdiff_t dot = str_rfind(name, '.');

	name = without_classifier(str_head(name, dot < 0 ? name.n : (size_t)dot));
	for (size_t i = 1; i + 1 < name.n; i++) {
		if (name.p[i] != '-' || !is_version(str_from(name, i + 1)))
			continue;
		*ret_artifact = usable(str_head(name, i));
		*ret_version = usable(str_from(name, i + 1));
		return ret_artifact->n && ret_version->n;
	}
	*ret_artifact = usable(name);
	return false;
}

/* Publishers whose archives come without pom.properties (built with Gradle, Ant or Bazel), by the artifact's name or
 * its beginning. The first row that fits counts. https://central.sonatype.com */
static const struct {
	const char *head, *group;
	bool whole;
} publishers[] = {
	{ "spring-boot", "org.springframework.boot", false },
	{ "spring-security-", "org.springframework.security", false },
	{ "spring-cloud-", "org.springframework.cloud", false },
	{ "spring-data-", "org.springframework.data", false },
	{ "spring-batch-", "org.springframework.batch", false },
	{ "spring-integration-", "org.springframework.integration", false },
	{ "spring-kafka", "org.springframework.kafka", false },
	{ "spring-session-", "org.springframework.session", false },
	{ "spring-webmvc", "org.springframework", false },
	{ "spring-webflux", "org.springframework", false },
	{ "spring-web", "org.springframework", false },
	{ "spring-core", "org.springframework", false },
	{ "spring-beans", "org.springframework", false },
	{ "spring-context", "org.springframework", false },
	{ "spring-expression", "org.springframework", false },
	{ "spring-aop", "org.springframework", false },
	{ "spring-jdbc", "org.springframework", false },
	{ "spring-jcl", "org.springframework", false },
	{ "spring-messaging", "org.springframework", false },
	{ "spring-orm", "org.springframework", false },
	{ "spring-oxm", "org.springframework", false },
	{ "spring-tx", "org.springframework", false },
	{ "tomcat-embed-", "org.apache.tomcat.embed", false },
	{ "tomcat-", "org.apache.tomcat", false },
	{ "bcprov-", "org.bouncycastle", false },
	{ "bcpkix-", "org.bouncycastle", false },
	{ "bcutil-", "org.bouncycastle", false },
	{ "bcpg-", "org.bouncycastle", false },
	{ "kotlin-stdlib", "org.jetbrains.kotlin", false },
	{ "kotlin-reflect", "org.jetbrains.kotlin", false },
	{ "kotlin-compiler", "org.jetbrains.kotlin", false },
	{ "hibernate-core", "org.hibernate", false },
	{ "okhttp", "com.squareup.okhttp3", false },
	{ "okio", "com.squareup.okio", false },
	{ "retrofit", "com.squareup.retrofit2", true },
	{ "reactor-core", "io.projectreactor", false },
	{ "micrometer-", "io.micrometer", false },
	{ "grpc-", "io.grpc", false },
	{ "lucene-", "org.apache.lucene", false },
	{ "solr", "org.apache.solr", true },
	{ "solr-", "org.apache.solr", false },
	{ "kafka_", "org.apache.kafka", false },
	{ "kafka-clients", "org.apache.kafka", true },
	{ "kafka-server", "org.apache.kafka", false },
	{ "kafka-metadata", "org.apache.kafka", true },
	{ "kafka-raft", "org.apache.kafka", true },
	{ "kafka-storage", "org.apache.kafka", false },
	{ "kafka-streams", "org.apache.kafka", false },
	{ "connect-runtime", "org.apache.kafka", true },
	{ "selenium-", "org.seleniumhq.selenium", false },
	{ "armeria", "com.linecorp.armeria", false },
	{ "poi", "org.apache.poi", true },
	{ "poi-", "org.apache.poi", false },
	{ "asm", "org.ow2.asm", true },
	{ "asm-", "org.ow2.asm", false },
	{ "protobuf-java", "com.google.protobuf", false },
	{ "guice", "com.google.inject", true },
	{ "jsr305", "com.google.code.findbugs", true },
	{ "checker-qual", "org.checkerframework", true },
	{ "caffeine", "com.github.ben-manes.caffeine", true },
	{ "h2", "com.h2database", true },
	{ "derby", "org.apache.derby", true },
	{ "ant", "org.apache.ant", true },
	{ "ivy", "org.apache.ivy", true },
	{ "xmlbeans", "org.apache.xmlbeans", true },
	{ "xalan", "xalan", true },
	{ "xercesImpl", "xerces", true },
	{ "axis", "axis", true },
	{ "wsdl4j", "wsdl4j", true },
	{ "oro", "oro", true },
	{ "junit", "junit", true },
	{ "junit-jupiter", "org.junit.jupiter", false },
	{ "commons-httpclient", "commons-httpclient", true },
	{ "jackson-core-asl", "org.codehaus.jackson", true },
	{ "jackson-mapper-asl", "org.codehaus.jackson", true },
	{ "jdom2", "org.jdom", true },
	{ "jna", "net.java.dev.jna", true },
	{ "jna-platform", "net.java.dev.jna", true },
	{ "json-path", "com.jayway.jsonpath", true },
	{ "lz4-java", "org.lz4", true },
	{ "itext", "com.lowagie", true },
	{ "aspectjweaver", "org.aspectj", true },
	{ "aspectjrt", "org.aspectj", true },
	{ "thymeleaf", "org.thymeleaf", true },
	{ "lombok", "org.projectlombok", true },
	{ "activation", "javax.activation", true },
	{ "jaxb-api", "javax.xml.bind", true },
	{ "jaxb-impl", "com.sun.xml.bind", true },
	{ "jsp-api", "javax.servlet.jsp", true },
	{ "jetty-servlet-api", "org.eclipse.jetty.toolchain", true },
	{ "reactive-streams", "org.reactivestreams", true },
	{ "rocksdbjni", "org.rocksdb", true },
	{ "ecj", "org.eclipse.jdt", true },
};

static struct str publisher_group(struct str artifact)
{
	for (size_t i = 0; i < ARRAY_LEN(publishers); i++)
		if (publishers[i].whole ? str_is(artifact, publishers[i].head)
					: str_starts(artifact, str_c(publishers[i].head)))
			return str_c(publishers[i].group);
	return STR("");
}

/* "org.xerial.snappy.snappy-java" of snappy-java, "org.apache.commons.lang3" of commons-lang3: how maven-bundle-plugin
 * makes a symbolic name of group and artifact, read backwards. */
static struct str symbolic_group(struct str symbolic, struct str artifact)
{
	ptrdiff_t dot = str_rfind(symbolic, '.');
	struct str group, last, rest;

	if (dot <= 0)
		return STR("");
	group = str_head(symbolic, (size_t)dot);
	last = str_from(symbolic, (size_t)dot + 1);
	if (str_find(group, '.') <= 0)
		return STR(""); /* slf4j.api is not of a group "slf4j" */
	if (str_eq(artifact, last))
		return group;
	rest = str_from(group, (size_t)str_rfind(group, '.') + 1);
	return artifact.n == rest.n + 1 + last.n && str_starts(artifact, rest) && artifact.p[rest.n] == '-' &&
			       str_ends(artifact, last)
		       ? group
		       : STR("");
}

/* Gradle's nebula plugin writes "io.micrometer#micrometer-core;1.12.5". */
static struct str title_group(struct str title)
{
	struct str group, rest;

	return str_split(title, '#', &group, &rest) && str_find(group, '.') > 0 ? group : STR("");
}

/* A vendor's id is often the group; these name a house of many groups. */
static struct str vendor_group(struct str vendor)
{
	static const char *const houses[] = { "com.sun", "org.apache", "com.google", "com.ibm", "com.oracle" };

	for (size_t i = 0; i < ARRAY_LEN(houses); i++)
		if (str_is(vendor, houses[i]))
			return STR("");
	return str_find(vendor, '.') > 0 ? vendor : STR("");
}

static struct str first_of(struct str a, struct str b)
{
	return a.n ? a : b;
}

static struct str group_of(const struct archive *a, struct str artifact)
{
	const struct manifest *m = &a->manifest;
	struct str group = a->poms == 1 && !a->packages ? a->pom_group : STR("");

	group = first_of(group, m->plugin_name.n ? m->plugin_group : STR(""));
	group = first_of(group, publisher_group(artifact));
	group = first_of(group, title_group(m->title));
	group = first_of(group, symbolic_group(m->symbolic_name, artifact));
	return first_of(group, vendor_group(m->vendor_id));
}

static void tell(struct archive *a, struct str group, struct str artifact, struct str version)
{
	add_package(a, group, artifact, version);
	if (!group.n)
		note(a, "the Maven group of " STR_FMT " " STR_FMT " is not known", STR_ARG(str_head(artifact, 100)),
		     STR_ARG(str_head(version, 60)));
}

/* The archive's own identity, where no pom.properties told any. */
static void identify(struct archive *a)
{
	const struct manifest *m = &a->manifest;
	struct str artifact = STR(""), version = STR(""), group;
	bool named = split_name(a->name, &artifact, &version);

	if (a->poms == 1 && a->pom_artifact.n) {
		artifact = a->pom_artifact;
	} else if (m->plugin_group.n && m->plugin_name.n) {
		artifact = m->plugin_name;
	} else if (!named) {
		artifact = first_of(m->title, artifact);
	}
	version = first_of(version, first_of(m->version, first_of(m->bundle_version, m->specification_version)));
	if (!artifact.n || !version.n) {
		if (a->classes)
			note(a, "Java archive " STR_FMT " tells no %s", STR_ARG(str_head(a->name, 100)),
			     artifact.n ? "version" : "name");
		return;
	}
	group = group_of(a, artifact);
	/* Without a class in it, only what says itself which it is: not sources, not documents. */
	if (!group.n && !a->classes && !(a->described && (named || m->title.n)))
		return;
	tell(a, group, artifact, version);
}

/* Told were only packages that were folded in: xalan-2.7.3.jar has the pom.properties of BCEL and none of its own. */
static void identify_folder(struct archive *a)
{
	struct str artifact = STR(""), version = STR("");
	bool named = split_name(a->name, &artifact, &version);

	if (!named && publisher_group(artifact).n) /* guice.jar; app.jar is no name */
		version = first_of(a->manifest.version, a->manifest.bundle_version);
	if (!artifact.n || !version.n || !a->classes)
		return;
	if (a->packages > 1 || !str_eq(version, a->told_version)) /* else it is that one, under another file name */
		tell(a, group_of(a, artifact), artifact, version);
}

static int walk_archive(struct archive *a, struct str bytes, struct err *e);

/* An archive inside an archive. What is wrong with it is told, and the others go on; only the limits of the whole end
 * the walk. */
static int walk_nested(struct archive *outer, struct str path, struct str bytes, struct err *e)
{
	struct archive a = { .w = outer->w, .depth = outer->depth + 1 };
	struct err own = { 0 };
	int r;

	a.name = path_base(path);
	a.inner =
		outer->inner.n ? arena_fmt(&a.arena, STR_FMT "!/" STR_FMT, STR_ARG(outer->inner), STR_ARG(path)) : path;
	if (a.inner.n > INNER_BYTES_MAX || a.depth > DEPTH_MAX) {
		note(outer, "archives are nested deeper than %u", DEPTH_MAX);
		arena_done(&a.arena);
		return 0;
	}
	r = walk_archive(&a, bytes, &own);
	if (r < 0 && r != -E2BIG)
		note(&a, "%s", own.msg);
	arena_done(&a.arena);
	return r == -E2BIG ? err_set(e, r, "%s", own.msg) : 0;
}

enum interest { NOTHING, POM, POM_PATH, MANIFEST, ARCHIVE };

static enum interest interest_of(struct archive *a, struct str path)
{
	struct str base;

	if (str_ends(path, STR(".class"))) {
		a->classes = true;
		return NOTHING;
	}
	if (str_is(path, "META-INF/MANIFEST.MF"))
		return MANIFEST;
	base = path_base(path);
	if (str_is(base, "pom.properties") || str_is(base, "pom.xml")) {
		if (!str_starts(path, STR("META-INF/maven/")) && str_find_str(path, STR("/META-INF/maven/")) < 0)
			return NOTHING;
		return str_is(base, "pom.xml") ? POM_PATH : POM;
	}
	return is_archive_name(base) ? ARCHIVE : NOTHING;
}

/* A member that is wanted. Limits of one member are notes, limits of the whole file are errors. */
static int read_member(struct archive *a, const struct zip *z, const struct zip_member *m, enum interest what,
		       struct str path, struct err *e)
{
	auto_buf struct buf buf = { 0 };
	struct err own = { 0 };
	size_t max = what == ARCHIVE ? NESTED_BYTES_MAX : TEXT_BYTES_MAX;
	struct str view;
	int r;

	a->w->read_bytes += m->plain_bytes < max ? m->plain_bytes : max;
	if (a->w->read_bytes > READ_BYTES_MAX)
		return err_set(e, -E2BIG, "Java archive holds more than %llu MiB", READ_BYTES_MAX >> 20);
	r = zip_read(z, m, max, &buf, &view, &own);
	if (r < 0) {
		note(a, STR_FMT ": %s", STR_ARG(str_head(path, 120)), own.msg);
		return 0;
	}
	if (what == ARCHIVE)
		return walk_nested(a, path, view, e);
	if (what == POM)
		read_pom(a, view);
	else
		read_manifest(a, view);
	return 0;
}

static int take_member(struct archive *a, const struct zip *z, const struct zip_member *m, struct err *e)
{
	char room[PATH_BYTES_MAX];
	struct str path;
	enum interest what;

	if (a->w->members++ >= MEMBERS_MAX)
		return err_set(e, -E2BIG, "Java archive has more than %u members", MEMBERS_MAX);
	what = interest_of(a, m->name);
	if (what == NOTHING || !m->plain_bytes || path_normal(m->name, room, &path) < 0)
		return 0;
	if (what == POM_PATH)
		take_pom_path(a, path);
	else
		return read_member(a, z, m, what, path, e);
	return 0;
}

static int walk_archive(struct archive *a, struct str bytes, struct err *e)
{
	struct zip z;
	struct zip_member m;
	int r = zip_open(&z, bytes, e);

	while (r >= 0 && (r = zip_next(&z, &m, e)) == 1)
		r = take_member(a, &z, &m, e);
	if (r < 0)
		return r;
	if (!a->packages)
		identify(a);
	else if (!a->itself)
		identify_folder(a);
	return 0;
}

/* Endings others use, too: what is no zip archive under these is not ours. */
static bool surely_java(struct str name)
{
	return str_ends(name, STR(".jar")) || str_ends(name, STR(".war")) || str_ends(name, STR(".ear"));
}

int jar_read(struct file *f, struct facts *ret, struct err *e)
{
	struct walk w = { .ret = ret };
	struct archive a = { .w = &w };
	struct str bytes;
	int r = 0;

	if (!file_all(f, &bytes))
		return -EAGAIN;
	a.name = path_base(f->path);
	if (bytes.n && (surely_java(a.name) || zip_probe(bytes)))
		r = walk_archive(&a, bytes, e);
	arena_done(&a.arena);
	arena_done(&w.arena);
	map_done(&w.seen);
	return r;
}
