/* Fuzz target of tar: the same events however the stream is cut; every name readable, normal, and within the limits.
 * The first byte of the input seeds the cuts. */
#include "layer/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A running hash of all events, with the bytes of a body taken together whatever pieces they come in. */
struct summary {
	uint64_t hash, next_offset;
	int end;
};

static void add(struct summary *s, const void *p, size_t n)
{
	const uint8_t *bytes = p;

	for (size_t i = 0; i < n; i++)
		s->hash = (s->hash ^ bytes[i]) * 1099511628211u;
}

static void add_u64(struct summary *s, uint64_t v)
{
	add(s, &v, sizeof(v));
}

static void add_str(struct summary *s, struct str text)
{
	add_u64(s, text.n);
	add(s, text.p, text.n);
}

static void add_entry(struct summary *s, const struct tar_entry *n)
{
	char room[PATH_BYTES_MAX];
	struct str again;

	if (n->path.n && (path_normal(n->path, room, &again) < 0 || !str_eq(n->path, again)))
		abort();
	if (n->bad_name && n->path.n)
		abort();
	if (n->size > INT64_MAX)
		abort();
	add_u64(s, n->type);
	add_str(s, n->path);
	add_str(s, n->link);
	add_str(s, n->raw_name);
	add_u64(s, n->mode);
	add_u64(s, n->uid);
	add_u64(s, n->gid);
	add_u64(s, n->size);
	add_u64(s, (uint64_t)n->mtime);
	s->next_offset = UINT64_MAX;
}

static void add_data(struct summary *s, const struct tar *t)
{
	if (!t->data.n || t->data_offset > t->entry.size || t->data.n > t->entry.size - t->data_offset)
		abort();
	if (t->data_offset != s->next_offset)
		add_u64(s, t->data_offset);
	s->next_offset = t->data_offset + t->data.n;
	add(s, t->data.p, t->data.n);
}

/* Seed 0: the whole stream in one piece. */
static struct summary summarise(struct str all, uint32_t seed, bool skip)
{
	struct summary s = { 0 };
	struct tar t;
	int r = TAR_MORE;

	tar_init(&t);
	while (r >= 0 && r != TAR_END && all.n) {
		struct str in = all;

		seed *= 1664525u; /* odd: 0 stays 0, and nothing else becomes it */
		if (seed)
			in = str_head(all, (seed >> 16) % 700 + 1);
		all = str_from(all, in.n);
		while ((r = tar_step(&t, &in, NULL)) > TAR_MORE && r != TAR_END) {
			if (r == TAR_ENTRY)
				add_entry(&s, &t.entry);
			if (r == TAR_ENTRY && skip)
				tar_skip(&t);
			if (r == TAR_DATA && skip)
				abort();
			if (r == TAR_DATA)
				add_data(&s, &t);
			else
				add_u64(&s, (uint64_t)r);
		}
		if (r == TAR_MORE && in.n)
			abort();
	}
	s.end = r < 0 ? r : tar_finish(&t, NULL);
	add_u64(&s, t.entries);
	tar_done(&t);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = size ? str_n(data + 1, size - 1) : STR_NONE;

	for (unsigned int skip = 0; skip < 2; skip++) {
		struct summary whole = summarise(all, 0, skip), cut = summarise(all, size ? data[0] * 2u + 1 : 1, skip);

		if (whole.hash != cut.hash || whole.end != cut.end)
			abort();
	}
	return 0;
}
