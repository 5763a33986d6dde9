/* names: other names for files. See names.h. */
#include "scan/names.h"

bool names_concern(const struct names *names, const struct record *layer)
{
	for (size_t i = 0; i < names->n; i++) {
		uint64_t h = path_hash(names->pair[i].real);

		if (record_holds(layer, TREE_FILES, h) || record_holds(layer, TREE_DIRS, h))
			return true;
	}
	return false;
}

struct str names_apply(const struct names *names, struct str path, char out[PATH_BYTES_MAX])
{
	for (size_t i = 0; i < names->n; i++) {
		const struct name_pair *p = &names->pair[i];
		struct str rest;

		if (!path_under(path, p->real))
			continue;
		rest = str_from(path, p->real.n);
		if (p->logical.n + rest.n > PATH_BYTES_MAX)
			continue;
		memcpy(out, p->logical.p, p->logical.n);
		if (rest.n)
			memcpy(out + p->logical.n, rest.p, rest.n);
		return str_n(out, p->logical.n + rest.n);
	}
	return path;
}

struct str names_bytes(const struct names *names, struct buf *b)
{
	for (size_t i = 0; i < names->n; i++) {
		buf_var_str(b, names->pair[i].real);
		buf_var_str(b, names->pair[i].logical);
	}
	return b->n ? buf_all(b) : STR("");
}

bool names_read(struct str bytes, struct names *ret)
{
	struct rd r = rd_of(bytes);

	while (rd_ok(&r) && rd_left(&r) && ret->n < NAMES_MAX) {
		ret->pair[ret->n].real = rd_var_str(&r);
		ret->pair[ret->n].logical = rd_var_str(&r);
		ret->n++;
	}
	return rd_ok(&r);
}
