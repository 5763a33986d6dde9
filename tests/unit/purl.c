/* Package URLs: cases of the specification's own test suite and of its types' pages. */
#include "report/purl.h"

#include "tap.h"

TEST(purl)
{
	static const struct {
		struct package p;
		struct release os;
		const char *want;
	} rows[] = {
		{ { .type = PKG_DEB, .name = STR("curl"), .version = STR("7.50.3-1"), .arch = STR("i386") },
		  { .id = STR("debian"), .version_id = STR("8") },
		  "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=debian-8" },
		{ { .type = PKG_DEB, .name = STR("libstdc++6"), .version = STR("1:12.2.0-14+deb12u1~x") },
		  { .id = STR("ubuntu") },
		  "pkg:deb/ubuntu/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1~x?distro=ubuntu" },
		{ { .type = PKG_DEB, .name = STR("a") }, { .name = STR("") }, "pkg:deb/a" },
		{ { .type = PKG_RPM, .name = STR("curl"), .version = STR("7.50.3-1.fc25"), .arch = STR("i386") },
		  { .id = STR("fedora"), .version_id = STR("25") },
		  "pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386&distro=fedora-25" },
		{ { .type = PKG_RPM, .name = STR("openSSL"), .version = STR("1:3.0.7-27.el9"), .arch = STR("x86_64") },
		  { .id = STR("rhel"), .version_id = STR("9.3") },
		  "pkg:rpm/redhat/openSSL@3.0.7-27.el9?arch=x86_64&distro=rhel-9.3&epoch=1" },
		{ { .type = PKG_RPM, .name = STR("x"), .version = STR("0:1-1") },
		  { .id = STR("opensuse-leap") },
		  "pkg:rpm/opensuse/x@1-1?distro=opensuse-leap" },
		{ { .type = PKG_APK, .name = STR("apk"), .version = STR("2.12.9-r3"), .arch = STR("x86") },
		  { .id = STR("alpine"), .version_id = STR("3.18.9") },
		  "pkg:apk/alpine/apk@2.12.9-r3?arch=x86&distro=alpine-3.18.9" },
		{ { .type = PKG_ALPM, .name = STR("pacman"), .version = STR("6.0.1-1"), .arch = STR("x86_64") },
		  { .id = STR("arch") },
		  "pkg:alpm/arch/pacman@6.0.1-1?arch=x86_64&distro=arch" },
		{ { .type = PKG_PYPI, .name = STR("Django_Allauth"), .version = STR("12.23") },
		  { .id = STR("debian") },
		  "pkg:pypi/django-allauth@12.23" },
		{ { .type = PKG_NPM, .name = STR("@angular/animation"), .version = STR("12.3.1") },
		  { .name = STR("") },
		  "pkg:npm/%40angular/animation@12.3.1" },
		{ { .type = PKG_NPM, .name = STR("foobar"), .version = STR("12.3.1+x y") },
		  { .name = STR("") },
		  "pkg:npm/foobar@12.3.1%2Bx%20y" },
		{ { .type = PKG_GOLANG,
		    .name = STR("google.golang.org/genproto"),
		    .version = STR("v1.2.3+incompatible") },
		  { .name = STR("") },
		  "pkg:golang/google.golang.org/genproto@v1.2.3%2Bincompatible" },
		{ { .type = PKG_GOLANG, .name = STR("./vendored/dir//"), .version = STR("(devel)") },
		  { .name = STR("") },
		  "pkg:golang/./vendored/dir@%28devel%29" },
		{ { .type = PKG_GOLANG, .name = STR("stdlib"), .version = STR("1.21.3") },
		  { .name = STR("") },
		  "pkg:golang/stdlib@1.21.3" },
		{ { .type = PKG_MAVEN, .name = STR("org.apache.Xmlgraphics:batik-anim"), .version = STR("1.9.1") },
		  { .name = STR("") },
		  "pkg:maven/org.apache.Xmlgraphics/batik-anim@1.9.1" },
		{ { .type = PKG_GEM, .name = STR("jruby-launcher"), .version = STR("1.1.2") },
		  { .name = STR("") },
		  "pkg:gem/jruby-launcher@1.1.2" },
		{ { .type = PKG_COMPOSER, .name = STR("Guzzlehttp/Promises"), .version = STR("2.0.2") },
		  { .name = STR("") },
		  "pkg:composer/guzzlehttp/promises@2.0.2" },
		{ { .type = PKG_NUGET, .name = STR("EnterpriseLibrary.Common"), .version = STR("6.0.1304") },
		  { .name = STR("") },
		  "pkg:nuget/EnterpriseLibrary.Common@6.0.1304" },
		{ { .type = PKG_CARGO, .name = STR("structopt"), .version = STR("0.3.11") },
		  { .name = STR("") },
		  "pkg:cargo/structopt@0.3.11" },
		{ { .type = PKG_GEM, .name = { "a\0/\xc3\xa9", 5 }, .version = STR("1@?#%") },
		  { .name = STR("") },
		  "pkg:gem/a%00%2F%C3%A9@1%40%3F%23%25" },
		{ { .type = PKG_GEM, .version = STR("1") }, { .name = STR("") }, "" },
		{ { .type = PKG_UNKNOWN, .name = STR("x") }, { .name = STR("") }, "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf b = { 0 };

		row("%zu %s", i, rows[i].want);
		buf_init(&b, 4096);
		purl_write(&b, &rows[i].p, &rows[i].os);
		EQ_STR(buf_all(&b), str_c(rows[i].want));
	}
}
