/* ns: namespaces. See ns.h. */
#include "vuln/feed/ns.h"

#include "vuln/version/version.h"

/* OSV ecosystems: https://ossf.github.io/osv-schema/#defined-ecosystems */
static const struct {
	const char *ecosystem, *ns;
	enum ns_kind kind;
	enum pkg_type type; /* whose versions it writes */
	bool release;	    /* the ecosystem has a suffix which is the release */
} ecosystems[] = {
	{ "PyPI", "pypi", NS_LANGUAGE, PKG_PYPI, false },
	{ "npm", "npm", NS_LANGUAGE, PKG_NPM, false },
	{ "Go", "golang", NS_LANGUAGE, PKG_GOLANG, false },
	{ "crates.io", "cargo", NS_LANGUAGE, PKG_CARGO, false },
	{ "Maven", "maven", NS_LANGUAGE, PKG_MAVEN, false },
	{ "RubyGems", "gem", NS_LANGUAGE, PKG_GEM, false },
	{ "Packagist", "composer", NS_LANGUAGE, PKG_COMPOSER, false },
	{ "NuGet", "nuget", NS_LANGUAGE, PKG_NUGET, false },
	{ "Bitnami", "bitnami", NS_LANGUAGE, PKG_UNKNOWN, false },
	{ "Debian", "debian", NS_OS_SOURCE, PKG_DEB, true },
	{ "Ubuntu", "ubuntu", NS_OS_SOURCE, PKG_DEB, true },
	{ "Alpine", "alpine", NS_OS_SOURCE, PKG_APK, true },
	{ "Wolfi", "wolfi", NS_OS_SOURCE, PKG_APK, false },
	{ "Chainguard", "chainguard", NS_OS_SOURCE, PKG_APK, false },
	{ "MinimOS", "minimos", NS_OS_SOURCE, PKG_APK, false },
	{ "AlmaLinux", "almalinux", NS_OS_BINARY, PKG_RPM, true },
	{ "Rocky Linux", "rocky", NS_OS_BINARY, PKG_RPM, true },
	{ "Red Hat", "rhel", NS_OS_BINARY, PKG_RPM, true },
	{ "SUSE", "sles", NS_OS_BINARY, PKG_RPM, true },
	{ "openSUSE", "opensuse", NS_OS_BINARY, PKG_RPM, true },
	{ "Mageia", "mageia", NS_OS_SOURCE, PKG_RPM, true },
	{ "Photon OS", "photon", NS_OS_BINARY, PKG_RPM, true },
	{ "Azure Linux", "azurelinux", NS_OS_SOURCE, PKG_RPM, true },
	{ "openEuler", "openeuler", NS_OS_SOURCE, PKG_RPM, true },
};

/* https://www.debian.org/releases/ */
static const struct {
	const char *codename, *release;
} debian[] = {
	{ "bookworm", "12" }, { "bullseye", "11" }, { "trixie", "13" }, { "sid", "sid" },   { "buster", "10" },
	{ "forky", "14" },    { "duke", "15" },	    { "stretch", "9" }, { "jessie", "8" },  { "wheezy", "7" },
	{ "squeeze", "6" },   { "lenny", "5" },	    { "etch", "4" },	{ "sarge", "3.1" }, { "woody", "3.0" },
};

/* https://wiki.ubuntu.com/Releases */
static const struct {
	const char *codename, *release;
} ubuntu[] = {
	{ "jammy", "22.04" },	 { "noble", "24.04" },	  { "focal", "20.04" },	  { "bionic", "18.04" },
	{ "xenial", "16.04" },	 { "trusty", "14.04" },	  { "precise", "12.04" }, { "lunar", "23.04" },
	{ "mantic", "23.10" },	 { "oracular", "24.10" }, { "plucky", "25.04" },  { "questing", "25.10" },
	{ "resolute", "26.04" }, { "kinetic", "22.10" },  { "impish", "21.10" },  { "hirsute", "21.04" },
	{ "groovy", "20.10" },	 { "eoan", "19.10" },	  { "disco", "19.04" },	  { "cosmic", "18.10" },
	{ "artful", "17.10" },	 { "zesty", "17.04" },	  { "yakkety", "16.10" },
};

static struct str lower(struct arena *a, struct str s)
{
	char *p;

	for (size_t i = 0; i < s.n; i++)
		if (to_lower(s.p[i]) != s.p[i])
			goto copy;
	return s;
copy:
	p = arena_alloc(a, s.n);
	for (size_t i = 0; i < s.n; i++)
		p[i] = to_lower(s.p[i]);
	return str_n(p, s.n);
}

struct str ns_join(struct arena *a, struct str head, struct str tail)
{
	char *p = arena_alloc(a, head.n + tail.n + 1);

	if (head.n)
		memcpy(p, head.p, head.n);
	if (tail.n)
		memcpy(p + head.n, tail.p, tail.n);
	return str_n(p, head.n + tail.n);
}

/* "22.04:LTS", "Pro:16.04:LTS", "Pro:FIPS-updates:20.04:LTS", "Nvidia-BlueField:22.04:LTS": the part that begins with
 * a digit is the release, what stands before it names who gets the fix. Plain Pro is the esm channel. */
static bool ubuntu_suffix(struct arena *a, struct str suffix, struct ns *ret)
{
	struct str channel = STR_NONE;

	for (struct str rest = suffix, part; str_cut(&rest, ':', &part);) {
		if (part.n && is_digit(part.p[0])) {
			ret->name = ns_join(a, STR("ubuntu:"), part);
			ret->channel = lower(a, str_is(channel, "Pro") ? STR("esm") : channel);
			return true;
		}
		channel = part;
	}
	return false;
}

/* The number in "15 SP3" or "Micro 5.3" behind the last word that is none: 15.3. */
static bool suse_release(struct str words, struct str *ret_major, struct str *ret_pack, struct str *ret_channel)
{
	bool found = false;

	*ret_pack = *ret_channel = STR_NONE;
	for (struct str rest = words, word; str_cut(&rest, ' ', &word);) {
		struct str tail;

		if (str_split(word, '-', &word, &tail))
			*ret_channel = tail;
		if (!found && word.n && is_digit(word.p[0])) {
			*ret_major = word;
			found = true;
		} else if (found && str_starts(word, STR("SP"))) {
			*ret_pack = str_from(word, 2);
		} else if (found && str_is(word, "LTSS")) {
			*ret_channel = word;
		}
	}
	return found;
}

/* Server, Desktop, High Performance and the modules of one service pack are one set of packages. Micro is another. */
static bool suse_suffix(struct arena *a, struct str suffix, struct ns *ret)
{
	bool micro = str_find_str(suffix, STR("Micro")) >= 0;
	struct str major, pack, channel;

	if (!micro && !str_starts(suffix, STR("Linux Enterprise")))
		return false;
	if (!suse_release(suffix, &major, &pack, &channel))
		return false;
	ret->name = ns_join(a, micro ? STR("sle-micro:") : STR("sles:"), major);
	if (pack.n)
		ret->name = ns_join(a, ns_join(a, ret->name, STR(".")), pack);
	ret->channel = lower(a, channel);
	return true;
}

static bool opensuse_suffix(struct arena *a, struct str suffix, struct ns *ret)
{
	if (str_is(suffix, "Tumbleweed")) {
		ret->name = STR("opensuse-tumbleweed");
		return true;
	}
	if (!str_starts(suffix, STR("Leap ")))
		return false;
	ret->name = ns_join(a, STR("opensuse-leap:"), str_from(suffix, 5));
	return true;
}

static const struct {
	const char *product; /* of a Red Hat CPE */
	const char *channel;
} redhat_products[] = {
	{ "enterprise_linux", "" },
	{ "rhel_eus", "eus" },
	{ "rhel_e4s", "e4s" },
	{ "rhel_aus", "aus" },
	{ "rhel_tus", "tus" },
	{ "rhel_els", "els" },
	{ "rhel_eus_long_life", "eus-long-life" },
	{ "enterprise_linux_eus", "eus" },
};

/* "enterprise_linux:9::baseos", "rhel_eus:8.4::appstream" */
static bool redhat_suffix(struct arena *a, struct str suffix, struct ns *ret)
{
	struct str product, version, major, minor, rest;

	if (!str_split(suffix, ':', &product, &rest))
		return false;
	if (!str_split(rest, ':', &version, &rest))
		version = rest;
	if (!version.n || !is_digit(version.p[0]))
		return false;
	if (!str_split(version, '.', &major, &minor))
		major = version;
	for (size_t i = 0; i < ARRAY_LEN(redhat_products); i++) {
		if (!str_is(product, redhat_products[i].product))
			continue;
		ret->name = ns_join(a, STR("rhel:"), major);
		ret->channel = str_c(redhat_products[i].channel);
		if (ret->channel.n)
			ret->channel = ns_join(a, ns_join(a, ret->channel, STR(":")), version);
		return true;
	}
	return false;
}

bool ns_of_redhat_cpe(struct arena *a, struct str cpe, struct ns *ret)
{
	static const char *const heads[] = { "cpe:/o:redhat:", "cpe:/a:redhat:", "cpe:2.3:o:redhat:",
					     "cpe:2.3:a:redhat:" };

	*ret = (struct ns){ .kind = NS_OS_BINARY };
	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		if (str_starts(cpe, str_c(heads[i])))
			return redhat_suffix(a, str_from(cpe, strlen(heads[i])), ret);
	return false;
}

/* How OVAL calls a release: the platform's name, or for some only a CPE that names the vendor's product. */
static const struct {
	const char *head, *ns;
	bool major_only;
} platforms[] = {
	{ "Debian GNU/Linux ", "debian:", false },
	{ "Ubuntu ", "ubuntu:", false },
	{ "Red Hat Enterprise Linux ", "rhel:", true },
	{ "Rocky Linux ", "rocky:", true },
	{ "cpe:/o:rocky:rocky:", "rocky:", true },
	{ "cpe:/o:rocky:rocky_linux:", "rocky:", true },
	{ "Oracle Linux ", "oracle:", true },
	{ "AlmaLinux ", "almalinux:", true },
	{ "cpe:/o:almalinux:almalinux:", "almalinux:", true },
	{ "cpe:/a:almalinux:almalinux:", "almalinux:", true },
	{ "openSUSE Leap ", "opensuse-leap:", false },
	{ "Photon ", "photon:", true },
};

struct str ns_of_platform(struct arena *a, struct str platform)
{
	for (size_t i = 0; i < ARRAY_LEN(platforms); i++) {
		struct str rest;
		size_t n = 0;

		if (!str_starts(platform, str_c(platforms[i].head)))
			continue;
		rest = str_from(platform, strlen(platforms[i].head));
		while (n < rest.n && (is_digit(rest.p[n]) || (rest.p[n] == '.' && !platforms[i].major_only)))
			n++;
		if (n)
			return ns_join(a, str_c(platforms[i].ns), str_head(rest, n));
	}
	return STR_NONE;
}

/* Releases as os-release has them: no "v", no ":LTS", and of some only the major number. */
static bool plain_suffix(struct arena *a, struct str ns, struct str suffix, struct ns *ret)
{
	struct str release = suffix;
	ptrdiff_t end = str_find(release, ':');

	if (str_is(ns, "openeuler") && str_find(release, '-') > 0)
		end = str_find(release, '-');
	if ((str_is(ns, "photon") || str_is(ns, "azurelinux")) && str_find(release, '.') > 0)
		end = str_find(release, '.');
	if (end >= 0)
		release = str_head(release, (size_t)end);
	if (str_is(ns, "alpine") && str_starts(release, STR("v")))
		release = str_from(release, 1);
	if (!release.n)
		return false;
	ret->name = ns_join(a, ns_join(a, ns, STR(":")), release);
	return true;
}

bool ns_of_osv(struct arena *a, struct str ecosystem, struct ns *ret)
{
	struct str head, suffix;
	bool has = str_split(ecosystem, ':', &head, &suffix);

	if (!has)
		head = ecosystem;
	for (size_t i = 0; i < ARRAY_LEN(ecosystems); i++) {
		if (!str_is(head, ecosystems[i].ecosystem))
			continue;
		*ret = (struct ns){ .name = str_c(ecosystems[i].ns),
				    .kind = ecosystems[i].kind,
				    .scheme = version_scheme_for(ecosystems[i].type) };
		if (!ecosystems[i].release)
			return true;
		if (!has || !suffix.n)
			return false;
		if (str_is(ret->name, "ubuntu"))
			return ubuntu_suffix(a, suffix, ret);
		if (str_is(ret->name, "sles"))
			return suse_suffix(a, suffix, ret);
		if (str_is(ret->name, "opensuse"))
			return opensuse_suffix(a, suffix, ret);
		if (str_is(ret->name, "rhel"))
			return redhat_suffix(a, suffix, ret);
		return plain_suffix(a, ret->name, suffix, ret);
	}
	return false;
}

struct str ns_debian_release(struct str codename)
{
	for (size_t i = 0; i < ARRAY_LEN(debian); i++)
		if (str_is(codename, debian[i].codename))
			return str_c(debian[i].release);
	return STR_NONE;
}

struct str ns_ubuntu_release(struct str codename)
{
	for (size_t i = 0; i < ARRAY_LEN(ubuntu); i++)
		if (str_is(codename, ubuntu[i].codename))
			return str_c(ubuntu[i].release);
	return STR_NONE;
}

static bool pep503_separator(char c)
{
	return c == '-' || c == '_' || c == '.';
}

static struct str pep503(struct arena *a, struct str name)
{
	char *p = arena_alloc(a, name.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < name.n; i++) {
		if (!pep503_separator(name.p[i]))
			p[n++] = to_lower(name.p[i]);
		else if (!n || p[n - 1] != '-')
			p[n++] = '-';
	}
	return str_n(p, n);
}

struct str ns_package_name(struct arena *a, struct str ns, struct str name)
{
	if (str_is(ns, "pypi"))
		return pep503(a, name);
	if (str_is(ns, "composer") || str_is(ns, "nuget"))
		return lower(a, name);
	/* vuln.go.dev names the standard library "stdlib" and the go command "toolchain"; both are the toolchain's. */
	if (str_is(ns, "golang") && (str_is(name, "std") || str_is(name, "stdlib")))
		return STR("stdlib");
	return name;
}
