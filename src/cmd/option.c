/* option: words into values. See option.h; the texts are option-help.c and option-complete.c, main() option-main.c. */
#include "cmd/option.h"

#include "base/num.h"

#define NAME_BYTES_MAX 32 /* longer words are no misspelt names */
#define TYPOS_MAX 2	  /* letters off a name for "did you mean" */

const struct option option_help_row[2] = {
	{ "help", 'h', OPTION_FLAG, NULL, NULL, "Show how it is used.", NULL },
	{ .name = NULL },
};

void invocation_done(struct invocation *in)
{
	vec_done(&in->args);
}

const struct command *command_named(const struct command *table, struct str name)
{
	for (; table && table->name; table++)
		if (str_is(name, table->name))
			return table;
	return NULL;
}

/* ---- did you mean ---- */

/* Edits (one letter more, less, other, or two swapped) that part two words. */
static unsigned int distance(struct str a, struct str b)
{
	unsigned int rows[3][NAME_BYTES_MAX + 1];

	if (a.n > NAME_BYTES_MAX || b.n > NAME_BYTES_MAX)
		return NAME_BYTES_MAX;
	for (unsigned int j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (unsigned int i = 1; i <= a.n; i++) {
		unsigned int *now = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned int best = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);

			best = above[j] + 1 < best ? above[j] + 1 : best;
			best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return rows[a.n % 3][b.n];
}

struct guess {
	struct str word;
	const char *best;
	unsigned int off;
};

static void guess_try(struct guess *g, const char *name)
{
	unsigned int off = distance(g->word, str_c(name));

	/* a name that begins like the word, or differs by less than half of it */
	if (g->word.n >= 2 && str_starts(str_c(name), g->word))
		off = 1;
	if (off < g->off && off * 2 <= strlen(name)) {
		g->off = off;
		g->best = name;
	}
}

static const char *guess_option(const struct option *const tables[2], struct str word)
{
	struct guess g = { word, NULL, TYPOS_MAX + 1 };

	for (size_t t = 0; t < 2; t++)
		for (const struct option *o = tables[t]; o && o->name; o++)
			guess_try(&g, o->name);
	guess_try(&g, option_help_row[0].name);
	return g.best;
}

int command_unknown(const struct program *p, const struct command *parent, struct str word, struct err *e)
{
	struct guess g = { word, NULL, TYPOS_MAX + 1 };
	const char *name = parent ? parent->name : "";

	for (const struct command *c = parent ? parent->commands : p->commands; c->name; c++)
		if (!c->hidden)
			guess_try(&g, c->name);
	if (g.best)
		return err_set(e, -EINVAL, "there is no command \"%s%s" STR_FMT "\"; did you mean \"%s%s%s\"?", name,
			       *name ? " " : "", STR_ARG(word), name, *name ? " " : "", g.best);
	return err_set(e, -EINVAL, "there is no command \"%s%s" STR_FMT "\"; try \"%s help\"", name, *name ? " " : "",
		       STR_ARG(word), p->name);
}

/* ---- values ---- */

bool option_size(struct str s, uint64_t *ret)
{
	static const char letters[] = "kmgt";
	size_t digits = 0, power = 0;
	uint64_t n, unit = 1024;
	struct str rest;
	const char *letter;

	while (digits < s.n && is_digit(s.p[digits]))
		digits++;
	rest = str_from(s, digits);
	if (!num_u64(str_head(s, digits), 10, &n))
		return false;
	letter = rest.n ? strchr(letters, to_lower(*rest.p)) : NULL;
	if (letter && *letter) {
		power = (size_t)(letter - letters) + 1;
		rest = str_from(rest, 1);
	}
	if (power && str_eq_nocase(rest, STR("b")))
		unit = 1000;
	else if (rest.n && !(power && (str_eq_nocase(rest, STR("i")) || str_eq_nocase(rest, STR("ib")))) &&
		 !str_eq_nocase(rest, STR("b")))
		return false;
	for (; power; power--)
		if (!mul_ok(n, unit, &n))
			return false;
	*ret = n;
	return true;
}

static bool choice_of(const struct option *o, struct str value, uint64_t *ret)
{
	for (uint64_t i = 0; o->choices[i]; i++) {
		if (!str_is(value, o->choices[i]))
			continue;
		*ret = i;
		return true;
	}
	return false;
}

static int bad_choice(const struct option *o, struct str value, struct err *e)
{
	char all[256] = "";

	for (size_t i = 0; o->choices[i]; i++) {
		size_t n = strlen(all);

		snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", o->choices[i]);
	}
	return err_set(e, -EINVAL, "--%s: \"" STR_FMT "\" is none of: %s", o->name, STR_ARG(value), all);
}

static int set_choices(const struct option *o, struct str value, struct err *e)
{
	uint64_t *to = o->to, i;

	for (struct str word; str_cut(&value, ',', &word);) {
		if (!choice_of(o, word, &i))
			return bad_choice(o, word, e);
		*to |= UINT64_C(1) << i;
	}
	return 0;
}

static int set_value(const struct option *o, struct str value, struct err *e)
{
	switch (o->kind) {
	case OPTION_FLAG:
		return err_set(e, -EINVAL, "--%s: \"" STR_FMT "\" is not true or false", o->name, STR_ARG(value));
	case OPTION_TEXT:
		*(struct str *)o->to = value;
		return 0;
	case OPTION_LIST:
		vec_push(&((struct option_list *)o->to)->values, value);
		return 0;
	case OPTION_CHOICE:
		return choice_of(o, value, o->to) ? 0 : bad_choice(o, value, e);
	case OPTION_CHOICES:
		return set_choices(o, value, e);
	case OPTION_NUMBER:
		if (num_u64(value, 10, o->to))
			return 0;
		return err_set(e, -EINVAL, "--%s: \"" STR_FMT "\" is no number", o->name, STR_ARG(value));
	case OPTION_SIZE:
		if (option_size(value, o->to))
			return 0;
		return err_set(e, -EINVAL, "--%s: \"" STR_FMT "\" is no size (like 512, 64k, 10M, 2GiB)", o->name,
			       STR_ARG(value));
	}
	return 0;
}

/* ---- words ---- */

struct parse {
	const struct program *p;
	struct invocation *in;
	char **argv;
	int argc, at;
	bool only_arguments; /* "--" was passed */
};

static const struct option *find_option(const struct option *const tables[2], struct str name, char letter)
{
	for (size_t t = 0; t < 2; t++)
		for (const struct option *o = tables[t]; o && o->name; o++)
			if (letter ? o->letter == letter : str_is(name, o->name))
				return o;
	return (letter ? letter == option_help_row[0].letter : str_is(name, option_help_row[0].name))
		       ? &option_help_row[0]
		       : NULL;
}

static void set_flag(struct parse *s, const struct option *o, bool value)
{
	if (o == &option_help_row[0])
		s->in->help = true;
	else
		*(bool *)o->to = value;
}

static int next_value(struct parse *s, const struct option *o, struct str *ret, struct err *e)
{
	if (s->at >= s->argc)
		return err_set(e, -EINVAL, "--%s needs a value (%s)", o->name, o->value ? o->value : "VALUE");
	*ret = str_c(s->argv[s->at++]);
	return 0;
}

static void option_tables(const struct parse *s, const struct option *ret[2])
{
	ret[0] = s->in->command ? s->in->command->options : NULL;
	ret[1] = s->p->options;
}

static int unknown_option(const struct parse *s, struct str name, struct err *e)
{
	const struct option *tables[2];
	const char *guess;

	option_tables(s, tables);
	guess = guess_option(tables, name);
	if (guess)
		return err_set(e, -EINVAL, "there is no option --" STR_FMT "; did you mean --%s?", STR_ARG(name),
			       guess);
	return err_set(e, -EINVAL, "there is no option --" STR_FMT "; try --help", STR_ARG(name));
}

static int long_option(struct parse *s, struct str word, struct err *e)
{
	const struct option *tables[2], *o;
	struct str name = word, value = STR_NONE;
	bool has_value = str_split(word, '=', &name, &value);

	option_tables(s, tables);
	o = find_option(tables, name, 0);
	if (!o && !has_value && str_starts(name, STR("no-"))) {
		o = find_option(tables, str_from(name, 3), 0);
		if (o && o->kind == OPTION_FLAG && o != &option_help_row[0]) {
			set_flag(s, o, false);
			return 0;
		}
		o = NULL;
	}
	if (!o)
		return unknown_option(s, name, e);
	if (o->kind == OPTION_FLAG && !has_value) {
		set_flag(s, o, true);
		return 0;
	}
	if (o->kind == OPTION_FLAG && (str_is(value, "true") || str_is(value, "false"))) {
		set_flag(s, o, str_is(value, "true"));
		return 0;
	}
	if (!has_value) {
		int r = next_value(s, o, &value, e);

		if (r < 0)
			return r;
	}
	return set_value(o, value, e);
}

static int short_options(struct parse *s, struct str letters, struct err *e)
{
	const struct option *tables[2], *o;

	option_tables(s, tables);
	while (letters.n) {
		struct str value;
		int r;

		o = find_option(tables, STR_NONE, *letters.p);
		if (!o)
			return err_set(e, -EINVAL, "there is no option -%c; try --help", *letters.p);
		letters = str_from(letters, 1);
		if (o->kind == OPTION_FLAG) {
			set_flag(s, o, true);
			continue;
		}
		if (letters.n)
			return set_value(o, letters, e);
		r = next_value(s, o, &value, e);
		return r < 0 ? r : set_value(o, value, e);
	}
	return 0;
}

/* A word that is no option: the command, its sub-command, or an argument. */
static int plain_word(struct parse *s, struct str word, struct err *e)
{
	struct invocation *in = s->in;
	const struct command *table = in->command ? in->command->commands : s->p->commands, *c;

	if (!table) {
		vec_push(&in->args, word);
		s->only_arguments |= in->command->in_order;
		return 0;
	}
	c = command_named(table, word);
	if (!c)
		return command_unknown(s->p, in->command, word, e);
	in->parent = in->command;
	in->command = c;
	return 0;
}

static int check_arguments(const struct parse *s, struct err *e)
{
	const struct invocation *in = s->in;
	const struct command *c = in->command;

	if (!c && s->p->run)
		return 0;
	if (!c)
		return err_set(e, -EINVAL, "a command is missing; try \"%s help\"", s->p->name);
	if (c->commands)
		return err_set(e, -EINVAL, "%s: a command is missing; try \"%s %s --help\"", c->name, s->p->name,
			       c->name);
	if (in->args.n < c->min)
		return err_set(e, -EINVAL, "%s needs %s; try --help", c->name,
			       c->arguments ? c->arguments : "an argument");
	if (in->args.n > c->max)
		return err_set(e, -EINVAL, "%s: \"" STR_FMT "\" is one argument too many; try --help", c->name,
			       STR_ARG(in->args.v[c->max]));
	return 0;
}

int option_parse(const struct program *p, int argc, char **argv, struct invocation *ret, struct err *e)
{
	struct parse s = { p, ret, argv, argc, 1, false };
	int r = 0;

	*ret = (struct invocation){ .program = p };
	while (s.at < argc && r >= 0 && !ret->help) {
		struct str word = str_c(argv[s.at++]);

		if (s.only_arguments || word.n < 2 || *word.p != '-')
			r = plain_word(&s, word, e);
		else if (str_is(word, "--"))
			s.only_arguments = true;
		else if (word.p[1] == '-')
			r = long_option(&s, str_from(word, 2), e);
		else
			r = short_options(&s, str_from(word, 1), e);
	}
	return r < 0 || ret->help ? r : check_arguments(&s, e);
}
