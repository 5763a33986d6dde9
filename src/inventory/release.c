/* release: which operating system a target is. See release.h. */
#include "inventory/release.h"

#include "base/num.h"
#include "base/path.h"
#include "inventory/apk.h"
#include "inventory/redhat_content.h"

/* What of VERSION_ID makes the namespace. */
enum part {
	PART_NONE,   /* rolling: the name alone */
	PART_MAJOR,  /* "9.3" -> "9" */
	PART_TWO,    /* "3.18.9" -> "3.18" */
	PART_WHOLE,  /* "15.3" */
	PART_AMAZON, /* "2018.03" is "1", then as written */
	PART_DEBIAN, /* major, or told by the code name before a release has a number */
};

static const struct os_row {
	const char *id, *ns;
	enum part part;
} os_rows[] = {
	{ "debian", "debian", PART_DEBIAN },
	{ "ubuntu", "ubuntu", PART_TWO },
	{ "alpine", "alpine", PART_TWO },
	{ "wolfi", "wolfi", PART_NONE },
	{ "chainguard", "chainguard", PART_NONE },
	{ "minimos", "minimos", PART_NONE },
	{ "rhel", "rhel", PART_MAJOR },
	{ "centos", "centos", PART_MAJOR },
	{ "rocky", "rocky", PART_MAJOR },
	{ "almalinux", "almalinux", PART_MAJOR },
	{ "ol", "oracle", PART_MAJOR },
	{ "amzn", "amazon", PART_AMAZON },
	{ "fedora", "fedora", PART_MAJOR },
	{ "sles", "sles", PART_WHOLE },
	{ "sled", "sles", PART_WHOLE },
	{ "sles_sap", "sles", PART_WHOLE },
	{ "sle_hpc", "sles", PART_WHOLE },
	{ "sle-micro", "sle-micro", PART_WHOLE },
	{ "sle-micro-rancher", "sle-micro", PART_WHOLE },
	{ "sl-micro", "sle-micro", PART_WHOLE }, /* since 6.0 */
	{ "opensuse-leap", "opensuse-leap", PART_WHOLE },
	{ "opensuse", "opensuse-leap", PART_WHOLE }, /* 42.3 and before */
	{ "opensuse-tumbleweed", "opensuse-tumbleweed", PART_NONE },
	{ "photon", "photon", PART_MAJOR },
	{ "mariner", "mariner", PART_MAJOR },
	{ "azurelinux", "azurelinux", PART_MAJOR },
	{ "arch", "arch", PART_NONE },
};

/* Code names of Debian that were, are or will be "testing". */
static const struct {
	const char *codename, *version;
} debian_names[] = {
	{ "wheezy", "7" },    { "jessie", "8" },  { "stretch", "9" }, { "buster", "10" }, { "bullseye", "11" },
	{ "bookworm", "12" }, { "trixie", "13" }, { "forky", "14" },  { "duke", "15" },	  { "sid", "sid" },
};

/* Last day of security support that everybody gets, standard and community LTS; NO_END: rolling, or none announced.
 * Debian, Ubuntu: Debian's distro-info-data (debian.csv column eol-lts, ubuntu.csv column eol). All others: the product
 * pages of endoflife.date of 2026-08-22, which cite the vendors' own (alpinelinux.org/releases; access.redhat.com "Life
 * Cycle", end of maintenance; wikis of AlmaLinux and Rocky; Oracle "Lifetime Support Policy", premier; FAQs of Amazon
 * Linux; Fedora "EOL releases"; suse.com/lifecycle, general; en.opensuse.org/Lifetime; Photon's release table).
 * CBL-Mariner: its repository's announcements. A release whose date could not be looked up is left out: unknown. */
#define NO_END ""
static const struct {
	const char *ns, *last_day;
} life_rows[] = {
	{ "debian:7", "2018-05-31" },
	{ "debian:8", "2020-06-30" },
	{ "debian:9", "2022-06-30" },
	{ "debian:10", "2024-06-30" },
	{ "debian:11", "2026-08-31" },
	{ "debian:12", "2028-06-30" },
	{ "debian:13", "2030-06-30" },
	{ "debian:sid", NO_END },
	{ "ubuntu:12.04", "2017-04-28" },
	{ "ubuntu:12.10", "2014-05-16" },
	{ "ubuntu:13.04", "2014-01-27" },
	{ "ubuntu:13.10", "2014-07-17" },
	{ "ubuntu:14.04", "2019-04-25" },
	{ "ubuntu:14.10", "2015-07-23" },
	{ "ubuntu:15.04", "2016-02-04" },
	{ "ubuntu:15.10", "2016-07-28" },
	{ "ubuntu:16.04", "2021-04-30" },
	{ "ubuntu:16.10", "2017-07-20" },
	{ "ubuntu:17.04", "2018-01-13" },
	{ "ubuntu:17.10", "2018-07-19" },
	{ "ubuntu:18.04", "2023-05-31" },
	{ "ubuntu:18.10", "2019-07-18" },
	{ "ubuntu:19.04", "2020-01-23" },
	{ "ubuntu:19.10", "2020-07-17" },
	{ "ubuntu:20.04", "2025-05-29" },
	{ "ubuntu:20.10", "2021-07-22" },
	{ "ubuntu:21.04", "2022-01-20" },
	{ "ubuntu:21.10", "2022-07-14" },
	{ "ubuntu:22.04", "2027-06-01" },
	{ "ubuntu:22.10", "2023-07-20" },
	{ "ubuntu:23.04", "2024-01-25" },
	{ "ubuntu:23.10", "2024-07-11" },
	{ "ubuntu:24.04", "2029-05-31" },
	{ "ubuntu:24.10", "2025-07-10" },
	{ "ubuntu:25.04", "2026-01-15" },
	{ "ubuntu:25.10", "2026-07-09" },
	{ "ubuntu:26.04", "2031-05-29" },
	{ "alpine:2.6", "2015-05-01" },
	{ "alpine:2.7", "2015-11-01" },
	{ "alpine:3.0", "2016-05-01" },
	{ "alpine:3.1", "2016-11-01" },
	{ "alpine:3.2", "2017-05-01" },
	{ "alpine:3.3", "2017-11-01" },
	{ "alpine:3.4", "2018-05-01" },
	{ "alpine:3.5", "2018-11-01" },
	{ "alpine:3.6", "2019-05-01" },
	{ "alpine:3.7", "2019-11-01" },
	{ "alpine:3.8", "2020-05-01" },
	{ "alpine:3.9", "2020-11-01" },
	{ "alpine:3.10", "2021-05-01" },
	{ "alpine:3.11", "2021-11-01" },
	{ "alpine:3.12", "2022-05-01" },
	{ "alpine:3.13", "2022-11-01" },
	{ "alpine:3.14", "2023-05-01" },
	{ "alpine:3.15", "2023-11-01" },
	{ "alpine:3.16", "2024-05-23" },
	{ "alpine:3.17", "2024-11-22" },
	{ "alpine:3.18", "2025-05-09" },
	{ "alpine:3.19", "2025-11-01" },
	{ "alpine:3.20", "2026-04-01" },
	{ "alpine:3.21", "2026-11-01" },
	{ "alpine:3.22", "2027-05-01" },
	{ "alpine:3.23", "2027-11-01" },
	{ "alpine:3.24", "2028-06-01" },
	{ "alpine:edge", NO_END },
	{ "wolfi", NO_END },
	{ "minimos", NO_END },
	{ "chainguard", NO_END },
	{ "rhel:5", "2017-03-31" },
	{ "rhel:6", "2020-11-30" },
	{ "rhel:7", "2024-06-30" },
	{ "rhel:8", "2029-05-31" },
	{ "rhel:9", "2032-05-31" },
	{ "rhel:10", "2035-05-31" },
	{ "centos:5", "2017-03-31" },
	{ "centos:6", "2020-11-30" },
	{ "centos:7", "2024-06-30" },
	{ "centos:8", "2021-12-31" },
	{ "centos-stream:8", "2024-05-31" },
	{ "centos-stream:9", "2027-05-31" },
	{ "centos-stream:10", "2030-05-31" },
	{ "rocky:8", "2029-05-31" },
	{ "rocky:9", "2032-05-31" },
	{ "rocky:10", "2035-05-31" },
	{ "almalinux:8", "2029-05-31" },
	{ "almalinux:9", "2032-05-31" },
	{ "almalinux:10", "2035-05-31" },
	{ "oracle:5", "2017-06-30" },
	{ "oracle:6", "2021-03-31" },
	{ "oracle:7", "2024-12-31" },
	{ "oracle:8", "2029-07-31" },
	{ "oracle:9", "2032-06-30" },
	{ "oracle:10", NO_END },
	{ "amazon:1", "2023-12-31" },
	{ "amazon:2", "2026-06-30" },
	{ "amazon:2023", "2029-06-30" },
	{ "fedora:27", "2018-11-30" },
	{ "fedora:28", "2019-05-28" },
	{ "fedora:29", "2019-11-26" },
	{ "fedora:30", "2020-05-26" },
	{ "fedora:31", "2020-11-24" },
	{ "fedora:32", "2021-05-25" },
	{ "fedora:33", "2021-11-30" },
	{ "fedora:34", "2022-06-07" },
	{ "fedora:35", "2022-12-13" },
	{ "fedora:36", "2023-05-16" },
	{ "fedora:37", "2023-12-05" },
	{ "fedora:38", "2024-05-21" },
	{ "fedora:39", "2024-11-26" },
	{ "fedora:40", "2025-05-13" },
	{ "fedora:41", "2025-12-15" },
	{ "fedora:42", "2026-05-27" },
	{ "fedora:43", "2026-12-09" },
	{ "fedora:44", "2027-06-02" },
	{ "sles:11.4", "2019-03-31" },
	{ "sles:12", "2016-06-30" },
	{ "sles:12.1", "2017-05-31" },
	{ "sles:12.2", "2018-03-31" },
	{ "sles:12.3", "2019-06-30" },
	{ "sles:12.4", "2020-06-30" },
	{ "sles:12.5", "2024-10-31" },
	{ "sles:15", "2019-12-31" },
	{ "sles:15.1", "2021-01-31" },
	{ "sles:15.2", "2021-12-31" },
	{ "sles:15.3", "2022-12-31" },
	{ "sles:15.4", "2023-12-31" },
	{ "sles:15.5", "2024-12-31" },
	{ "sles:15.6", "2025-12-31" },
	{ "sles:15.7", "2031-07-31" },
	{ "sles:16.0", "2027-11-30" },
	{ "opensuse-leap:42.1", "2017-05-17" },
	{ "opensuse-leap:42.2", "2018-01-26" },
	{ "opensuse-leap:42.3", "2019-07-01" },
	{ "opensuse-leap:15.0", "2019-12-03" },
	{ "opensuse-leap:15.1", "2021-02-02" },
	{ "opensuse-leap:15.2", "2022-01-04" },
	{ "opensuse-leap:15.3", "2022-12-31" },
	{ "opensuse-leap:15.4", "2023-12-07" },
	{ "opensuse-leap:15.5", "2024-12-31" },
	{ "opensuse-leap:15.6", "2026-04-30" },
	{ "opensuse-leap:16.0", "2027-10-31" },
	{ "opensuse-tumbleweed", NO_END },
	{ "photon:1", "2022-02-28" },
	{ "photon:2", "2022-12-01" },
	{ "photon:3", "2025-10-02" },
	{ "photon:4", "2027-10-11" },
	{ "photon:5", NO_END },
	{ "mariner:1", "2023-07-31" },
	{ "mariner:2", "2025-07-31" },
	{ "arch", NO_END },
};

/* Vendor strings of the distributions' own packages, by how they begin. EPEL's is "Fedora Project": foreign on the
 * family of RHEL. */
static const struct {
	const char *family, *vendor;
} own_vendors[] = {
	{ "rhel", "Red Hat" },
	{ "centos", "CentOS" },
	{ "centos-stream", "CentOS" },
	{ "centos-stream", "Red Hat" },
	{ "rocky", "Rocky" },
	{ "almalinux", "AlmaLinux" },
	{ "oracle", "Oracle America" },
	{ "amazon", "Amazon Linux" },
	{ "amazon", "Amazon.com" },
	{ "fedora", "Fedora Project" },
	{ "sles", "SUSE L" }, /* "SUSE LLC <https://www.suse.com/>", "SUSE LINUX Products GmbH, ..." */
	{ "sle-micro", "SUSE L" },
	{ "opensuse-leap", "openSUSE" },
	{ "opensuse-leap", "SUSE L" }, /* since 15.3 Leap carries SLES's own builds */
	{ "opensuse-tumbleweed", "openSUSE" },
	{ "opensuse-tumbleweed", "SUSE L" },
	{ "photon", "VMware" },
	{ "photon", "Broadcom" },
	{ "mariner", "Microsoft Corporation" },
	{ "azurelinux", "Microsoft Corporation" },
};

/* Maintainers of well-known archives that are not Debian's or Ubuntu's, by how they begin. */
static const char *const deb_foreign_maintainers[] = {
	"Docker <",
	"NodeSource",
	"Nodesource",
	"Chrome Linux Team",
	"Google Cloud",
	"Google LLC",
	"Microsoft",
	"MySQL Release Engineering",
	"MariaDB Developers",
	"MariaDB plc",
	"MongoDB",
	"Elastic",
	"Grafana Labs",
	"HashiCorp",
	"Hashicorp",
	"InfluxData",
	"NGINX Packaging",
	"nginx packaging",
	"NGINX Inc",
	"NVIDIA",
	"cudatools <",
	"Datadog",
	"GitHub",
	"GitLab",
	"Percona",
	"Puppet Labs",
	"Confluent",
	"Kubernetes Authors",
	"Cloudflare",
	"Jenkins",
	"Zabbix",
	"Opscode",
	"Chef Software",
	"New Relic",
	"Sury ",
	"PostgreSQL Global",
};
/* What third-party archives write into versions. */
static const char *const deb_foreign_versions[] = { "pgdg", "deb.sury.org", "nodesource", "~ppa", "+ppa", "-ppa" };

static struct str family_of(struct str ns)
{
	struct str family = ns, version;

	str_split(ns, ':', &family, &version);
	return family;
}

/* The first `parts` parts of a version, digits and dots only; "" when it has fewer or is no number. */
static struct str version_parts(struct str v, int parts)
{
	size_t n = 0;

	while (n < v.n && (is_digit(v.p[n]) || (n && v.p[n] == '.' && v.p[n - 1] != '.'))) {
		if (v.p[n] == '.' && --parts == 0)
			break;
		n++;
	}
	if (n && v.p[n - 1] == '.')
		return STR_NONE;
	return parts > 1 ? STR_NONE : str_head(v, n);
}

/* "trixie" of "trixie", of "trixie/sid", and of "Debian GNU/Linux trixie/sid". */
static struct str debian_version(const struct release *r)
{
	struct str major = version_parts(r->version_id, 1);

	if (major.n)
		return major;
	for (size_t i = 0; i < ARRAY_LEN(debian_names); i++)
		if (str_starts(r->codename, str_c(debian_names[i].codename)))
			return str_c(debian_names[i].version);
	for (size_t i = 0; i < ARRAY_LEN(debian_names); i++)
		if (str_find_str(r->name, str_c(debian_names[i].codename)) >= 0)
			return str_c(debian_names[i].version);
	return STR_NONE;
}

static struct str version_for(enum part part, const struct release *r)
{
	switch (part) {
	case PART_MAJOR:
		return version_parts(r->version_id, 1);
	case PART_TWO:
		return version_parts(r->version_id, 2);
	case PART_AMAZON: /* the first Amazon Linux counted in dates, 2011.09 to 2018.03 */
		if (version_parts(r->version_id, 2).n && str_starts(r->version_id, STR("201")))
			return STR("1");
		return version_parts(r->version_id, 1);
	case PART_DEBIAN:
		return debian_version(r);
	case PART_WHOLE:
		return str_eq(r->version_id, version_parts(r->version_id, 1)) ? r->version_id
									      : version_parts(r->version_id, 2);
	case PART_NONE:
	default:
		return STR_NONE;
	}
}

/* The smaller the more it is believed. */
static unsigned int rank_of(struct str path)
{
	static const char *const order[] = { "etc/os-release", "usr/lib/os-release" };
	static const char *const late[] = { "etc/lsb-release", "etc/debian_version" };

	for (unsigned int i = 0; i < ARRAY_LEN(order); i++)
		if (str_is(path, order[i]))
			return i;
	for (unsigned int i = 0; i < ARRAY_LEN(late); i++)
		if (str_is(path, late[i]))
			return 100 + i;
	return 50;
}

static void fill(struct str *to, struct str from)
{
	if (!to->n)
		*to = from;
}

static void choose(const struct release_fact *facts, size_t n, struct release *ret)
{
	const struct release_fact *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct release_fact *f = &facts[i];

		/* Equal ranks: the path decides, so that the order of the facts does not. */
		if (f->r.id.n && (!best || rank_of(f->path) < rank_of(best->path) ||
				  (rank_of(f->path) == rank_of(best->path) && str_cmp(f->path, best->path) < 0)))
			best = f;
	}
	*ret = best ? best->r : (struct release){ 0 };
	for (size_t i = 0; i < n; i++) {
		const struct release *r = &facts[i].r;

		if (!best || !str_eq(r->id, ret->id))
			continue;
		fill(&ret->id_like, r->id_like);
		fill(&ret->version_id, r->version_id);
		fill(&ret->codename, r->codename);
		fill(&ret->name, r->name);
	}
	for (size_t i = 0; i < n && !best; i++) /* a release file nobody knows: at least its words */
		fill(&ret->name, facts[i].r.name);
}

/* A repository line: "[@tag] URL", URL ".../v3.18/main", ".../edge/community"; tagged ones are not installed from
 * unless asked by name. Gives the branch of `main`, else of any. */
static bool repository_branch(struct str line, struct str *ret_branch, bool *ret_main)
{
	struct str part, url = line;

	if (line.n && line.p[0] == '@')
		return false;
	while (url.n && url.p[url.n - 1] == '/')
		url.n--;
	*ret_main = str_is(path_base(url), "main");
	if (!*ret_main && !str_is(path_base(url), "community"))
		return false;
	part = path_base(path_dir(url));
	if (str_is(part, "edge")) {
		*ret_branch = part;
		return true;
	}
	if (part.n < 2 || part.p[0] != 'v' || !version_parts(str_from(part, 1), 2).n)
		return false;
	*ret_branch = str_from(part, 1);
	return true;
}

/* "3.9" before "3.18" before "edge". */
static bool branch_newer(struct str a, struct str b)
{
	struct str a_major, a_minor, b_major, b_minor;
	uint32_t x = 0, y = 0;

	if (str_is(a, "edge") || str_is(b, "edge"))
		return !str_is(b, "edge");
	if (!str_split(a, '.', &a_major, &a_minor) || !str_split(b, '.', &b_major, &b_minor))
		return false;
	if (!str_eq(a_major, b_major))
		return num_u32(a_major, &x) && num_u32(b_major, &y) && x > y;
	return num_u32(a_minor, &x) && num_u32(b_minor, &y) && x > y;
}

/* The branch packages come from: the newest `main`, else the newest `community`; "" when none is named. */
static struct str alpine_branch(const struct fact_pair *properties, size_t n)
{
	struct str best = STR_NONE, branch;
	bool best_main = false, main;

	for (size_t i = 0; i < n; i++) {
		if (!str_is(properties[i].key, APK_REPOSITORY) ||
		    !repository_branch(properties[i].value, &branch, &main))
			continue;
		if (!best.n || (main && !best_main) || (main == best_main && branch_newer(branch, best))) {
			best = branch;
			best_main = main;
		}
	}
	return best;
}

/* An apk system whose release file is gone still has its repositories. */
static struct str apk_id(const struct fact_pair *properties, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!str_is(properties[i].key, APK_REPOSITORY))
			continue;
		if (str_find_str(properties[i].value, STR("packages.wolfi.dev")) >= 0)
			return STR("wolfi");
		if (str_find_str(properties[i].value, STR(".cgr.dev")) >= 0)
			return STR("chainguard");
	}
	return alpine_branch(properties, n).n ? STR("alpine") : STR_NONE;
}

static bool has_property(const struct fact_pair *properties, size_t n, const char *key, const char *value)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(properties[i].key, key) && str_is(properties[i].value, value))
			return true;
	return false;
}

/* Red Hat's extended support is for a minor release; what comes after the end of all of them, for the major one. */
static struct str with_streams(struct arena *a, struct str ns, const struct release *r,
			       const struct fact_pair *properties, size_t n)
{
	for (size_t i = 0; i < REDHAT_STREAMS; i++) {
		const char *stream = redhat_streams[i];
		struct str version = version_parts(r->version_id, strcmp(stream, "els") == 0 ? 1 : 2);

		if (version.n && has_property(properties, n, REDHAT_STREAM, stream))
			ns = arena_fmt(a, STR_FMT "+%s:" STR_FMT, STR_ARG(ns), stream, STR_ARG(version));
	}
	return ns;
}

static struct str namespace_of(struct arena *a, const struct release *r, const struct fact_pair *properties, size_t n)
{
	const struct os_row *row = NULL;
	const char *ns;
	struct str version;

	for (size_t i = 0; i < ARRAY_LEN(os_rows) && !row; i++)
		if (str_is(r->id, os_rows[i].id))
			row = &os_rows[i];
	if (!row)
		return STR_NONE;
	version = version_for(row->part, r);
	ns = row->ns;
	if (str_is(r->id, "alpine")) {
		struct str branch = alpine_branch(properties, n);

		if (branch.n)
			version = branch;
		else if (str_find_str(r->version_id, STR("_alpha")) >= 0) /* "3.21_alpha20240807" */
			version = STR("edge");
	}
	if (str_is(r->id, "centos") && str_find_str(r->name, STR("Stream")) >= 0)
		ns = "centos-stream";
	if (row->part == PART_NONE)
		return str_c(ns);
	if (!version.n)
		return STR_NONE;
	version = arena_fmt(a, "%s:" STR_FMT, ns, STR_ARG(version));
	return str_is(r->id, "rhel") ? with_streams(a, version, r, properties, n) : version;
}

void release_decide(struct arena *a, const struct release_fact *facts, size_t fact_count,
		    const struct fact_pair *properties, size_t property_count, uint32_t types, struct release *ret,
		    struct str *ret_ns)
{
	choose(facts, fact_count, ret);
	if (!ret->id.n && (types & 1u << PKG_APK))
		ret->id = apk_id(properties, property_count);
	*ret_ns = namespace_of(a, ret, properties, property_count);
}

static bool is_date(struct str s)
{
	return s.n >= 10 && is_digit(s.p[0]) && is_digit(s.p[3]) && s.p[4] == '-' && is_digit(s.p[5]) &&
	       is_digit(s.p[6]) && s.p[7] == '-' && is_digit(s.p[8]) && is_digit(s.p[9]);
}

struct str release_eol_date(struct str ns)
{
	for (size_t i = 0; i < ARRAY_LEN(life_rows); i++)
		if (str_is(ns, life_rows[i].ns))
			return str_c(life_rows[i].last_day);
	return STR_NONE;
}

enum release_life release_eol(struct str ns, struct str today)
{
	struct str last = release_eol_date(ns);

	if (!last.p || !is_date(today))
		return RELEASE_LIFE_UNKNOWN;
	if (!last.n)
		return RELEASE_ALIVE;
	return str_cmp(str_head(today, 10), last) > 0 ? RELEASE_EOL : RELEASE_ALIVE;
}

static bool starts_with_any(struct str s, const char *const *heads, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_starts(s, str_c(heads[i])))
			return true;
	return false;
}

bool release_vendor_is_own(struct str ns, struct str vendor)
{
	struct str family = family_of(ns);

	if (str_is(family, "debian") || str_is(family, "ubuntu"))
		return !starts_with_any(vendor, deb_foreign_maintainers, ARRAY_LEN(deb_foreign_maintainers));
	if (str_is(family, "alpine") || str_is(family, "wolfi") || str_is(family, "chainguard") ||
	    str_is(family, "minimos"))
		return true; /* m: names a person, whoever built it */
	if (str_is(family, "arch"))
		return str_find_str(vendor, STR("@archlinux.org>")) >= 0;
	for (size_t i = 0; i < ARRAY_LEN(own_vendors); i++)
		if (str_is(family, own_vendors[i].family) && str_starts(vendor, str_c(own_vendors[i].vendor)))
			return true;
	return false;
}

bool release_package_is_own(struct str ns, const struct package *p)
{
	if (p->type == PKG_DEB)
		for (size_t i = 0; i < ARRAY_LEN(deb_foreign_versions); i++)
			if (str_find_str(p->version, str_c(deb_foreign_versions[i])) >= 0)
				return false;
	/* Some of Amazon's own builds have no Vendor: curl-minimal 8.3.0-1.amzn2023.0.2. */
	if (p->type == PKG_RPM && !p->vendor.n && str_is(family_of(ns), "amazon"))
		return str_find_str(p->version, STR(".amzn")) >= 0;
	return release_vendor_is_own(ns, p->vendor);
}
