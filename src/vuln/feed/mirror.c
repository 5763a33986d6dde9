/* mirror: what `db update` read from a distribution's package mirror (vuln/update/mirror.h): which version of a source
 * package fixed which CVE, by its changelog. The format is our own: docs/formats/mirror.md. */
#include "vuln/feed/feed.h"

/* The field behind the name, when a line has the name. */
static bool field(struct str line, const char *name, struct str *ret)
{
	struct str head;

	return str_split(line, '\t', &head, ret) && str_is(head, name);
}

/* fix VERSION ID,ID,... */
static void fix_line(const struct feed_doc *d, struct str ns, struct str source, struct str value)
{
	struct str version, ids;

	if (!source.n || !str_split(value, '\t', &version, &ids) || !version.n) {
		feed_warn(d, "a fix without a package or version");
		return;
	}
	for (struct str id; str_cut(&ids, ',', &id);) {
		struct adv_range fixed = { .fixed = version };
		struct advisory a = { .id = id,
				      .ns = ns,
				      .name = source,
				      .name_kind = ADV_NAME_SOURCE,
				      .status = ADV_AFFECTED,
				      .ranges = &fixed,
				      .range_count = 1 };

		if (feed_is_cve(id))
			feed_say(d, &a);
		else
			feed_skip(d, STR("an id that is no CVE"));
	}
}

int feed_mirror(const struct feed_doc *d, struct err *e)
{
	struct str text = d->bytes, line, value, ns = STR_NONE, source = STR_NONE, version;

	if (!str_cut(&text, '\n', &line) || !str_is(line, "yagura-mirror\t1"))
		return err_set(e, -EBADMSG, "no mirror file of version 1");
	while (str_cut(&text, '\n', &line)) {
		if (field(line, "ns", &value))
			ns = value;
		else if (field(line, "source", &value))
			source = str_split(value, '\t', &source, &version) ? source : STR_NONE;
		else if (field(line, "fix", &value) && ns.n)
			fix_line(d, ns, source, value);
		else if (field(line, "open", &value))
			feed_skip(d, STR("a fix that was taken back, with no later word"));
		else if (field(line, "unreadable", &value))
			feed_skip(d, STR("a source package whose changelog could not be read"));
	}
	return ns.n ? 0 : err_set(e, -EBADMSG, "no namespace");
}
