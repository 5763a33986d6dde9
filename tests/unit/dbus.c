/* Messages of D-Bus: what is written, what is read, what is refused. */
#include "runtime/dbus.h"

#include "tap.h"

/* A signal JobRemoved(7, "/org/freedesktop/systemd1/job/7", "x.scope", "done"), put together by another program. */
static const char job_removed[] =
	"\x6c\x04\x01\x01\x3d\x00\x00\x00\x09\x00\x00\x00\x8a\x00\x00\x00\x01\x01\x6f\x00\x19\x00\x00\x00\x2f"
	"\x6f\x72\x67\x2f\x66\x72\x65\x65\x64\x65\x73\x6b\x74\x6f\x70\x2f\x73\x79\x73\x74\x65\x6d\x64\x31\x00"
	"\x00\x00\x00\x00\x00\x00\x02\x01\x73\x00\x20\x00\x00\x00\x6f\x72\x67\x2e\x66\x72\x65\x65\x64\x65\x73"
	"\x6b\x74\x6f\x70\x2e\x73\x79\x73\x74\x65\x6d\x64\x31\x2e\x4d\x61\x6e\x61\x67\x65\x72\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x03\x01\x73\x00\x0a\x00\x00\x00\x4a\x6f\x62\x52\x65\x6d\x6f\x76\x65\x64\x00\x00\x00"
	"\x00\x00\x00\x07\x01\x73\x00\x04\x00\x00\x00\x3a\x31\x2e\x30\x00\x00\x00\x00\x08\x01\x67\x00\x04\x75"
	"\x6f\x73\x73\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x1f\x00\x00\x00\x2f\x6f\x72\x67\x2f\x66\x72"
	"\x65\x65\x64\x65\x73\x6b\x74\x6f\x70\x2f\x73\x79\x73\x74\x65\x6d\x64\x31\x2f\x6a\x6f\x62\x2f\x37\x00"
	"\x07\x00\x00\x00\x78\x2e\x73\x63\x6f\x70\x65\x00\x04\x00\x00\x00\x64\x6f\x6e\x65\x00";

TEST(signal)
{
	struct str bytes = str_n(job_removed, sizeof(job_removed) - 1);
	struct dbus_message m = { 0 };
	struct err e = { 0 };
	size_t size = 0;

	OK_ERR(dbus_size(bytes, &size, &e), &e);
	EQ_INT(size, bytes.n);
	OK_ERR(dbus_parse(bytes, &m, &e), &e);
	EQ_INT(m.type, DBUS_SIGNAL);
	EQ_STR(m.member, STR("JobRemoved"));
	EQ_STR(m.signature, STR("uoss"));
	EQ_STR(dbus_string(&m, 1), STR("/org/freedesktop/systemd1/job/7"));
	EQ_STR(dbus_string(&m, 2), STR("x.scope"));
	EQ_STR(dbus_string(&m, 3), STR("done"));
	OK(!dbus_string(&m, 0).n && !dbus_string(&m, 4).n);
	row("cut anywhere");
	for (size_t n = 0; n < bytes.n; n++)
		OK(dbus_parse(str_head(bytes, n), &m, &e) < 0);
}

TEST(call_is_read_back)
{
	static const struct dbus_call c = { "org.x", "/org/x", "org.x.I", "Do", "ssa(sv)" };
	const uint32_t pids[] = { 5, 6 };
	auto_buf struct buf body = { 0 }, out = { 0 };
	struct dbus_message m = { 0 };
	struct err e = { 0 };
	size_t size = 0, properties;

	buf_init(&body, DBUS_MESSAGE_MAX);
	buf_init(&out, DBUS_MESSAGE_MAX);
	dbus_put_string(&body, STR("x.scope"));
	dbus_put_string(&body, STR("replace"));
	dbus_begin_properties(&body, &properties);
	dbus_property_string(&body, "Slice", STR("a.slice"));
	dbus_property_bool(&body, "Delegate", true);
	dbus_property_u64(&body, "MemoryMax", 1 << 20);
	dbus_property_bytes(&body, "AllowedCPUs", STR("\x03"));
	dbus_property_u32s(&body, "PIDs", pids, ARRAY_LEN(pids));
	dbus_end_properties(&body, properties);
	dbus_write_call(&out, 3, &c, buf_all(&body));

	row("size");
	OK_ERR(dbus_size(buf_all(&out), &size, &e), &e);
	EQ_INT(size, out.n);
	row("header");
	OK_ERR(dbus_parse(buf_all(&out), &m, &e), &e);
	EQ_INT(m.type, DBUS_CALL);
	EQ_INT(m.serial, 3);
	EQ_STR(m.interface, STR("org.x.I"));
	EQ_STR(m.member, STR("Do"));
	EQ_STR(m.signature, STR("ssa(sv)"));
	row("body");
	EQ_INT(m.body.n, body.n);
	EQ_STR(dbus_string(&m, 0), STR("x.scope"));
	EQ_STR(dbus_string(&m, 1), STR("replace"));
	OK(!dbus_string(&m, 2).n);
	row("length of the array");
	/* "x.scope" 12 bytes, "replace" 12, the length at 24, elements from 32 */
	EQ_INT(*(const uint32_t *)(const void *)(body.p + 24), body.n - 32);
}

TEST(array_after_padding)
{
	auto_buf struct buf body = { 0 };
	size_t begin;

	row("an empty array at 4: no padding is counted");
	buf_init(&body, 64);
	dbus_put_bool(&body, true);
	dbus_begin_properties(&body, &begin);
	dbus_end_properties(&body, begin);
	EQ_INT(body.n, 8);
	EQ_INT(*(const uint32_t *)(const void *)(body.p + 4), 0);
	row("one at 0: padding is not counted");
	buf_clear(&body);
	dbus_begin_properties(&body, &begin);
	dbus_property_bool(&body, "a", true);
	dbus_end_properties(&body, begin);
	EQ_INT(*(const uint32_t *)(const void *)body.p, body.n - 8);
}

TEST(refused)
{
	static const struct {
		const char *name;
		struct str bytes;
		int want;
	} rows[] = {
		{ "nothing", { "", 0 }, -EBADMSG },
		{ "a short head", { job_removed, 15 }, -EBADMSG },
		{ "the other byte order", { "B\4\1\1\0\0\0\0\0\0\0\1\0\0\0\0", 16 }, -ENOTSUP },
		{ "no byte order", { "x\4\1\1\0\0\0\0\0\0\0\1\0\0\0\0", 16 }, -EBADMSG },
		{ "another version", { "l\4\1\2\0\0\0\0\1\0\0\0\0\0\0\0", 16 }, -ENOTSUP },
		{ "a long body", { "l\4\1\1\377\377\377\377\1\0\0\0\0\0\0\0", 16 }, -E2BIG },
		{ "long fields", { "l\4\1\1\0\0\0\0\1\0\0\0\377\377\377\377", 16 }, -E2BIG },
		{ "a head alone", { "l\4\1\1\0\0\0\0\1\0\0\0\10\0\0\0", 16 }, -EBADMSG },
		{ "a field of a strange type", { "l\4\1\1\0\0\0\0\1\0\0\0\10\0\0\0\1\1v\0\0\0\0\0", 24 }, -EBADMSG },
		{ "a string longer than the fields",
		  { "l\4\1\1\0\0\0\0\1\0\0\0\10\0\0\0\1\1s\0\377\0\0\0", 24 },
		  -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dbus_message m;
		struct err e = { 0 };
		size_t size = 0;
		int r = dbus_size(rows[i].bytes, &size, &e);

		row("%s", rows[i].name);
		EQ_INT(r == 0 ? dbus_parse(rows[i].bytes, &m, &e) : r, rows[i].want);
	}
}
