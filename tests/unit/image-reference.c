/* References: what is accepted, with its defaults, and what is not. */
#include "image/reference.h"
#include "tap.h"

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *text, *full;
} good[] = {
	{ "busybox", "docker.io/library/busybox:latest" },
	{ "busybox:1.36", "docker.io/library/busybox:1.36" },
	{ "docker.io/busybox", "docker.io/library/busybox:latest" },
	{ "index.docker.io/busybox", "docker.io/library/busybox:latest" },
	{ "grafana/grafana:9", "docker.io/grafana/grafana:9" },
	{ "localhost/x", "localhost/x:latest" },
	{ "localhost:5000/x/y:t", "localhost:5000/x/y:t" },
	{ "127.0.0.1:5000/x", "127.0.0.1:5000/x:latest" },
	{ "[::1]:5000/x", "[::1]:5000/x:latest" },
	{ "[2001:db8::7]/x:y", "[2001:db8::7]/x:y" },
	{ "registry.example.org/a/b/c/d:V1_x.y-z", "registry.example.org/a/b/c/d:V1_x.y-z" },
	{ "Registry.Example.org/a", "Registry.Example.org/a:latest" },
	{ "a__b/c-d/e--f/g.h", "docker.io/a__b/c-d/e--f/g.h:latest" },
	{ "x@sha256:" HEX64, "docker.io/library/x@sha256:" HEX64 },
	{ "x:1@sha256:" HEX64, "docker.io/library/x:1@sha256:" HEX64 },
	{ "example.org:443/x:1@sha256:" HEX64, "example.org:443/x:1@sha256:" HEX64 },
	{ "x:5000", "docker.io/library/x:5000" },
};

TEST(good_references)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		auto_arena struct arena a = { 0 };
		struct reference ref = { 0 };
		struct err e = { 0 };

		row("%s", good[i].text);
		OK_ERR(reference_parse(str_c(good[i].text), &a, &ref, &e), &e);
		EQ_STR(reference_text(&a, &ref), str_c(good[i].full));
	}
}

static const struct {
	const char *text;
	int code;
} bad[] = {
	{ "", -EBADMSG },
	{ "/", -EBADMSG },
	{ "/x", -EBADMSG },
	{ "x/", -EBADMSG },
	{ "x//y", -EBADMSG },
	{ "X", -EBADMSG },
	{ "Foo/bar", -EBADMSG },
	{ "x:", -EBADMSG },
	{ "x:-a", -EBADMSG },
	{ "x:.a", -EBADMSG },
	{ "x:a b", -EBADMSG },
	{ "x y", -EBADMSG },
	{ "-x", -EBADMSG },
	{ "x-", -EBADMSG },
	{ "x/_y", -EBADMSG },
	{ "a___b", -EBADMSG },
	{ "a..b/c", -EBADMSG },
	{ "a.-b.c/d", -EBADMSG },
	{ "host:0/x", -EBADMSG },
	{ "host:65536/x", -EBADMSG },
	{ "host:+80/x", -EBADMSG },
	{ "host:80:80/x", -EBADMSG },
	{ "[::g]/x", -EBADMSG },
	{ "[]/x", -EBADMSG },
	{ "[::1/x", -EBADMSG },
	{ "user@host/x", -EBADMSG },
	{ "https://host/x", -EBADMSG },
	{ "../etc/passwd", -EBADMSG },
	{ "x@", -EBADMSG },
	{ "x@sha256:abc", -EBADMSG },
	{ "x@sha256:" HEX64 "0", -EBADMSG },
	{ "x@SHA256:" HEX64, -EBADMSG },
	{ "x@sha256:" HEX64 "@sha256:" HEX64, -EBADMSG },
	{ "x@md5:00112233445566778899aabbccddeeff", -EBADMSG },
	{ "x@sha512:" HEX64 HEX64, -ENOTSUP },
	{ "x:" A64 A64 "a", -EBADMSG },
	{ "example.org/" A64 "/" A64 "/" A64 "/" A64, -EBADMSG },
	{ "x\n", -EBADMSG },
};

TEST(bad_references)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_arena struct arena a = { 0 };
		struct reference ref = { .tag = STR("untouched") };
		struct err e = { 0 };

		row("%s", bad[i].text);
		EQ_INT(reference_parse(str_c(bad[i].text), &a, &ref, &e), bad[i].code);
		EQ_STR(ref.tag, STR("untouched"));
	}
}

TEST(bytes_that_c_strings_cannot_hold)
{
	auto_arena struct arena a = { 0 };
	struct reference ref;

	EQ_INT(reference_parse(str_n("x\0y", 3), &a, &ref, NULL), -EBADMSG);
	EQ_INT(reference_parse(str_n("x:1\0", 4), &a, &ref, NULL), -EBADMSG);
}

TEST(loopback)
{
	static const struct {
		const char *host;
		bool loopback;
	} rows[] = {
		{ "localhost", true },	      { "localhost:5000", true }, { "127.0.0.1", true },
		{ "127.3.2.1:80", true },     { "[::1]:5000", true },	  { "[::1]", true },
		{ "127.example.org", false }, { "10.0.0.1", false },	  { "localhost.example.org", false },
		{ "docker.io", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reference ref = { .host = str_c(rows[i].host) };

		row("%s", rows[i].host);
		EQ_INT(reference_is_loopback(&ref), rows[i].loopback);
	}
}

TEST(api_host)
{
	struct reference hub = { .host = STR("docker.io") }, other = { .host = STR("example.org") };

	EQ_STR(reference_api_host(&hub), STR("registry-1.docker.io"));
	EQ_STR(reference_api_host(&other), STR("example.org"));
}
