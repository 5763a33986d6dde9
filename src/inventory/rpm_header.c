/* rpm_header: one package header. See rpm_header.h. */
#include "inventory/rpm_header.h"

#include "base/mem.h"

#define ENTRY_BYTES 16

/* Tags and types as in rpm's rpmtag.h. */
enum {
	TAG_NAME = 1000,
	TAG_VERSION = 1001,
	TAG_RELEASE = 1002,
	TAG_EPOCH = 1003,
	TAG_VENDOR = 1011,
	TAG_LICENSE = 1014,
	TAG_ARCH = 1022,
	TAG_OLD_FILE_NAMES = 1027,
	TAG_SOURCE_RPM = 1044,
	TAG_DIR_INDEXES = 1116,
	TAG_BASE_NAMES = 1117,
	TAG_DIR_NAMES = 1118,
	TAG_MODULARITY_LABEL = 5096,

	TYPE_INT32 = 4,
	TYPE_STRING = 6,
	TYPE_STRING_ARRAY = 8,
	TYPE_I18N_STRING = 9,
};

struct entry {
	uint32_t tag, type, offset, count;
};

/* The next NUL-terminated string; an empty str and a bad reader when there is none. */
static struct str take_string(struct rd *r)
{
	const uint8_t *nul = rd_left(r) ? memchr(r->at, 0, rd_left(r)) : NULL;
	struct str s;

	if (!nul) {
		r->bad = true;
		return STR_NONE;
	}
	s = rd_str(r, (size_t)(nul - r->at));
	rd_take(r, 1);
	return s;
}

static bool is_string(uint32_t type)
{
	return type == TYPE_STRING || type == TYPE_STRING_ARRAY || type == TYPE_I18N_STRING;
}

static struct str *text_of_tag(struct rpm_header *h, uint32_t tag)
{
	switch (tag) {
	case TAG_NAME:
		return &h->name;
	case TAG_VERSION:
		return &h->version;
	case TAG_RELEASE:
		return &h->release;
	case TAG_ARCH:
		return &h->arch;
	case TAG_SOURCE_RPM:
		return &h->source_rpm;
	case TAG_VENDOR:
		return &h->vendor;
	case TAG_LICENSE:
		return &h->license;
	case TAG_MODULARITY_LABEL:
		return &h->module;
	default:
		return NULL;
	}
}

static struct rpm_values *values_of_tag(struct rpm_header *h, uint32_t tag)
{
	switch (tag) {
	case TAG_BASE_NAMES:
		return &h->base_names;
	case TAG_DIR_NAMES:
		return &h->dir_names;
	case TAG_DIR_INDEXES:
		return &h->dir_indexes;
	case TAG_OLD_FILE_NAMES:
		return &h->old_names;
	default:
		return NULL;
	}
}

/* False when the entry does not fit its data or its type. Tags that nobody reads are not looked at. */
static bool take_entry(struct rpm_header *h, const struct entry *n, struct str data)
{
	struct rd r = rd_of(str_from(data, n->offset));
	struct str *text = text_of_tag(h, n->tag);
	struct rpm_values *values = values_of_tag(h, n->tag);

	if (!text && !values && n->tag != TAG_EPOCH)
		return true;
	/* A value takes a byte at least, and a string is one, as rpm itself has it. */
	if (n->offset >= data.n || !n->count || n->count > rd_left(&r) || (n->type == TYPE_STRING && n->count != 1))
		return false;
	if (text) {
		if (is_string(n->type))
			*text = take_string(&r);
		return is_string(n->type) && rd_ok(&r);
	}
	if (n->tag == TAG_EPOCH) {
		h->has_epoch = true;
		h->epoch = rd_be32(&r);
		return n->type == TYPE_INT32 && rd_ok(&r);
	}
	if (n->count > RPM_HEADER_FILES_MAX)
		return false;
	*values = (struct rpm_values){ n->type, n->count, r };
	return true;
}

int rpm_header_read(struct str blob, struct rpm_header *ret, struct err *e)
{
	struct rd r = rd_of(blob), index;
	struct rpm_header h = { 0 };
	uint32_t entries = rd_be32(&r), data_bytes = rd_be32(&r);
	struct str data;

	if (!rd_ok(&r) || entries > RPM_HEADER_TAGS_MAX)
		return err_set(e, -EBADMSG, "rpm header with %u entries", entries);
	index = rd_of(rd_str(&r, (size_t)entries * ENTRY_BYTES));
	data = rd_str(&r, data_bytes);
	if (!rd_ok(&r))
		return err_set(e, -EBADMSG, "rpm header is cut short");
	for (uint32_t i = 0; i < entries; i++) {
		struct entry n;

		n.tag = rd_be32(&index);
		n.type = rd_be32(&index);
		n.offset = rd_be32(&index);
		n.count = rd_be32(&index);
		if (!take_entry(&h, &n, data))
			return err_set(e, -EBADMSG, "rpm header: entry %u (tag %u) is damaged", i, n.tag);
	}
	if (!h.name.n || !h.version.n || !h.release.n)
		return err_set(e, -EBADMSG, "rpm header has no %s",
			       !h.name.n      ? "name"
			       : !h.version.n ? "version"
					      : "release");
	*ret = h;
	return 0;
}

static int old_files(const struct rpm_header *h, void *ctx, void (*file)(void *, struct str, struct str), struct err *e)
{
	struct rd r = h->old_names.data;

	if (!is_string(h->old_names.type))
		return err_set(e, -EBADMSG, "file names are not text");
	for (uint32_t i = 0; i < h->old_names.count; i++) {
		struct str name = take_string(&r);

		if (!rd_ok(&r))
			return err_set(e, -EBADMSG, "file names are cut short");
		file(ctx, STR_NONE, name);
	}
	return 0;
}

int rpm_header_files(const struct rpm_header *h, void *ctx, void (*file)(void *ctx, struct str dir, struct str base),
		     struct err *e)
{
	struct rd bases = h->base_names.data, indexes = h->dir_indexes.data, dirs = h->dir_names.data;
	auto_free struct str *dir = NULL;
	const uint32_t dir_count = h->dir_names.count;

	if (!h->base_names.count)
		return h->old_names.count ? old_files(h, ctx, file, e) : 0;
	if (!is_string(h->base_names.type) || !is_string(h->dir_names.type) || h->dir_indexes.type != TYPE_INT32 ||
	    h->dir_indexes.count != h->base_names.count)
		return err_set(e, -EBADMSG, "file names do not belong together");
	dir = xcalloc(dir_count, sizeof(*dir)); /* at most RPM_HEADER_FILES_MAX and a byte of the header each */
	for (uint32_t i = 0; i < dir_count; i++)
		dir[i] = take_string(&dirs);
	for (uint32_t i = 0; i < h->base_names.count; i++) {
		struct str base = take_string(&bases);
		uint32_t at = rd_be32(&indexes);

		if (!rd_ok(&bases) || !rd_ok(&indexes) || !rd_ok(&dirs) || at >= dir_count)
			return err_set(e, -EBADMSG, "file name %u is damaged", i);
		file(ctx, dir[at], base);
	}
	return 0;
}
