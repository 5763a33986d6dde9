/* osrelease.fuzz: any bytes as each kind of release file; what they say is then decided on. */
#include "inventory/fuzz_reader.h"
#include "inventory/release.h"

static const char *const paths[] = { "etc/os-release",	   "usr/lib/os-release", "etc/lsb-release",
				     "etc/debian_version", "etc/alpine-release", "etc/arch-release",
				     "etc/SuSE-release",   "etc/photon-release", "etc/redhat-release" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		bool redhat = i == ARRAY_LEN(paths) - 1;
		auto_facts struct facts facts = { 0 };
		auto_arena struct arena a = { 0 };
		const char *analyzer = redhat ? "redhat-release" : "os-release";
		struct fact_pair repository = { STR("apk.repository"), str_n(data, size) };
		struct release_fact said = { .path = str_c(paths[i]) };
		struct release os;
		struct fact fact;
		struct rd r;
		struct str ns;

		fuzz_reader(analyzer, said.path, data, size);
		if (inventory_read_memory(said.path, 0644, str_n(data, size), analyzer, &facts, NULL, NULL) < 0)
			continue;
		r = rd_of(buf_all(&facts.b));
		assert(facts_next(&r, &fact, NULL) == 1 && fact.kind == FACT_RELEASE);
		said.r = fact.release;
		release_decide(&a, &said, 1, &repository, 1, 1u << PKG_APK, &os, &ns);
		assert(!ns.n || os.id.n);
		release_eol(ns, STR("2026-01-01"));
	}
	return 0;
}
