/* keeper: one container of a pod. See keeper.h. */
#include "node/agent/keeper.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "engine/bundle.h"
#include "engine/log.h"
#include "engine/runtime.h"
#include "node/agent/dm.h"
#include "node/verity.h"
#include "runtime/rootfs.h"
#include "sandbox/detach.h"

#define NAMES_BYTES_MAX (64u << 10) /* of the host's resolv.conf */
#define DRAIN_MS 200		    /* a descriptor that was handed elsewhere must not hold us */

struct keep {
	const struct keeper_job *j;
	int words; /* where to say what becomes of it */
	char name[KEEPER_NAME_MAX];
	char path[PATH_MAX], work[PATH_MAX], target[PATH_MAX], netns[64];
	int dir, log_dir;
	struct arena arena;
	struct stored record;
	int layers[STORED_LAYERS_MAX];
	struct rootfs rootfs;
	bool mounted, created;
	struct user_ids user;
	struct bundle bundle;
	struct box_log log;
	int ends[2][2];
	pid_t pid;
	int signals;
};

void keeper_name(const struct pod *p, const struct pod_container *c, char name[KEEPER_NAME_MAX])
{
	snprintf(name, KEEPER_NAME_MAX, "%.63s_%.63s", p->name, c->name);
}

static void say(const struct keep *k, int32_t kind, int32_t value, const char *text)
{
	struct keeper_word w = { .kind = kind, .value = value };

	snprintf(w.text, sizeof(w.text), "%s", text);
	(void)!fd_write(k->words, &w, sizeof(w));
}

static uint64_t now_us(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- the root file system ---- */

static int open_layer(struct keep *k, size_t i, struct err *e)
{
	const struct stored_layer *l = &k->record.layers[i];
	auto_close int file = -1;
	char name[KEEPER_NAME_MAX + 32];
	bool fixed;
	int r;

	file = depot_layer(k->j->depot, &l->root, &fixed);
	if (file < 0)
		return err_errno(e, file, "image %s: layer %zu", k->record.name, i + 1);
	/* The root's own are checked by the root's tree. */
	if (fixed)
		return take_fd(&file);
	if (k->j->verify_once) {
		r = verity_check(file, l->bytes, l->bytes, &stored_salt, &l->root, e);
		return r < 0 ? r : take_fd(&file);
	}
	snprintf(name, sizeof(name), "yagura-%s-%zu-%d", k->name, i, getpid());
	return dm_verity_open(name, file, l->bytes, &stored_salt, &l->root, e);
}

static int mount_root(struct keep *k, struct err *e)
{
	int r = rootfs_own_mounts(e);

	for (size_t i = 0; i < k->record.layer_count && r >= 0; i++) {
		r = k->layers[i] = open_layer(k, i, e);
		if (r < 0)
			return err_wrap(e, r, "image %s", k->record.name);
	}
	k->rootfs = (struct rootfs){
		.layers = k->layers, .n = k->record.layer_count, .work = k->work, .target = k->target, .userns = -1
	};
	r = r < 0 ? r : rootfs_mount(&k->rootfs, e);
	k->mounted = r == 0;
	for (size_t i = 0; i < k->record.layer_count; i++)
		if (k->layers[i] >= 0)
			fd_close(&k->layers[i]);
	return r;
}

/* ---- whom it runs as ---- */

static void read_inside(int root, const char *path, struct buf *text)
{
	auto_close int fd = fd_open_inside(root, str_c(path), O_RDONLY);

	if (fd < 0 || fd_read_all(fd, USER_FILE_MAX, text, NULL) < 0)
		return; /* numbers need no file */
}

static struct str user_text(struct keep *k)
{
	const struct pod_security *s = &k->j->container->security;
	struct str image = str_c(k->record.user), user, group = STR_NONE;

	if (!s->user.set && !s->group.set)
		return image;
	if (!str_split(image, ':', &user, &group))
		user = image;
	if (s->user.set) {
		user = arena_fmt(&k->arena, "%llu", (unsigned long long)s->user.v);
		group = STR_NONE;
	}
	if (s->group.set)
		group = arena_fmt(&k->arena, "%llu", (unsigned long long)s->group.v);
	return group.n ? arena_fmt(&k->arena, STR_FMT ":" STR_FMT, STR_ARG(user), STR_ARG(group)) : user;
}

static int find_user(struct keep *k, struct err *e)
{
	auto_close int root = fd_open(AT_FDCWD, k->target, O_RDONLY | O_DIRECTORY);
	auto_buf struct buf passwd = { 0 }, group = { 0 };
	const struct pod *p = k->j->pod;
	int r;

	if (root < 0)
		return err_errno(e, root, "%s", k->target);
	read_inside(root, "etc/passwd", &passwd);
	read_inside(root, "etc/group", &group);
	r = user_resolve(user_text(k), buf_all(&passwd), buf_all(&group), &k->user, e);
	if (r < 0)
		return r;
	if (k->j->container->security.non_root.v && k->user.uid == 0)
		return err_set(e, -EPERM, "runAsNonRoot: the image's user is root");
	for (size_t i = 0; i < p->group_count && k->user.group_count < USER_GROUPS_MAX; i++)
		k->user.groups[k->user.group_count++] = p->groups[i];
	if (p->fs_group.set && k->user.group_count < USER_GROUPS_MAX)
		k->user.groups[k->user.group_count++] = (uint32_t)p->fs_group.v;
	k->bundle.user = &k->user;
	return 0;
}

/* ---- the bundle ---- */

static void add_words(struct texts *to, const struct strings *from)
{
	for (size_t i = 0; i < from->n; i++)
		vec_push(to, str_c(from->v[i]));
}

/* Kubernetes: `command` takes the place of both of the image's, `args` of its Cmd. */
static int fill_command(struct keep *k, struct err *e)
{
	const struct pod_container *c = k->j->container;

	add_words(&k->bundle.args, c->command.n ? &c->command : &k->record.entrypoint);
	if (c->args.n || c->command.n)
		add_words(&k->bundle.args, &c->args);
	else
		add_words(&k->bundle.args, &k->record.command);
	return k->bundle.args.n ? 0 : err_set(e, -EINVAL, "neither the image nor the pod says a command");
}

static bool is_set(const struct keep *k, struct str variable)
{
	struct str name, value;

	if (!str_split(variable, '=', &name, &value))
		return true;
	for (size_t i = 0; i < k->j->container->env_count; i++)
		if (str_is(name, k->j->container->env[i].key))
			return true;
	return false;
}

static void fill_environment(struct keep *k)
{
	const struct pod_container *c = k->j->container;
	bool path = false;

	for (size_t i = 0; i < k->record.env.n; i++)
		if (!is_set(k, str_c(k->record.env.v[i])))
			vec_push(&k->bundle.env, str_c(k->record.env.v[i]));
	for (size_t i = 0; i < c->env_count; i++)
		vec_push(&k->bundle.env, arena_fmt(&k->arena, "%s=%s", c->env[i].key, c->env[i].value));
	for (size_t i = 0; i < k->bundle.env.n; i++)
		path |= str_starts(k->bundle.env.v[i], STR("PATH="));
	if (!path)
		vec_push(&k->bundle.env, STR("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
}

static int add_name_file(struct keep *k, const char *name, struct str text, struct err *e)
{
	auto_close int root = fd_open(AT_FDCWD, k->target, O_RDONLY | O_DIRECTORY);
	struct str target = arena_fmt(&k->arena, "/etc/%s", name);
	auto_close int inside = root < 0 ? -1 : fd_open_inside(root, str_from(target, 1), O_RDONLY);
	int r;

	if (inside < 0)
		return 0; /* files that an image does not have are not made in it */
	r = file_write(k->dir, name, text, false, e);
	if (r == 0)
		vec_push(&k->bundle.mounts,
			 ((struct bundle_mount){ arena_fmt(&k->arena, "%s/%s", k->path, name), target, true, NULL }));
	return r;
}

static int add_names(struct keep *k, struct err *e)
{
	auto_buf struct buf resolv = { 0 };
	const char *address = k->j->address ? k->j->address : "127.0.1.1";
	int r = file_read(AT_FDCWD, "/etc/resolv.conf", NAMES_BYTES_MAX, &resolv, NULL);

	r = r < 0 ? 0 : add_name_file(k, "resolv.conf", buf_all(&resolv), e);
	return r < 0 ? r
		     : add_name_file(k, "hosts",
				     arena_fmt(&k->arena, "127.0.0.1 localhost\n%s %s\n", address, k->j->pod->hostname),
				     e);
}

static void add_volumes(struct keep *k)
{
	const struct pod_container *c = k->j->container;

	for (size_t i = 0; i < c->mount_count; i++)
		vec_push(&k->bundle.mounts,
			 ((struct bundle_mount){
				 arena_fmt(&k->arena, "%s/volumes/%s", k->j->run_path, c->mounts[i].volume),
				 str_c(c->mounts[i].path), c->mounts[i].read_only, NULL }));
}

static void annotate(struct keep *k, const char *key, struct str value)
{
	vec_push(&k->bundle.annotations, ((struct bundle_annotation){ key, value }));
}

static void add_annotations(struct keep *k)
{
	const struct pod *p = k->j->pod;

	for (size_t i = 0; i < p->annotation_count; i++)
		if (str_starts(str_c(p->annotations[i].key), STR("yagura.")))
			annotate(k, p->annotations[i].key, str_c(p->annotations[i].value));
	annotate(k, "org.opencontainers.image.ref.name", str_c(k->record.name));
	if (k->j->container->disk_bytes)
		annotate(k, "yagura.disk.size",
			 arena_fmt(&k->arena, "%llu", (unsigned long long)k->j->container->disk_bytes));
}

static int make_bundle(struct keep *k, struct err *e)
{
	const struct pod_container *c = k->j->container;
	struct bundle *b = &k->bundle;
	int r = find_user(k, e);

	r = r < 0 ? r : fill_command(k, e);
	if (r < 0)
		return r;
	fill_environment(k);
	b->hostname = k->j->pod->hostname;
	b->directory = str_c(c->directory ? c->directory : k->record.directory);
	b->read_only = c->security.read_only.v || !c->disk_bytes;
	b->capabilities = c->security.capabilities;
	b->cpu_milli = c->cpu_milli;
	b->memory_bytes = c->memory_bytes;
	snprintf(k->netns, sizeof(k->netns), "/proc/%d/fd/%d", getpid(), k->j->netns);
	b->netns = k->j->netns >= 0 ? k->netns : "";
	add_annotations(k);
	add_volumes(k);
	r = add_names(k, e);
	if (r == 0 && unlinkat(k->dir, "config.json", 0) < 0 && errno != ENOENT)
		r = err_errno(e, -errno, "%s/config.json", k->path);
	return r < 0 ? r : bundle_write(k->dir, b, e);
}

/* ---- its life ---- */

static int call(const struct keep *k, const char *a, const char *b, const char *c)
{
	struct runtime_call q = { .root = k->j->state_path, .args = { a, b, c } };

	return runtime_call(&q, NULL, NULL);
}

static int creation_error(struct keep *k, struct err *e)
{
	char text[ERR_MSG_MAX];
	ssize_t n;
	struct str all;

	fcntl(k->ends[1][0], F_SETFL, O_NONBLOCK);
	n = read(k->ends[1][0], text, sizeof(text));
	all = str_trim(str_n(text, n < 0 ? 0 : (size_t)n));
	return err_set(e, -EIO, STR_FMT,
		       STR_ARG(all.n ? str_from(all, (size_t)(str_rfind(all, '\n') + 1)) : STR("the runtime failed")));
}

static int read_pid(struct keep *k, struct err *e)
{
	auto_buf struct buf text = { 0 };
	uint32_t pid;

	if (file_read(k->dir, "pid", 16, &text, NULL) < 0 || !num_u32(buf_all(&text), &pid) || !pid || pid > INT32_MAX)
		return err_set(e, -EIO, "the runtime did not say which process it started");
	k->pid = (pid_t)pid;
	return 0;
}

static int create(struct keep *k, struct err *e)
{
	char pid_file[PATH_MAX + 8];
	const int fds[3] = { -1, k->ends[0][1], k->ends[1][1] };
	struct runtime_call q = {
		.root = k->j->state_path,
		.log_kept = KEEPER_LOG_BYTES,
		.args = { "create", "--bundle", k->path, "--pid-file", pid_file, k->name },
		.fds = fds,
	};
	int status, r;

	snprintf(pid_file, sizeof(pid_file), "%s/pid", k->path);
	r = runtime_call(&q, &status, e);
	if (r == 0 && status)
		r = creation_error(k, e);
	k->created = r == 0;
	return r < 0 ? r : read_pid(k, e);
}

static int start(struct keep *k, struct err *e)
{
	struct runtime_call q = { .root = k->j->state_path, .args = { "start", k->name } };
	int r = 0;

	for (size_t i = 0; i < 2 && r == 0; i++)
		if (pipe2(k->ends[i], O_CLOEXEC) < 0)
			r = err_errno(e, -errno, "cannot make a pipe");
	r = r < 0 ? r : adopt_orphans(e);
	r = r < 0 ? r : create(k, e);
	return r < 0 ? r : runtime_call(&q, NULL, e);
}

static void pass_on(struct keep *k, size_t which)
{
	char piece[LOG_PIECE_MAX / 4];
	ssize_t n = read(k->ends[which][0], piece, sizeof(piece));

	if (n > 0)
		box_log_add(&k->log, now_us(), which == 1, str_n(piece, (size_t)n));
	else if (n == 0 || errno != EAGAIN)
		fd_close(&k->ends[which][0]);
}

static uint64_t monotonic_ms(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The first SIGTERM asks the container to end and sets its time. */
static void ask_to_end(struct keep *k, uint64_t *kill_at)
{
	struct signalfd_siginfo info;

	if (read(k->signals, &info, sizeof(info)) != (ssize_t)sizeof(info) || *kill_at)
		return;
	*kill_at = monotonic_ms() + k->j->pod->grace_seconds * 1000ull;
	(void)!call(k, "kill", k->name, "TERM");
}

/* Until its first process has ended and what it printed is read. */
static void look_after(struct keep *k)
{
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, k->pid, 0);
	uint64_t kill_at = 0;
	bool ended = pidfd < 0;

	for (size_t i = 0; i < 2; i++)
		fd_close(&k->ends[i][1]);
	while (!ended || k->ends[0][0] >= 0 || k->ends[1][0] >= 0) {
		struct pollfd p[4] = { { k->ends[0][0], POLLIN, 0 },
				       { k->ends[1][0], POLLIN, 0 },
				       { ended ? -1 : pidfd, POLLIN, 0 },
				       { ended ? -1 : k->signals, POLLIN, 0 } };
		uint64_t now = monotonic_ms();
		int wait = ended ? DRAIN_MS : kill_at == 0 ? -1 : kill_at > now ? (int)(kill_at - now) : 0;
		int n = poll(p, ARRAY_LEN(p), wait);

		if (n == 0 && ended)
			break;
		if (n == 0) {
			(void)!call(k, "kill", k->name, "KILL");
			kill_at = now + DRAIN_MS;
		}
		for (size_t i = 0; n > 0 && i < 2; i++)
			if (p[i].revents)
				pass_on(k, i);
		if (n > 0 && p[2].revents)
			ended = true;
		if (n > 0 && p[3].revents)
			ask_to_end(k, &kill_at);
	}
}

static int prepare(struct keep *k, struct err *e)
{
	const struct keeper_job *j = k->j;
	char log_path[PATH_MAX];
	int r = depot_record(j->depot, str_c(j->container->image), &k->arena, &k->record, e);

	if (r < 0)
		return r;
	if (snprintf(k->path, sizeof(k->path), "%s/%s", j->run_path, k->name) >= (int)sizeof(k->path) - 16 ||
	    snprintf(log_path, sizeof(log_path), "%s/%s", j->log_path, k->name) >= (int)sizeof(log_path))
		return err_errno(e, -ENAMETOOLONG, "%s", k->name);
	snprintf(k->work, sizeof(k->work), "%.*s/layers", (int)sizeof(k->work) - 16, k->path);
	snprintf(k->target, sizeof(k->target), "%.*s/rootfs", (int)sizeof(k->target) - 16, k->path);
	r = dir_make(AT_FDCWD, k->work);
	r = r < 0 ? r : dir_make(AT_FDCWD, k->target);
	r = r < 0 ? r : dir_make(AT_FDCWD, log_path);
	k->dir = r < 0 ? r : fd_open(AT_FDCWD, k->path, O_RDONLY | O_DIRECTORY);
	k->log_dir = k->dir < 0 ? k->dir : fd_open(AT_FDCWD, log_path, O_RDONLY | O_DIRECTORY);
	if (k->log_dir < 0)
		return err_errno(e, k->log_dir, "%s", k->path);
	r = box_log_open(&k->log, k->log_dir, KEEPER_LOG_BYTES, e);
	r = r < 0 ? r : mount_root(k, e);
	return r < 0 ? r : make_bundle(k, e);
}

static void run(struct keep *k)
{
	struct err e = { 0 };
	int r = prepare(k, &e);
	bool started;

	/* What a keeper that was killed has left has the name. */
	(void)!call(k, "delete", "--force", k->name);
	r = r < 0 ? r : start(k, &e);
	started = r == 0;
	if (started) {
		say(k, KEEPER_STARTED, k->pid, "");
		look_after(k);
		r = child_status(k->pid);
	}
	if (k->created)
		(void)!call(k, "delete", "--force", k->name);
	if (k->mounted)
		rootfs_unmount(&k->rootfs);
	box_log_close(&k->log);
	say(k, started ? KEEPER_ENDED : KEEPER_FAILED, started && r < 0 ? 255 : r, e.msg);
}

/* ---- the process ---- */

/* The agent's own descriptors are none of ours: its socket must end with it. */
static void close_others(const int *kept, size_t n)
{
	int fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		uint32_t v;
		bool keep = !num_u32(str_c(d->d_name), &v) || v <= STDERR_FILENO || (int)v == fd;

		for (size_t i = 0; i < n && !keep; i++)
			keep = (int)v == kept[i];
		if (!keep)
			close((int)v);
	}
	if (dir)
		closedir(dir);
}

static _Noreturn void live(const struct keeper_job *j, int words)
{
	const int kept[] = { words, j->netns, j->depot->data, j->depot->fixed };
	struct keep *k = xcalloc(1, sizeof(*k));
	sigset_t set;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_others(kept, ARRAY_LEN(kept));
	k->j = j;
	k->words = words;
	k->dir = k->log_dir = k->log.fd = -1;
	for (size_t i = 0; i < ARRAY_LEN(k->layers); i++)
		k->layers[i] = -1;
	for (size_t i = 0; i < 4; i++)
		k->ends[i / 2][i % 2] = -1;
	keeper_name(j->pod, j->container, k->name);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_SETMASK, &set, NULL);
	k->signals = signalfd(-1, &set, SFD_CLOEXEC);
	run(k);
	_exit(0);
}

int keeper_start(const struct keeper_job *j, pid_t *ret_pid, int *ret_fd, struct err *e)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "cannot make a pipe");
	pid = fork();
	if (pid == 0)
		live(j, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return err_errno(e, -errno, "cannot start a process");
	}
	*ret_pid = pid;
	*ret_fd = ends[0];
	return 0;
}

void keeper_sweep(const char *state_path)
{
	DIR *dir = opendir(state_path);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		struct runtime_call q = { .root = state_path, .args = { "delete", "--force", d->d_name } };

		if (d->d_name[0] != '.')
			(void)!runtime_call(&q, NULL, NULL);
	}
	if (dir)
		closedir(dir);
}
