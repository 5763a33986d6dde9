/* cgroup-compare: whether what the kernel says is what was asked of it. See cgroup_knob_holds() in cgroup.h. */
#include "base/num.h"
#include "runtime/cgroup-part.h"

#define V1_UNLIMITED (INT64_MAX - 0x10000) /* v1 says "no limit" as the highest number of whole pages */

/* A limit as a number; UINT64_MAX is none. */
static bool limit_value(struct str s, uint64_t *ret)
{
	if (str_is(s, "max") || str_is(s, "-1")) {
		*ret = UINT64_MAX;
		return true;
	}
	if (!num_u64(s, 10, ret))
		return false;
	if (*ret >= V1_UNLIMITED)
		*ret = UINT64_MAX;
	return true;
}

static bool number_holds(struct str want, struct str got, uint64_t granule)
{
	uint64_t w, g;
	int64_t a, b;

	if (!limit_value(want, &w))
		return num_i64(want, &a) && num_i64(got, &b) && a == b;
	if (!limit_value(got, &g))
		return false;
	return w == g || (granule && g < w && w != UINT64_MAX && w - g < granule);
}

static bool cpus_hold(struct str want, struct str got)
{
	struct num_set w, g;

	return num_set(want, &w) && num_set(got, &g) && !memcmp(w.bits, g.bits, sizeof(w.bits));
}

/* Numbers may be written in more than one way: "0.00" reads back as "0.00", "100" as "100.00". */
static bool word_is(struct str want, struct str got)
{
	double w, g;

	return str_eq(want, got) || (num_double(want, &w) && num_double(got, &g) && w >= g && w <= g);
}

static bool words_hold(struct str want, struct str got)
{
	struct str w, g;

	while (str_word(&want, &w))
		if (!str_word(&got, &g) || !word_is(w, g))
			return false;
	return true;
}

/* A rule that is no rule: "max" or, on v1, a rate of 0. */
static bool is_nothing(struct str word)
{
	return str_ends(word, STR("=max")) || str_is(word, "0") || str_is(word, "max");
}

static bool line_holds(struct str words, struct str line)
{
	for (struct str w; str_word(&words, &w);)
		if (!str_has_word(line, w))
			return false;
	return true;
}

static bool keyed_holds(struct str want, struct str got)
{
	struct str key, k;

	if (!str_word(&want, &key))
		return false;
	for (struct str line; str_cut(&got, '\n', &line);) {
		struct str words = line;

		if (str_word(&words, &k) && str_eq(k, key))
			return line_holds(want, words);
	}
	for (struct str w; str_word(&want, &w);)
		if (!is_nothing(w))
			return false;
	return true;
}

/* v1's memory.oom_control answers in three lines, of which the first says what was written. */
static struct str first_value(struct str got)
{
	struct str head, tail;

	if (!str_split(got, '\n', &head, &tail))
		return got;
	return str_split(head, ' ', &tail, &head) ? head : tail;
}

bool cgroup_knob_holds(const struct cgroup_knob *k, struct str read_back)
{
	struct str want = str_c(k->value), got = str_trim(read_back);

	switch (k->compare) {
	case CG_NUMBER:
		return number_holds(want, first_value(got), k->granule);
	case CG_CPUS:
		return cpus_hold(want, got);
	case CG_WORDS:
		return words_hold(want, got);
	case CG_KEYED:
		return keyed_holds(want, got);
	}
	return false;
}
