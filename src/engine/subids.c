/* subids: "NAME:FIRST:N", a line each. See subids.h. */
#include "engine/subids.h"

#include "base/num.h"

bool subids_find(struct str text, struct str name, uint32_t uid, struct subids *ret)
{
	for (struct str line; str_cut(&text, '\n', &line);) {
		struct str who, first, n;
		struct subids s;
		uint32_t number, last;

		if (!str_cut(&line, ':', &who) || !str_cut(&line, ':', &first) || !str_cut(&line, ':', &n) ||
		    !num_u32(first, &s.first) || !num_u32(n, &s.n) || !s.n || !s.first || !add_ok(s.first, s.n, &last))
			continue;
		if ((name.n && str_eq(who, name)) || (num_u32(who, &number) && number == uid)) {
			*ret = s;
			return true;
		}
	}
	return false;
}
