/* profiles: those of AppArmor (data/apparmor), compiled for the node's kernel and put on the root. See part.h.
 *
 * apparmor_parser is told what the kernel knows (data/apparmor/features) instead of asking the one it runs under, and
 * reads no configuration of the machine's: the same parser gives the same bytes everywhere. Its version is an input. */
#include "node/build/part.h"
#include "node/layout.h"

/* Where users' PATH does not lead. */
#define PARSER "env", "PATH=/usr/sbin:/sbin:/usr/bin:/bin", "apparmor_parser"
#define PARSER_MS 60000
#define FEATURES "features"

#define PROFILES(X) \
	X(audit)    \
	X(net)      \
	X(pod)      \
	X(service)

#define DECLARE(name) extern const char profile_##name[], profile_##name##_end[];
PROFILES(DECLARE)
DECLARE(features)
#undef DECLARE
#define TEXT(name) str_n(profile_##name, (size_t)(profile_##name##_end - profile_##name))

static int find_parser(struct build *b, struct err *e)
{
	const char *const argv[] = { PARSER, "--version", NULL };
	struct str text, line;
	int r = run_tool_text(b, argv, &text, e);

	if (r < 0)
		return r == -ENOENT ? err_set(e, r, "apparmor_parser is not there: install the package apparmor") : r;
	line = str_cut(&text, '\n', &line) ? line : text;
	input_add(b, "tool", "apparmor_parser", arena_str(&b->arena, line).p, line);
	return 0;
}

static int compile(struct build *b, const char *name, struct str *ret, struct err *e)
{
	static const char head[] = "\x04\x08\0version"; /* policy_unpack.c: a name of 8 bytes, its NUL counted */
	const char *out = part_path(b, arena_fmt(&b->arena, "%s.bin", name).p);
	const char *const argv[] = {
		PARSER,
		"--skip-kernel-load",
		"--skip-cache",
		"--config-file",
		"/dev/null",
		"--features-file",
		part_path(b, FEATURES),
		"--ofile",
		out,
		part_path(b, name),
		NULL,
	};
	int r = run_tool(b, "profiles.log", argv, PARSER_MS, e);

	r = r < 0 ? r : build_map(b, out, ret, e);
	if (r == 0 && !str_starts(*ret, str_n(head, sizeof(head))))
		return err_set(e, -EBADMSG, "%s: what apparmor_parser gave is no compiled profile", name);
	return r;
}

static int put_profile(struct build *b, const char *name, struct str text, struct err *e)
{
	struct root_file f = { .path = str_c(arena_fmt(&b->arena, NODE_PROFILES "/%s", name).p + 1),
			       .mode = 0444,
			       .origin = { "yagura", name, YAGURA_VERSION, "", "" } };
	int r = part_write(b, name, text, e);

	r = r < 0 ? r : compile(b, name, &f.bytes, e);
	if (r < 0)
		return r;
	input_add(b, "profile", name, YAGURA_VERSION, text);
	b->report->profiles++;
	return root_put(b, &f, e);
}

int build_profiles(struct build *b, struct err *e)
{
	int r = find_parser(b, e);

	r = r < 0 ? r : part_write(b, FEATURES, TEXT(features), e);
	if (r == 0)
		input_add(b, "profile", FEATURES, YAGURA_VERSION, TEXT(features));
#define PUT(name) r = r < 0 ? r : put_profile(b, "yagura-" #name, TEXT(name), e);
	PROFILES(PUT)
#undef PUT
	return r;
}
