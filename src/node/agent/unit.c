/* unit: one container of a pod. See unit.h. */
#include "node/agent/unit.h"

#include <poll.h>
#include <signal.h>

#include "base/clock.h"
#include "base/fd.h"
#include "node/agent/child.h"

struct unit *units_new(const struct pod_container *c, size_t n, bool init)
{
	struct unit *all = xcalloc(n + 1, sizeof(*all));

	for (size_t i = 0; i < n; i++)
		all[i] = (struct unit){ .c = &c[i], .init = init, .words = -1 };
	return all;
}

unsigned int unit_longer(unsigned int pause_ms)
{
	if (!pause_ms)
		return UNIT_RESTART_FIRST_MS;
	return pause_ms > UNIT_RESTART_MAX_MS / 2 ? UNIT_RESTART_MAX_MS : pause_ms * 2;
}

void unit_start(struct unit *u, const struct keeper_job *j)
{
	struct err e = { 0 };
	int r = keeper_start(j, &u->keeper, &u->words, &e);

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

void unit_stop(struct unit *u)
{
	if (u->state == UNIT_RUNNING && !u->stopping) {
		u->stopping = true;
		kill(u->keeper, SIGTERM);
	}
}

static void ended(struct unit *u)
{
	child_end(u->keeper, &u->words);
	u->keeper = 0;
	u->pid = 0;
	u->state = UNIT_ENDED;
}

void unit_hear(struct unit *u)
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
		ended(u);
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
	ended(u);
}

static bool may_restart(const struct unit *u, enum pod_restart policy)
{
	if (policy == POD_RESTART_NEVER)
		return false;
	return (policy == POD_RESTART_ALWAYS && !u->init) || u->status != 0;
}

void unit_settle(struct unit *u, enum pod_restart policy)
{
	if (u->state != UNIT_ENDED || u->stopping || !may_restart(u, policy))
		return;
	if (clock_ms() - u->started_ms > UNIT_CALM_MS)
		u->pause_ms = 0;
	u->pause_ms = unit_longer(u->pause_ms);
	u->next_ms = clock_ms() + u->pause_ms;
	u->restarts++;
	u->state = UNIT_WAITING;
}

void unit_write(struct json_out *w, const struct unit *u)
{
	static const char *const states[] = { "waiting", "running", "ended" };

	json_out_object(w);
	json_out_key_str(w, "name", str_c(u->c->name));
	json_out_key_str(w, "image", str_c(u->c->image));
	json_out_key_bool(w, "init", u->init);
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
