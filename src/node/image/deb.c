/* deb: a Debian binary package. See deb.h. */
#include "node/image/deb.h"

#include "base/deb822.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/rd.h"

#define HEADER_BYTES 60
#define MEMBERS_MAX 64

/* ar(5): name, date, owner, group, mode, size in decimal, each padded with spaces, then "`\n". */
static int member_read(struct rd *r, uint64_t *ret_size, struct str *ret_name, struct err *e)
{
	struct str header = rd_str(r, HEADER_BYTES);
	struct str size;

	if (!rd_ok(r) || header.p[58] != '`' || header.p[59] != '\n')
		return err_set(e, -EBADMSG, "deb: not the header of an ar member");
	*ret_name = str_trim(str_n(header.p, 16));
	if (str_ends(*ret_name, STR("/"))) /* as some writers of ar end a name */
		ret_name->n--;
	size = str_trim(str_n(header.p + 48, 10));
	if (!num_u64(size, 10, ret_size))
		return err_set(e, -EBADMSG, "deb: the size of a member is no number");
	return 0;
}

/* deb(5): debian-binary first, then control.tar, then data.tar; names that begin with '_' may be passed over. */
static int member_take(struct deb *d, size_t index, struct str name, struct str body, uint64_t offset, struct err *e)
{
	struct deb_member m = { offset, body.n };
	struct deb_member *to;

	if (index == 0) {
		if (!str_is(name, "debian-binary"))
			return err_set(e, -EBADMSG, "deb: the first member is not debian-binary");
		return str_starts(body, STR("2.")) ? 0 : err_set(e, -ENOTSUP, "deb: not of format 2");
	}
	if (str_starts(name, STR("_")))
		return 0;
	if (str_starts(name, STR("control.tar")))
		to = &d->control;
	else if (str_starts(name, STR("data.tar")))
		to = &d->data;
	else
		return err_set(e, -ENOTSUP, "deb: unknown member " STR_FMT, STR_ARG(name));
	if (to->size || (to == &d->data && !d->control.size))
		return err_set(e, -EBADMSG, "deb: member " STR_FMT " twice or too early", STR_ARG(name));
	*to = m;
	return 0;
}

int deb_parse(struct str bytes, struct deb *ret, struct err *e)
{
	static const struct str magic = STR("!<arch>\n");
	struct rd r = rd_of(bytes);
	struct deb d = { 0 };

	if (!str_eq(rd_str(&r, magic.n), magic))
		return err_set(e, -EBADMSG, "deb: not an ar archive");
	for (size_t i = 0; rd_left(&r) && !d.data.size; i++) {
		struct str name = STR_NONE, body;
		uint64_t size = 0;
		int result = i < MEMBERS_MAX ? member_read(&r, &size, &name, e)
					     : err_set(e, -E2BIG, "deb: more than %d members", MEMBERS_MAX);

		if (result < 0)
			return result;
		if (!size || size > rd_left(&r))
			return err_set(e, -EBADMSG, "deb: member " STR_FMT " is empty or cut short", STR_ARG(name));
		body = rd_str(&r, (size_t)size);
		result = member_take(&d, i, name, body, (uint64_t)(body.p - bytes.p), e);
		if (result < 0)
			return result;
		if (size % 2 && rd_left(&r))
			(void)rd_u8(&r);
	}
	if (!d.control.size || !d.data.size)
		return err_set(e, -EBADMSG, "deb: no control.tar or no data.tar");
	*ret = d;
	return 0;
}

/* -------- a member -------- */

struct walk {
	const struct layer_input *input; /* NULL: taken */
	struct layer_result *result;
};

static int walk_next(void *ctx, bool idle unused_arg, struct layer_input *ret, uint32_t *ret_id,
		     struct err *e unused_arg)
{
	struct walk *w = ctx;

	if (!w->input)
		return 0;
	*ret = *w->input;
	*ret_id = 0;
	w->input = NULL;
	return 1;
}

static int walk_done(void *ctx, uint32_t id unused_arg, const struct layer_result *result, struct err *e unused_arg)
{
	struct walk *w = ctx;

	*w->result = *result;
	return 0;
}

int deb_walk(int fd, const struct deb_member *m, const struct layer_events *events, struct err *e)
{
	struct layer_input input = {
		.fd = fd, .positioned = true, .offset = m->offset, .size = m->size, .events = events
	};
	struct layer_result result = { 0 };
	struct walk w = { &input, &result };
	struct layer_feed feed = { &w, walk_next, walk_done };
	int r = layers_read(&feed, 1, e);

	if (r == 0 && result.status < 0)
		r = err_set(e, result.status, "%s", result.err.msg);
	if (r == 0 && result.end_unmarked)
		r = err_set(e, -EBADMSG, "the tar is cut short");
	return r;
}

/* -------- the control files -------- */

void deb_control_done(struct deb_control *c)
{
	buf_done(&c->control);
	buf_done(&c->md5sums);
}

struct control_walk {
	struct deb_control *to;
	struct buf *open;
};

static int control_entry(void *ctx, const struct tar_entry *t, struct err *e)
{
	struct control_walk *w = ctx;

	w->open = NULL;
	if (t->type == TAR_FILE && str_is(t->path, "control"))
		w->open = &w->to->control;
	else if (t->type == TAR_FILE && str_is(t->path, "md5sums"))
		w->open = &w->to->md5sums;
	if (w->open && (w->open->n || t->sparse))
		return err_set(e, -EBADMSG, "deb: control file " STR_FMT " twice", STR_ARG(t->path));
	return w->open != NULL;
}

static int control_data(void *ctx, uint64_t offset unused_arg, const uint8_t *p, size_t n, struct err *e)
{
	struct control_walk *w = ctx;

	buf_add(w->open, p, n);
	return buf_finish(w->open) < 0 ? err_set(e, -E2BIG, "deb: control files of more than %u bytes", DEB_CONTROL_MAX)
				       : 1;
}

static int control_end(void *ctx unused_arg, struct err *e unused_arg)
{
	return 0;
}

int deb_control_read(int fd, const struct deb *d, struct deb_control *ret, struct err *e)
{
	struct control_walk w = { .to = ret };
	struct layer_events events = { &w, control_entry, control_data, control_end, NULL };
	int r;

	*ret = (struct deb_control){ 0 };
	buf_init(&ret->control, DEB_CONTROL_MAX);
	buf_init(&ret->md5sums, DEB_CONTROL_MAX);
	r = deb_walk(fd, &d->control, &events, e);
	if (r == 0 && !str_trim(buf_all(&ret->control)).n)
		r = err_set(e, -EBADMSG, "deb: no control file");
	if (r < 0)
		deb_control_done(ret);
	return r < 0 ? err_wrap(e, r, "control.tar") : 0;
}

static int name_check(const struct deb_control *c, const struct deb_name *want, struct err *e)
{
	struct str paragraph, control = buf_all(&c->control);
	struct str found[3] = { STR_NONE, STR_NONE, STR_NONE };
	const struct deb822_want fields[] = { { "Package", &found[0] },
					      { "Version", &found[1] },
					      { "Architecture", &found[2] } };

	if (!deb822_paragraph(&control, &paragraph))
		return err_set(e, -EBADMSG, "an empty control file");
	deb822_take(paragraph, fields, ARRAY_LEN(fields));
	if (str_eq(found[0], want->package) && str_eq(found[1], want->version) && str_eq(found[2], want->arch))
		return 0;
	return err_set(e, -EBADMSG, "it says to be " STR_FMT " " STR_FMT, STR_ARG(str_head(found[0], 100)),
		       STR_ARG(str_head(found[1], 100)));
}

int deb_open(int fd, const struct deb_name *name, struct deb *ret, struct deb_control *ret_control, struct err *e)
{
	auto_mapping struct mapping map = { 0 };
	int r = mapping_open(fd, &map, e);

	*ret_control = (struct deb_control){ 0 };
	if (r == 0)
		r = deb_parse(str_n(map.p, map.n), ret, e);
	if (r == 0)
		r = deb_control_read(fd, ret, ret_control, e);
	return r < 0 ? r : name_check(ret_control, name, e);
}
