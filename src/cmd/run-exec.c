/* run-exec: exec. */
#include <fcntl.h>
#include <unistd.h>

#include "base/capability.h"
#include "base/num.h"
#include "cmd/run.h"
#include "cmd/run-front.h"

#define EXEC_FAILED 255 /* as runc: 1 would be taken for the program's own status */
#define ARGUMENTS_MAX 65536

static struct str arg_process, arg_console_socket, arg_pid_file, arg_pidfd_socket, arg_cwd, arg_user, arg_label,
	arg_apparmor;
static struct option_list arg_env, arg_caps, arg_groups, arg_cgroups;
static bool arg_detach, arg_tty, arg_no_new_privs, arg_ignore_paused;
static uint64_t arg_preserve_fds;

static const struct option exec_options[] = {
	{ "process", 'p', OPTION_TEXT, &arg_process, "FILE",
	  "The process as the OCI configuration describes one (JSON); then no command is given.", NULL },
	{ "detach", 'd', OPTION_FLAG, &arg_detach, NULL, "Return when the program runs.", NULL },
	{ "tty", 't', OPTION_FLAG, &arg_tty, NULL, "Give it a terminal.", NULL },
	{ "user", 'u', OPTION_TEXT, &arg_user, "UID[:GID]", "As whom, in numbers. Default: as the container's program.",
	  NULL },
	{ "additional-gids", 'g', OPTION_LIST, &arg_groups, "GID", "A further group; may be given several times.",
	  NULL },
	{ "cwd", 0, OPTION_TEXT, &arg_cwd, "PATH", "Working directory inside the container.", NULL },
	{ "env", 'e', OPTION_LIST, &arg_env, "NAME=VALUE", "Added to the environment; may be given several times.",
	  NULL },
	{ "cap", 'c', OPTION_LIST, &arg_caps, "CAP",
	  "Add a capability (with --compat, or what strict mode left); may be given several times.", NULL },
	{ "no-new-privs", 0, OPTION_FLAG, &arg_no_new_privs, NULL, "No program it starts gains privileges.", NULL },
	{ "process-label", 0, OPTION_TEXT, &arg_label, "LABEL", "SELinux label.", NULL },
	{ "apparmor", 0, OPTION_TEXT, &arg_apparmor, "PROFILE", "AppArmor profile.", NULL },
	{ "console-socket", 0, OPTION_TEXT, &arg_console_socket, "FILE", "UNIX socket that receives its terminal.",
	  NULL },
	{ "pid-file", 0, OPTION_TEXT, &arg_pid_file, "FILE", "Where to write its process id.", NULL },
	{ "preserve-fds", 0, OPTION_NUMBER, &arg_preserve_fds, "N",
	  "Hand on N descriptors besides 0, 1, 2 (and those of $LISTEN_FDS).", NULL },
	{ "cgroup", 0, OPTION_LIST, &arg_cgroups, "[CONTROLLER,...:]PATH",
	  "A group below the container's own to put it into; with controllers (cgroup v1) it is repeatable.", NULL },
	{ "pidfd-socket", 0, OPTION_TEXT, &arg_pidfd_socket, "FILE",
	  "UNIX socket that receives a pidfd of the process.", NULL },
	{ "ignore-paused", 0, OPTION_FLAG, &arg_ignore_paused, NULL, "Also in a paused container: it then waits.",
	  NULL },
	{ .name = NULL },
};

static int user_of(struct oci_process *p, struct err *e)
{
	struct str uid = arg_user, gid = STR_NONE;
	bool both = str_split(arg_user, ':', &uid, &gid);

	if (!arg_user.n)
		return 0;
	if (!num_u32(uid, &p->uid) || (both && !num_u32(gid, &p->gid)))
		return err_set(e, -EINVAL, "--user: \"" STR_FMT "\" is not UID or UID:GID in numbers",
			       STR_ARG(arg_user));
	return 0;
}

static int groups_of(struct arena *a, struct oci_process *p, struct err *e)
{
	size_t n = arg_groups.values.n;
	uint32_t *all = arena_array(a, uint32_t, p->group_count + n);

	if (p->group_count)
		memcpy(all, p->groups, p->group_count * sizeof(*all));
	for (size_t i = 0; i < n; i++)
		if (!num_u32(arg_groups.values.v[i], &all[p->group_count + i]))
			return err_set(e, -EINVAL, "--additional-gids: \"" STR_FMT "\" is no number",
				       STR_ARG(arg_groups.values.v[i]));
	p->groups = all;
	p->group_count += n;
	return 0;
}

static int caps_of(const struct container *c, struct oci_process *p, struct err *e)
{
	for (size_t i = 0; i < arg_caps.values.n; i++) {
		bool known;
		uint64_t bit;

		known = capability_bit(arg_caps.values.v[i], &bit);
		if (!known && !c->state.compat)
			return err_set(e, -EINVAL, "--cap: \"" STR_FMT "\" is no capability",
				       STR_ARG(arg_caps.values.v[i]));
		if (!known) {
			run_log(RUN_WARNING, "--cap: this runtime does not know " STR_FMT "; it is dropped",
				STR_ARG(arg_caps.values.v[i]));
			continue;
		}
		p->caps.set = true;
		p->caps.bounding |= bit;
		p->caps.effective |= bit;
		p->caps.permitted |= bit;
		if (p->caps.inheritable) /* ambient ones need inheritable ones, which nobody asked for here */
			p->caps.ambient |= bit & p->caps.inheritable;
	}
	return 0;
}

static struct strings strings_of(struct arena *a, const struct str *words, size_t n)
{
	const char **v = arena_array(a, const char *, n + 1);

	for (size_t i = 0; i < n; i++)
		v[i] = words[i].p; /* words of argv */
	return (struct strings){ v, n };
}

static struct str variable_name(const char *text)
{
	struct str s = str_c(text), name;

	return str_cut(&s, '=', &name) ? name : s;
}

/* Each variable once, the last one counts: programs that look for one take the first. */
static void env_add(struct arena *a, struct strings *env, const struct str *more, size_t n)
{
	const char **v = arena_array(a, const char *, env->n + n + 1);
	size_t kept = 0;

	for (size_t i = 0; i < env->n + n; i++) {
		const char *text = i < env->n ? env->v[i] : more[i - env->n].p;
		bool again = false;

		for (size_t k = i < env->n ? 0 : i - env->n + 1; k < n && !again; k++)
			again = str_eq(variable_name(text), variable_name(more[k].p));
		if (!again)
			v[kept++] = text;
	}
	*env = (struct strings){ v, kept };
}

/* The container's own process, with what the options change. */
static int from_options(const struct invocation *in, struct container *c, struct oci_process *p, struct err *e)
{
	int r;

	*p = c->config.process;
	if (in->args.n < 2)
		return err_set(e, -EINVAL, "exec needs a command, or --process");
	p->args = strings_of(&c->arena, in->args.v + 1, in->args.n - 1);
	env_add(&c->arena, &p->env, arg_env.values.v, arg_env.values.n);
	p->terminal = arg_tty;
	if (arg_cwd.n && *arg_cwd.p != '/')
		return err_set(e, -EINVAL, "--cwd: \"" STR_FMT "\" is no absolute path", STR_ARG(arg_cwd));
	if (arg_cwd.n)
		p->cwd = arg_cwd.p;
	if (arg_label.n)
		p->selinux = arg_label.p;
	if (arg_apparmor.n)
		p->apparmor = arg_apparmor.p;
	p->no_new_privileges |= arg_no_new_privs;
	r = user_of(p, e);
	if (r >= 0)
		r = groups_of(&c->arena, p, e);
	return r < 0 ? r : caps_of(c, p, e);
}

static int from_file(struct container *c, struct oci_process *p, struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct oci_warnings w = { .compat = c->state.compat };
	int r = file_read(AT_FDCWD, arg_process.p, CONFIG_BYTES_MAX, &text, e);

	if (r >= 0)
		r = oci_process_parse(buf_all(&text), &c->arena, p, &w, e);
	run_warnings(&w);
	if (r >= 0 && !p->args.n)
		r = err_set(e, -EBADMSG, "process.args: there is no program to run");
	/* As with runc: what confines the container confines what is executed in it, unless that names its own. */
	if (r >= 0 && !p->apparmor && !p->selinux) {
		p->apparmor = c->config.process.apparmor;
		p->selinux = c->config.process.selinux;
	}
	return r < 0 ? err_wrap(e, r, STR_FMT, STR_ARG(arg_process)) : 0;
}

static int exec_in(const struct invocation *in, struct container *c, struct front *f, struct launched *ret,
		   struct err *e)
{
	struct oci_process process;
	struct container_exec how = {
		.process = &process,
		.console_socket = run_z(arg_console_socket),
		.own_console = arg_detach ? NULL : &f->socket,
		.pid_file = run_z(arg_pid_file),
		.pidfd_socket = run_z(arg_pidfd_socket),
		.ignore_paused = arg_ignore_paused,
		.own_watch = arg_detach ? NULL : &f->watch,
	};
	int r = container_config(c, e);

	const char **groups = arena_array(&c->arena, const char *, arg_cgroups.values.n);

	for (size_t i = 0; i < arg_cgroups.values.n; i++)
		groups[i] = arg_cgroups.values.v[i].p;
	how.cgroups = (struct strings){ groups, arg_cgroups.values.n };
	if (r >= 0)
		r = run_preserved(arg_preserve_fds, c->state.compat, &how.preserve_fds, &how.listen_fds, e);
	if (r >= 0)
		r = arg_process.n ? from_file(c, &process, e) : from_options(in, c, &process, e);
	return r < 0 ? r : container_exec(c, &how, ret, e);
}

static int exec_run(const struct invocation *in)
{
	auto_runtime struct runtime rt = { .root_fd = -1 };
	auto_container struct container c = { .dir_fd = -1, .bundle_fd = -1 };
	struct launched process = { -1, -1 };
	struct front f = FRONT_NONE;
	struct err e = { 0 }, left = { 0 };
	int r = run_container(in, &rt, true, &c, &e);

	if (r >= 0 && !arg_detach && arg_console_socket.n)
		r = err_set(&e, -EINVAL,
			    "--console-socket needs --detach: in the foreground this program is the console");
	if (r >= 0 && !arg_detach)
		r = front_begin(&f, &e);
	if (r >= 0)
		r = exec_in(in, &c, &f, &process, &e);
	if (r >= 0 && !arg_detach) {
		container_unlock(&c); /* others may work on it while this one runs */
		r = front_console(&f, &e);
		if (r >= 0)
			r = front_wait(&f, &process, &e);
		if (watcher_leave(&f.watch, &left) < 0)
			run_log(RUN_WARNING, "what it left running: %s", left.msg);
	}
	front_end(&f);
	fd_close(&process.pidfd);
	if (r >= 0)
		return r;
	err_wrap(&e, r, "exec failed");
	run_fail(&e);
	return EXEC_FAILED;
}

static const struct exit_row exec_exits[] = {
	{ 0, "the program ended with 0 (with --detach: it runs)" },
	{ 128, "128 + N: signal N ended the program; any other status is the program's" },
	{ EXEC_FAILED, "it could not be started" },
	{ -1, NULL },
};
static const struct example exec_examples[] = {
	{ "yagura-run exec -t web sh", "a shell inside" },
	{ "yagura-run exec --user 1000:1000 --cwd /tmp web id", "as somebody else" },
	{ NULL, NULL },
};

const struct command run_exec_command = {
	.name = "exec",
	.arguments = "ID [COMMAND...]",
	.summary = "run a further program in a container",
	.details = "It gets the namespaces, the control group, the filter and the limits of the container. What stands "
		   "behind ID "
		   "is the program's: options of this command stand before.",
	.min = 1,
	.max = ARGUMENTS_MAX,
	.options = exec_options,
	.examples = exec_examples,
	.exits = exec_exits,
	.run = exec_run,
	.in_order = true,
};
