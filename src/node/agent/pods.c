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
	int r;

	p->set.depot = c->depot;
	p->set.verify_once = c->verify_once;
	r = make_path(p->kept, c->data_path, "agent/pods", true, e);
	r = r < 0 ? r : make_path(p->set.logs, c->data_path, "log/pods", true, e);
	r = r < 0 ? r : make_path(p->set.volumes, c->data_path, "containers/volumes", true, e);
	r = r < 0 ? r : make_path(p->set.layers, c->data_path, "containers/layers", true, e);
	r = r < 0 ? r : make_path(p->set.homes, c->data_path, "home", false, e);
	r = r < 0 ? r : make_path(p->set.runs, c->run_path, "pods", true, e);
	r = r < 0 ? r : make_path(p->set.state, c->run_path, "containers", false, e);
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
	free(p);
}

/* ---- manifests ---- */

/* Two pods cannot have one port of the node. */
static int check_ports(const struct pods *p, const struct pod *pod, const char *name, struct err *e)
{
	for (size_t i = 0; i < p->set.n; i++)
		for (size_t a = 0; a < p->set.v[i]->pod.container_count && strcmp(p->set.v[i]->name, name) != 0; a++)
			for (size_t k = 0; k < p->set.v[i]->pod.containers[a].port_count; k++)
				for (size_t b = 0; b < pod->container_count; b++)
					for (size_t m = 0; m < pod->containers[b].port_count; m++) {
						const struct pod_port *x = &p->set.v[i]->pod.containers[a].ports[k],
								      *y = &pod->containers[b].ports[m];

						if (x->host && x->host == y->host && x->udp == y->udp)
							return err_set(e, -EEXIST, "port %u is pod %s's", x->host,
								       p->set.v[i]->name);
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

static int check_manifest(struct pods *p, struct str name, struct str json, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct pod pod;
	int r = pod_parse(json, &a, &pod, e);

	if (r < 0)
		return r;
	if (!str_is(name, pod.name))
		return err_set(e, -EBADMSG, "metadata.name: is \"%s\"", pod.name);
	return check_ports(p, &pod, pod.name, e);
}

int pods_put(struct pods *p, struct str name, struct str json, bool fixed, struct err *e)
{
	struct podlife *t = find(p, name);
	int r = check_manifest(p, name, json, e);

	if (r < 0)
		return r;
	if (t && t->fixed)
		return err_set(e, -EPERM, "pod %s is the specification's", t->name);
	if (!t && p->set.n == PODS_MAX)
		return err_set(e, -E2BIG, "there are %u pods already", PODS_MAX);
	if (!t)
		t = podlife_new(&p->set, name, fixed);
	r = fixed ? 0 : keep_manifest(p, t->name, json, e);
	if (r == 0 && !find(p, name)) {
		r = podlife_take(t, json, e);
		if (r == 0) {
			p->set.v[p->set.n++] = t;
			return 0;
		}
	}
	if (r < 0) {
		if (!find(p, name))
			podlife_free(t);
		return r;
	}
	buf_clear(&t->next);
	buf_str(&t->next, json);
	t->deleting = false;
	podlife_stop(t);
	return 0;
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
	struct podlife *t = find(p, name);
	char file[PATH_MAX + POD_NAME_MAX + 8];

	if (!t)
		return err_set(e, -ENOENT, "there is no pod " STR_FMT, STR_ARG(name));
	if (t->fixed)
		return err_set(e, -EPERM, "pod %s is the specification's", t->name);
	snprintf(file, sizeof(file), "%s/%s.json", p->kept, t->name);
	if (unlink(file) < 0 && errno != ENOENT)
		return err_errno(e, -errno, "pod %s", t->name);
	buf_clear(&t->next);
	t->deleting = true;
	podlife_stop(t);
	return 0;
}

bool pods_uses_image(const struct pods *p, struct str name)
{
	for (size_t i = 0; i < p->set.n; i++) {
		const struct pod *pod = &p->set.v[i]->pod;

		for (size_t k = 0; k < pod->container_count; k++)
			if (str_is(name, pod->containers[k].image))
				return true;
		for (size_t k = 0; k < pod->init_count; k++)
			if (str_is(name, pod->init[k].image))
				return true;
	}
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

	for (size_t i = 0; i < p->set.n; i++) {
		const struct podlife *t = p->set.v[i];

		for (size_t k = 0; k < t->pod.init_count && n < max; k++)
			if (t->init[k].state == UNIT_RUNNING)
				ret[n++] = (struct pollfd){ t->init[k].words, POLLIN, 0 };
		for (size_t k = 0; k < t->pod.container_count && n < max; k++)
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
