/* Fuzz target: manifests about others, and the texts that signatures are of. */
#include <assert.h>

#include "node/image/artifact.h"
#include "node/image/attest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void payload(struct str text)
{
	auto_buf struct buf again = { 0 };
	struct attest_text t, same;
	struct err e = { 0 };

	if (attest_payload_read(text, &t, &e) < 0) {
		assert(e.code < 0 && e.msg[0]);
		return;
	}
	assert(t.manifest.set && t.statement_count <= ATTEST_STATEMENTS_MAX && attest_payload(&t, &again, &e) == 0);
	assert(attest_payload_read(buf_all(&again), &same, &e) == 0 && digest_eq(&t.manifest, &same.manifest));
	assert(t.statement_count == same.statement_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	auto_artifact struct artifact_manifest m = { 0 };
	struct err e = { 0 };

	payload(str_n(data, size));
	if (artifact_parse(str_n(data, size), &a, &m, &e) < 0) {
		assert(e.code < 0 && e.msg[0] && !m.layers.v);
		return 0;
	}
	assert(m.config.digest.set && m.layers.n <= ARTIFACT_LAYERS_MAX);
	for (size_t i = 0; i < m.layers.n; i++)
		assert(m.layers.v[i].digest.set);
	return 0;
}
