/* dbus: messages of D-Bus. See dbus.h. */
#include "runtime/dbus.h"

#include "base/rd.h"

#define VERSION 1
#define FIELDS_MAX 32 /* of a header; ten are defined */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ORDER 'l'
#else
#define ORDER 'B'
#endif

/* Codes of header fields ("Header Fields"). */
enum {
	FIELD_PATH = 1,
	FIELD_INTERFACE,
	FIELD_MEMBER,
	FIELD_ERROR,
	FIELD_REPLY,
	FIELD_DESTINATION,
	FIELD_SIGNATURE = 8
};

/* ---- writing ---- */

static size_t aligned(size_t n, size_t to)
{
	return n + (to - n % to) % to;
}

static void align(struct buf *b, size_t to)
{
	static const char zero[8];

	buf_add(b, zero, (to - b->n % to) % to);
}

static void put_u32(struct buf *b, uint32_t v)
{
	align(b, 4);
	buf_add(b, &v, sizeof(v));
}

static void put_signature(struct buf *b, const char *s)
{
	buf_char(b, (char)strlen(s));
	buf_add(b, s, strlen(s) + 1);
}

void dbus_put_string(struct buf *b, struct str s)
{
	put_u32(b, (uint32_t)s.n);
	buf_str(b, s);
	buf_char(b, 0);
}

void dbus_put_bool(struct buf *b, bool v)
{
	put_u32(b, v);
}

/* A length that is known only now. */
static void patch(struct buf *b, size_t at, uint32_t v)
{
	if (!b->full && at + sizeof(v) <= b->n)
		memcpy(b->p + at, &v, sizeof(v));
}

void dbus_begin_properties(struct buf *b, size_t *ret_begin)
{
	align(b, 4);
	*ret_begin = b->n;
	put_u32(b, 0);
	align(b, 8);
}

/* The padding in front of the first element is not counted. */
void dbus_end_properties(struct buf *b, size_t begin)
{
	size_t first = aligned(begin + sizeof(uint32_t), 8);

	patch(b, begin, (uint32_t)(b->n - first));
}

static void property(struct buf *b, const char *name, const char *signature)
{
	align(b, 8);
	dbus_put_string(b, str_c(name));
	put_signature(b, signature);
}

void dbus_property_string(struct buf *b, const char *name, struct str v)
{
	property(b, name, "s");
	dbus_put_string(b, v);
}

void dbus_property_bool(struct buf *b, const char *name, bool v)
{
	property(b, name, "b");
	dbus_put_bool(b, v);
}

void dbus_property_u64(struct buf *b, const char *name, uint64_t v)
{
	property(b, name, "t");
	align(b, 8);
	buf_add(b, &v, sizeof(v));
}

void dbus_property_bytes(struct buf *b, const char *name, struct str v)
{
	property(b, name, "ay");
	put_u32(b, (uint32_t)v.n);
	buf_str(b, v);
}

void dbus_property_u32s(struct buf *b, const char *name, const uint32_t *v, size_t n)
{
	property(b, name, "au");
	put_u32(b, (uint32_t)(n * sizeof(*v)));
	buf_add(b, v, n * sizeof(*v));
}

static void field(struct buf *b, uint8_t code, const char *signature, const char *value)
{
	align(b, 8);
	buf_char(b, (char)code);
	put_signature(b, signature);
	if (*signature == 'g')
		put_signature(b, value);
	else
		dbus_put_string(b, str_c(value));
}

void dbus_write_call(struct buf *to, uint32_t serial, const struct dbus_call *c, struct str body)
{
	const char head[4] = { ORDER, DBUS_CALL, 0, VERSION };
	auto_buf struct buf b = { 0 };
	size_t fields;

	buf_init(&b, DBUS_MESSAGE_MAX);
	buf_add(&b, head, sizeof(head));
	put_u32(&b, (uint32_t)body.n);
	put_u32(&b, serial);
	put_u32(&b, 0);
	fields = b.n;
	field(&b, FIELD_PATH, "o", c->path);
	field(&b, FIELD_INTERFACE, "s", c->interface);
	field(&b, FIELD_MEMBER, "s", c->member);
	field(&b, FIELD_DESTINATION, "s", c->destination);
	if (*c->signature)
		field(&b, FIELD_SIGNATURE, "g", c->signature);
	patch(&b, fields - 4, (uint32_t)(b.n - fields));
	align(&b, 8);
	buf_str(&b, body);
	if (buf_finish(&b) < 0)
		to->full = true;
	else
		buf_str(to, buf_all(&b));
}

/* ---- reading ---- */

static uint32_t read_u32(struct rd *r)
{
	uint32_t v = 0;
	const uint8_t *p = rd_take(r, sizeof(v));

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

struct head {
	char order, type;
	uint32_t body, serial, fields;
};

static int read_head(struct rd *r, struct head *ret, struct err *e)
{
	uint8_t version;

	ret->order = (char)rd_u8(r);
	ret->type = (char)rd_u8(r);
	(void)rd_u8(r);
	version = rd_u8(r);
	ret->body = read_u32(r);
	ret->serial = read_u32(r);
	ret->fields = read_u32(r);
	if (!rd_ok(r))
		return err_set(e, -EBADMSG, "D-Bus: a message is cut short");
	if (ret->order != ORDER)
		return err_set(e, ret->order == 'l' || ret->order == 'B' ? -ENOTSUP : -EBADMSG,
			       "D-Bus: a message of another byte order");
	if (version != VERSION)
		return err_set(e, -ENOTSUP, "D-Bus: a message of version %u", version);
	if (ret->body > DBUS_MESSAGE_MAX || ret->fields > DBUS_MESSAGE_MAX)
		return err_set(e, -E2BIG, "D-Bus: a message of more than %u bytes", DBUS_MESSAGE_MAX);
	return 0;
}

int dbus_size(struct str text, size_t *ret, struct err *e)
{
	struct rd r = rd_of(str_head(text, DBUS_HEAD_BYTES));
	struct head h;
	int s = read_head(&r, &h, e);

	if (s < 0)
		return s;
	*ret = aligned(DBUS_HEAD_BYTES + h.fields, 8) + h.body;
	return *ret <= DBUS_MESSAGE_MAX
		       ? 0
		       : err_set(e, -E2BIG, "D-Bus: a message of more than %u bytes", DBUS_MESSAGE_MAX);
}

/* The reader stands `from` bytes behind what alignment counts from. */
struct place {
	struct rd r;
	const uint8_t *begin;
};

static void skip_to(struct place *p, size_t to)
{
	size_t at = (size_t)(p->r.at - p->begin);

	(void)rd_take(&p->r, aligned(at, to) - at);
}

static struct str read_string(struct place *p)
{
	uint32_t n;
	struct str s;

	skip_to(p, 4);
	n = read_u32(&p->r);
	s = rd_str(&p->r, n);
	(void)rd_u8(&p->r);
	return s;
}

static struct str read_signature(struct place *p)
{
	uint8_t n = rd_u8(&p->r);
	struct str s = rd_str(&p->r, n);

	(void)rd_u8(&p->r);
	return s;
}

/* All fields that are defined are of one of these types. */
static int read_field(struct place *p, struct dbus_message *m, struct err *e)
{
	struct str signature, text = STR_NONE;
	uint32_t number = 0;
	uint8_t code;

	skip_to(p, 8);
	code = rd_u8(&p->r);
	signature = read_signature(p);
	if (str_is(signature, "s") || str_is(signature, "o")) {
		text = read_string(p);
	} else if (str_is(signature, "g")) {
		text = read_signature(p);
	} else if (str_is(signature, "u")) {
		skip_to(p, 4);
		number = read_u32(&p->r);
	} else {
		return err_set(e, -EBADMSG, "D-Bus: a header field of type '" STR_FMT "'", STR_ARG(signature));
	}
	if (code == FIELD_INTERFACE)
		m->interface = text;
	else if (code == FIELD_MEMBER)
		m->member = text;
	else if (code == FIELD_ERROR)
		m->error = text;
	else if (code == FIELD_REPLY)
		m->reply_serial = number;
	else if (code == FIELD_SIGNATURE)
		m->signature = text;
	return 0;
}

int dbus_parse(struct str bytes, struct dbus_message *ret, struct err *e)
{
	struct dbus_message m = { 0 };
	struct place all = { rd_of(bytes), (const uint8_t *)bytes.p }, fields;
	struct head h;
	unsigned int n = 0;
	int s = read_head(&all.r, &h, e);

	if (s < 0)
		return s;
	m.type = (enum dbus_type)(uint8_t)h.type;
	m.serial = h.serial;
	fields = (struct place){ rd_of(rd_str(&all.r, h.fields)), all.begin };
	skip_to(&all, 8);
	m.body = rd_str(&all.r, h.body);
	if (!rd_ok(&all.r))
		return err_set(e, -EBADMSG, "D-Bus: a message is cut short");
	while (rd_left(&fields.r) && s == 0) {
		if (n++ == FIELDS_MAX)
			return err_set(e, -E2BIG, "D-Bus: more than %d header fields", FIELDS_MAX);
		s = read_field(&fields, &m, e);
		if (s == 0 && !rd_ok(&fields.r))
			s = err_set(e, -EBADMSG, "D-Bus: a header field is cut short");
	}
	if (s == 0)
		*ret = m;
	return s;
}

struct str dbus_string(const struct dbus_message *m, size_t n)
{
	struct place p = { rd_of(m->body), (const uint8_t *)m->body.p };

	for (size_t i = 0; i <= n && i < m->signature.n; i++) {
		struct str s = STR_NONE;

		if (m->signature.p[i] == 'u') {
			skip_to(&p, 4);
			(void)read_u32(&p.r);
		} else if (m->signature.p[i] == 's' || m->signature.p[i] == 'o') {
			s = read_string(&p);
		} else {
			break;
		}
		if (!rd_ok(&p.r))
			break;
		if (i == n)
			return s;
	}
	return STR_NONE;
}
