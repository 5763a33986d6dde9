/* launch-host: what of the host's mounts a container must not keep. See launch-host.h. */
#include "runtime/launch-host.h"

#include <fcntl.h>

#include "base/fd.h"

#define MOUNTINFO_MAX (4u << 20)
#define ESCAPE_DIGITS 3

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* "\040" is a blank: of white space and "\" (proc_pid_mountinfo(5)). */
static const char *unescaped(struct arena *a, struct str s)
{
	char *out = arena_array(a, char, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char *c = s.p + i;

		if (*c == '\\' && i + ESCAPE_DIGITS < s.n && is_octal(c[1]) && is_octal(c[2]) && is_octal(c[3])) {
			out[n++] = (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'));
			i += ESCAPE_DIGITS;
		} else {
			out[n++] = *c;
		}
	}
	out[n] = 0;
	return out;
}

/* 22 28 0:21 / /proc rw,nosuid shared:12 - proc proc rw */
static bool whole_kernel_mount(struct str line, struct str *ret)
{
	struct str field, root = STR_NONE, type;

	for (unsigned int i = 0; i < 5; i++)
		if (!str_cut(&line, ' ', i == 3 ? &root : i == 4 ? ret : &field))
			return false;
	while (str_cut(&line, ' ', &field) && !str_is(field, "-"))
		;
	return str_cut(&line, ' ', &type) && str_is(root, "/") && (str_is(type, "proc") || str_is(type, "sysfs"));
}

void launch_kernel_mounts_parse(struct str mountinfo, struct arena *a, struct strings *ret)
{
	struct str rest = mountinfo, at;
	size_t n = 0;
	const char **v;

	for (struct str line; str_cut(&rest, '\n', &line);)
		n += whole_kernel_mount(line, &at);
	v = arena_array(a, const char *, n + 1);
	*ret = (struct strings){ v, 0 };
	for (struct str line; str_cut(&mountinfo, '\n', &line);)
		if (whole_kernel_mount(line, &at))
			v[ret->n++] = unescaped(a, at);
}

int launch_kernel_mounts(struct arena *a, struct strings *ret, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, e);

	if (r < 0)
		return r;
	launch_kernel_mounts_parse(buf_all(&text), a, ret);
	return 0;
}
