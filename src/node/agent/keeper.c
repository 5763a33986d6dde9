/* keeper: one container of a pod. See keeper.h. */
#include "node/agent/keeper.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/capability.h"
#include "base/clock.h"
#include "engine/attend.h"
#include "engine/bundle.h"
#include "node/agent/child.h"
#include "node/agent/dm.h"
#include "node/verity.h"
#include "runtime/rootfs.h"
#include "sandbox/detach.h"

#define NAMES_BYTES_MAX (64u << 10) /* of the host's resolv.conf */
#define KILL_AGAIN_MS 200
#define CAPABILITIES "yagura.strict.capabilities"

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
	bool mounted;
	struct user_ids user;
	struct bundle bundle;
	struct attended a;
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
	const struct pod *p = k->j->pod;
	int r = user_find(k->target, user_text(k), &k->user, e);

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

static int add_names(struct keep *k, struct err *e)
{
	const struct bundle_place place = { k->dir, k->path, k->target, &k->arena };
	const char *address = k->j->address ? k->j->address : "127.0.1.1";
	struct str hosts = arena_fmt(&k->arena, "127.0.0.1 localhost\n%s %s\n", address, k->j->pod->hostname);
	auto_buf struct buf resolv = { 0 };
	int r = file_read(AT_FDCWD, "/etc/resolv.conf", NAMES_BYTES_MAX, &resolv, NULL);

	r = r < 0 ? 0 : bundle_etc_file(&k->bundle, &place, "resolv.conf", buf_all(&resolv), e);
	return r < 0 ? r : bundle_etc_file(&k->bundle, &place, "hosts", hosts, e);
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

/* Named to the runtime, so that one which the node's policy does not grant is an error. */
static struct str capability_words(struct keep *k)
{
	struct str words = STR("");

	for (unsigned int i = 0; capability_name(i); i++)
		if (k->j->container->security.capabilities >> i & 1)
			words = arena_fmt(&k->arena, STR_FMT "%s%s", STR_ARG(words), words.n ? " " : "",
					  capability_name(i));
	return words;
}

static void add_annotations(struct keep *k)
{
	const struct pod *p = k->j->pod;

	for (size_t i = 0; i < p->annotation_count; i++)
		if (str_starts(str_c(p->annotations[i].key), STR("yagura.")) &&
		    strcmp(p->annotations[i].key, CAPABILITIES) != 0)
			annotate(k, p->annotations[i].key, str_c(p->annotations[i].value));
	if (k->j->container->security.capabilities)
		annotate(k, CAPABILITIES, capability_words(k));
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
	b->apparmor = k->j->profile;
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

static int start(struct keep *k, struct err *e)
{
	const struct attend_container c = {
		.call = { .root = k->j->state_path, .log_kept = KEEPER_LOG_BYTES, .layers = k->j->layer_path },
		.bundle = k->path,
		.id = k->name,
		.bundle_fd = k->dir,
		.input = -1,
	};
	struct runtime_call q = { .root = k->j->state_path, .args = { "start", k->name } };
	int r = attend_create(&k->a, &c, e);

	return r < 0 ? r : runtime_call(&q, NULL, e);
}

/* The first SIGTERM asks the container to end and sets its time. */
static void ask_to_end(struct attend_watch *w, int number unused_arg, int pidfd unused_arg)
{
	const struct keep *k = w->ctx;

	if (w->late_ms)
		return;
	w->late_ms = clock_ms() + k->j->pod->grace_seconds * 1000ull;
	(void)!call(k, "kill", k->name, "TERM");
}

static void make_end(struct attend_watch *w)
{
	const struct keep *k = w->ctx;

	(void)!call(k, "kill", k->name, "KILL");
	w->late_ms = clock_ms() + KILL_AGAIN_MS;
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
	r = box_log_open(&k->a.log, k->log_dir, KEEPER_LOG_BYTES, e);
	r = r < 0 ? r : mount_root(k, e);
	return r < 0 ? r : make_bundle(k, e);
}

/* What a keeper that was killed has left has the name. */
static void take_away_remains(const struct keep *k)
{
	auto_close int state = fd_open(AT_FDCWD, k->j->state_path, O_RDONLY | O_DIRECTORY);

	if (state >= 0 && faccessat(state, k->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		(void)!call(k, "delete", "--force", k->name);
}

static void run(struct keep *k)
{
	struct err e = { 0 };
	int r = prepare(k, &e);
	bool started;

	take_away_remains(k);
	r = r < 0 ? r : start(k, &e);
	started = r == 0;
	if (started) {
		say(k, KEEPER_STARTED, k->a.pid, "");
		attend(&k->a, &(struct attend_watch){
				      .signals = k->signals, .signalled = ask_to_end, .late = make_end, .ctx = k });
		r = child_status(k->a.pid);
	}
	if (k->a.created)
		(void)!call(k, "delete", "--force", k->name);
	if (k->mounted)
		rootfs_unmount(&k->rootfs);
	attend_done(&k->a);
	say(k, started ? KEEPER_ENDED : KEEPER_FAILED, started && r < 0 ? 255 : r, e.msg);
}

/* ---- the process ---- */

static _Noreturn void live(const struct keeper_job *j, int words)
{
	struct keep *k = xcalloc(1, sizeof(*k));
	sigset_t set;

	k->j = j;
	k->words = words;
	k->dir = k->log_dir = -1;
	attend_init(&k->a);
	for (size_t i = 0; i < ARRAY_LEN(k->layers); i++)
		k->layers[i] = -1;
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
	const int kept[] = { j->netns, j->depot->data, j->depot->fixed };
	int fd;
	pid_t pid = child_fork(kept, ARRAY_LEN(kept), &fd, e);

	if (pid == 0)
		live(j, fd);
	if (pid < 0)
		return pid;
	*ret_pid = pid;
	*ret_fd = fd;
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
