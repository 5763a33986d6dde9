/* engine: containers for people. See engine.h. */
#include "engine/engine.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/attend.h"
#include "engine/pasta.h"
#include "runtime/launch-map.h"
#include "runtime/rootfs.h"
#include "sandbox/detach.h"
#include "sandbox/run.h"

#define ADDRESS_TEXT_MAX 24	    /* "255.255.255.255:" */
#define NAMES_BYTES_MAX (64u << 10) /* of the host's resolv.conf and hosts */
#define STOP_LOOK_MS 20
#define KILL_WAIT_MS 10000

struct job {
	struct engine_run *r;
	int boxes_fd;
	char boxes_path[PATH_MAX];
	char path[PATH_MAX]; /* of the box */
	struct box box;
	struct user_ids user;
	struct rootfs rootfs;
	char work[PATH_MAX], target[PATH_MAX], netns[NET_PATH_MAX];
	bool mounted, has_network;
	pid_t pasta; /* 0: none */
	struct oci_mapping ids[2][2];
	struct attended a;
};

/* ---- what a container needs ---- */

/* Above what login users and systemd's containers are given, below 2^31; the same for nobody else as long as ids of
 * containers differ. */
#define FIRST_ID 1073741824u
#define ID_RANGES 12288u

static uint32_t first_id(const struct job *j)
{
	return FIRST_ID + (uint32_t)(str_hash(str_c(j->box.meta.id), 0) % ID_RANGES) * BUNDLE_IDS;
}

static int open_user_namespace(struct job *j, struct err *e)
{
	struct oci_mapping row = { .size = BUNDLE_IDS };
	const struct oci_mappings map = { &row, 1 };

	if (j->r->network != NETWORK_NONE || j->r->compat || !j->r->layers || strcmp(j->r->tier, "ns") != 0)
		return 0;
	row.host_id = j->r->bundle.first_id = first_id(j);
	j->rootfs.userns = launch_map_open(&map, &map, e);
	return j->rootfs.userns < 0 ? j->rootfs.userns : 0;
}

/* Nothing is mounted: the runtime makes a copy of the tree's mount in the container's namespace. */
static int prepare_tree(struct job *j, struct err *e)
{
	const struct tree_ids *ids = j->r->ids;
	struct bundle *b = &j->r->bundle;

	if (snprintf(j->target, sizeof(j->target), "%s", j->r->directory) >= (int)sizeof(j->target))
		return err_errno(e, -ENAMETOOLONG, "%s", j->r->directory);
	memcpy(j->ids[0], ids->uids, sizeof(j->ids[0]));
	memcpy(j->ids[1], ids->gids, sizeof(j->ids[1]));
	b->root = j->target;
	b->uids = (struct oci_mappings){ j->ids[0], ids->n };
	b->gids = (struct oci_mappings){ j->ids[1], ids->n };
	return 0;
}

static int prepare_root(struct job *j, struct err *e)
{
	int r = 0;

	if (j->r->ids)
		return prepare_tree(j, e);

	if (snprintf(j->work, sizeof(j->work), "%s/layers", j->path) >= (int)sizeof(j->work) ||
	    snprintf(j->target, sizeof(j->target), "%s/rootfs", j->path) >= (int)sizeof(j->target))
		return err_errno(e, -ENAMETOOLONG, "%s", j->path);
	j->rootfs = (struct rootfs){
		.layers = j->r->layers, .n = j->r->layer_count, .work = j->work, .target = j->target, .userns = -1
	};
	r = open_user_namespace(j, e);
	r = r < 0 ? r : rootfs_own_mounts(e);
	if (r == 0)
		r = j->r->layers ? rootfs_mount(&j->rootfs, e) : rootfs_bind(j->r->directory, j->target, e);
	j->mounted = r == 0;
	return r;
}

static int find_user(struct job *j, struct err *e)
{
	j->r->bundle.user = &j->user;
	return user_find(j->target, j->r->user_spec, &j->user, e);
}

static int prepare_network(struct job *j, struct err *e)
{
	int r = 0;

	if (j->r->network == NETWORK_NAT && j->r->ids)
		return 0; /* pasta's, when there is a namespace */
	if (j->r->network == NETWORK_NAT) {
		r = net_make(j->box.meta.id, &j->r->ports, e);
		j->has_network = r == 0;
		net_path(j->box.meta.id, j->netns);
		j->r->bundle.netns = j->netns;
	} else if (j->r->network == NETWORK_HOST) {
		j->r->bundle.netns = "";
	}
	return r;
}

/* What names mean is the host's to say. */
static int prepare_names(struct job *j, struct err *e)
{
	static const char *const files[] = { "resolv.conf", "hosts" };
	const struct bundle_place place = { j->box.fd, j->path, j->target, &j->box.arena };
	auto_close int etc = fd_open(AT_FDCWD, "/etc", O_RDONLY | O_DIRECTORY);
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(files) && j->r->network != NETWORK_NONE && etc >= 0 && r == 0; i++) {
		auto_buf struct buf text = { 0 };

		if (file_read(etc, files[i], NAMES_BYTES_MAX, &text, NULL) == 0)
			r = bundle_etc_file(&j->r->bundle, &place, files[i], buf_all(&text), e);
	}
	return r;
}

/* "127.0.0.1:", or nothing where it is every address of the host. */
static const char *address_text(uint32_t address, char text[ADDRESS_TEXT_MAX])
{
	*text = 0;
	if (address)
		snprintf(text, ADDRESS_TEXT_MAX, "%u.%u.%u.%u:", address >> 24, address >> 16 & 255, address >> 8 & 255,
			 address & 255);
	return text;
}

static struct str ports_text(const struct net_ports *ports, struct arena *a)
{
	char address[ADDRESS_TEXT_MAX];
	struct str all = STR("");

	for (size_t i = 0; i < ports->v.n; i++)
		all = arena_fmt(a, STR_FMT "%s%s%u:%u%s", STR_ARG(all), i ? "," : "",
				address_text(ports->v.v[i].address, address), ports->v.v[i].host,
				ports->v.v[i].container, ports->v.v[i].udp ? "/udp" : "");
	return all;
}

static int prepare_box(struct job *j, struct err *e)
{
	struct box_meta *m = &j->box.meta;
	int r;

	if (snprintf(j->path, sizeof(j->path), "%s/%s", j->boxes_path, m->id) >= (int)sizeof(j->path))
		return err_errno(e, -ENAMETOOLONG, "%s", j->boxes_path);
	m->name = j->r->name;
	m->image = j->r->image;
	m->command = j->r->command;
	m->tier = str_c(j->r->tier);
	m->remove = j->r->remove;
	m->ports = ports_text(&j->r->ports, &j->box.arena);
	if (!j->r->bundle.hostname)
		j->r->bundle.hostname = m->id;
	r = prepare_root(j, e);
	r = r < 0 ? r : find_user(j, e);
	r = r < 0 ? r : prepare_names(j, e);
	r = r < 0 ? r : prepare_network(j, e);
	r = r < 0 ? r : bundle_write(j->box.fd, &j->r->bundle, e);
	r = r < 0 ? r : box_log_open(&j->a.log, j->box.fd, j->r->log_bytes, e);
	return r < 0 ? r : box_publish(j->boxes_fd, &j->box, e);
}

/* ---- its life ---- */

static int call_simple(const struct box *b, const char *a, const char *c, struct err *e)
{
	struct runtime_call call = { .tier = b->meta.tier.n ? b->meta.tier.p : NULL, .args = { a, b->meta.id, c } };

	return runtime_call(&call, NULL, e);
}

static void forward_signal(struct attend_watch *w unused_arg, int number, int pidfd)
{
	syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

static int signals_open(void)
{
	static const int forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void forget_runtime(const struct box *b)
{
	struct runtime_call call = { .tier = b->meta.tier.n ? b->meta.tier.p : NULL,
				     .args = { "delete", "--force", b->meta.id } };

	(void)!runtime_call(&call, NULL, NULL);
}

static void undo(struct job *j)
{
	if (j->a.created)
		forget_runtime(&j->box);
	pasta_stop(j->pasta);
	j->pasta = 0;
	if (j->has_network)
		net_remove(j->box.meta.id);
	if (j->mounted)
		rootfs_unmount(&j->rootfs);
	if (j->rootfs.userns >= 0)
		fd_close(&j->rootfs.userns);
}

static int start(struct job *j, struct err *e)
{
	const struct attend_container c = {
		.call = { .tier = j->r->tier, .compat = j->r->compat, .log_kept = j->r->log_bytes },
		.bundle = j->path,
		.id = j->box.meta.id,
		.bundle_fd = j->box.fd,
		.input = j->r->detach ? -1 : STDIN_FILENO,
	};
	int r = attend_create(&j->a, &c, e);

	if (r == 0 && j->r->ids && j->r->network == NETWORK_NAT)
		r = pasta_start(j->a.pid, &j->r->ports, &j->pasta, e);
	return r < 0 ? r : call_simple(&j->box, "start", NULL, e);
}

static int finish(struct job *j, int *ret_status, struct err *e)
{
	int status = child_status(j->a.pid), r;

	undo(j);
	*ret_status = status < 0 ? 255 : status;
	box_log_close(&j->a.log);
	r = box_write_number(&j->box, "exit", *ret_status, e);
	return r == 0 && j->r->remove ? box_remove(j->boxes_fd, &j->box, e) : r;
}

/* The container is made, or the runtime has ended and said why. */
static bool is_made(struct job *j, pid_t runtime, int *ret_status)
{
	while (attend_read_pid(&j->a, j->box.fd, NULL) < 0) {
		if (run_ended(runtime, ret_status))
			return false;
		poll(NULL, 0, STOP_LOOK_MS);
	}
	return true;
}

/* Its program starts when our end of the gate is closed: then there is a network. */
static int run_with_pasta(struct job *j, struct runtime_call *call, int *ret_status, struct err *e)
{
	int gate[2] = { -1, -1 }, r = pipe2(gate, O_CLOEXEC) < 0 ? err_errno(e, -errno, "cannot make a pipe") : 0;
	pid_t runtime = 0;
	bool made;

	call->gate = gate[0];
	r = r < 0 ? r : runtime_start(call, &runtime, e);
	fd_close(&gate[0]);
	made = r == 0 && is_made(j, runtime, ret_status);
	if (made)
		r = pasta_start(j->a.pid, &j->r->ports, &j->pasta, e);
	if (made && r < 0)
		run_stop(runtime); /* undo() takes away what it leaves */
	fd_close(&gate[1]);
	j->a.created = made;
	return made && r == 0 ? run_wait(runtime, ret_status) : r;
}

/* With a terminal the runtime itself stands between it and the container. */
static int run_on_terminal(struct job *j, int *ret_status, struct err *e)
{
	const int fds[3] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	char pid_file[PATH_MAX + 8];
	struct runtime_call call = {
		.tier = j->r->tier,
		.compat = j->r->compat,
		.log_kept = j->r->log_bytes,
		.args = { "run", "--bundle", j->path, "--pid-file", pid_file, j->box.meta.id },
		.fds = fds,
		.forever = true,
	};
	bool gated = j->r->ids && j->r->network == NETWORK_NAT;
	int r;

	snprintf(pid_file, sizeof(pid_file), "%s/pid", j->path);
	if (gated) {
		call.args[5] = "--start-fd";
		call.args[6] = "3";
		call.args[7] = j->box.meta.id;
	}
	r = gated ? run_with_pasta(j, &call, ret_status, e) : runtime_call(&call, ret_status, e);
	undo(j);
	if (r == 0)
		r = box_write_number(&j->box, "exit", *ret_status, e);
	return r == 0 && j->r->remove ? box_remove(j->boxes_fd, &j->box, e) : r;
}

/* From a box that is locked to its end. `say`: whom to tell that it was started, -1: nobody. */
static int live(struct job *j, int say, int *ret_status, struct err *e)
{
	auto_close int signals = j->r->detach || j->r->bundle.terminal ? -1 : signals_open();
	int r = prepare_box(j, e);

	if (r == 0 && j->r->bundle.terminal)
		return run_on_terminal(j, ret_status, e);
	r = r < 0 ? r : start(j, e);
	if (r < 0) {
		undo(j);
		(void)!box_remove(j->boxes_fd, &j->box, NULL);
		return r;
	}
	if (say >= 0)
		detach_say(say, 0, "");
	attend(&j->a, &(struct attend_watch){ .signals = signals, .signalled = forward_signal, .show = !j->r->detach });
	return finish(j, ret_status, e);
}

static int live_detached(struct job *j, char ret_id[BOX_ID_BYTES + 1], struct err *e)
{
	auto_close int socket = -1;
	int status, r = detach(&socket, e);

	if (r < 0)
		return r;
	if (r > 0) {
		memcpy(ret_id, j->box.meta.id, sizeof(j->box.meta.id));
		return detach_hear(socket, e);
	}
	r = live(j, socket, &status, e);
	if (r < 0)
		detach_say(socket, r, e->msg);
	_exit(r < 0);
}

int engine_run(struct engine_run *r, int *ret_status, char ret_id[BOX_ID_BYTES + 1], struct err *e)
{
	struct job *j = xcalloc(1, sizeof(*j));
	int result;

	j->r = r;
	j->box.fd = j->box.lock_fd = j->rootfs.userns = -1;
	attend_init(&j->a);
	j->boxes_fd = boxes_open(r->data_path, j->boxes_path, sizeof(j->boxes_path), e);
	result = j->boxes_fd < 0 ? j->boxes_fd : box_create(j->boxes_fd, &j->box, e);
	if (result == 0) {
		memcpy(ret_id, j->box.meta.id, sizeof(j->box.meta.id));
		result = r->detach ? live_detached(j, ret_id, e) : live(j, -1, ret_status, e);
	}
	attend_done(&j->a);
	box_close(&j->box);
	fd_close(&j->boxes_fd);
	free(j);
	return result;
}

/* ---- what can be done with them ---- */

int engine_kill(const struct box *b, const char *signal, struct err *e)
{
	return call_simple(b, "kill", signal, e);
}

/* The process that looks after a container gives its lock back when all is done. */
static bool ended_within(const struct box *b, unsigned int timeout_ms)
{
	uint64_t until = clock_ms() + timeout_ms;
	auto_close int fd = fd_open(b->fd, "lock", O_RDONLY);

	while (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0) {
		if (clock_ms() >= until)
			return false;
		poll(NULL, 0, STOP_LOOK_MS);
	}
	return true;
}

int engine_stop(int boxes_fd, struct box *b, unsigned int timeout_ms, struct err *e)
{
	int r;

	if (b->state == BOX_LOST)
		engine_reap(boxes_fd);
	if (b->state == BOX_ENDED || b->state == BOX_LOST)
		return 0;
	r = engine_kill(b, "TERM", e);
	if (r == 0 && ended_within(b, timeout_ms))
		return 0;
	/* It may have ended between our look and the signal. */
	r = engine_kill(b, "KILL", e);
	if (ended_within(b, KILL_WAIT_MS))
		return 0;
	return r < 0 ? r : err_set(e, -ETIMEDOUT, "container %s does not end", b->meta.id);
}

int engine_stats(const struct box *b, struct buf *ret, struct err *e)
{
	struct runtime_call call = { .tier = b->meta.tier.n ? b->meta.tier.p : NULL,
				     .args = { "events", "--stats", b->meta.id },
				     .output = ret };

	return runtime_call(&call, NULL, e);
}

int engine_remove(int boxes_fd, struct box *b, struct err *e)
{
	if (b->state == BOX_RUNNING || b->state == BOX_STARTING)
		return err_set(e, -EBUSY, "container %s runs: stop it first", b->meta.id);
	return box_remove(boxes_fd, b, e);
}

static void reap_one(int boxes_fd, struct box *b)
{
	auto_close int lock = fd_open(b->fd, "lock", O_RDWR);

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
		return;
	forget_runtime(b);
	net_remove(b->meta.id);
	if (b->meta.remove)
		(void)!box_remove(boxes_fd, b, NULL);
	else
		(void)!box_write_number(b, "exit", 255, NULL);
}

void engine_reap(int boxes_fd)
{
	struct box_list all;

	if (box_list(boxes_fd, &all, NULL) < 0)
		return;
	for (size_t i = 0; i < all.v.n; i++)
		if (all.v.v[i].state == BOX_LOST)
			reap_one(boxes_fd, &all.v.v[i]);
	box_list_done(&all);
}
