/* feed: what all readers need. See feed.h. */
#include "vuln/feed/feed.h"

#include <stdarg.h>

#include "base/num.h"

#define WARNING_BYTES_MAX 300

void feed_warn(const struct feed_doc *d, const char *fmt, ...)
{
	char text[WARNING_BYTES_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->sink->warning(d->sink->ctx, str_c(text));
}

void feed_skip(const struct feed_doc *d, struct str why)
{
	struct feed_skips *s = d->skips;
	bool added;
	uint32_t *at;

	why = str_head(why, FEED_ID_BYTES_MAX);
	if (!s) {
		feed_warn(d, "left out: " STR_FMT, STR_ARG(why));
		return;
	}
	at = map_get(&s->index, why);
	if (!at) {
		/* The last place is for all that finds no place of its own. */
		why = s->n < FEED_KINDS_MAX - 1 ? arena_str(&s->names, why) : STR("other things");
		at = map_put(&s->index, why, (uint32_t)s->n, &added);
		if (added)
			s->name[s->n++] = why;
	}
	s->count[*at]++;
}

void feed_skips_tell(struct feed_skips *s, const struct feed_sink *sink)
{
	char text[WARNING_BYTES_MAX];

	for (size_t i = 0; i < s->n; i++) {
		snprintf(text, sizeof(text), "left out %llu %s: " STR_FMT, (unsigned long long)s->count[i],
			 num_plural(s->count[i], "time", "times"), STR_ARG(s->name[i]));
		sink->warning(sink->ctx, str_c(text));
	}
	map_done(&s->index);
	arena_done(&s->names);
	*s = (struct feed_skips){ 0 };
}

static bool sane(struct str s, size_t max)
{
	return s.n > 0 && s.n <= max;
}

void feed_say(const struct feed_doc *d, const struct advisory *a)
{
	if (!sane(a->id, FEED_ID_BYTES_MAX)) {
		feed_skip(d, STR("a statement whose id is empty or too long"));
		return;
	}
	if (!sane(a->name, FEED_NAME_BYTES_MAX) || a->module.n > FEED_NAME_BYTES_MAX) {
		feed_skip(d, STR("a statement whose package name is empty or too long"));
		return;
	}
	for (size_t i = 0; i < a->range_count; i++) {
		const struct adv_range *r = &a->ranges[i];

		if (r->introduced.n > FEED_NAME_BYTES_MAX || r->fixed.n > FEED_NAME_BYTES_MAX ||
		    r->last_affected.n > FEED_NAME_BYTES_MAX) {
			feed_skip(d, STR("a statement whose version is too long"));
			return;
		}
	}
	d->sink->advisory(d->sink->ctx, a);
}

void feed_info(const struct feed_doc *d, const struct vuln_info *v)
{
	if (sane(v->id, FEED_ID_BYTES_MAX))
		d->sink->vuln(d->sink->ctx, v);
}

struct str feed_title(struct arena *a, struct str text)
{
	size_t cut = FEED_TITLE_BYTES;
	bool clean = true;
	char *p;

	text = str_trim(text);
	if (text.n > FEED_TITLE_BYTES) {
		while (cut > FEED_TITLE_BYTES / 2 && !is_space(text.p[cut]))
			cut--;
		/* never inside a UTF-8 character */
		while (cut && ((unsigned char)text.p[cut] & 0xc0) == 0x80)
			cut--;
		text = str_trim(str_head(text, cut));
	}
	for (size_t i = 0; i < text.n; i++)
		clean &= (unsigned char)text.p[i] >= ' ';
	if (clean)
		return text;
	p = arena_alloc(a, text.n);
	for (size_t i = 0; i < text.n; i++)
		p[i] = (unsigned char)text.p[i] < ' ' ? ' ' : text.p[i];
	return str_n(p, text.n);
}

bool feed_is_cve(struct str id)
{
	if (id.n < 13 || id.n > 24 || !str_starts(id, STR("CVE-")) || id.p[8] != '-')
		return false;
	for (size_t i = 4; i < id.n; i++)
		if (i != 8 && !is_digit(id.p[i]))
			return false;
	return true;
}

struct str feed_cve_behind(struct str id)
{
	ptrdiff_t at = str_find_str(id, STR("CVE-"));

	return at >= 0 && feed_is_cve(str_from(id, (size_t)at)) ? str_from(id, (size_t)at) : STR_NONE;
}
