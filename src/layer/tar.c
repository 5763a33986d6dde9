/* tar: headers, extensions and bodies, one step at a time. See tar.h; what extensions say is read in tar-pax.c. */
#include "layer/tar.h"

#include "layer/tar-part.h"

enum state { AT_HEADER, AT_EXTENSION, AT_OLD_MAP, AT_MAP, AT_ENTRY, AT_BODY, AT_PADDING, AT_END };

/* pax, "ustar Header Block": offsets and sizes in bytes */
struct field {
	size_t at, size;
};
static const struct field f_name = { 0, 100 }, f_mode = { 100, 8 }, f_uid = { 108, 8 }, f_gid = { 116, 8 },
			  f_size = { 124, 12 }, f_mtime = { 136, 12 }, f_checksum = { 148, 8 }, f_link = { 157, 100 },
			  f_major = { 329, 8 }, f_minor = { 337, 8 }, f_prefix = { 345, 155 },
			  f_star_prefix = { 345, 131 }, f_gnu_real_size = { 483, 12 }, f_gnu_atime = { 345, 12 };
#define TYPE_AT 156
#define MAGIC_AT 257
#define STAR_TRAILER_AT 508
#define GNU_MAP_AT 386
#define GNU_MAP_REGIONS 4
#define GNU_MORE_AT 482
#define MAP_BLOCK_REGIONS 21
#define MAP_BLOCK_MORE_AT 504
#define MAP_FIELD 12

/* Types, and whether a body follows. What is not here is TAR_OTHER, with a body of the size it claims. */
static const struct {
	char flag;
	enum tar_type type;
	bool body;
} types[] = {
	{ '0', TAR_FILE, true },      { 0, TAR_FILE, true },
	{ '7', TAR_FILE, true },      { 'S', TAR_FILE, true },
	{ '1', TAR_HARDLINK, false }, { '2', TAR_SYMLINK, false },
	{ '3', TAR_CHAR, false },     { '4', TAR_BLOCK_DEVICE, false },
	{ '5', TAR_DIR, false },      { '6', TAR_FIFO, false },
};

/* ---- fields of a header ---- */

static struct str field_text(const uint8_t *block, struct field f)
{
	const char *p = (const char *)block + f.at;

	return str_n(p, strnlen(p, f.size));
}

/* Base-256: the first bit set, then a big-endian number in two's complement (GNU, star). */
static bool field_base256(const uint8_t *p, size_t n, int64_t *ret)
{
	bool negative = p[0] & 0x40;
	uint64_t v = negative ? UINT64_MAX : 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t byte = i ? p[i] : (uint8_t)(negative ? p[0] | 0x80 : p[0] & 0x7f);

		/* nothing but the sign may be pushed out, and the sign stays what it is */
		if ((v >> 55) != (negative ? 0x1ff : 0))
			return false;
		v = v << 8 | byte;
	}
	*ret = (int64_t)v;
	return true;
}

/* A number: octal between blanks, or base-256. An empty field is 0. */
static bool field_number(const uint8_t *block, struct field f, int64_t *ret)
{
	const uint8_t *p = block + f.at;
	size_t i = 0;
	uint64_t v = 0;

	if (p[0] & 0x80)
		return field_base256(p, f.size, ret);
	while (i < f.size && (p[i] == ' ' || !p[i]))
		i++;
	for (; i < f.size && p[i] >= '0' && p[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(p[i] - '0'); /* 12 digits have 36 bits */
	if (i < f.size && p[i] && p[i] != ' ')
		return false;
	*ret = (int64_t)v;
	return true;
}

static uint64_t field_id(const uint8_t *block, struct field f)
{
	int64_t v;

	return field_number(block, f, &v) && v >= 0 ? (uint64_t)v : 0;
}

static bool is_zero_block(const uint8_t *block)
{
	static const uint8_t zero[TAR_BLOCK];

	return !block[0] && memcmp(block, zero, TAR_BLOCK) == 0;
}

/* The sum of all bytes, the checksum field taken as blanks; old writers summed signed bytes. */
static bool checksum_right(const uint8_t *block)
{
	uint32_t sum = 0, high = 0;
	int64_t claimed;

	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += block[i];
	for (size_t i = 0; i < f_checksum.size; i++)
		sum += ' ' - (uint32_t)block[f_checksum.at + i];
	if (!field_number(block, f_checksum, &claimed))
		return false;
	if (claimed == sum)
		return true;
	for (size_t i = 0; i < TAR_BLOCK; i++)
		high += block[i] >> 7;
	for (size_t i = 0; i < f_checksum.size; i++)
		high -= (uint32_t)block[f_checksum.at + i] >> 7;
	return claimed == (int64_t)sum - 256 * (int64_t)high;
}

static bool is_gnu(const uint8_t *block)
{
	return memcmp(block + MAGIC_AT, "ustar  ", 8) == 0;
}

/* The part of a name in front of the name field. */
static struct str name_prefix(const uint8_t *block)
{
	int64_t ignored;

	if (memcmp(block + MAGIC_AT, "ustar", 6) == 0)
		return field_text(block, memcmp(block + STAR_TRAILER_AT, "tar", 4) == 0 ? f_star_prefix : f_prefix);
	/* Go before 1.8, and so old Docker layers, wrote a prefix into GNU headers, where times stand otherwise. */
	if (is_gnu(block) && !field_number(block, f_gnu_atime, &ignored))
		return field_text(block, f_prefix);
	return STR_NONE;
}

static struct str join_name(char out[TAR_BLOCK], struct str prefix, struct str name)
{
	size_t n = 0;

	if (prefix.n) {
		memcpy(out, prefix.p, prefix.n);
		n = prefix.n;
		out[n++] = '/';
	}
	memcpy(out + n, name.p, name.n);
	return str_n(out, n + name.n);
}

/* ---- entries ---- */

static int map_old_fields(struct tar *t, const uint8_t *p, size_t regions, struct err *e)
{
	for (size_t i = 0; i < regions; i++, p += 2 * MAP_FIELD) {
		int64_t offset, bytes;
		int r;

		if (!p[0])
			return 0;
		if (!field_number(p, (struct field){ 0, MAP_FIELD }, &offset) || offset < 0 ||
		    !field_number(p, (struct field){ MAP_FIELD, MAP_FIELD }, &bytes) || bytes < 0)
			return tar_bad(t, e, "a sparse map with a field that is no number");
		r = tar_map_add(t, (uint64_t)offset, (uint64_t)bytes, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What an extension said is for one entry only. */
static void forget_extensions(struct tar *t)
{
	memset(&t->over, 0, sizeof(t->over));
	buf_clear(&t->pax);
	buf_clear(&t->long_name);
	buf_clear(&t->long_link);
	tar_map_forget(t);
	t->extensions = 0;
}

static void entry_names(struct tar *t, const uint8_t *block)
{
	struct tar_entry *n = &t->entry;
	struct str name = join_name(t->name, name_prefix(block), field_text(block, f_name));
	struct str link = field_text(block, f_link);

	memcpy(t->link, link.p, link.n);
	link.p = t->link;
	if (t->over.path.n)
		name = t->over.path;
	if (t->long_name.n)
		name = str_head(buf_all(&t->long_name), strnlen(t->long_name.p, t->long_name.n));
	if (t->over.linkpath.n)
		link = t->over.linkpath;
	if (t->long_link.n)
		link = str_head(buf_all(&t->long_link), strnlen(t->long_link.p, t->long_link.n));
	n->raw_name = name;
	n->link = link;
}

/* Turns raw names into what the entry promises; called when the last word on the name is spoken. */
static void entry_clean_names(struct tar *t)
{
	struct tar_entry *n = &t->entry;

	n->bad_name = path_normal(n->raw_name, t->path_room, &n->path) < 0 || (!n->path.n && n->type != TAR_DIR);
	if (n->bad_name)
		n->path = STR_NONE;
	if (n->type == TAR_HARDLINK && path_normal(n->link, t->link_room, &n->link) < 0)
		n->link = STR_NONE;
	if (n->type != TAR_HARDLINK && n->type != TAR_SYMLINK)
		n->link = STR_NONE;
}

static void entry_numbers(struct tar *t, const uint8_t *block)
{
	struct tar_entry *n = &t->entry;
	int64_t mtime;

	n->mode = (uint32_t)field_id(block, f_mode) & 07777;
	n->uid = t->over.has_uid ? t->over.uid : field_id(block, f_uid);
	n->gid = t->over.has_gid ? t->over.gid : field_id(block, f_gid);
	n->mtime = field_number(block, f_mtime, &mtime) ? mtime : 0;
	if (t->over.has_mtime)
		n->mtime = t->over.mtime;
	if (n->type == TAR_CHAR || n->type == TAR_BLOCK_DEVICE) {
		uint64_t major = field_id(block, f_major), minor = field_id(block, f_minor);

		n->major = major > UINT32_MAX ? 0 : (uint32_t)major;
		n->minor = minor > UINT32_MAX ? 0 : (uint32_t)minor;
	}
	n->pax = buf_all(&t->pax);
}

static void set_body(struct tar *t, uint64_t stored)
{
	t->body_left = stored;
	t->padding_left = (uint32_t)(-stored % TAR_BLOCK);
}

/* Which state follows the header: the body, or first a map. */
static int entry_sparse(struct tar *t, const uint8_t *block, struct err *e)
{
	bool version_1 = t->over.has_sparse_version && t->over.sparse_major == 1 && t->over.sparse_minor == 0;
	int64_t size;
	int r;

	if (block[TYPE_AT] == 'S') {
		if (!is_gnu(block) || !field_number(block, f_gnu_real_size, &size) || size < 0)
			return tar_bad(t, e, "a sparse file without its size");
		tar_map_forget(t);
		t->entry.sparse = true;
		t->entry.size = (uint64_t)size;
		r = map_old_fields(t, block + GNU_MAP_AT, GNU_MAP_REGIONS, e);
		if (r < 0)
			return r;
		t->state = block[GNU_MORE_AT] ? AT_OLD_MAP : AT_ENTRY;
		return t->state == AT_ENTRY ? tar_map_check(t, e) : 0;
	}
	if (t->entry.type != TAR_FILE || !(version_1 || t->over.has_map))
		return 0;
	if (!t->over.has_sparse_size)
		return tar_bad(t, e, "a sparse file without its size");
	t->entry.sparse = true;
	t->entry.size = t->over.sparse_size;
	if (t->over.sparse_name.n)
		t->entry.raw_name = t->over.sparse_name;
	if (!version_1)
		return tar_map_check(t, e);
	tar_map_forget(t);
	t->state = AT_MAP;
	return 0;
}

static int begin_entry(struct tar *t, const uint8_t *block, uint64_t size, struct err *e)
{
	bool body = true;

	t->entry = (struct tar_entry){ .type = TAR_OTHER };
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].flag == (char)block[TYPE_AT]) {
			t->entry.type = types[i].type;
			body = types[i].body;
		}
	entry_names(t, block);
	/* V7 knows directories only by their name */
	if (!block[TYPE_AT] && str_ends(t->entry.raw_name, STR("/"))) {
		t->entry.type = TAR_DIR;
		body = false;
	}
	entry_numbers(t, block);
	if (t->over.has_size)
		size = t->over.size;
	set_body(t, body ? size : 0);
	t->entry.size = t->body_left;
	t->skip = false;
	t->state = AT_ENTRY;
	return entry_sparse(t, block, e);
}

static int begin_extension(struct tar *t, char type, uint64_t size, struct err *e)
{
	if (++t->extensions > TAR_EXTENSIONS_MAX)
		return err_set(e, -E2BIG, "tar: more than %u extension headers in a row", TAR_EXTENSIONS_MAX);
	if (size > TAR_EXTENSION_MAX)
		return err_set(e, -E2BIG, "tar: an extension header of %llu bytes, more than %u",
			       (unsigned long long)size, TAR_EXTENSION_MAX);
	t->extension = type == 'L' ? &t->long_name : type == 'K' ? &t->long_link : &t->pax;
	if (type == 'x') {
		memset(&t->over, 0, sizeof(t->over)); /* a second one replaces the first */
		tar_map_forget(t);
	}
	/* Readers disagree on what such a one does to the headers before it. */
	if (type == 'g' && (t->pax.n || t->long_name.n || t->long_link.n))
		return tar_bad(t, e, "a global pax header between an entry and its own extensions");
	buf_clear(t->extension);
	t->entry.type = type == 'g' ? TAR_OTHER : TAR_FILE; /* remembered for the end of the extension */
	set_body(t, size);
	t->state = AT_EXTENSION;
	return 0;
}

static int end_extension(struct tar *t, struct err *e)
{
	bool global = t->entry.type == TAR_OTHER;
	int r = t->extension == &t->pax ? tar_pax_parse(t, buf_all(&t->pax), !global, e) : 0;

	if (global)
		buf_clear(&t->pax);
	return r;
}

static int on_header(struct tar *t, const uint8_t *block, struct err *e)
{
	char type = (char)block[TYPE_AT];
	int64_t size;

	if (is_zero_block(block)) {
		if (++t->zero_blocks == 2)
			t->state = AT_END;
		return 0;
	}
	t->zero_blocks = 0; /* a lone one is passed over, as GNU tar does: what follows would be hidden otherwise */
	if (!checksum_right(block))
		return t->bytes_taken > TAR_BLOCK ? tar_bad(t, e, "a header with a wrong checksum")
						  : err_set(e, -EBADMSG, "this is no tar archive");
	if (!field_number(block, f_size, &size) || size < 0)
		return tar_bad(t, e, "a size that is no number of 63 bits");
	if (type == 'x' || type == 'g' || type == 'L' || type == 'K')
		return begin_extension(t, type, (uint64_t)size, e);
	return begin_entry(t, block, (uint64_t)size, e);
}

/* ---- steps ---- */

static void take(struct tar *t, struct str *in, size_t n)
{
	*in = str_from(*in, n);
	t->bytes_taken += n;
}

/* The next whole block, in place where it lies whole in the input; NULL: more is needed. */
static const uint8_t *take_block(struct tar *t, struct str *in)
{
	const char *p = in->p;
	size_t n = TAR_BLOCK - t->block_used;

	if (!t->block_used && in->n >= TAR_BLOCK) {
		take(t, in, TAR_BLOCK);
		return (const uint8_t *)p;
	}
	if (n > in->n)
		n = in->n;
	if (n)
		memcpy(t->block + t->block_used, p, n);
	take(t, in, n);
	t->block_used += n;
	if (t->block_used < TAR_BLOCK)
		return NULL;
	t->block_used = 0;
	return t->block;
}

static size_t at_most(size_t n, uint64_t limit)
{
	return n < limit ? n : (size_t)limit;
}

/* A step's result: an event, TAR_MORE, or a negative errno; AGAIN: nothing to tell yet. */
#define AGAIN 100

static int step_header(struct tar *t, struct str *in, struct err *e)
{
	const uint8_t *block = take_block(t, in);
	int r = block ? on_header(t, block, e) : 0;

	if (!block)
		return TAR_MORE;
	return r < 0 ? r : AGAIN;
}

static int step_extension(struct tar *t, struct str *in, struct err *e)
{
	size_t n = at_most(in->n, t->body_left);
	int r;

	buf_add(t->extension, in->p, n);
	take(t, in, n);
	t->body_left -= n;
	if (t->body_left)
		return TAR_MORE;
	r = end_extension(t, e);
	t->state = AT_PADDING;
	return r < 0 ? r : AGAIN;
}

static int step_old_map(struct tar *t, struct str *in, struct err *e)
{
	const uint8_t *block = take_block(t, in);
	int r;

	if (!block)
		return TAR_MORE;
	r = map_old_fields(t, block, MAP_BLOCK_REGIONS, e);
	if (r < 0)
		return r;
	if (block[MAP_BLOCK_MORE_AT] && block[0]) /* an empty block that promises more would go on for ever */
		return AGAIN;
	t->state = AT_ENTRY;
	r = tar_map_check(t, e);
	return r < 0 ? r : AGAIN;
}

static int step_map(struct tar *t, struct str *in, struct err *e)
{
	const uint8_t *block = NULL;
	int r;

	if (t->body_left < TAR_BLOCK)
		return tar_bad(t, e, "a sparse map longer than its entry");
	block = take_block(t, in);
	if (!block)
		return TAR_MORE;
	t->body_left -= TAR_BLOCK;
	r = tar_map_text_block(t, block, e);
	if (r <= 0)
		return r < 0 ? r : AGAIN;
	t->state = AT_ENTRY;
	r = tar_map_check(t, e);
	return r < 0 ? r : AGAIN;
}

static int step_entry(struct tar *t)
{
	entry_clean_names(t);
	t->entries++;
	t->state = AT_BODY;
	return TAR_ENTRY;
}

/* How much of n stored bytes lies in the present region, and where it goes. */
static size_t region_cut(struct tar *t, size_t n)
{
	const struct tar_region *r = &t->map.v[t->region];

	while (t->region_done == r->bytes) { /* ends: tar_map_check() saw that regions and stored bytes agree */
		t->region_done = 0;
		r = &t->map.v[++t->region];
	}
	n = at_most(n, r->bytes - t->region_done);
	t->data_offset = r->offset + t->region_done;
	t->region_done += n;
	return n;
}

static int step_body(struct tar *t, struct str *in)
{
	size_t n = at_most(in->n, t->body_left);

	if (!t->body_left) {
		t->state = AT_PADDING;
		forget_extensions(t);
		return TAR_ENTRY_END;
	}
	if (!n)
		return TAR_MORE;
	if (t->skip) {
		t->body_left -= n;
		take(t, in, n);
		return AGAIN;
	}
	if (t->entry.sparse)
		n = region_cut(t, n);
	else
		t->data_offset = t->entry.size - t->body_left;
	t->data = str_head(*in, n);
	t->body_left -= n;
	take(t, in, n);
	return TAR_DATA;
}

static int step_padding(struct tar *t, struct str *in)
{
	size_t n = at_most(in->n, t->padding_left);

	take(t, in, n);
	t->padding_left -= (uint32_t)n;
	if (t->padding_left)
		return TAR_MORE;
	t->state = AT_HEADER;
	return AGAIN;
}

void tar_init(struct tar *t)
{
	memset(t, 0, sizeof(*t));
	buf_init(&t->pax, TAR_EXTENSION_MAX);
	buf_init(&t->long_name, TAR_EXTENSION_MAX);
	buf_init(&t->long_link, TAR_EXTENSION_MAX);
}

void tar_done(struct tar *t)
{
	buf_done(&t->pax);
	buf_done(&t->long_name);
	buf_done(&t->long_link);
	vec_done(&t->map);
}

void tar_skip(struct tar *t)
{
	t->skip = true;
}

int tar_step(struct tar *t, struct str *in, struct err *e)
{
	int r = AGAIN;

	while (r == AGAIN) {
		switch ((enum state)t->state) {
		case AT_HEADER:
			r = step_header(t, in, e);
			break;
		case AT_EXTENSION:
			r = step_extension(t, in, e);
			break;
		case AT_OLD_MAP:
			r = step_old_map(t, in, e);
			break;
		case AT_MAP:
			r = step_map(t, in, e);
			break;
		case AT_ENTRY:
			r = step_entry(t);
			break;
		case AT_BODY:
			r = step_body(t, in);
			break;
		case AT_PADDING:
			r = step_padding(t, in);
			break;
		case AT_END:
			r = TAR_END;
			break;
		}
	}
	return r;
}

int tar_finish(const struct tar *t, struct err *e)
{
	if (t->state == AT_END)
		return 0;
	/* The padding of the last body is not missed either. */
	if ((t->state == AT_HEADER && !t->block_used && !t->extensions) || (t->state == AT_PADDING && !t->extensions))
		return 1;
	return tar_bad(t, e, "the stream is cut short");
}
