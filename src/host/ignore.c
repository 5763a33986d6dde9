/* ignore: exceptions with an end and a reason. See ignore.h. */
#include "host/ignore.h"

#include "base/date.h"

#define DAY_SECONDS 86400u

static void mark(struct audit *a, struct str pattern, struct str reason)
{
	for (size_t i = 0; i < a->checks.n; i++) {
		struct check *c = &a->checks.v[i];

		if ((c->result != CHECK_FAIL && c->result != CHECK_UNKNOWN) || !str_glob(pattern, c->id))
			continue;
		c->ignored = true;
		c->ignore_reason = reason;
	}
}

int ignore_apply(struct str text, uint64_t now_s, struct audit *a, size_t *ret_expired, struct err *e)
{
	unsigned int number = 0;

	*ret_expired = 0;
	for (struct str line; str_cut(&text, '\n', &line);) {
		struct str id, until, reason;
		uint64_t day;

		if (++number > IGNORE_LINES_MAX)
			return err_set(e, -E2BIG, "more than %d lines", IGNORE_LINES_MAX);
		line = str_trim(line);
		if (!line.n || line.p[0] == '#')
			continue;
		if (!str_split(line, ' ', &id, &line) || !str_split(str_trim(line), ' ', &until, &reason) ||
		    until.n != sizeof("2026-12-31") - 1 || !date_parse(until, &day) || !str_trim(reason).n)
			return err_set(e, -EBADMSG, "line %u is not ID YYYY-MM-DD REASON", number);
		if (now_s >= day + DAY_SECONDS)
			(*ret_expired)++;
		else
			mark(a, id, str_trim(reason));
	}
	return 0;
}
