/* tracker: Debian's security tracker as JSON: source package -> id -> release -> what is known.
 * https://security-tracker.debian.org/tracker/data/json, docs/formats/feeds.md "debian-tracker". */
#include "base/json.h"
#include "vuln/feed/feed.h"
#include "vuln/feed/ns.h"

struct entry {
	struct str status, fixed, urgency, nodsa, nodsa_reason;
};

static const struct {
	const char *urgency;
	enum severity severity;
} urgencies[] = {
	{ "unimportant", SEV_NEGLIGIBLE },
	{ "low", SEV_LOW },
	{ "medium", SEV_MEDIUM },
	{ "high", SEV_HIGH },
};

/* "low**": the asterisks say that it was set by hand. */
static enum severity severity_of(struct str urgency)
{
	while (str_ends(urgency, STR("*")))
		urgency.n--;
	for (size_t i = 0; i < ARRAY_LEN(urgencies); i++)
		if (str_is(urgency, urgencies[i].urgency))
			return urgencies[i].severity;
	return SEV_UNKNOWN;
}

static enum advisory_status open_status(const struct entry *x)
{
	if (str_is(x->urgency, "end-of-life"))
		return ADV_END_OF_LIFE;
	if (!x->nodsa.p)
		return ADV_AFFECTED;
	if (str_is(x->nodsa_reason, "postponed"))
		return ADV_DEFERRED;
	if (str_is(x->nodsa_reason, "ignored"))
		return ADV_WONT_FIX;
	return ADV_AFFECTED; /* no security announcement for it alone, maybe fixed with the next point release */
}

static void say_entry(const struct feed_doc *d, struct advisory *a, struct str codename, const struct entry *x)
{
	struct str release = ns_debian_release(codename);
	struct adv_range fixed = { .fixed = x->fixed };

	if (!release.n) {
		feed_skip(d, STR("a statement about an unknown Debian release"));
		return;
	}
	a->ns = ns_join(d->arena, STR("debian:"), release);
	a->severity = severity_of(x->urgency);
	a->unimportant = a->severity == SEV_NEGLIGIBLE;
	a->ranges = NULL;
	a->range_count = 0;
	a->reason = feed_title(d->arena, x->nodsa);
	if (str_is(x->status, "open")) {
		a->status = open_status(x);
	} else if (str_is(x->status, "undetermined")) {
		a->status = ADV_INVESTIGATING;
	} else if (!str_is(x->status, "resolved") || !x->fixed.n) {
		feed_skip(d, STR("a statement with an unknown status"));
		return;
	} else if (str_is(x->fixed, "0")) {
		a->status = ADV_NOT_AFFECTED;
	} else {
		a->status = ADV_AFFECTED;
		a->ranges = &fixed;
		a->range_count = 1;
	}
	feed_say(d, a);
}

static void read_releases(const struct feed_doc *d, struct json *j, struct advisory *a)
{
	struct str codename;

	if (!json_object(j))
		return;
	while (json_key(j, &codename)) {
		struct entry x = { 0 };
		const struct json_want want[] = {
			{ "status", &x.status, false },
			{ "fixed_version", &x.fixed, false },
			{ "urgency", &x.urgency, false },
			{ "nodsa", &x.nodsa, false },
			{ "nodsa_reason", &x.nodsa_reason, false },
		};

		if (json_take_all(j, want, ARRAY_LEN(want)) && !j->why)
			say_entry(d, a, codename, &x);
	}
}

static void read_id(const struct feed_doc *d, struct json *j, struct str package, struct str id)
{
	struct advisory a = { .id = id, .name = package, .name_kind = ADV_NAME_SOURCE };
	struct vuln_info v = VULN_INFO_NONE;
	struct str key, text = STR_NONE;

	if (!json_object(j))
		return;
	while (json_key(j, &key)) {
		if (str_is(key, "description"))
			(void)json_str(j, &text);
		else if (str_is(key, "releases"))
			read_releases(d, j, &a);
	}
	v.id = id;
	v.title = feed_title(d->arena, text);
	if (v.title.n)
		feed_info(d, &v);
}

int feed_debian_tracker(const struct feed_doc *d, struct err *e)
{
	struct str package, id;
	struct json j;
	int r;

	json_init(&j, d->bytes, d->arena);
	json_object(&j);
	while (json_key(&j, &package)) {
		if (!json_object(&j))
			continue;
		while (json_key(&j, &id))
			read_id(d, &j, package, id);
	}
	r = json_finish(&j, e);
	return r < 0 ? err_wrap(e, r, "Debian tracker") : 0;
}
