/* pods: state machines of pods. See pods.h. */
#include "node/agent/pods.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "node/agent/child.h"
#include "node/agent/podnet.h"
#include "node/agent/tree.h"
#include "node/agent/volume.h"

enum unit_state { UNIT_WAITING, UNIT_RUNNING, UNIT_ENDED };

/* One container. */
struct unit {
	const struct pod_container *c;
	enum unit_state state;
	pid_t keeper;
	int words;   /* from its keeper */
	int32_t pid; /* of its first process, 0: not started yet */
	bool stopping;
	uint64_t next_ms, started_ms;
	unsigned int pause_ms, restarts;
	bool has_status;
	int32_t status;
	char why[ERR_MSG_MAX]; /* it could not be started */
};

struct entry {
	char name[POD_NAME_MAX + 1];
	bool fixed, deleting, ready, told; /* ready: network and volumes are there; told: that it runs */
	struct buf text, next;		   /* manifest; a newer version that waits for the end of this one */
	struct arena arena;
	struct pod pod;
	struct unit *init, *units;
	size_t stage; /* init containers that are done */
	int netns;
	uint32_t pair;
	uint64_t retry_ms;
	unsigned int pause_ms;
	char why[ERR_MSG_MAX];
	char run_path[PATH_MAX], address[PODNET_ADDRESS_MAX];
};

struct pods {
	struct pods_config c;
	char kept[PATH_MAX], logs[PATH_MAX], volumes[PATH_MAX], homes[PATH_MAX], runs[PATH_MAX], state[PATH_MAX],
		layers[PATH_MAX];
	struct entry *v[PODS_MAX];
	size_t n;
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

	p->c = *c;
	r = make_path(p->kept, c->data_path, "agent/pods", true, e);
	r = r < 0 ? r : make_path(p->logs, c->data_path, "log/pods", true, e);
	r = r < 0 ? r : make_path(p->volumes, c->data_path, "containers/volumes", true, e);
	r = r < 0 ? r : make_path(p->layers, c->data_path, "containers/layers", true, e);
	r = r < 0 ? r : make_path(p->homes, c->data_path, "home", false, e);
	r = r < 0 ? r : make_path(p->runs, c->run_path, "pods", true, e);
	r = r < 0 ? r : make_path(p->state, c->run_path, "containers", false, e);
	if (r < 0) {
		free(p);
		return NULL;
	}
	keeper_sweep(p->state);
	return p;
}

static struct entry *find(const struct pods *p, struct str name)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_is(name, p->v[i]->name))
			return p->v[i];
	return NULL;
}

static void entry_free(struct entry *t)
{
	if (t->netns >= 0)
		fd_close(&t->netns);
	buf_done(&t->text);
	buf_done(&t->next);
	arena_done(&t->arena);
	free(t->init);
	free(t->units);
	free(t);
}

void pods_free(struct pods *p)
{
	for (size_t i = 0; i < p->n; i++)
		entry_free(p->v[i]);
	free(p);
}

/* ---- manifests ---- */

static void make_units(struct unit **to, const struct pod_container *c, size_t n)
{
	free(*to);
	*to = xcalloc(n + 1, sizeof(**to));
	for (size_t i = 0; i < n; i++)
		(*to)[i] = (struct unit){ .c = &c[i], .words = -1 };
}

/* The parsed text borrows from the arena alone. */
static int take_manifest(struct entry *t, struct str json, struct err *e)
{
	int r;

	t->pod = (struct pod){ 0 };
	arena_done(&t->arena);
	t->arena = (struct arena){ 0 };
	buf_clear(&t->text);
	buf_str(&t->text, json);
	r = pod_parse(arena_str(&t->arena, json), &t->arena, &t->pod, e);
	if (r < 0)
		return r;
	make_units(&t->init, t->pod.init, t->pod.init_count);
	make_units(&t->units, t->pod.containers, t->pod.container_count);
	t->stage = 0;
	t->told = false;
	t->why[0] = 0;
	t->retry_ms = t->pause_ms = 0;
	return 0;
}

static struct entry *entry_new(struct pods *p, struct str name, bool fixed)
{
	struct entry *t = xcalloc(1, sizeof(*t));

	snprintf(t->name, sizeof(t->name), STR_FMT, STR_ARG(name));
	snprintf(t->run_path, sizeof(t->run_path), "%.3900s/%s", p->runs, t->name);
	t->fixed = fixed;
	t->netns = -1;
	buf_init(&t->text, POD_BYTES_MAX);
	buf_init(&t->next, POD_BYTES_MAX);
	return t;
}

/* Two pods cannot have one port of the node. */
static int check_ports(const struct pods *p, const struct pod *pod, const char *name, struct err *e)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t a = 0; a < p->v[i]->pod.container_count && strcmp(p->v[i]->name, name) != 0; a++)
			for (size_t k = 0; k < p->v[i]->pod.containers[a].port_count; k++)
				for (size_t b = 0; b < pod->container_count; b++)
					for (size_t m = 0; m < pod->containers[b].port_count; m++) {
						const struct pod_port *x = &p->v[i]->pod.containers[a].ports[k],
								      *y = &pod->containers[b].ports[m];

						if (x->host && x->host == y->host && x->udp == y->udp)
							return err_set(e, -EEXIST, "port %u is pod %s's", x->host,
								       p->v[i]->name);
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

static void stop_units(struct entry *t);

int pods_put(struct pods *p, struct str name, struct str json, bool fixed, struct err *e)
{
	struct entry *t = find(p, name);
	int r = check_manifest(p, name, json, e);

	if (r < 0)
		return r;
	if (t && t->fixed)
		return err_set(e, -EPERM, "pod %s is the specification's", t->name);
	if (!t && p->n == PODS_MAX)
		return err_set(e, -E2BIG, "there are %u pods already", PODS_MAX);
	if (!t)
		t = entry_new(p, name, fixed);
	r = fixed ? 0 : keep_manifest(p, t->name, json, e);
	if (r == 0 && !find(p, name)) {
		r = take_manifest(t, json, e);
		if (r == 0) {
			p->v[p->n++] = t;
			return 0;
		}
	}
	if (r < 0) {
		if (!find(p, name))
			entry_free(t);
		return r;
	}
	buf_clear(&t->next);
	buf_str(&t->next, json);
	t->deleting = false;
	stop_units(t);
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
	struct entry *t = find(p, name);
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
	stop_units(t);
	return 0;
}

bool pods_uses_image(const struct pods *p, struct str name)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct pod *pod = &p->v[i]->pod;

		for (size_t k = 0; k < pod->container_count; k++)
			if (str_is(name, pod->containers[k].image))
				return true;
		for (size_t k = 0; k < pod->init_count; k++)
			if (str_is(name, pod->init[k].image))
				return true;
	}
	return false;
}

/* ---- network and volumes ---- */

static int write_rules(struct pods *p, struct err *e)
{
	struct podnet_pod all[PODS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i]->netns >= 0)
			all[n++] = (struct podnet_pod){ &p->v[i]->pod, p->v[i]->pair };
	return podnet_rules(all, n, e);
}

static uint32_t free_pair(const struct pods *p)
{
	for (uint32_t pair = 0;; pair++) {
		bool taken = false;

		for (size_t i = 0; i < p->n; i++)
			taken |= p->v[i]->netns >= 0 && p->v[i]->pair == pair;
		if (!taken)
			return pair;
	}
}

static void tear_down(struct pods *p, struct entry *t, bool forget)
{
	bool had_network = t->netns >= 0;

	if (t->ready)
		volumes_remove(&t->pod, t->run_path, p->volumes, forget);
	if (had_network) {
		fd_close(&t->netns);
		(void)!write_rules(p, NULL);
	}
	t->ready = false;
}

static int prepare(struct pods *p, struct entry *t, struct err *e)
{
	int r = volumes_make(&t->pod, t->run_path, p->volumes, p->homes, e);

	if (r < 0)
		return r;
	t->ready = true;
	if (t->pod.host_network)
		return 0;
	t->pair = free_pair(p);
	t->netns = podnet_make(t->pair, e);
	podnet_address(t->pair, t->address);
	r = t->netns < 0 ? t->netns : write_rules(p, e);
	if (r < 0)
		tear_down(p, t, false);
	return r;
}

/* ---- units ---- */

static unsigned int longer(unsigned int pause_ms)
{
	if (!pause_ms)
		return PODS_RESTART_FIRST_MS;
	return pause_ms > PODS_RESTART_MAX_MS / 2 ? PODS_RESTART_MAX_MS : pause_ms * 2;
}

static void start_unit(struct pods *p, struct entry *t, struct unit *u)
{
	const struct keeper_job job = {
		.pod = &t->pod,
		.container = u->c,
		.depot = p->c.depot,
		.run_path = t->run_path,
		.log_path = p->logs,
		.state_path = p->state,
		.layer_path = p->layers,
		.netns = t->netns,
		.address = t->netns >= 0 ? t->address : NULL,
		.verify_once = p->c.verify_once,
	};
	struct err e = { 0 };
	int r = keeper_start(&job, &u->keeper, &u->words, &e);

	u->started_ms = clock_ms();
	u->pid = 0;
	u->stopping = false;
	u->state = r < 0 ? UNIT_ENDED : UNIT_RUNNING;
	if (r < 0) {
		u->status = -1;
		u->has_status = true;
		snprintf(u->why, sizeof(u->why), "%s", e.msg);
	}
}

static void stop_unit(struct unit *u)
{
	if (u->state == UNIT_RUNNING && !u->stopping) {
		u->stopping = true;
		kill(u->keeper, SIGTERM);
	}
}

static void stop_units(struct entry *t)
{
	for (size_t i = 0; i < t->pod.init_count; i++)
		stop_unit(&t->init[i]);
	for (size_t i = 0; i < t->pod.container_count; i++)
		stop_unit(&t->units[i]);
}

static bool may_restart(const struct pod *p, const struct unit *u, bool init)
{
	if (p->restart == POD_RESTART_NEVER)
		return false;
	return (p->restart == POD_RESTART_ALWAYS && !init) || u->status != 0;
}

static void unit_ended(struct unit *u)
{
	child_end(u->keeper, &u->words);
	u->keeper = 0;
	u->pid = 0;
	u->state = UNIT_ENDED;
}

/* The words of a keeper that has some. */
static void hear(struct unit *u)
{
	struct pollfd ready = { u->words, POLLIN, 0 };
	struct keeper_word w;

	if (u->state != UNIT_RUNNING || poll(&ready, 1, 0) <= 0)
		return;
	if (fd_read(u->words, &w, sizeof(w)) != (ssize_t)sizeof(w)) {
		/* It ended; without a last word it was killed. */
		if (!u->has_status)
			u->status = 255;
		u->has_status = true;
		unit_ended(u);
		return;
	}
	w.text[sizeof(w.text) - 1] = 0;
	if (w.kind == KEEPER_STARTED) {
		u->pid = w.value;
		u->has_status = false;
		u->why[0] = 0;
		return;
	}
	u->has_status = true;
	u->status = w.kind == KEEPER_ENDED ? w.value : -1;
	snprintf(u->why, sizeof(u->why), "%s", w.kind == KEEPER_FAILED ? w.text : "");
	if (u->why[0])
		fprintf(stderr, "yagura-agent: container %s cannot be started: %s\n", u->c->name, u->why);
	unit_ended(u);
}

/* What has ended and is to run again waits for its time. */
static void settle(struct entry *t, struct unit *u, bool init)
{
	if (u->state != UNIT_ENDED || u->stopping || !may_restart(&t->pod, u, init))
		return;
	if (clock_ms() - u->started_ms > PODS_CALM_MS)
		u->pause_ms = 0;
	u->pause_ms = longer(u->pause_ms);
	u->next_ms = clock_ms() + u->pause_ms;
	u->restarts++;
	u->state = UNIT_WAITING;
}

static bool is_running(const struct entry *t)
{
	for (size_t i = 0; i < t->pod.init_count; i++)
		if (t->init[i].state == UNIT_RUNNING)
			return true;
	for (size_t i = 0; i < t->pod.container_count; i++)
		if (t->units[i].state == UNIT_RUNNING)
			return true;
	return false;
}

static void start_due(struct pods *p, struct entry *t, struct unit *u, uint64_t now)
{
	if (u->state == UNIT_WAITING && u->next_ms <= now)
		start_unit(p, t, u);
}

static void advance(struct pods *p, struct entry *t)
{
	uint64_t now = clock_ms();
	struct err e = { 0 };

	if (!t->ready && t->retry_ms <= now) {
		if (prepare(p, t, &e) < 0) {
			t->pause_ms = longer(t->pause_ms);
			t->retry_ms = now + t->pause_ms;
			snprintf(t->why, sizeof(t->why), "%s", e.msg);
			return;
		}
		t->why[0] = 0;
	}
	if (!t->ready)
		return;
	while (t->stage < t->pod.init_count) {
		struct unit *u = &t->init[t->stage];

		settle(t, u, true);
		start_due(p, t, u, now);
		if (u->state != UNIT_ENDED || u->status != 0)
			return;
		t->stage++;
	}
	for (size_t i = 0; i < t->pod.container_count; i++) {
		settle(t, &t->units[i], false);
		start_due(p, t, &t->units[i], now);
	}
}

static void forget(struct pods *p, size_t i)
{
	struct entry *t = p->v[i];
	int logs = fd_open(AT_FDCWD, p->logs, O_RDONLY | O_DIRECTORY), runs;

	tear_down(p, t, true);
	for (size_t k = 0; k < t->pod.init_count + t->pod.container_count && logs >= 0; k++) {
		bool init = k < t->pod.init_count;
		char name[KEEPER_NAME_MAX];

		keeper_name(&t->pod, init ? &t->pod.init[k] : &t->pod.containers[k - t->pod.init_count], name);
		tree_remove(logs, name);
	}
	if (logs >= 0)
		close(logs);
	runs = fd_open(AT_FDCWD, p->runs, O_RDONLY | O_DIRECTORY);
	if (runs >= 0) {
		tree_remove(runs, t->name);
		close(runs);
	}
	entry_free(t);
	memmove(&p->v[i], &p->v[i + 1], (p->n - i - 1) * sizeof(p->v[0]));
	p->n--;
}

/* A newer version takes the place of one that has ended. */
static void renew(struct pods *p, struct entry *t)
{
	auto_buf struct buf text = t->next;
	struct err e = { 0 };

	buf_init(&t->next, POD_BYTES_MAX);
	tear_down(p, t, false);
	if (take_manifest(t, buf_all(&text), &e) < 0)
		snprintf(t->why, sizeof(t->why), "%s", e.msg);
}

/* On the console, once: how long a boot took can be seen there. */
static void tell(struct entry *t)
{
	bool running = t->ready && t->stage == t->pod.init_count && !t->told;

	for (size_t i = 0; i < t->pod.container_count; i++)
		running &= t->units[i].state == UNIT_RUNNING && t->units[i].pid > 0;
	if (!running)
		return;
	t->told = true;
	fprintf(stderr, "yagura-agent: pod %s runs after %llu ms\n", t->name, (unsigned long long)clock_ms());
}

static void work_on(struct pods *p, size_t i)
{
	struct entry *t = p->v[i];

	for (size_t k = 0; k < t->pod.init_count; k++)
		hear(&t->init[k]);
	for (size_t k = 0; k < t->pod.container_count; k++)
		hear(&t->units[k]);
	tell(t);
	if (t->deleting || t->next.n || p->stopping) {
		stop_units(t);
		if (is_running(t))
			return;
		if (t->deleting)
			forget(p, i);
		else if (p->stopping)
			tear_down(p, t, false);
		else
			renew(p, t);
		return;
	}
	advance(p, t);
}

static uint64_t next_due(const struct entry *t)
{
	uint64_t next = UINT64_MAX;

	if (!t->ready && t->retry_ms)
		next = t->retry_ms;
	for (size_t i = t->stage; i < t->pod.init_count && i == t->stage; i++)
		if (t->init[i].state == UNIT_WAITING && t->init[i].next_ms < next)
			next = t->init[i].next_ms;
	for (size_t i = 0; i < t->pod.container_count && t->stage == t->pod.init_count; i++)
		if (t->units[i].state == UNIT_WAITING && t->units[i].next_ms < next)
			next = t->units[i].next_ms;
	return next;
}

int pods_work(struct pods *p)
{
	uint64_t next = UINT64_MAX, now;

	for (size_t i = p->n; i-- > 0;)
		work_on(p, i);
	for (size_t i = 0; i < p->n && !p->stopping; i++)
		next = next_due(p->v[i]) < next ? next_due(p->v[i]) : next;
	now = clock_ms();
	return next == UINT64_MAX ? -1 : next > now ? (int)(next - now) : 0;
}

void pods_stop(struct pods *p)
{
	p->stopping = true;
}

bool pods_idle(const struct pods *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (is_running(p->v[i]) || p->v[i]->ready)
			return false;
	return true;
}

size_t pods_fds(const struct pods *p, struct pollfd *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct entry *t = p->v[i];

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

static const char *phase(const struct entry *t)
{
	bool failed = false, running = false;

	if (t->deleting || t->next.n)
		return "stopping";
	if (!t->ready)
		return "waiting";
	if (t->stage < t->pod.init_count)
		return t->init[t->stage].state == UNIT_ENDED ? "failed" : "starting";
	for (size_t i = 0; i < t->pod.container_count; i++) {
		running |= t->units[i].state != UNIT_ENDED;
		failed |= t->units[i].state == UNIT_ENDED && t->units[i].status != 0;
	}
	return running ? "running" : failed ? "failed" : "succeeded";
}

static void write_unit(struct json_out *w, const struct unit *u, bool init)
{
	static const char *const states[] = { "waiting", "running", "ended" };

	json_out_object(w);
	json_out_key_str(w, "name", str_c(u->c->name));
	json_out_key_str(w, "image", str_c(u->c->image));
	json_out_key_bool(w, "init", init);
	json_out_key_str(w, "state", u->state == UNIT_RUNNING && !u->pid ? STR("starting") : str_c(states[u->state]));
	if (u->pid > 0) {
		json_out_key_u64(w, "pid", (uint64_t)u->pid);
	}
	json_out_key_u64(w, "restarts", u->restarts);
	if (u->has_status && u->status >= 0) {
		json_out_key_u64(w, "exit_status", (uint64_t)u->status);
	}
	json_out_key_opt(w, "why", str_c(u->why));
	json_out_end_object(w);
}

static void write_entry(const struct entry *t, struct json_out *w)
{
	json_out_object(w);
	json_out_key_str(w, "name", str_c(t->name));
	json_out_key_str(w, "state", str_c(phase(t)));
	json_out_key_str(w, "source", t->fixed ? STR("specification") : STR("api"));
	if (t->netns >= 0)
		json_out_key_str(w, "address", str_c(t->address));
	json_out_key_opt(w, "why", str_c(t->why));
	json_out_key_array(w, "containers");
	for (size_t i = 0; i < t->pod.init_count; i++)
		write_unit(w, &t->init[i], true);
	for (size_t i = 0; i < t->pod.container_count; i++)
		write_unit(w, &t->units[i], false);
	json_out_end_array(w);
	json_out_end_object(w);
}

void pods_write(const struct pods *p, struct json_out *w)
{
	json_out_array(w);
	for (size_t i = 0; i < p->n; i++)
		write_entry(p->v[i], w);
	json_out_end_array(w);
}

int pods_write_one(const struct pods *p, struct str name, struct json_out *w)
{
	const struct entry *t = find(p, name);

	if (!t)
		return -ENOENT;
	write_entry(t, w);
	return 0;
}
