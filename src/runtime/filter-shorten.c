/* filter: trees over system call numbers made anew. See filter.h.
 *
 * The library makes one test for each call that a profile names. Of 400 names in a row all but a handful have the same
 * verdict, so that what a tree says is a few dozen intervals of numbers. */
#include "runtime/filter.h"

#include "base/mem.h"

#define INTERVALS_MAX 128 /* of one tree: with an exit for each 255 instructions, as far as conditional jumps go */

/* The numbers from `low` to the next interval's: where the old program goes on with them. */
struct interval {
	uint32_t low;
	size_t to;
};

/* All that one load of the number leads to: n - 1 tests, and behind them an exit for each place it may go on at. */
struct tree {
	struct interval all[INTERVALS_MAX];
	size_t n;
	size_t exits[INTERVALS_MAX];
	size_t exit_count;
	size_t head;  /* the load, in the old program */
	size_t start; /* the first test, in the new one */
};

/* Arrays of n: what comes out must be shorter. */
struct shortening {
	struct sock_filter *old, *out;
	size_t n, out_n;
	size_t *place; /* old -> new */
	size_t *from;  /* new -> the old one from which its jumps are counted, SIZE_MAX: they are as they should be */
	bool *wanted;  /* old: something comes here */
	bool failed;
};

static const struct sock_filter load_number =
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr));

static bool same(const struct sock_filter *a, const struct sock_filter *b)
{
	return a->code == b->code && a->k == b->k && a->jt == b->jt && a->jf == b->jf;
}

static bool is_verdict(const struct sock_filter *f)
{
	return f->code == (BPF_RET | BPF_K);
}

/* The same verdict at two places is one. */
static bool same_end(const struct shortening *s, size_t a, size_t b)
{
	return a == b || (is_verdict(&s->old[a]) && same(&s->old[a], &s->old[b]));
}

/* Where number `low` gets to that was loaded before `at`, and up to which number it is the same way. */
static size_t follow(const struct shortening *s, size_t at, uint32_t low, uint32_t *ret_high)
{
	uint32_t high = UINT32_MAX;

	for (;; at++) {
		const struct sock_filter *f = &s->old[at];
		uint32_t last; /* that takes the jump `low` takes */
		bool yes;

		switch (f->code) {
		case BPF_JMP | BPF_JA:
			at += f->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = low == f->k;
			last = yes ? low : low < f->k ? f->k - 1 : UINT32_MAX;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = low > f->k;
			last = yes ? UINT32_MAX : f->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = low >= f->k;
			last = yes ? UINT32_MAX : f->k - 1;
			break;
		default:
			*ret_high = high;
			return at;
		}
		high = last < high ? last : high;
		at += yes ? f->jt : f->jf;
	}
}

/* False: too many intervals. */
static bool read_tree(const struct shortening *s, struct tree *t)
{
	uint32_t low = 0, high;

	do {
		size_t to = follow(s, t->head + 1, low, &high);

		if (!t->n || !same_end(s, t->all[t->n - 1].to, to)) {
			if (t->n == INTERVALS_MAX)
				return false;
			t->all[t->n++] = (struct interval){ low, to };
		}
		low = high + 1;
	} while (high != UINT32_MAX);
	return true;
}

static void put(struct shortening *s, struct sock_filter f, size_t from)
{
	if (s->out_n == s->n) {
		s->failed = true;
		return;
	}
	s->from[s->out_n] = from;
	s->out[s->out_n++] = f;
}

/* Where in the new program numbers leave the tree for `to`. */
static size_t exit_to(const struct shortening *s, struct tree *t, size_t to)
{
	size_t i = 0;

	while (i < t->exit_count && !same_end(s, t->exits[i], to))
		i++;
	if (i == t->exit_count)
		t->exits[t->exit_count++] = to;
	return t->start + t->n - 1 + i;
}

/* The tests of n intervals from `first`; where they begin. 7 levels for INTERVALS_MAX. */
static size_t put_tests(struct shortening *s, struct tree *t, size_t first, size_t n)
{
	size_t half = n / 2, test = s->out_n, lower, upper;

	if (n == 1)
		return exit_to(s, t, t->all[first].to);
	put(s, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, t->all[first + half].low, 0, 0), SIZE_MAX);
	lower = put_tests(s, t, first, half);
	upper = put_tests(s, t, first + half, n - half);
	if (!s->failed) {
		s->out[test].jt = (uint8_t)(upper - test - 1);
		s->out[test].jf = (uint8_t)(lower - test - 1);
	}
	return test;
}

static void put_exit(struct shortening *s, const struct tree *t, size_t to)
{
	if (is_verdict(&s->old[to])) {
		put(s, s->old[to], SIZE_MAX);
		return;
	}
	put(s, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(to - t->head - 1)), t->head);
	s->wanted[to] = true;
}

static void put_tree(struct shortening *s, struct tree *t)
{
	t->start = s->out_n;
	put_tests(s, t, 0, t->n);
	for (size_t i = 0; i < t->exit_count; i++)
		put_exit(s, t, t->exits[i]);
}

static void want_next(struct shortening *s, size_t i)
{
	const struct sock_filter *f = &s->old[i];

	if (is_verdict(f))
		return;
	if (f->code == (BPF_JMP | BPF_JA)) {
		s->wanted[i + 1 + f->k] = true;
	} else { /* what does not jump has distances of 0 */
		s->wanted[i + 1 + f->jt] = true;
		s->wanted[i + 1 + f->jf] = true;
	}
}

/* False: nothing is to be gained by a tree behind this instruction. */
static bool rewrite_tree(struct shortening *s, size_t head)
{
	not_zeroed struct tree t;

	if (!same(&s->old[head], &load_number))
		return false;
	t.head = head;
	t.n = t.exit_count = 0;
	if (!read_tree(s, &t) || t.n == 1)
		return false;
	put_tree(s, &t);
	return true;
}

/* All jumps go forward: one pass meets an instruction after everything that leads to it. */
static void rewrite(struct shortening *s)
{
	s->wanted[0] = true;
	for (size_t i = 0; i < s->n && !s->failed; i++) {
		if (!s->wanted[i])
			continue;
		s->place[i] = s->out_n;
		put(s, s->old[i], i);
		if (!rewrite_tree(s, i))
			want_next(s, i);
	}
}

/* The new distance of a jump that was counted from `from`. */
static size_t distance(const struct shortening *s, size_t i, size_t from, size_t old)
{
	return s->place[from + 1 + old] - i - 1;
}

static void aim(struct shortening *s, size_t i)
{
	struct sock_filter *f = &s->out[i];
	size_t from = s->from[i], yes, no;

	if (from == SIZE_MAX || BPF_CLASS(f->code) != BPF_JMP)
		return;
	if (f->code == (BPF_JMP | BPF_JA)) {
		f->k = (uint32_t)distance(s, i, from, f->k);
		return;
	}
	yes = distance(s, i, from, f->jt);
	no = distance(s, i, from, f->jf);
	s->failed |= yes > UINT8_MAX || no > UINT8_MAX;
	f->jt = (uint8_t)yes;
	f->jf = (uint8_t)no;
}

void filter_shorten(struct buf *program)
{
	size_t n = program->n / sizeof(struct sock_filter);
	auto_free struct sock_filter *old = xcalloc(n, sizeof(*old)), *out = xcalloc(n, sizeof(*out));
	auto_free size_t *place = xcalloc(n, sizeof(*place)), *from = xcalloc(n, sizeof(*from));
	auto_free bool *wanted = xcalloc(n, sizeof(*wanted));
	struct shortening s = { .old = old, .out = out, .n = n, .place = place, .from = from, .wanted = wanted };

	memcpy(old, program->p, n * sizeof(*old));
	rewrite(&s);
	for (size_t i = 0; i < s.out_n; i++)
		aim(&s, i);
	if (s.failed)
		return;
	program->n = s.out_n * sizeof(*out);
	memcpy(program->p, out, program->n);
}
