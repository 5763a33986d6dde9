/* rust: crates of programs built with cargo-auditable. See rust.h. */
#include "inventory/rust.h"

#include "codec/inflate.h"
#include "inventory/field.h"

#define PACKED_BYTES_MAX (4u << 20) /* the section; real ones have some KiB */
#define PLAIN_BYTES_MAX (16u << 20) /* the JSON; real ones have some ten KiB */
#define CRATES_MAX 100000

/* One crate: name, version, "kind": "build" when it only took part in building. */
static void read_crate(struct json *j, struct facts *ret)
{
	struct package p = { .type = PKG_CARGO };
	struct str kind = STR_NONE;
	const struct json_want want[] = { { "name", &p.name, false },
					  { "version", &p.version, false },
					  { "kind", &kind, false } };

	if (!json_take_all(j, want, ARRAY_LEN(want)) || j->why || str_is(kind, "build"))
		return;
	if (field_ok(p.name) && field_ok(p.version))
		facts_package(ret, &p);
	else
		facts_note(ret, "not assessed: a crate without a name or a version");
}

static int read_crates(struct json *j, struct facts *ret, struct err *e)
{
	size_t n = 0;

	if (!json_array(j))
		return err_set(e, -EBADMSG, "list of crates: \"packages\" is no array");
	while (json_next(j)) {
		if (n++ >= CRATES_MAX)
			return err_set(e, -E2BIG, "list of crates: more than %d", CRATES_MAX);
		read_crate(j, ret);
	}
	return 0;
}

static int list_read(struct str text, struct facts *ret, struct err *e)
{
	auto_arena struct arena arena = { 0 };
	struct json j;
	struct str key;
	int r = 0;

	json_init(&j, text, &arena);
	if (!json_object(&j))
		return err_set(e, -EBADMSG, "list of crates: no object");
	while (r == 0 && json_key(&j, &key))
		if (str_is(key, "packages"))
			r = read_crates(&j, ret, e);
	if (r < 0)
		return r;
	r = json_finish(&j, e);
	return r < 0 ? err_wrap(e, r, "list of crates") : 1;
}

int rust_read(struct elf *elf, struct facts *ret, struct err *e)
{
	auto_buf struct buf plain = { 0 };
	struct elf_section s;
	const uint8_t *p;
	int r = elf_find(elf, STR(".dep-v0"), &s);

	if (r <= 0)
		return r;
	if (s.size > PACKED_BYTES_MAX)
		return err_set(e, -E2BIG, "list of crates of %llu bytes", (unsigned long long)s.size);
	p = file_at(elf->f, s.offset, s.size);
	if (!p)
		return -EAGAIN;
	r = inflate_zlib(str_n(p, s.size), PLAIN_BYTES_MAX, &plain, e);
	if (r < 0)
		return err_wrap(e, r, "list of crates");
	return list_read(buf_all(&plain), ret, e);
}
