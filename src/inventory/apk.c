/* apk: the installed database and the repositories. See apk.h. */
#include "inventory/apk.h"

#include "base/path.h"
#include "inventory/evidence.h"

#define FIELD_BYTES_MAX 4096  /* of a field that is kept; PATH_BYTES_MAX is the longest that has a meaning */
#define REPOSITORIES_MAX 1024 /* lines of one file */

struct apk_state {
	struct package p;
	struct str dir; /* of the F: line above */
	size_t line;	/* number of the package's first line, 0 while there is none */
	bool damaged;
	struct owned_files owned;
};

static void end_package(struct apk_state *s, struct facts *ret)
{
	if (s->damaged)
		facts_note(ret, "damaged entry at line %zu (package \"" STR_FMT "\")", s->line,
			   STR_ARG(str_head(s->p.name, 100)));
	if (s->line && s->p.name.n && s->p.version.n) {
		s->p.type = PKG_APK;
		facts_package(ret, &s->p);
	} else if (s->line) {
		facts_note(ret, "entry at line %zu has no %s", s->line, s->p.name.n ? "version" : "name");
	}
	owned_end(&s->owned, s->p.name, s->p.arch);
	*s = (struct apk_state){ .owned = s->owned };
}

/* R: names a file in the directory of the last F:, which is "" for the root. */
static void add_file(struct apk_state *s, struct str name)
{
	not_zeroed char path[PATH_BYTES_MAX];

	if (!s->dir.n) {
		owned_add(&s->owned, name);
		return;
	}
	if (s->dir.n + 1 + name.n > sizeof(path)) {
		s->owned.bad++;
		return;
	}
	memcpy(path, s->dir.p, s->dir.n);
	path[s->dir.n] = '/';
	if (name.n)
		memcpy(path + s->dir.n + 1, name.p, name.n);
	owned_add(&s->owned, str_n(path, s->dir.n + 1 + name.n));
}

static void add_field(struct apk_state *s, char key, struct str value)
{
	if (value.n > FIELD_BYTES_MAX) {
		s->damaged |= strchr("PVAoLmFR", key) != NULL;
		return;
	}
	switch (key) {
	case 'P':
		s->p.name = value;
		break;
	case 'V':
		s->p.version = value;
		break;
	case 'A':
		s->p.arch = value;
		break;
	case 'o':
		s->p.source = value;
		break;
	case 'L':
		s->p.license = value;
		break;
	case 'm':
		s->p.vendor = value;
		break;
	case 'F':
		s->dir = value;
		owned_add(&s->owned, value);
		break;
	case 'R':
		add_file(s, value);
		break;
	default: /* sizes, checksums, modes, dependencies */
		break;
	}
}

int apk_installed_read(struct file *f, struct facts *ret, struct err *e)
{
	struct apk_state s = { 0 };
	struct str text;
	size_t number = 0;
	int r = evidence_text(f, &text, e);

	if (r < 0)
		return r;
	if (str_starts(text, STR("ADB")))
		return err_set(e, -ENOTSUP, "apk database in the binary form of apk-tools 3");
	owned_init(&s.owned, ret, text.n);
	for (struct str rest = text, line; str_cut(&rest, '\n', &line);) {
		number++;
		if (!line.n) {
			end_package(&s, ret);
			continue;
		}
		if (!s.line)
			s.line = number;
		if (line.n < 2 || line.p[1] != ':')
			s.damaged = true;
		else
			add_field(&s, line.p[0], str_from(line, 2));
	}
	end_package(&s, ret);
	return 0;
}

int apk_repositories_read(struct file *f, struct facts *ret, struct err *e)
{
	struct str text;
	size_t count = 0;
	int r = evidence_text(f, &text, e);

	if (r < 0)
		return r;
	for (struct str rest = text, line; str_cut(&rest, '\n', &line);) {
		line = str_trim(line);
		if (!line.n || line.p[0] == '#')
			continue;
		if (++count > REPOSITORIES_MAX)
			return err_set(e, -E2BIG, "more than %d repositories", REPOSITORIES_MAX);
		facts_property(ret, STR(APK_REPOSITORY), str_head(line, FIELD_BYTES_MAX));
	}
	return 0;
}
