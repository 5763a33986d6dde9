/* pods: the set of pods. See pods.h. */
#include "node/agent/pods.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "node/agent/podlife.h"

struct pods {
	struct podset set;
	char kept[PATH_MAX];
	uint32_t own_tcp;
	bool stopping;
};

/* ---- the set ---- */

static int make_path(char to[PATH_MAX], const char *dir, const char *name, bool make, struct err *e)
{
	int r = snprintf(to, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX ? -ENAMETOOLONG : 0;

	r = r < 0 || !make ? r : dir_make(AT_FDCWD, to);
	return r < 0 ? err_errno(e, r, "%s/%s", dir, name) : 0;
}

struct pods *pods_new(const struct pods_config *c, struct err *e)
{
	struct pods *p = xcalloc(1, sizeof(*p));
	char trash[PATH_MAX];
	int r;

	p->set.trash.dir = -1;
	p->set.depot = c->depot;
	p->set.profile = c->profile;
	p->set.verify_once = c->verify_once;
	p->own_tcp = c->own_tcp;
	r = make_path(p->kept, c->data_path, "agent/pods", true, e);
	r = r < 0 ? r : make_path(p->set.logs, c->data_path, "log/pods", true, e);
	r = r < 0 ? r : make_path(p->set.volumes, c->data_path, "containers/volumes", true, e);
	r = r < 0 ? r : make_path(p->set.layers, c->data_path, "containers/layers", true, e);
	r = r < 0 ? r : make_path(p->set.homes, c->data_path, "home", false, e);
	r = r < 0 ? r : make_path(p->set.runs, c->run_path, "pods", true, e);
	r = r < 0 ? r : make_path(p->set.state, c->run_path, "containers", false, e);
	r = r < 0 ? r : make_path(trash, c->data_path, "containers/trash", false, e);
	r = r < 0 ? r : trash_open(&p->set.trash, trash, e);
	if (r < 0) {
		free(p);
		return NULL;
	}
	keeper_sweep(p->set.state);
	return p;
}

static struct podlife *find(const struct pods *p, struct str name)
{
	for (size_t i = 0; i < p->set.n; i++)
		if (str_is(name, p->set.v[i]->name))
			return p->set.v[i];
	return NULL;
}

void pods_free(struct pods *p)
{
	for (size_t i = 0; i < p->set.n; i++)
		podlife_free(p->set.v[i]);
	trash_close(&p->set.trash);
	free(p);
}

/* ---- manifests ---- */

/* A port of the node that both want; 0: none. */
static uint32_t shared_port(const struct pod_container *a, const struct pod_container *b)
{
	for (size_t i = 0; i < a->port_count; i++)
		for (size_t k = 0; k < b->port_count; k++)
			if (a->ports[i].host && a->ports[i].host == b->ports[k].host &&
			    a->ports[i].udp == b->ports[k].udp)
				return a->ports[i].host;
	return 0;
}

static uint32_t shared_by(const struct pod *a, const struct pod *b)
{
	uint32_t port = 0;

	for (size_t i = 0; i < a->container_count && !port; i++)
		for (size_t k = 0; k < b->container_count && !port; k++)
			port = shared_port(&a->containers[i], &b->containers[k]);
	return port;
}

/* Two pods cannot have one port of the node, nor one that is yet to come; the agent's would be turned away from it. */
static int check_ports(const struct pods *p, const struct pod *pod, struct err *e)
{
	struct pod_port own_port = { .host = p->own_tcp };
	const struct pod_container own = { .ports = &own_port, .port_count = 1 };

	for (size_t i = 0; i < pod->container_count; i++)
		if (shared_port(&own, &pod->containers[i]))
			return err_set(e, -EEXIST, "port %u is the agent's", p->own_tcp);
	for (size_t i = 0; i < p->set.n; i++) {
		const struct podlife *t = p->set.v[i];
		uint32_t port = strcmp(t->name, pod->name) == 0 ? 0 : shared_by(&t->now.pod, pod);

		if (!port && strcmp(t->name, pod->name) != 0)
			port = shared_by(&t->next.pod, pod);
		if (port)
			return err_set(e, -EEXIST, "port %u is pod %s's", port, t->name);
	}
	return 0;
}

static int keep_manifest(struct pods *p, const char *name, struct str json, struct err *e)
{
	auto_close int dir = fd_open(AT_FDCWD, p->kept, O_RDONLY | O_DIRECTORY);
	char file[POD_NAME_MAX + 8];

	snprintf(file, sizeof(file), "%s.json", name);
	return dir < 0 ? err_errno(e, dir, "%s", p->kept) : file_write(dir, file, json, true, e);
}

static int check_manifest(const struct pods *p, struct str name, const struct pod *pod, bool fixed, struct err *e)
{
	const struct podlife *there = find(p, name);

	if (!str_is(name, pod->name))
		return err_set(e, -EBADMSG, "metadata.name: is \"%s\"", pod->name);
	if (there && (there->fixed || fixed))
		return err_set(e, -EPERM, "pod %s is the specification's", pod->name);
	if (!there && p->set.n == PODS_MAX)
		return err_set(e, -E2BIG, "there are %u pods already", PODS_MAX);
	return check_ports(p, pod, e);
}

int pods_put(struct pods *p, struct str name, struct str json, bool fixed, struct err *e)
{
	struct podlife *there = find(p, name);
	struct manifest m;
	int r = manifest_read(json, &m, e);

	if (r < 0)
		return r;
	r = check_manifest(p, name, &m.pod, fixed, e);
	r = r < 0 || fixed ? r : keep_manifest(p, m.pod.name, json, e);
	if (r < 0)
		manifest_done(&m);
	else if (there)
		podlife_renew(there, &m);
	else
		p->set.v[p->set.n++] = podlife_new(&p->set, &m, fixed);
	return r;
}

void pods_load(struct pods *p)
{
	auto_close int dir_fd = fd_open(AT_FDCWD, p->kept, O_RDONLY | O_DIRECTORY);
	struct dirent **names = NULL;
	int n = scandir(p->kept, &names, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		struct str file = str_c(names[i]->d_name);
		auto_buf struct buf text = { 0 };
		struct err e = { 0 };

		if (names[i]->d_name[0] != '.' && str_ends(file, STR(".json"))) {
			int r = file_read(dir_fd, names[i]->d_name, POD_BYTES_MAX, &text, &e);

			r = r < 0 ? r : pods_put(p, str_head(file, file.n - 5), buf_all(&text), false, &e);
			if (r < 0)
				fprintf(stderr, "yagura-agent: pod %s: %s\n", names[i]->d_name, e.msg);
		}
		free(names[i]);
	}
	free(names);
}

int pods_delete(struct pods *p, struct str name, struct err *e)
{
	auto_close int dir = fd_open(AT_FDCWD, p->kept, O_RDONLY | O_DIRECTORY);
	struct podlife *t = find(p, name);
	char file[POD_NAME_MAX + 8];
	int r;

	if (!t)
		return err_set(e, -ENOENT, "there is no pod " STR_FMT, STR_ARG(name));
	if (t->fixed)
		return err_set(e, -EPERM, "pod %s is the specification's", t->name);
	snprintf(file, sizeof(file), "%s.json", t->name);
	/* On disk before it is answered: it must not come back after a power cut. */
	r = dir < 0 ? dir : file_remove(dir, file);
	if (r < 0 && r != -ENOENT)
		return err_errno(e, r, "pod %s", t->name);
	podlife_delete(t);
	return 0;
}

static bool has_image(const struct pod_container *c, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(name, c[i].image))
			return true;
	return false;
}

static bool uses_image(const struct pod *p, struct str name)
{
	return has_image(p->containers, p->container_count, name) || has_image(p->init, p->init_count, name);
}

bool pods_uses_image(const struct pods *p, struct str name)
{
	for (size_t i = 0; i < p->set.n; i++)
		if (uses_image(&p->set.v[i]->now.pod, name) || uses_image(&p->set.v[i]->next.pod, name))
			return true;
	return false;
}

/* ---- their life ---- */

static void take_out(struct pods *p, size_t i)
{
	podlife_free(p->set.v[i]);
	memmove(&p->set.v[i], &p->set.v[i + 1], (p->set.n - i - 1) * sizeof(p->set.v[0]));
	p->set.n--;
}

int pods_work(struct pods *p)
{
	uint64_t next = UINT64_MAX, now;

	for (size_t i = p->set.n; i-- > 0;)
		if (podlife_work(&p->set, p->set.v[i], p->stopping))
			take_out(p, i);
	trash_work(&p->set.trash);
	for (size_t i = 0; i < p->set.n && !p->stopping; i++)
		next = podlife_due(p->set.v[i]) < next ? podlife_due(p->set.v[i]) : next;
	now = clock_ms();
	return next == UINT64_MAX ? -1 : next > now ? (int)(next - now) : 0;
}

void pods_stop(struct pods *p)
{
	p->stopping = true;
}

bool pods_idle(const struct pods *p)
{
	for (size_t i = 0; i < p->set.n; i++)
		if (podlife_runs(p->set.v[i]) || p->set.v[i]->ready)
			return false;
	return true;
}

size_t pods_fds(const struct pods *p, struct pollfd *ret, size_t max)
{
	size_t n = 0;

	if (trash_fd(&p->set.trash) >= 0 && n < max)
		ret[n++] = (struct pollfd){ trash_fd(&p->set.trash), POLLIN, 0 };
	for (size_t i = 0; i < p->set.n; i++) {
		const struct podlife *t = p->set.v[i];

		for (size_t k = 0; k < t->now.pod.init_count && n < max; k++)
			if (t->init[k].state == UNIT_RUNNING)
				ret[n++] = (struct pollfd){ t->init[k].words, POLLIN, 0 };
		for (size_t k = 0; k < t->now.pod.container_count && n < max; k++)
			if (t->units[k].state == UNIT_RUNNING)
				ret[n++] = (struct pollfd){ t->units[k].words, POLLIN, 0 };
	}
	return n;
}

/* ---- told ---- */

void pods_write(const struct pods *p, struct json_out *w)
{
	json_out_array(w);
	for (size_t i = 0; i < p->set.n; i++)
		podlife_write(w, p->set.v[i]);
	json_out_end_array(w);
}

int pods_write_one(const struct pods *p, struct str name, struct json_out *w)
{
	const struct podlife *t = find(p, name);

	if (!t)
		return -ENOENT;
	podlife_write(w, t);
	return 0;
}
