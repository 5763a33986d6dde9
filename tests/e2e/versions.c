/* The order of versions for other programs' answers to be held against: reads "A<tab>B" lines, prints -1, 0 or 1 and
 * whether each is a version. Started by versions.sh.      usage: e2e-versions SCHEME */
#include <unistd.h>

#include "base/fd.h"
#include "vuln/version/version.h"

#define INPUT_BYTES_MAX (16u << 20)

int main(int argc, char **argv)
{
	const struct version_scheme *s = argc == 2 ? version_scheme_named(str_c(argv[1])) : NULL;
	auto_buf struct buf in = { 0 };
	struct err e = { 0 };
	struct str line, a, b;

	if (!s || fd_read_all(STDIN_FILENO, INPUT_BYTES_MAX, &in, &e) < 0) {
		fprintf(stderr, "usage: e2e-versions SCHEME <PAIRS\n");
		return 2;
	}
	for (struct str rest = buf_all(&in); str_cut(&rest, '\n', &line);) {
		int r;

		if (!str_split(line, '\t', &a, &b))
			return 2;
		r = s->compare(a, b);
		printf("%d %d %d\n", (r > 0) - (r < 0), s->valid(a), s->valid(b));
	}
	return 0;
}
