/* option-complete: completion scripts for bash, zsh and fish, from the tables. See option.h.
 *
 * Names, choices and letters come from our own tables, so they need no quoting; help texts are quoted for each shell.
 */
#include "cmd/option.h"

static bool is_file(const struct option *o)
{
	return o->value && (str_is(str_c(o->value), "FILE") || str_is(str_c(o->value), "DIR"));
}

/* Calls `each` for the program (path ""), its commands ("/scan") and their sub-commands ("/db/update"). */
static void walk(struct buf *b, const struct program *p,
		 void (*each)(struct buf *b, const struct program *p, const char *path, const struct command *c))
{
	char path[256];

	each(b, p, "", NULL);
	for (const struct command *c = p->commands; c->name; c++) {
		snprintf(path, sizeof(path), "/%s", c->name);
		if (!c->hidden)
			each(b, p, path, c);
		for (const struct command *s = c->commands; s && s->name; s++) {
			snprintf(path, sizeof(path), "/%s/%s", c->name, s->name);
			if (!c->hidden && !s->hidden)
				each(b, p, path, s);
		}
	}
}

static void add_choices(struct buf *b, const struct option *o)
{
	for (size_t i = 0; o->choices[i]; i++)
		buf_fmt(b, "%s%s", i ? " " : "", o->choices[i]);
}

static const struct command *sub_commands(const struct program *p, const struct command *c)
{
	return c ? c->commands : p->commands;
}

/* ---- bash ---- */

static void bash_value(struct buf *b, const char *path, const struct option *o)
{
	if (!o->value)
		return;
	buf_fmt(b, "\t'%s:--%s'", path, o->name);
	if (o->letter)
		buf_fmt(b, " | '%s:-%c'", path, o->letter);
	buf_str(b, STR(")\n\t\t"));
	if (o->choices) {
		buf_str(b, STR("mapfile -t COMPREPLY < <(compgen -W '"));
		add_choices(b, o);
		buf_str(b, STR("' -- \"$cur\")\n"));
	} else if (is_file(o)) {
		buf_fmt(b, "mapfile -t COMPREPLY < <(compgen -%c -- \"$cur\")\n", *o->value == 'D' ? 'd' : 'f');
	} else {
		buf_str(b, STR("COMPREPLY=()\n"));
	}
	buf_str(b, STR("\t\treturn ;;\n"));
}

static void bash_values(struct buf *b, const struct program *p, const char *path, const struct command *c)
{
	for (const struct option *o = c ? c->options : NULL; o && o->name; o++)
		bash_value(b, path, o);
	for (const struct option *o = p->options; o && o->name; o++)
		bash_value(b, path, o);
}

static void bash_words(struct buf *b, const struct program *p, const char *path, const struct command *c)
{
	buf_fmt(b, "\t'%s')\n\t\toptions='--help", path);
	for (const struct option *o = c ? c->options : NULL; o && o->name; o++)
		buf_fmt(b, " --%s", o->name);
	for (const struct option *o = p->options; o && o->name; o++)
		buf_fmt(b, " --%s", o->name);
	buf_str(b, STR("'\n\t\twords='"));
	for (const struct command *s = sub_commands(p, c); s && s->name; s++)
		if (!s->hidden)
			buf_fmt(b, "%s ", s->name);
	buf_str(b, STR("' ;;\n"));
}

static void bash_path(struct buf *b, const struct program *p unused_arg, const char *path, const struct command *c)
{
	if (c)
		buf_fmt(b, "\t\t'%s') path='%s' ;;\n", path, path);
}

static void bash_write(struct buf *b, const struct program *p)
{
	buf_fmt(b, "# bash completion for %s\n_%s()\n{\n", p->name, p->name);
	buf_str(b,
		STR("\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path= options= words= i\n"
		    "\tif [[ $cur == '=' ]]; then\n\t\tcur=\n"
		    "\telif [[ $prev == '=' ]]; then\n\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n\tfi\n"
		    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\tcase \"$path/${COMP_WORDS[i]}\" in\n"));
	walk(b, p, bash_path);
	buf_str(b, STR("\t\tesac\n\tdone\n\tcase \"$path:$prev\" in\n"));
	walk(b, p, bash_values);
	buf_str(b, STR("\tesac\n\tcase \"$path\" in\n"));
	walk(b, p, bash_words);
	buf_str(b, STR("\tesac\n\tif [[ $cur == -* ]]; then\n"
		       "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
		       "\telif [[ -n $words ]]; then\n"
		       "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
		       "\telse\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n\tfi\n}\n"));
	buf_fmt(b, "complete -o filenames -F _%s %s\n", p->name, p->name);
}

/* ---- zsh ---- */

static void zsh_text(struct buf *b, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_str(b, STR("'\\''"));
		else if (strchr("[]:\\", *text))
			buf_fmt(b, "\\%c", *text);
		else
			buf_char(b, *text);
	}
}

static void zsh_option(struct buf *b, const struct option *o, const char *dash, const char *name)
{
	bool many = o->kind == OPTION_LIST || o->kind == OPTION_CHOICES;

	buf_fmt(b, "\t\t\t'%s%s%s[", many ? "*" : "", dash, name);
	zsh_text(b, o->help);
	buf_char(b, ']');
	if (o->value) {
		buf_char(b, ':');
		zsh_text(b, o->value);
		buf_char(b, ':');
		if (o->choices) {
			buf_char(b, '(');
			add_choices(b, o);
			buf_char(b, ')');
		} else if (is_file(o)) {
			buf_str(b, *o->value == 'D' ? STR("_files -/") : STR("_files"));
		}
	}
	buf_str(b, STR("' \\\n"));
}

static void zsh_options(struct buf *b, const struct option *o)
{
	for (; o && o->name; o++) {
		char letter[2] = { o->letter, 0 };

		zsh_option(b, o, "--", o->name);
		if (o->letter)
			zsh_option(b, o, "-", letter);
	}
}

static void zsh_case(struct buf *b, const struct program *p, const char *path, const struct command *c)
{
	const struct command *s = sub_commands(p, c);

	buf_fmt(b, "\t'%s')\n", path);
	if (s) {
		buf_str(b, STR("\t\twords_here=("));
		for (; s->name; s++) {
			if (s->hidden)
				continue;
			buf_fmt(b, " '%s:", s->name);
			zsh_text(b, s->summary);
			buf_char(b, '\'');
		}
		buf_str(b, STR(" )\n\t\tif [[ $PREFIX != -* ]]; then\n\t\t\t_describe command "
			       "words_here\n\t\t\treturn\n\t\tfi\n"));
	}
	buf_str(b, STR("\t\t_arguments -S \\\n"));
	zsh_options(b, c ? c->options : NULL);
	zsh_options(b, p->options);
	buf_str(b, STR("\t\t\t'--help[Show how it is used.]' \\\n\t\t\t'*:argument:_files' ;;\n"));
}

static void zsh_path(struct buf *b, const struct program *p unused_arg, const char *path, const struct command *c)
{
	if (c)
		buf_fmt(b, "\t\t'%s') at='%s' ;;\n", path, path);
}

static void zsh_write(struct buf *b, const struct program *p)
{
	buf_fmt(b, "#compdef %s\n_%s()\n{\n\tlocal at= i\n\tlocal -a words_here\n", p->name, p->name);
	buf_str(b, STR("\tfor ((i = 2; i < CURRENT; i++)); do\n\t\tcase \"$at/$words[i]\" in\n"));
	walk(b, p, zsh_path);
	buf_str(b, STR("\t\tesac\n\tdone\n\tcase \"$at\" in\n"));
	walk(b, p, zsh_case);
	/* read as a script, or by zsh itself as the body of the function */
	buf_fmt(b, "\tesac\n}\nif [[ $funcstack[1] == _%s ]]; then\n\t_%s \"$@\"\nelse\n\tcompdef _%s %s\nfi\n",
		p->name, p->name, p->name, p->name);
}

/* ---- fish ---- */

static void fish_text(struct buf *b, const char *text)
{
	buf_char(b, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buf_char(b, '\\');
		buf_char(b, *text);
	}
	buf_char(b, '\'');
}

static void fish_option(struct buf *b, const struct program *p, const char *path, const struct option *o)
{
	buf_fmt(b, "complete -c %s", p->name);
	if (*path)
		buf_fmt(b, " -n '__%s_at %s'", p->name, path);
	buf_fmt(b, " -l %s", o->name);
	if (o->letter)
		buf_fmt(b, " -s %c", o->letter);
	if (o->value)
		buf_str(b, is_file(o) ? STR(" -r -F") : STR(" -x"));
	if (o->choices) {
		buf_str(b, STR(" -a '"));
		add_choices(b, o);
		buf_char(b, '\'');
	}
	buf_str(b, STR(" -d "));
	fish_text(b, o->help);
	buf_char(b, '\n');
}

static void fish_each(struct buf *b, const struct program *p, const char *path, const struct command *c)
{
	for (const struct command *s = sub_commands(p, c); s && s->name; s++) {
		if (s->hidden)
			continue;
		buf_fmt(b, "complete -c %s -f -n '__%s_at %s' -a %s -d ", p->name, p->name, *path ? path : "/",
			s->name);
		fish_text(b, s->summary);
		buf_char(b, '\n');
	}
	for (const struct option *o = c ? c->options : p->options; o && o->name; o++)
		fish_option(b, p, path, o);
	if (!c)
		fish_option(b, p, path, option_help_row);
}

static void fish_path(struct buf *b, const struct program *p unused_arg, const char *path, const struct command *c)
{
	if (c)
		buf_fmt(b, "\t\t\tcase '%s'\n\t\t\t\tset at '%s'\n", path, path);
}

static void fish_write(struct buf *b, const struct program *p)
{
	buf_fmt(b, "# fish completion for %s\nfunction __%s_at\n\tset -l at ''\n", p->name, p->name);
	buf_str(b, STR("\tfor word in (commandline -opc)[2..-1]\n\t\tswitch \"$at/$word\"\n"));
	walk(b, p, fish_path);
	buf_str(b, STR("\t\tend\n\tend\n\ttest \"/\" = $argv[1] -a -z \"$at\"; or test \"$at\" = $argv[1]\nend\n"));
	walk(b, p, fish_each);
}

static const struct {
	const char *name;
	void (*write)(struct buf *b, const struct program *p);
} shells[] = { { "bash", bash_write }, { "zsh", zsh_write }, { "fish", fish_write } };

bool option_completion(struct buf *b, const struct program *p, struct str shell)
{
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		if (!str_is(shell, shells[i].name))
			continue;
		shells[i].write(b, p);
		return true;
	}
	return false;
}
