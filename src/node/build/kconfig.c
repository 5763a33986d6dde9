/* kconfig: the kernel's fragments, and whether a configuration has what they ask for. See part.h. */
#include "base/map.h"
#include "node/build/part.h"

#define NOT_TAKEN_TEXT_MAX 300

#define FRAGMENTS(X)                               \
	X(base, "00-base.config", false)           \
	X(fs, "10-fs.config", false)               \
	X(container, "20-container.config", false) \
	X(security, "30-security.config", false)   \
	X(hardening, "40-hardening.config", false) \
	X(cloud, "50-cloud.config", true)

#define DECLARE(name, file, cloud) extern const char fragment_##name[], fragment_##name##_end[];
FRAGMENTS(DECLARE)
#undef DECLARE

const struct fragment *kernel_fragments(size_t *ret_n)
{
	static struct fragment all[6];
	size_t n = 0;

#define ADD(name, file, is_cloud)                                                                                      \
	all[n++] = (struct fragment){ file, str_n(fragment_##name, (size_t)(fragment_##name##_end - fragment_##name)), \
				      is_cloud };
	FRAGMENTS(ADD)
#undef ADD
	*ret_n = n;
	return all;
}

/* "CONFIG_X=y" and "# CONFIG_X is not set" as name and value; false for anything else. */
static bool option_line(struct str line, struct str *ret_name, struct str *ret_value)
{
	if (str_starts(line, STR("# CONFIG_")) && str_ends(line, STR(" is not set"))) {
		*ret_name = str_n(line.p + 2, line.n - 2 - (sizeof(" is not set") - 1));
		*ret_value = STR("n");
		return true;
	}
	return str_starts(line, STR("CONFIG_")) && str_split(line, '=', ret_name, ret_value);
}

struct str kconfig_options(struct str text, struct arena *a)
{
	char *to = (char *)(uintptr_t)arena_str(a, text).p;
	size_t n = 0;

	for (struct str line, name, value; str_cut(&text, '\n', &line);)
		if (option_line(line, &name, &value)) {
			memcpy(to + n, line.p, line.n);
			n += line.n;
			to[n++] = '\n';
		}
	return str_n(to, n);
}

size_t kconfig_not_taken(struct str fragment, struct str config, struct arena *a, struct str *ret)
{
	VEC(struct str) values = { 0 };
	auto_map struct map have = { 0 };
	auto_buf struct buf text;
	size_t n = 0;

	buf_init(&text, NOT_TAKEN_TEXT_MAX);
	for (struct str line, name, value; str_cut(&config, '\n', &line);)
		if (option_line(line, &name, &value)) {
			map_put(&have, name, (uint32_t)values.n, NULL);
			vec_push(&values, value);
		}
	for (struct str line, name, value; str_cut(&fragment, '\n', &line);) {
		const uint32_t *at;
		struct str is;

		if (!option_line(line, &name, &value))
			continue;
		at = map_get(&have, name);
		is = at ? values.v[*at] : STR("n");
		if (str_eq(is, value))
			continue;
		buf_fmt(&text, "%s" STR_FMT "=" STR_FMT, n ? ", " : "", STR_ARG(name), STR_ARG(value));
		n++;
	}
	vec_done(&values);
	*ret = arena_str(a, buf_all(&text));
	return n;
}
