/* `db update` from a package mirror, without the command: prints what became of each suite. Started by mirror.sh.
 *
 * usage: e2e-mirror DIR SOURCES_FILE KEYRING|- NOW budget|all|installed [strict] */
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "codec/sha256.h"
#include "vuln/update/apt.h"
#include "vuln/update/mirror.h"

int main(int argc, char **argv)
{
	struct mirror_options o = { 0 };
	struct mirror_results r = { 0 };
	struct err e = { 0 };
	uint64_t now;
	int dir, result;

	if (argc < 6 || !num_u64(str_c(argv[4]), 10, &now) || !mirror_mode_parse(str_c(argv[5]), &o.mode)) {
		fprintf(stderr, "usage: e2e-mirror DIR SOURCES_FILE|- KEYRING|- NOW MODE [strict]\n");
		return 2;
	}
	sha256_setup();
	o.sources_file = strcmp(argv[2], "-") ? argv[2] : NULL;
	o.keyring = strcmp(argv[3], "-") ? argv[3] : NULL;
	o.now = (int64_t)now;
	o.strict_dates = argc > 6;
	o.connect_ms = 3000;
	dir = fd_open(AT_FDCWD, argv[1], O_RDONLY | O_DIRECTORY);
	result = dir < 0 ? dir : mirror_update(dir, &o, NULL, &r, &e);
	if (result < 0)
		printf("error %d %s\n", result, e.msg);
	for (size_t i = 0; i < r.count; i++) {
		const struct mirror_result *s = &r.suite[i];

		printf("%s: status %d%s packages %llu fetched %llu reused %llu missing %llu unreadable %llu bytes "
		       "%llu\n",
		       s->suite, s->status, s->unchanged ? " unchanged" : "", (unsigned long long)s->packages,
		       (unsigned long long)s->fetched, (unsigned long long)s->reused, (unsigned long long)s->missing,
		       (unsigned long long)s->unreadable, (unsigned long long)s->bytes);
		if (s->note[0])
			printf("  note: %s\n", s->note);
		if (s->status < 0)
			printf("  error: %s\n", s->err.msg);
	}
	for (size_t i = 0; i < r.notes.n; i++)
		printf("config: " STR_FMT "\n", STR_ARG(r.notes.v[i]));
	mirror_results_done(&r);
	fd_close(&dir);
	return result < 0;
}
