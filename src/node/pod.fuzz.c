/* Fuzz target: manifests of pods. What is taken holds together; what is not has a reason. */
#include <assert.h>

#include "node/pod.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_container(const struct pod *p, const struct pod_container *c)
{
	assert(pod_name_ok(str_c(c->name)) && c->image);
	for (size_t i = 0; i < c->mount_count; i++) {
		assert(*c->mounts[i].path == '/' && c->mounts[i].index < p->volume_count);
		assert(strcmp(p->volumes[c->mounts[i].index].name, c->mounts[i].volume) == 0);
	}
	for (size_t i = 0; i < c->port_count; i++)
		assert(c->ports[i].container && c->ports[i].container <= UINT16_MAX && c->ports[i].host <= UINT16_MAX);
	for (size_t i = 0; i < c->env_count; i++)
		assert(c->env[i].key && !strchr(c->env[i].key, '=') && c->env[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct err e = { 0 };
	struct pod p;

	if (pod_parse(str_n(data, size), &a, &p, &e) < 0) {
		assert(e.msg[0]);
		return 0;
	}
	assert(pod_name_ok(str_c(p.name)) && p.container_count && p.grace_seconds <= POD_GRACE_MAX);
	for (size_t i = 0; i < p.init_count; i++)
		check_container(&p, &p.init[i]);
	for (size_t i = 0; i < p.container_count; i++)
		check_container(&p, &p.containers[i]);
	for (size_t i = 0; i < p.volume_count; i++)
		assert((p.volumes[i].kind == POD_VOLUME_HOST) == (p.volumes[i].path != NULL));
	return 0;
}
