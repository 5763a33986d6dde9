/* Fuzz target: configurations, a process alone, resources alone (chosen by the first byte). */
#include <assert.h>

#include "runtime/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(const char *z)
{
	assert(!z || strlen(z) <= CONFIG_ARGS_BYTES_MAX);
}

static void touch_strings(const struct strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		touch(s->v[i]);
	assert(!s->v || !s->v[s->n]);
}

static void touch_process(const struct oci_process *p)
{
	assert(p->cwd && *p->cwd == '/');
	touch_strings(&p->args);
	touch_strings(&p->env);
	for (size_t i = 0; i < p->rlimit_count; i++)
		assert(p->rlimits[i].soft <= p->rlimits[i].hard);
}

static void touch_resources(const struct oci_resources *r)
{
	for (size_t i = 0; i < r->device_count; i++)
		assert(strchr("abc", r->devices[i].type) && r->devices[i].major >= -1);
	for (size_t i = 0; i < r->unified_count; i++)
		assert(!strchr(r->unified[i].key, '/'));
	for (size_t i = 0; i < r->hugepage_count; i++)
		assert(!strchr(r->hugepages[i].page_size, '/'));
	assert(!r->pids.set || r->pids.v >= -1);
}

static void touch_config(const struct oci_config *c)
{
	touch(c->version);
	if (c->has_process)
		touch_process(&c->process);
	touch_resources(&c->resources);
	assert(c->mount_count <= CONFIG_MOUNTS_MAX);
	for (size_t i = 0; i < c->mount_count; i++) {
		assert(*c->mounts[i].destination == '/');
		touch_strings(&c->mounts[i].options);
	}
	for (size_t i = 0; i < c->seccomp.rule_count; i++)
		touch_strings(&c->seccomp.rules[i].names);
	for (size_t i = 0; i < c->annotation_count; i++)
		assert(oci_annotation(c, c->annotations[i].key) == c->annotations[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct oci_warnings w = { 0 };
	struct oci_resources res;
	struct oci_config c;
	struct oci_process p;
	struct err e = { 0 };
	int r;

	if (!size)
		return 0;
	w.compat = size % 2;
	if (*data == 'p') {
		r = oci_process_parse(str_n(data + 1, size - 1), &a, &p, &w, &e);
		if (r >= 0)
			touch_process(&p);
	} else if (*data == 'r') {
		r = oci_resources_parse(str_n(data + 1, size - 1), &a, &res, &w, &e);
		if (r >= 0)
			touch_resources(&res);
	} else {
		r = oci_config_parse(str_n(data, size), &a, &c, &w, &e);
		if (r >= 0)
			touch_config(&c);
	}
	assert(r >= 0 || (e.code == r && e.msg[0]));
	vec_done(&w.lines);
	return 0;
}
