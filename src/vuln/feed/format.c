/* format: the table of formats, and what a document of each begins with. See format.h. */
#include "vuln/feed/format.h"

#include "base/path.h"
#include "vuln/feed/oval.h"

static bool has(struct str head, struct str text)
{
	return str_find_str(head, text) >= 0;
}

static bool is_json_object(struct str head)
{
	head = str_trim(head);
	return head.n && head.p[0] == '{';
}

static bool looks_secdb(struct str path, struct str head)
{
	return str_ends(path, STR(".json")) && is_json_object(head) && has(head, STR("\"apkurl\"")) &&
	       has(head, STR("\"urlprefix\""));
}

/* osv.dev names a file after the record in it, and writes "id", "summary" and "details" first. */
static bool named_after_id(struct str path, struct str head)
{
	ptrdiff_t at = str_find_str(head, STR("\"id\""));
	struct str name = path_base(path), id = at >= 0 ? str_trim(str_from(head, (size_t)at + 4)) : STR_NONE;

	if (!str_starts(id, STR(":")))
		return false;
	id = str_trim(str_from(id, 1));
	name.n -= strlen(".json");
	return str_starts(id, STR("\"")) && str_starts(str_from(id, 1), name) &&
	       str_starts(str_from(id, name.n + 1), STR("\""));
}

/* The keys may stand in any order, and "details" may fill the whole head. */
static bool looks_osv(struct str path, struct str head)
{
	if (!str_ends(path, STR(".json")) || !is_json_object(head) || has(head, STR("\"dataType\"")) ||
	    has(head, STR("\"CVE_RECORD\"")))
		return false;
	return has(head, STR("\"affected\"")) || has(head, STR("\"schema_version\"")) ||
	       (has(head, STR("\"id\"")) && has(head, STR("\"modified\""))) || named_after_id(path, head);
}

static bool looks_tracker(unused_arg struct str path, struct str head)
{
	return is_json_object(head) && has(head, STR("\"releases\"")) && has(head, STR("\"repositories\""));
}

static bool looks_oval(unused_arg struct str path, struct str head)
{
	return has(head, STR("oval_definitions"));
}

static bool looks_cve5(unused_arg struct str path, struct str head)
{
	return is_json_object(head) && (has(head, STR("\"CVE_RECORD\"")) || has(head, STR("\"cveMetadata\"")) ||
					has(head, STR("\"containers\"")));
}

static bool looks_kev(unused_arg struct str path, struct str head)
{
	return is_json_object(head) && has(head, STR("\"catalogVersion\"")) && has(head, STR("\"cveID\""));
}

static bool looks_kev_csv(unused_arg struct str path, struct str head)
{
	return str_starts(head, STR("cveID,")) || str_starts(head, STR("\"cveID\","));
}

static bool looks_epss(unused_arg struct str path, struct str head)
{
	return str_starts(head, STR("#model_version:")) || str_starts(head, STR("cve,epss,percentile"));
}

static bool looks_mirror(unused_arg struct str path, struct str head)
{
	return str_starts(head, STR("yagura-mirror\t"));
}

/* "[29 Mar 2023] DSA-5380-1 xorg-server - security update" */
static bool looks_dsa(unused_arg struct str path, struct str head)
{
	return head.n > 20 && head.p[0] == '[' && is_digit(head.p[1]) && head.p[12] == ']' &&
	       (has(str_head(head, 40), STR(" DSA-")) || has(str_head(head, 40), STR(" DLA-")));
}

static bool looks_retire(unused_arg struct str path, struct str head)
{
	return is_json_object(head) && has(head, STR("\"vulnerabilities\"")) && has(head, STR("\"extractors\""));
}

static bool looks_rubysec(struct str path, struct str head)
{
	return str_ends(path, STR(".yml")) &&
	       (str_starts(head, STR("gem:")) || has(head, STR("\ngem:")) || has(head, STR("\nengine:")));
}

static bool looks_friendsofphp(struct str path, struct str head)
{
	return str_ends(path, STR(".yaml")) && has(head, STR("branches:"));
}

static bool looks_csaf(unused_arg struct str path, struct str head)
{
	return is_json_object(head) && has(head, STR("\"csaf_version\""));
}

/* index.json repeats the others in one */
static bool looks_nodejs(struct str path, struct str head)
{
	return is_json_object(head) && !str_ends(path, STR("index.json")) && has(head, STR("\"module_name\""));
}

/* More particular ones first. */
static const struct feed_format formats[] = {
	{ "unread", feed_looks_unread, feed_unread },
	{ "mirror", looks_mirror, feed_mirror },
	{ "oval", looks_oval, feed_oval },
	{ "alpine-secdb", looks_secdb, feed_secdb },
	{ "debian-tracker", looks_tracker, feed_debian_tracker },
	{ "cve", looks_cve5, feed_cve5 },
	{ "kev", looks_kev, feed_kev },
	{ "kev-csv", looks_kev_csv, feed_kev_csv },
	{ "epss", looks_epss, feed_epss },
	{ "csaf", looks_csaf, feed_csaf },
	{ "debian-dsa", looks_dsa, feed_debian_dsa },
	{ "retire", looks_retire, feed_retire },
	{ "rubysec", looks_rubysec, feed_rubysec },
	{ "friendsofphp", looks_friendsofphp, feed_friendsofphp },
	{ "nodejs", looks_nodejs, feed_nodejs },
	{ "osv", looks_osv, feed_osv },
};

const struct feed_format *feed_format_of(struct str path, struct str head)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (formats[i].looks(path, head))
			return &formats[i];
	return NULL;
}

const struct feed_format *feed_format_named(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (str_is(name, formats[i].name))
			return &formats[i];
	return NULL;
}
