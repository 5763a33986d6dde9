/* fuzz: what every feed reader's fuzz target does: read the bytes, touch every byte of every statement. */
#ifndef VULN_FEED_FUZZ_H
#define VULN_FEED_FUZZ_H

#include "vuln/feed/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned int fuzz_sum;

static inline void fuzz_touch(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		fuzz_sum += (unsigned char)s.p[i];
}

static inline void fuzz_advisory(unused_arg void *ctx, const struct advisory *a)
{
	const struct str all[] = { a->id, a->bulletin, a->ns, a->name, a->module, a->arch, a->channel, a->reason };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		fuzz_touch(all[i]);
	for (size_t i = 0; i < a->range_count; i++) {
		fuzz_touch(a->ranges[i].introduced);
		fuzz_touch(a->ranges[i].fixed);
		fuzz_touch(a->ranges[i].last_affected);
	}
	for (size_t i = 0; i < a->version_count; i++)
		fuzz_touch(a->versions[i]);
	if (!a->id.n || !a->name.n || !a->ns.n)
		abort();
}

static inline void fuzz_vuln(unused_arg void *ctx, const struct vuln_info *v)
{
	fuzz_touch(v->id);
	fuzz_touch(v->title);
	fuzz_touch(v->cvss_vector);
	fuzz_touch(v->kev_date);
	fuzz_touch(v->published);
	for (size_t i = 0; i < v->alias_count; i++)
		fuzz_touch(v->aliases[i]);
	for (size_t i = 0; i < v->cwe_count; i++)
		fuzz_touch(v->cwes[i]);
	if (!v->id.n || v->title.n > FEED_TITLE_BYTES || v->cvss_score > 10)
		abort();
}

static inline void fuzz_warning(unused_arg void *ctx, struct str what)
{
	fuzz_touch(what);
}

static const struct feed_sink fuzz_sink = { NULL, fuzz_advisory, fuzz_vuln, fuzz_warning };

static inline int fuzz_feed(int (*read)(const struct feed_doc *, struct err *), const char *path, const uint8_t *data,
			    size_t size)
{
	struct feed_skips skips = { 0 };
	auto_arena struct arena a = { 0 };
	struct feed_doc d = { str_c(path), str_n(data, size), &a, &fuzz_sink, &skips };
	struct err e = { 0 };
	int r = read(&d, &e);

	if (r < 0 && !e.msg[0])
		abort();
	feed_skips_tell(&skips, &fuzz_sink);
	return 0;
}

/* The whole target of one reader. */
#define FEED_FUZZ(reader, path)                                      \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) \
	{                                                            \
		return fuzz_feed(reader, path, data, size);          \
	}

#endif
