/* host: how a running host is set up. See host.h. */
#include "host/host.h"

#include <fcntl.h>
#include <unistd.h>

#include "host/rule.h"

static const struct host_section *const sections[] = {
	&mounts_section,     &files_section,   &lsm_section,	 &ports_section, &docker_section,
	&containers_section, &kubelet_section, &pending_section, &node_section, /* the last for nodes only */
};

static void judge(struct host *h, const struct host_section *s, const struct host_rule *r, struct audit *a)
{
	struct check *c = vec_add(&a->checks);
	auto_buf struct buf evidence;
	enum check_result result;

	buf_init(&evidence, HOST_EVIDENCE_MAX);
	h->evidence = &evidence;
	result = r->judge(h, r);
	*c = (struct check){
		.id = str_c(r->id),
		.section = s->name,
		.level = r->level,
		.result = result,
		.title = str_c(r->title),
		.evidence = arena_str(&a->arena, buf_all(&evidence)),
		.why = r->why,
		.fix = str_c(r->fix),
	};
}

int host_audit(int root_fd, bool node, struct audit *a, struct err *e)
{
	struct host h = { .root = root_fd };

	if (faccessat(root_fd, "proc/self", F_OK, 0) < 0)
		return err_errno(e, -errno, "this host's /proc cannot be read");
	for (size_t i = 0; i < ARRAY_LEN(sections) - !node; i++) {
		h.cache = NULL;
		if (sections[i]->open)
			sections[i]->open(&h);
		for (size_t k = 0; k < sections[i]->n; k++)
			judge(&h, sections[i], &sections[i]->rules[k], a);
		if (sections[i]->close)
			sections[i]->close(&h);
	}
	return 0;
}
