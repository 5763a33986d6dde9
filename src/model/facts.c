/* facts: what an analyzer says about one file, as bytes. See facts.h. */
#include "model/facts.h"

#include <stdarg.h>

#include "base/mem.h"
#include "base/path.h"

#define NOTE_BYTES_MAX 512

void facts_init(struct facts *f)
{
	*f = (struct facts){ 0 };
	buf_init(&f->b, FACTS_BYTES_MAX);
	buf_init(&f->owned, FACTS_BYTES_MAX);
}

void facts_done(struct facts *f)
{
	buf_done(&f->b);
	buf_done(&f->owned);
}

static size_t varint_bytes(uint64_t v)
{
	size_t n = 1;

	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
}

static void put_record(struct facts *f, enum fact_kind kind, const struct str *part, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += varint_bytes(part[i].n) + part[i].n;
	buf_char(&f->b, (char)kind);
	buf_varint(&f->b, bytes);
	for (size_t i = 0; i < n; i++)
		buf_var_str(&f->b, part[i]);
}

void facts_package(struct facts *f, const struct package *p)
{
	char type = (char)p->type;
	const struct str part[] = { str_n(&type, 1),   p->name,	  p->version, p->arch,	  p->source,
				    p->source_version, p->module, p->vendor,  p->license, p->inner };

	put_record(f, FACT_PACKAGE, part, ARRAY_LEN(part));
	f->packages++;
}

void facts_release(struct facts *f, const struct release *r)
{
	const struct str part[] = { r->id, r->id_like, r->version_id, r->codename, r->name };

	put_record(f, FACT_RELEASE, part, ARRAY_LEN(part));
}

void facts_property(struct facts *f, struct str key, struct str value)
{
	const struct str part[] = { key, value };

	put_record(f, FACT_PROPERTY, part, ARRAY_LEN(part));
}

void facts_note(struct facts *f, const char *fmt, ...)
{
	char text[NOTE_BYTES_MAX] = "there is more: further notes are left out";
	va_list ap;

	if (f->notes > FACTS_NOTES_MAX)
		return;
	if (f->notes < FACTS_NOTES_MAX) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
	}
	put_record(f, FACT_NOTE, &(struct str){ text, strlen(text) }, 1);
	f->notes++;
}

void facts_owned(struct facts *f, struct str path)
{
	buf_le64(&f->owned, path_hash_merged(path));
}

void facts_owner(struct facts *f, struct str package, struct str arch)
{
	const struct str part[] = { package, arch, buf_all(&f->owned) };

	if (f->owned.n)
		put_record(f, FACT_OWNS, part, ARRAY_LEN(part));
	f->b.full |= f->owned.full;
	buf_clear(&f->owned);
}

int facts_finish(const struct facts *f)
{
	return buf_finish(&f->b);
}

static void read_package(struct rd *r, struct package *p)
{
	struct str type = rd_var_str(r);

	p->type = type.n == 1 ? (enum pkg_type)(unsigned char)type.p[0] : PKG_UNKNOWN;
	if (type.n != 1 || p->type >= PKG_TYPE_COUNT)
		r->bad = true;
	p->name = rd_var_str(r);
	p->version = rd_var_str(r);
	p->arch = rd_var_str(r);
	p->source = rd_var_str(r);
	p->source_version = rd_var_str(r);
	p->module = rd_var_str(r);
	p->vendor = rd_var_str(r);
	p->license = rd_var_str(r);
	p->inner = rd_var_str(r);
}

static void read_release(struct rd *r, struct release *ret)
{
	ret->id = rd_var_str(r);
	ret->id_like = rd_var_str(r);
	ret->version_id = rd_var_str(r);
	ret->codename = rd_var_str(r);
	ret->name = rd_var_str(r);
}

int facts_next(struct rd *r, struct fact *ret, struct err *e)
{
	struct rd payload;

	if (rd_ok(r) && rd_left(r) == 0)
		return 0;
	memset(ret, 0, sizeof(*ret));
	ret->kind = rd_u8(r);
	payload = rd_of(rd_var_str(r));
	if (!rd_ok(r))
		return err_set(e, -EBADMSG, "facts are cut short");
	switch (ret->kind) {
	case FACT_PACKAGE:
		read_package(&payload, &ret->package);
		break;
	case FACT_OWNS:
		ret->owns.package = rd_var_str(&payload);
		ret->owns.arch = rd_var_str(&payload);
		ret->owns.hashes = rd_var_str(&payload);
		payload.bad |= ret->owns.hashes.n % 8 != 0;
		break;
	case FACT_RELEASE:
		read_release(&payload, &ret->release);
		break;
	case FACT_PROPERTY:
		ret->property.key = rd_var_str(&payload);
		ret->property.value = rd_var_str(&payload);
		break;
	case FACT_NOTE:
		ret->note = rd_var_str(&payload);
		break;
	default:
		return err_set(e, -EBADMSG, "unknown fact %d", (int)ret->kind);
	}
	if (!rd_ok(&payload) || rd_left(&payload))
		return err_set(e, -EBADMSG, "damaged fact of kind %d", (int)ret->kind);
	return 1;
}
