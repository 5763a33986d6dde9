/* tar-pax: what stands between a header and its body: the map of a sparse file, pax records. See tar.h. */
#include "base/num.h"
#include "layer/tar-part.h"

#define PAX_LENGTH_DIGITS_MAX 8 /* of a record's length; TAR_EXTENSION_MAX has 7 */

int tar_bad(const struct tar *t, struct err *e, const char *what)
{
	return err_set(e, -EBADMSG, "tar: %s, in front of byte %llu (behind entry %llu)", what,
		       (unsigned long long)t->bytes_taken, (unsigned long long)t->entries);
}

/* ---- the map of a sparse file ---- */

int tar_map_add(struct tar *t, uint64_t offset, uint64_t bytes, struct err *e)
{
	if (t->map.n >= TAR_SPARSE_MAX)
		return err_set(e, -E2BIG, "tar: a sparse file of more than %u regions", TAR_SPARSE_MAX);
	vec_push(&t->map, ((struct tar_region){ offset, bytes }));
	return 0;
}

/* One number of a map in which offsets and lengths take turns. */
static int map_number(struct tar *t, uint64_t v, struct err *e)
{
	if (v > SIZE_MAX_63)
		return tar_bad(t, e, "a sparse map with a number past 63 bits");
	t->has_half = !t->has_half;
	if (!t->has_half)
		return tar_map_add(t, t->half_region, v, e);
	t->half_region = v;
	return 0;
}

int tar_map_check(struct tar *t, struct err *e)
{
	uint64_t end = 0, stored = 0;

	if (t->has_half)
		return tar_bad(t, e, "a sparse map with an offset without a length");
	for (size_t i = 0; i < t->map.n; i++) {
		struct tar_region r = t->map.v[i];

		if (r.offset < end || r.bytes > SIZE_MAX_63 - r.offset)
			return tar_bad(t, e, "a sparse map whose regions overlap");
		end = r.offset + r.bytes;
		stored += r.bytes; /* below end, so below 2^63 */
	}
	if (end > t->entry.size)
		return tar_bad(t, e, "a sparse map that goes beyond its file");
	if (stored != t->body_left)
		return tar_bad(t, e, "a sparse map that does not fit what is stored");
	return 0;
}

int tar_map_text_block(struct tar *t, const uint8_t *block, struct err *e)
{
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		uint8_t c = block[i];
		int r = 0;

		if (c >= '0' && c <= '9' && t->digits < 19) {
			t->number = t->number * 10 + (uint64_t)(c - '0');
			t->digits++;
			continue;
		}
		if (c != '\n' || !t->digits)
			return tar_bad(t, e, "a sparse map that is no list of numbers");
		if (t->has_map_regions) {
			r = map_number(t, t->number, e);
		} else {
			t->has_map_regions = true;
			t->map_regions = t->number;
			if (t->number > TAR_SPARSE_MAX)
				r = err_set(e, -E2BIG, "tar: a sparse file of more than %u regions", TAR_SPARSE_MAX);
		}
		t->number = t->digits = 0;
		if (r < 0)
			return r;
		if (t->map.n == t->map_regions && !t->has_half)
			return 1;
	}
	return 0;
}

/* ---- pax records ---- */

static bool pax_u63(struct str value, uint64_t *ret)
{
	uint64_t v;

	if (!num_u64(value, 10, &v) || v > SIZE_MAX_63)
		return false;
	*ret = v;
	return true;
}

/* "1700000000.25", "-1.5": whole seconds, rounded down. */
static bool pax_time(struct str value, int64_t *ret)
{
	struct str whole = value, fraction = STR_NONE;
	int64_t v;

	str_split(value, '.', &whole, &fraction);
	if (!num_i64(whole, &v) || v == INT64_MIN)
		return false;
	for (size_t i = 0; i < fraction.n; i++)
		if (fraction.p[i] != '0' && whole.p[0] == '-') {
			v--;
			break;
		}
	*ret = v;
	return true;
}

static int pax_map_text(struct tar *t, struct str value, struct err *e)
{
	t->over.has_map = true;
	for (struct str number; str_cut(&value, ',', &number);) {
		uint64_t v;
		int r;

		if (!pax_u63(number, &v))
			return tar_bad(t, e, "a sparse map that is no list of numbers");
		r = map_number(t, v, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int pax_map_number(struct tar *t, struct str value, bool is_length, struct err *e)
{
	uint64_t v;

	t->over.has_map = true;
	if (!pax_u63(value, &v) || t->has_half != is_length)
		return tar_bad(t, e, "a sparse map out of order");
	return map_number(t, v, e);
}

static int pax_size(struct tar *t, struct str value, uint64_t *ret, bool *ret_has, struct err *e)
{
	if (!pax_u63(value, ret))
		return tar_bad(t, e, "a size in a pax header that is no number of 63 bits");
	*ret_has = true;
	return 0;
}

/* The keys of a sparse file, behind "GNU.sparse.". */
static int pax_sparse(struct tar *t, struct str key, struct str value, struct err *e)
{
	uint64_t v;

	if (str_is(key, "name")) {
		t->over.sparse_name = value;
	} else if (str_is(key, "size") || str_is(key, "realsize")) {
		return pax_size(t, value, &t->over.sparse_size, &t->over.has_sparse_size, e);
	} else if (str_is(key, "map")) {
		return pax_map_text(t, value, e);
	} else if (str_is(key, "offset") || str_is(key, "numbytes")) {
		return pax_map_number(t, value, str_is(key, "numbytes"), e);
	} else if (str_is(key, "major") || str_is(key, "minor")) {
		if (!pax_u63(value, &v) || v > UINT16_MAX)
			return tar_bad(t, e, "a sparse format that is no number");
		t->over.has_sparse_version = true;
		*(str_is(key, "major") ? &t->over.sparse_major : &t->over.sparse_minor) = (uint32_t)v;
	}
	return 0;
}

static int pax_record(struct tar *t, struct str key, struct str value, struct err *e)
{
	if (!value.n) /* an empty value takes an earlier one back: the header's own field counts */
		return 0;
	if (str_is(key, "path"))
		t->over.path = value;
	else if (str_is(key, "linkpath"))
		t->over.linkpath = value;
	else if (str_is(key, "size"))
		return pax_size(t, value, &t->over.size, &t->over.has_size, e);
	else if (str_is(key, "uid"))
		t->over.has_uid = pax_u63(value, &t->over.uid);
	else if (str_is(key, "gid"))
		t->over.has_gid = pax_u63(value, &t->over.gid);
	else if (str_is(key, "mtime"))
		t->over.has_mtime = pax_time(value, &t->over.mtime);
	else if (str_starts(key, STR("GNU.sparse.")))
		return pax_sparse(t, str_from(key, 11), value, e);
	return 0;
}

void tar_map_forget(struct tar *t)
{
	t->map.n = 0;
	t->has_half = t->has_map_regions = false;
	t->number = t->digits = 0;
	t->region = 0;
	t->region_done = 0;
}

/* Cuts "LENGTH KEY=VALUE\n" off *all, where LENGTH counts the whole record; NULL, or what is wrong. A record that lies
 * about its length would shift all others. */
static const char *pax_cut(struct str *all, struct str *ret_key, struct str *ret_value)
{
	struct str length, rest;
	uint64_t n;

	if (!str_split(str_head(*all, PAX_LENGTH_DIGITS_MAX + 1), ' ', &length, &rest) || !num_u64(length, 10, &n) ||
	    n > all->n || n < length.n + 2 || all->p[n - 1] != '\n')
		return "a pax record with a wrong length";
	rest = str_n(all->p + length.n + 1, (size_t)n - length.n - 2);
	if (!str_split(rest, '=', ret_key, ret_value) || !ret_key->n)
		return "a pax record without a key";
	*all = str_from(*all, (size_t)n);
	return NULL;
}

int tar_pax_parse(struct tar *t, struct str all, bool apply, struct err *e)
{
	while (all.n) {
		struct str key, value;
		const char *why = pax_cut(&all, &key, &value);
		int r = why ? tar_bad(t, e, why) : apply ? pax_record(t, key, value, e) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

bool tar_xattr_next(struct str *rest, struct str *ret_name, struct str *ret_value)
{
	static const struct str head = { "SCHILY.xattr.", 13 };
	struct str key, value;

	while (rest->n && !pax_cut(rest, &key, &value)) {
		if (!str_starts(key, head) || key.n == head.n)
			continue;
		*ret_name = str_from(key, head.n);
		*ret_value = value;
		return true;
	}
	return false;
}
