/* base64: the vectors of RFC 4648 section 10, every byte value, and texts that must be refused. */
#include "codec/base64.h"
#include "tap.h"

static const struct {
	const char *plain, *text;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "user:pass\xff\xfe", "dXNlcjpwYXNz//4=" },
};

TEST(base64_vectors)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		auto_buf struct buf text, plain;
		struct err e = { 0 };

		row("vector %s", vectors[i].text);
		buf_init(&text, 100);
		buf_init(&plain, 100);
		base64_encode(str_c(vectors[i].plain), &text);
		EQ_STR(buf_all(&text), str_c(vectors[i].text));
		OK_ERR(base64_decode(str_c(vectors[i].text), &plain, &e), &e);
		EQ_STR(buf_all(&plain), str_c(vectors[i].plain));
	}
}

TEST(base64_all_bytes)
{
	char bytes[256];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 37);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		auto_buf struct buf text, plain;

		buf_init(&text, 1000);
		buf_init(&plain, n);
		base64_encode(str_n(bytes, n), &text);
		OK(base64_decode(buf_all(&text), &plain, NULL) == 0);
		OK(str_eq(buf_all(&plain), str_n(bytes, n)));
	}
}

TEST(base64_refuses)
{
	static const char *const bad[] = { "Zg",   "Zg=",  "Z",	    "Zm9vZ",	"Zg==Zg==", "Z===", "====", "Zh==",
					   "Zm9=", "Zm 9", "Zm9\n", "Zm9v\r\n", "Zm-_",	    "=Zm9", "Z=g=", "Zg=g" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_buf struct buf plain;
		struct err e = { 0 };

		row("refuses row %zu", i);
		buf_init(&plain, 100);
		EQ_INT(base64_decode(str_c(bad[i]), &plain, &e), -EBADMSG);
		OK(e.msg[0]);
	}
}

TEST(base64_limit)
{
	auto_buf struct buf plain;
	struct err e = { 0 };

	buf_init(&plain, 5);
	EQ_INT(base64_decode(STR("Zm9vYmFy"), &plain, &e), -E2BIG);
}
