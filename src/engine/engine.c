/* engine: containers for people. See engine.h. */
#include "engine/engine.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "engine/log.h"
#include "engine/pasta.h"
#include "engine/runtime.h"
#include "runtime/launch-map.h"
#include "runtime/rootfs.h"
#include "sandbox/detach.h"
#include "sandbox/run.h"

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
	bool mounted, has_network, created;
	pid_t pasta; /* 0: none */
	struct oci_mapping ids[2][2];
	int ends[2][2]; /* pipes from the container: read end, write end */
	struct box_log log;
	pid_t pid;
};

static uint64_t now_us(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t monotonic_ms(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

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

static void read_inside(int root, const char *path, struct buf *text)
{
	auto_close int fd = fd_open_inside(root, str_c(path), O_RDONLY);

	if (fd < 0 || fd_read_all(fd, USER_FILE_MAX, text, NULL) < 0)
		return; /* numbers need no file */
}

static int find_user(struct job *j, struct err *e)
{
	auto_close int root = fd_open(AT_FDCWD, j->target, O_RDONLY | O_DIRECTORY);
	auto_buf struct buf passwd = { 0 }, group = { 0 };

	if (root < 0)
		return err_errno(e, root, "%s", j->target);
	read_inside(root, "etc/passwd", &passwd);
	read_inside(root, "etc/group", &group);
	j->r->bundle.user = &j->user;
	return user_resolve(j->r->user_spec, buf_all(&passwd), buf_all(&group), &j->user, e);
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

/* What names mean is the host's to say; files that an image does not have are not made in it. */
static int prepare_names(struct job *j, struct err *e)
{
	static const char *const files[] = { "resolv.conf", "hosts" };
	auto_close int root = fd_open(AT_FDCWD, j->target, O_RDONLY | O_DIRECTORY);
	auto_close int etc = fd_open(AT_FDCWD, "/etc", O_RDONLY | O_DIRECTORY);

	for (size_t i = 0; i < ARRAY_LEN(files) && j->r->network != NETWORK_NONE && etc >= 0; i++) {
		struct arena *a = &j->box.arena;
		auto_buf struct buf text = { 0 };
		struct str target = arena_fmt(a, "/etc/%s", files[i]);
		auto_close int inside = fd_open_inside(root, str_from(target, 1), O_RDONLY);
		int r;

		if (inside < 0 || file_read(etc, files[i], NAMES_BYTES_MAX, &text, NULL) < 0)
			continue;
		r = file_write(j->box.fd, files[i], buf_all(&text), false, e);
		if (r < 0)
			return r;
		vec_push(&j->r->bundle.mounts,
			 ((struct bundle_mount){ arena_fmt(a, "%s/%s", j->path, files[i]), target, true, NULL }));
	}
	return 0;
}

static struct str ports_text(const struct net_ports *ports, struct arena *a)
{
	struct str all = STR("");

	for (size_t i = 0; i < ports->v.n; i++)
		all = arena_fmt(a, STR_FMT "%s%u:%u%s", STR_ARG(all), i ? "," : "", ports->v.v[i].host,
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
	r = r < 0 ? r : box_log_open(&j->log, j->box.fd, j->r->log_bytes, e);
	return r < 0 ? r : box_publish(j->boxes_fd, &j->box, e);
}

/* ---- its life ---- */

static int read_pid(struct job *j, const char *file, struct err *e)
{
	auto_buf struct buf text = { 0 };
	uint32_t pid;

	if (file_read(j->box.fd, file, 16, &text, NULL) < 0 || !num_u32(buf_all(&text), &pid) || !pid ||
	    pid > INT32_MAX)
		return err_set(e, -EIO, "the runtime did not say which process it started");
	j->pid = (pid_t)pid;
	return 0;
}

/* What a failed create has said on the container's standard error. */
static int creation_error(struct job *j, struct err *e)
{
	char text[ERR_MSG_MAX];
	ssize_t n;
	struct str all;

	fcntl(j->ends[1][0], F_SETFL, O_NONBLOCK);
	n = read(j->ends[1][0], text, sizeof(text));
	all = str_trim(str_n(text, n < 0 ? 0 : (size_t)n));
	return err_set(e, -EIO, STR_FMT,
		       STR_ARG(all.n ? str_from(all, (size_t)(str_rfind(all, '\n') + 1)) : STR("the runtime failed")));
}

static int create(struct job *j, struct err *e)
{
	char pid_file[PATH_MAX + 8];
	const int fds[3] = { j->r->detach ? -1 : STDIN_FILENO, j->ends[0][1], j->ends[1][1] };
	struct runtime_call call = {
		.tier = j->r->tier,
		.compat = j->r->compat,
		.log_kept = j->r->log_bytes,
		.args = { "create", "--bundle", j->path, "--pid-file", pid_file, j->box.meta.id },
		.fds = fds,
	};
	int status, r;

	snprintf(pid_file, sizeof(pid_file), "%s/pid", j->path);
	r = runtime_call(&call, &status, e);
	if (r == 0 && status)
		r = creation_error(j, e);
	j->created = r == 0;
	return r < 0 ? r : read_pid(j, "pid", e);
}

static int call_simple(const struct box *b, const char *a, const char *c, struct err *e)
{
	struct runtime_call call = { .tier = b->meta.tier.n ? b->meta.tier.p : NULL, .args = { a, b->meta.id, c } };

	return runtime_call(&call, NULL, e);
}

static void pass_on(struct job *j, size_t which)
{
	char piece[LOG_PIECE_MAX / 4];
	ssize_t n = read(j->ends[which][0], piece, sizeof(piece));

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			fd_close(&j->ends[which][0]);
		return;
	}
	box_log_add(&j->log, now_us(), which == 1, str_n(piece, (size_t)n));
	/* A terminal that is gone does not stop the container. */
	if (!j->r->detach && fd_write(which ? STDERR_FILENO : STDOUT_FILENO, piece, (size_t)n) < 0)
		return;
}

static void forward_signal(int signals, int pidfd)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		syscall(SYS_pidfd_send_signal, pidfd, (int)info.ssi_signo, NULL, 0);
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

/* Until the container's first process has ended and what it printed is read. */
static void look_after(struct job *j, int signals)
{
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, j->pid, 0);
	bool ended = pidfd < 0;

	for (size_t i = 0; i < 2; i++)
		fd_close(&j->ends[i][1]);
	while (!ended || j->ends[0][0] >= 0 || j->ends[1][0] >= 0) {
		struct pollfd p[4] = { { j->ends[0][0], POLLIN, 0 },
				       { j->ends[1][0], POLLIN, 0 },
				       { ended ? -1 : pidfd, POLLIN, 0 },
				       { ended ? -1 : signals, POLLIN, 0 } };
		/* Nobody of its PID namespace lives on; a descriptor that was handed elsewhere must not hold us. */
		int n = poll(p, ARRAY_LEN(p), ended ? 200 : -1);

		if (n == 0)
			break;
		for (size_t i = 0; n > 0 && i < 2; i++)
			if (p[i].revents)
				pass_on(j, i);
		if (n > 0 && p[2].revents)
			ended = true;
		if (n > 0 && p[3].revents)
			forward_signal(signals, pidfd);
	}
}

static void forget_runtime(const struct box *b)
{
	struct runtime_call call = { .tier = b->meta.tier.n ? b->meta.tier.p : NULL,
				     .args = { "delete", "--force", b->meta.id } };

	(void)!runtime_call(&call, NULL, NULL);
}

static void undo(struct job *j)
{
	if (j->created)
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
	int r = 0;

	for (size_t i = 0; i < 2 && r == 0; i++)
		if (pipe2(j->ends[i], O_CLOEXEC) < 0)
			r = err_errno(e, -errno, "cannot make a pipe");
	r = r < 0 ? r : adopt_orphans(e);
	r = r < 0 ? r : create(j, e);
	if (r == 0 && j->r->ids && j->r->network == NETWORK_NAT)
		r = pasta_start(j->pid, &j->r->ports, &j->pasta, e);
	return r < 0 ? r : call_simple(&j->box, "start", NULL, e);
}

static int finish(struct job *j, int *ret_status, struct err *e)
{
	int status = child_status(j->pid), r;

	undo(j);
	*ret_status = status < 0 ? 255 : status;
	box_log_close(&j->log);
	r = box_write_number(&j->box, "exit", *ret_status, e);
	return r == 0 && j->r->remove ? box_remove(j->boxes_fd, &j->box, e) : r;
}

/* The container is made, or the runtime has ended and said why. */
static bool is_made(struct job *j, pid_t runtime, int *ret_status)
{
	while (read_pid(j, "pid", NULL) < 0) {
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
		r = pasta_start(j->pid, &j->r->ports, &j->pasta, e);
	if (made && r < 0)
		run_stop(runtime); /* undo() takes away what it leaves */
	fd_close(&gate[1]);
	j->created = made;
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
	look_after(j, signals);
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
	j->box.fd = j->box.lock_fd = j->log.fd = j->rootfs.userns = -1;
	for (size_t i = 0; i < 2; i++)
		j->ends[i][0] = j->ends[i][1] = -1;
	j->boxes_fd = boxes_open(r->data_path, j->boxes_path, sizeof(j->boxes_path), e);
	result = j->boxes_fd < 0 ? j->boxes_fd : box_create(j->boxes_fd, &j->box, e);
	if (result == 0) {
		memcpy(ret_id, j->box.meta.id, sizeof(j->box.meta.id));
		result = r->detach ? live_detached(j, ret_id, e) : live(j, -1, ret_status, e);
	}
	for (size_t i = 0; i < 4; i++)
		if (j->ends[i / 2][i % 2] >= 0)
			fd_close(&j->ends[i / 2][i % 2]);
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
	uint64_t until = monotonic_ms() + timeout_ms;
	auto_close int fd = fd_open(b->fd, "lock", O_RDONLY);

	while (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0) {
		if (monotonic_ms() >= until)
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
