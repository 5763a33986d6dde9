/* hint: see hint.h. */
#include "report/hint.h"

/* How to upgrade named packages, by os-release ID (or ID_LIKE) for OS packages. The first row that fits is taken. */
static const struct command {
	enum pkg_type type;
	const char *os; /* NULL: any */
	const char *text;
} commands[] = {
	{ PKG_DEB, NULL, "apt-get update && apt-get install --only-upgrade" },
	{ PKG_APK, NULL, "apk add --upgrade" },
	{ PKG_ALPM, NULL, "pacman -Syu" }, /* partial upgrades are not supported there: takes no names */
	{ PKG_RPM, "suse", "zypper refresh && zypper update" },
	{ PKG_RPM, "opensuse", "zypper refresh && zypper update" },
	{ PKG_RPM, "photon", "tdnf update" },
	{ PKG_RPM, "azurelinux", "tdnf update" },
	{ PKG_RPM, "mariner", "tdnf update" },
	{ PKG_RPM, NULL, "dnf upgrade" },
	{ PKG_PYPI, NULL, "pip install --upgrade" },
	{ PKG_NPM, NULL, "npm update" },
	{ PKG_GEM, NULL, "gem update" },
	{ PKG_COMPOSER, NULL, "composer update" },
};

static bool os_is(const struct release *os, const char *id)
{
	struct str rest = os->id_like, word;

	if (str_starts(os->id, str_c(id)))
		return true;
	while (str_cut(&rest, ' ', &word))
		if (str_is(word, id))
			return true;
	return false;
}

static const char *command_of(const struct release *os, enum pkg_type type)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (commands[i].type == type && (!commands[i].os || os_is(os, commands[i].os)))
			return commands[i].text;
	return NULL;
}

static bool shell_safe(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!name.p[i] || (!is_alpha(name.p[i]) && !is_digit(name.p[i]) && !strchr("@%+,-./:_~", name.p[i])))
			return false;
	return name.n && *name.p != '-' && *name.p != '~';
}

void hint_add(struct buf *b, const struct inventory *inv, enum pkg_type type, const uint32_t *packages, size_t count,
	      const char *indent, size_t columns)
{
	const char *command = command_of(&inv->os, type);
	struct str last = STR_NONE;
	size_t used, safe = type == PKG_ALPM;

	for (size_t i = 0; i < count; i++)
		safe += shell_safe(inv->packages.v[packages[i]].p.name);
	if (!command || !safe)
		return;
	buf_fmt(b, "%s%s", indent, command);
	used = strlen(indent) + strlen(command);
	for (size_t i = 0; i < count && type != PKG_ALPM; i++) {
		struct str name = inv->packages.v[packages[i]].p.name;

		if (!shell_safe(name) || str_eq(name, last))
			continue;
		if (used + 1 + name.n + 2 > columns) {
			buf_fmt(b, " \\\n%s    ", indent);
			used = strlen(indent) + 3;
		}
		buf_char(b, ' ');
		buf_str(b, name);
		used += 1 + name.n;
		last = name;
	}
	buf_char(b, '\n');
}
