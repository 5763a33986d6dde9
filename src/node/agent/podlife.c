/* podlife: one pod. See podlife.h. */
#include "node/agent/podlife.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/remove.h"
#include "node/agent/volume.h"

/* ---- its manifest ---- */

int manifest_read(struct str json, struct manifest *ret, struct err *e)
{
	struct manifest m = { 0 };
	int r = pod_parse(arena_str(&m.arena, json), &m.arena, &m.pod, e);

	if (r < 0)
		manifest_done(&m);
	else
		*ret = m;
	return r;
}

void manifest_done(struct manifest *m)
{
	arena_done(&m->arena);
	*m = (struct manifest){ 0 };
}

static struct manifest take(struct manifest *m)
{
	struct manifest taken = *m;

	*m = (struct manifest){ 0 };
	return taken;
}

static void begin(struct podlife *t, struct manifest *m)
{
	manifest_done(&t->now);
	t->now = take(m);
	free(t->init);
	free(t->units);
	t->init = units_new(t->now.pod.init, t->now.pod.init_count, true);
	t->units = units_new(t->now.pod.containers, t->now.pod.container_count, false);
	t->stage = 0;
	t->told = t->deleting = false;
	t->why[0] = 0;
	t->retry_ms = t->pause_ms = 0;
}

struct podlife *podlife_new(const struct podset *s, struct manifest *m, bool fixed)
{
	struct podlife *t = xcalloc(1, sizeof(*t));

	snprintf(t->name, sizeof(t->name), "%s", m->pod.name);
	snprintf(t->run_path, sizeof(t->run_path), "%.3900s/%s", s->runs, t->name);
	t->fixed = fixed;
	t->netns = -1;
	begin(t, m);
	return t;
}

void podlife_free(struct podlife *t)
{
	if (t->netns >= 0)
		fd_close(&t->netns);
	manifest_done(&t->now);
	manifest_done(&t->next);
	free(t->init);
	free(t->units);
	free(t);
}

/* ---- network and volumes ---- */

static int write_rules(struct podset *s, struct err *e)
{
	struct podnet_pod all[PODS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i]->netns >= 0)
			all[n++] = (struct podnet_pod){ &s->v[i]->now.pod, s->v[i]->pair };
	return podnet_rules(all, n, e);
}

static uint32_t free_pair(const struct podset *s)
{
	for (uint32_t pair = 0;; pair++) {
		bool taken = false;

		for (size_t i = 0; i < s->n; i++)
			taken |= s->v[i]->netns >= 0 && s->v[i]->pair == pair;
		if (!taken)
			return pair;
	}
}

static void tear_down(struct podset *s, struct podlife *t, bool forget)
{
	bool had_network = t->netns >= 0;

	if (t->ready)
		volumes_remove(&t->now.pod, t->run_path);
	if (forget)
		trash_put(&s->trash, s->volumes, t->name);
	if (had_network) {
		fd_close(&t->netns);
		(void)!write_rules(s, NULL);
	}
	t->ready = false;
}

static int prepare(struct podset *s, struct podlife *t, struct err *e)
{
	int r = volumes_make(&t->now.pod, t->run_path, s->volumes, s->homes, e);

	if (r < 0)
		return r;
	t->ready = true;
	if (t->now.pod.host_network)
		return 0;
	t->pair = free_pair(s);
	t->netns = podnet_make(t->pair, e);
	podnet_address(t->pair, t->address);
	r = t->netns < 0 ? t->netns : write_rules(s, e);
	if (r < 0)
		tear_down(s, t, false);
	return r;
}

/* ---- containers ---- */

static void stop(struct podlife *t)
{
	for (size_t i = 0; i < t->now.pod.init_count; i++)
		unit_stop(&t->init[i]);
	for (size_t i = 0; i < t->now.pod.container_count; i++)
		unit_stop(&t->units[i]);
}

bool podlife_runs(const struct podlife *t)
{
	for (size_t i = 0; i < t->now.pod.init_count; i++)
		if (t->init[i].state == UNIT_RUNNING)
			return true;
	for (size_t i = 0; i < t->now.pod.container_count; i++)
		if (t->units[i].state == UNIT_RUNNING)
			return true;
	return false;
}

static void start(struct podset *s, struct podlife *t, struct unit *u)
{
	const struct keeper_job job = {
		.pod = &t->now.pod,
		.container = u->c,
		.depot = s->depot,
		.run_path = t->run_path,
		.log_path = s->logs,
		.state_path = s->state,
		.layer_path = s->layers,
		.netns = t->netns,
		.address = t->netns >= 0 ? t->address : NULL,
		.profile = s->profile,
		.verify_once = s->verify_once,
	};

	unit_start(u, &job);
}

static void start_due(struct podset *s, struct podlife *t, struct unit *u, uint64_t now)
{
	if (u->state == UNIT_WAITING && u->next_ms <= now)
		start(s, t, u);
}

static void advance(struct podset *s, struct podlife *t)
{
	uint64_t now = clock_ms();
	struct err e = { 0 };

	if (!t->ready && t->retry_ms <= now) {
		if (prepare(s, t, &e) < 0) {
			t->pause_ms = unit_longer(t->pause_ms);
			t->retry_ms = now + t->pause_ms;
			snprintf(t->why, sizeof(t->why), "%s", e.msg);
			return;
		}
		t->why[0] = 0;
	}
	if (!t->ready)
		return;
	while (t->stage < t->now.pod.init_count) {
		struct unit *u = &t->init[t->stage];

		unit_settle(u, t->now.pod.restart);
		start_due(s, t, u, now);
		if (u->state != UNIT_ENDED || u->status != 0)
			return;
		t->stage++;
	}
	for (size_t i = 0; i < t->now.pod.container_count; i++) {
		unit_settle(&t->units[i], t->now.pod.restart);
		start_due(s, t, &t->units[i], now);
	}
}

static void forget(struct podset *s, struct podlife *t)
{
	auto_close int logs = fd_open(AT_FDCWD, s->logs, O_RDONLY | O_DIRECTORY);
	auto_close int runs = fd_open(AT_FDCWD, s->runs, O_RDONLY | O_DIRECTORY);

	tear_down(s, t, true);
	for (size_t k = 0; k < t->now.pod.init_count + t->now.pod.container_count && logs >= 0; k++) {
		bool init = k < t->now.pod.init_count;
		char name[KEEPER_NAME_MAX];

		keeper_name(&t->now.pod, init ? &t->now.pod.init[k] : &t->now.pod.containers[k - t->now.pod.init_count],
			    name);
		(void)!tree_remove(logs, name);
	}
	if (runs >= 0)
		(void)!tree_remove(runs, t->name);
}

/* On the console, once: how long a boot took can be seen there. */
static void tell(struct podlife *t)
{
	bool running = t->ready && t->stage == t->now.pod.init_count && !t->told;

	for (size_t i = 0; i < t->now.pod.container_count; i++)
		running &= t->units[i].state == UNIT_RUNNING && t->units[i].pid > 0;
	if (!running)
		return;
	t->told = true;
	fprintf(stderr, "yagura-agent: pod %s runs after %llu ms\n", t->name, (unsigned long long)clock_ms());
}

void podlife_renew(struct podlife *t, struct manifest *m)
{
	manifest_done(&t->next);
	t->next = take(m);
	stop(t);
}

void podlife_delete(struct podlife *t)
{
	manifest_done(&t->next);
	t->deleting = true;
	stop(t);
}

/* What has ended makes room for what is to come. */
static void make_way(struct podset *s, struct podlife *t)
{
	if (t->deleting)
		forget(s, t);
	else
		tear_down(s, t, false);
	if (t->next.pod.name)
		begin(t, &t->next);
}

bool podlife_work(struct podset *s, struct podlife *t, bool stopping)
{
	for (size_t k = 0; k < t->now.pod.init_count; k++)
		unit_hear(&t->init[k]);
	for (size_t k = 0; k < t->now.pod.container_count; k++)
		unit_hear(&t->units[k]);
	tell(t);
	if (t->deleting || t->next.pod.name || stopping) {
		stop(t);
		if (podlife_runs(t))
			return false;
		make_way(s, t);
	}
	if (!t->deleting && !stopping)
		advance(s, t);
	return t->deleting;
}

static uint64_t sooner(uint64_t next, const struct unit *u)
{
	return u->state == UNIT_WAITING && u->next_ms < next ? u->next_ms : next;
}

uint64_t podlife_due(const struct podlife *t)
{
	uint64_t next = !t->ready && t->retry_ms ? t->retry_ms : UINT64_MAX;

	if (t->stage < t->now.pod.init_count)
		return sooner(next, &t->init[t->stage]);
	for (size_t i = 0; i < t->now.pod.container_count; i++)
		next = sooner(next, &t->units[i]);
	return next;
}

/* ---- told ---- */

static const char *phase(const struct podlife *t)
{
	bool failed = false, running = false;

	if (t->deleting || t->next.pod.name)
		return "stopping";
	if (!t->ready)
		return "waiting";
	if (t->stage < t->now.pod.init_count)
		return t->init[t->stage].state == UNIT_ENDED ? "failed" : "starting";
	for (size_t i = 0; i < t->now.pod.container_count; i++) {
		running |= t->units[i].state != UNIT_ENDED;
		failed |= t->units[i].state == UNIT_ENDED && t->units[i].status != 0;
	}
	return running ? "running" : failed ? "failed" : "succeeded";
}

void podlife_write(struct json_out *w, const struct podlife *t)
{
	json_out_object(w);
	json_out_key_str(w, "name", str_c(t->name));
	json_out_key_str(w, "state", str_c(phase(t)));
	json_out_key_str(w, "source", t->fixed ? STR("specification") : STR("api"));
	if (t->netns >= 0)
		json_out_key_str(w, "address", str_c(t->address));
	json_out_key_opt(w, "why", str_c(t->why));
	json_out_key_array(w, "containers");
	for (size_t i = 0; i < t->now.pod.init_count; i++)
		unit_write(w, &t->init[i]);
	for (size_t i = 0; i < t->now.pod.container_count; i++)
		unit_write(w, &t->units[i]);
	json_out_end_array(w);
	json_out_end_object(w);
}
