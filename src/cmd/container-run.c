/* container-run: `yagura run`. */
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/quantity.h"
#include "codec/sha256.h"
#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "cmd/target.h"
#include "engine/admit.h"
#include "engine/engine.h"
#include "engine/log.h"
#include "runtime/policy.h"
#include "runtime/tier/tier.h"
#include "scan/data.h"
#include "scan/store.h"

#define NUMBER_TEXT_MAX 24
#define UNSAID UINT64_MAX /* of a choice: the option was not given */

static struct str arg_policy = STR(POLICY_DIR);
static struct str arg_name, arg_user, arg_directory, arg_hostname, arg_cpus;
static uint64_t arg_memory, arg_disk, arg_iops, arg_pids, arg_log_size, arg_network, arg_tier,
	arg_admit = UNSAID, arg_admit_severity = UNSAID;
static struct str arg_net_in, arg_net_out;
static struct option_list arg_env, arg_ports, arg_volumes;
static bool arg_detach, arg_terminal, arg_remove, arg_read_only, arg_compat, arg_admit_fixed, arg_admit_unassessed;

/* The order of enum engine_network, enum admit_action, enum severity. */
static const char *const networks[] = { "none", "nat", "host", NULL };
static const char *const actions[] = { "warn", "deny", "off", NULL };
static const char *const severities[] = { "unknown", "negligible", "low", "medium", "high", "critical", NULL };
static const char *const tiers[] = { "ns", "uml", "vm", NULL };

static const struct option run_options[] = {
	{ "detach", 'd', OPTION_FLAG, &arg_detach, NULL, "Go on in the background; the container's id is printed.",
	  NULL },
	{ "tty", 't', OPTION_FLAG, &arg_terminal, NULL, "Give the container this terminal.", NULL },
	{ "rm", 0, OPTION_FLAG, &arg_remove, NULL, "Remove the container when it has ended.", NULL },
	{ "name", 0, OPTION_TEXT, &arg_name, "NAME", "A name to find it by.", NULL },
	{ "env", 'e', OPTION_LIST, &arg_env, "NAME=VALUE", "A variable of the environment; repeatable.", NULL },
	{ "user", 'u', OPTION_TEXT, &arg_user, "USER[:GROUP]", "Instead of the image's.", NULL },
	{ "workdir", 'w', OPTION_TEXT, &arg_directory, "DIR", "Instead of the image's.", NULL },
	{ "hostname", 0, OPTION_TEXT, &arg_hostname, "NAME", "Default: the container's id.", NULL },
	{ "volume", 'v', OPTION_LIST, &arg_volumes, "HOST:CONTAINER[:ro|ext4|erofs]",
	  "A directory or file of the host; with `ext4` or `erofs` the file system in a file or on a block device, "
	  "for --tier uml and vm. `ro,ext4`: to be read only. Repeatable.",
	  NULL },
	{ "publish", 'p', OPTION_LIST, &arg_ports, "[IP:]HOST:CONTAINER[/udp]",
	  "A port of the host that leads to one of the container; nothing else reaches it. Repeatable.", NULL },
	{ "network", 0, OPTION_CHOICE, &arg_network, "KIND", "Default: nat with --publish, else none.", networks },
	{ "cpus", 0, OPTION_TEXT, &arg_cpus, "N", "Processors, such as 0.5.", NULL },
	{ "memory", 'm', OPTION_SIZE, &arg_memory, "SIZE", "Memory; there is no swap besides.", NULL },
	{ "pids", 0, OPTION_NUMBER, &arg_pids, "N", "Processes and threads.", NULL },
	{ "disk", 0, OPTION_SIZE, &arg_disk, "SIZE",
	  "What it may write into its root file system, such as 1Gi. Without: nothing.", NULL },
	{ "iops", 0, OPTION_NUMBER, &arg_iops, "N",
	  "Operations a second on that, reading and writing each. Needs --disk.", NULL },
	{ "net-in", 0, OPTION_TEXT, &arg_net_in, "RATE", "Bits a second, such as 10M.", NULL },
	{ "net-out", 0, OPTION_TEXT, &arg_net_out, "RATE", "Bits a second.", NULL },
	{ "log-size", 0, OPTION_SIZE, &arg_log_size, "SIZE",
	  "What is kept of its output, the newest of it: 128KiB to 256MiB. Default: the policy's word, else 16MiB.",
	  NULL },
	{ "tier", 0, OPTION_CHOICE, &arg_tier, "TIER",
	  "Isolation: namespaces, a second kernel (User-Mode Linux), a virtual machine.", tiers },
	{ "read-only", 0, OPTION_FLAG, &arg_read_only, NULL,
	  "Nothing of the root file system can be written, whatever --disk says.", NULL },
	{ "compat", 0, OPTION_FLAG, &arg_compat, NULL, "Without yagura-run's strict defaults.", NULL },
	{ "admit", 0, OPTION_CHOICE, &arg_admit, "WHAT",
	  "What follows from vulnerabilities: warn, deny, or off: do not look. Default: the policy's word, else warn.",
	  actions },
	{ "admit-severity", 0, OPTION_CHOICE, &arg_admit_severity, "LEVEL",
	  "From which severity on. Default: the policy's word, else high.", severities },
	{ "admit-fixed-only", 0, OPTION_FLAG, &arg_admit_fixed, NULL, "Only what an upgrade repairs counts.", NULL },
	{ "admit-unassessed", 0, OPTION_FLAG, &arg_admit_unassessed, NULL, "What could not be assessed counts too.",
	  NULL },
	{ "policy", 0, OPTION_TEXT, &arg_policy, "DIR", "The node's policy. Default: " POLICY_DIR ".", NULL },
	TARGET_IMAGE_ROWS,
	{ NULL },
};

static const struct example run_examples[] = {
	{ "yagura run --rm debian:12 cat /etc/os-release", "one command" },
	{ "yagura run -t --rm --disk 1Gi alpine.tar sh", "a shell, with a gigabyte to write into" },
	{ "yagura run -d --name web -p 8080:80 --memory 256M --cpus 0.5 nginx", "a server in the background" },
	{ "yagura run --tier uml oci:untrusted ./program", "under a kernel of its own" },
	{ NULL, NULL },
};

static const struct exit_row run_exits[] = {
	{ 0, "the container's own status; 128 + signal" },
	{ 2, "wrong usage" },
	{ 3, "it could not be started, or --admit deny refused it" },
	{ -1, NULL },
};

/* ---- what was asked for ---- */

/* "ro", "ext4", "ro,ext4" */
static bool read_volume_words(struct str words, struct bundle_mount *m)
{
	static const char *const types[] = { "ext4", "erofs" };

	for (struct str word; str_cut(&words, ',', &word);) {
		bool known = str_is(word, "ro");

		m->read_only |= known;
		for (size_t i = 0; i < ARRAY_LEN(types); i++)
			if (str_is(word, types[i])) {
				m->type = types[i];
				known = true;
			}
		if (!known)
			return false;
	}
	return true;
}

static int read_volume(struct str text, struct bundle_mount *m)
{
	struct str words = STR_NONE;

	*m = (struct bundle_mount){ .read_only = false };
	if (!str_split(text, ':', &m->source, &m->target))
		return cmd_usage("--volume: \"" STR_FMT "\" is not HOST:CONTAINER[:ro]", STR_ARG(text));
	(void)str_split(m->target, ':', &m->target, &words);
	if (!read_volume_words(words, m))
		return cmd_usage("--volume: \"" STR_FMT "\" is none of: ro, ext4, erofs", STR_ARG(words));
	if (!str_starts(m->source, STR("/")) || !str_starts(m->target, STR("/")))
		return cmd_usage("--volume: both paths are absolute");
	if (m->type && !arg_tier)
		return cmd_usage("--volume: what is in %.*s is not mounted by the host's kernel: --tier uml or vm",
				 STR_ARG(m->source));
	return 0;
}

static int read_volumes(struct bundle *b)
{
	int status = 0;

	for (size_t i = 0; i < arg_volumes.values.n && !status; i++)
		status = read_volume(arg_volumes.values.v[i], vec_add(&b->mounts));
	return status;
}

static void annotate(struct bundle *b, const char *key, struct str value)
{
	if (value.n)
		vec_push(&b->annotations, ((struct bundle_annotation){ key, value }));
}

/* Which ports these are the runtime has to know: it listens for the guest. Two of the host's may lead to one. */
static int lead_into_guest(struct engine_run *r)
{
	static char text[TIER_PORTS_MAX * sizeof("65535/udp,")];
	size_t n = 0;

	if (r->ports.v.n > TIER_PORTS_MAX)
		return cmd_usage("--tier %s: more than %d ports", tiers[arg_tier], TIER_PORTS_MAX);
	for (size_t i = 0; i < r->ports.v.n; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u%s", i ? "," : "", r->ports.v.v[i].container,
				      r->ports.v.v[i].udp ? "/udp" : "");
	}
	annotate(&r->bundle, "yagura.ports", str_n(text, n));
	return 0;
}

static int read_ports(struct engine_run *r)
{
	struct err e;

	if (arg_ports.values.n > NET_PORTS_MAX)
		return cmd_usage("more than %d ports", NET_PORTS_MAX);
	for (size_t i = 0; i < arg_ports.values.n; i++)
		if (net_port_parse(arg_ports.values.v[i], vec_add(&r->ports.v), &e) < 0)
			return cmd_usage("--publish: %s", e.msg);
	r->network = (enum engine_network)arg_network;
	if (arg_ports.values.n && r->network == NETWORK_NONE)
		r->network = NETWORK_NAT;
	if (arg_tier && r->network != NETWORK_NONE && !arg_ports.values.n)
		return cmd_usage("--tier %s: a guest has no network: nothing but what --publish says leads into it",
				 tiers[arg_tier]);
	if (arg_ports.values.n && r->network == NETWORK_HOST)
		return cmd_usage("with --network host there is nothing to publish");
	return arg_tier ? lead_into_guest(r) : 0;
}

static int read_rate(const char *option, struct str rate, uint64_t *ret)
{
	if (rate.n && (!quantity_parse(rate, 1, ret) || !*ret))
		return cmd_usage("--%s: \"" STR_FMT "\" is no rate (like 500k, 10M, 1G)", option, STR_ARG(rate));
	return 0;
}

/* Disk and network have no words in the OCI configuration: docs/limits-runtime.md. */
static int read_limits(struct bundle *b)
{
	static const char *const keys[] = { "yagura.disk.size", "yagura.disk.read-iops", "yagura.disk.write-iops",
					    "yagura.net.in", "yagura.net.out" };
	static char texts[ARRAY_LEN(keys)][NUMBER_TEXT_MAX];
	uint64_t values[ARRAY_LEN(keys)] = { arg_disk, arg_iops, arg_iops };
	int r;

	if (arg_cpus.n && (!quantity_parse(arg_cpus, 1000, &b->cpu_milli) || !b->cpu_milli))
		return cmd_usage("--cpus: \"" STR_FMT "\" is no number of processors", STR_ARG(arg_cpus));
	r = read_rate("net-in", arg_net_in, &values[3]);
	if (!r)
		r = read_rate("net-out", arg_net_out, &values[4]);
	b->memory_bytes = arg_memory;
	b->pids = arg_pids;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (values[i])
			snprintf(texts[i], sizeof(texts[i]), "%llu", (unsigned long long)values[i]);
		annotate(b, keys[i], str_c(texts[i]));
	}
	return r;
}

/* ---- what the image says ---- */

static void add_words(struct texts *to, const struct str *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vec_push(to, from[i]);
}

static bool has_variable(const struct texts *env, struct str name)
{
	for (size_t i = 0; i < env->n; i++)
		if (str_starts(env->v[i], name) && env->v[i].n > name.n && env->v[i].p[name.n] == '=')
			return true;
	return false;
}

/* The later of two of one name counts, as everywhere. */
static void fill_environment(struct bundle *b, const struct image_start *s)
{
	for (size_t i = 0; i < s->env.n; i++) {
		struct str name = s->env.v[i], value;
		struct texts given = { arg_env.values.v, arg_env.values.n, 0 };

		if (str_split(s->env.v[i], '=', &name, &value) && !has_variable(&given, name))
			vec_push(&b->env, s->env.v[i]);
	}
	add_words(&b->env, arg_env.values.v, arg_env.values.n);
	if (!has_variable(&b->env, STR("PATH")))
		vec_push(&b->env, STR("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	if (arg_terminal && !has_variable(&b->env, STR("TERM")))
		vec_push(&b->env, STR("TERM=xterm"));
}

/* OCI image-spec config.md: arguments take the place of Cmd; Entrypoint stays in front of both. */
static int fill_command(struct bundle *b, const struct image_start *s, const struct invocation *in)
{
	add_words(&b->args, s->entrypoint.v, s->entrypoint.n);
	if (in->args.n > 1)
		add_words(&b->args, in->args.v + 1, in->args.n - 1);
	else
		add_words(&b->args, s->command.v, s->command.n);
	if (!b->args.n)
		return cmd_usage("the image says no command, and none was given");
	return 0;
}

static struct str joined(const struct texts *words, struct arena *a)
{
	struct str all = STR("");

	for (size_t i = 0; i < words->n && all.n < 256; i++)
		all = arena_fmt(a, STR_FMT "%s" STR_FMT, STR_ARG(all), i ? " " : "",
				STR_ARG(str_head(words->v[i], 256)));
	return all;
}

static int fill(struct engine_run *r, const struct invocation *in, struct scan *s)
{
	const struct image_start *start = &s->image.info.start;
	int status = fill_command(&r->bundle, start, in);

	fill_environment(&r->bundle, start);
	r->bundle.directory = arg_directory.n ? arg_directory : start->directory;
	r->user_spec = arg_user.n ? arg_user : start->user;
	r->image = in->args.v[0];
	r->command = joined(&r->bundle.args, &s->image.info.arena);
	annotate(&r->bundle, "org.opencontainers.image.ref.name", r->image);
	return status;
}

/* ---- the image ---- */

/* The limit log.size: nobody but us can hold it, and the runtime asks how much we keep. */
static int read_log_size(const struct policy *p, const struct policy_selector *subject, uint64_t *ret)
{
	struct limit_policy rows[LIMITS];
	const struct limit_policy *row = &rows[LIMIT_LOG];
	uint64_t bytes = arg_log_size ? arg_log_size : LOG_BYTES_DEFAULT;

	policy_limits(p, subject, rows);
	if (!arg_log_size && row->fallback.from != LIMIT_UNSET && row->fallback.v < LOG_BYTES_MAX)
		bytes = row->fallback.v;
	if (row->ceiling.from != LIMIT_UNSET && bytes > row->ceiling.v && arg_log_size)
		return cmd_usage("--log-size: the node's policy allows less");
	if (row->ceiling.from != LIMIT_UNSET && bytes > row->ceiling.v)
		bytes = row->ceiling.v;
	if (bytes < LOG_BYTES_MIN || bytes > LOG_BYTES_MAX)
		return cmd_usage("--log-size: not %u to %u bytes", LOG_BYTES_MIN, LOG_BYTES_MAX);
	*ret = bytes;
	return EXIT_CLEAN;
}

/* The node's policy, and what was said here besides: that may be stricter. Words count from 1 there, 0 is none. */
static int read_policy(struct str image, struct admit_policy *ret, uint64_t *ret_log_bytes)
{
	static const unsigned int strictness[] = { [ADMIT_OFF] = 0, [ADMIT_WARN] = 1, [ADMIT_DENY] = 2 };
	const struct policy_selector subject = { .runtime = STR("yagura-run"), .image = image };
	auto_arena struct arena a = { 0 };
	auto_policy struct policy p = { 0 };
	struct err e = { 0 };
	unsigned int action, severity;
	int status;

	if (policy_load(arg_policy.p, &a, &p, &e) < 0)
		return cmd_fail(&e);
	status = read_log_size(&p, &subject, ret_log_bytes);
	if (status)
		return status;
	action = policy_choice(&p, &subject, POLICY_ADMIT);
	severity = policy_choice(&p, &subject, POLICY_ADMIT_SEVERITY);
	*ret = (struct admit_policy){
		.action = arg_admit != UNSAID ? (enum admit_action)arg_admit
			  : action	      ? (enum admit_action)(action - 1)
					      : ADMIT_WARN,
		.severity = severity			   ? (enum severity)(severity - 1)
			    : arg_admit_severity != UNSAID ? (enum severity)arg_admit_severity
							   : SEV_HIGH,
		.fixed_only = policy_choice(&p, &subject, POLICY_ADMIT_FIXED_ONLY) == 2 || arg_admit_fixed,
		.unassessed = policy_choice(&p, &subject, POLICY_ADMIT_UNASSESSED) == 2 || arg_admit_unassessed,
	};
	if (action && strictness[ret->action] < strictness[action - 1])
		return cmd_usage("--admit: the node's policy is stricter for " STR_FMT, STR_ARG(image));
	return EXIT_CLEAN;
}

static bool admitted(const struct admit_policy *policy, const struct scan *s, struct str image)
{
	char line[ADMIT_LINE_MAX];
	bool may;

	if (policy->action == ADMIT_OFF)
		return true;
	may = admit_judge(policy, &s->verdict, line);
	if (!may || !arg_quiet)
		fprintf(stderr, "yagura: " STR_FMT ": %s\n", STR_ARG(image), line);
	return may;
}

static int absolute_directory(int fd, char path[PATH_MAX], struct err *e)
{
	char self[64];
	ssize_t n;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	n = readlink(self, path, PATH_MAX - 1);
	if (n < 0)
		return err_errno(e, -errno, "the root file system's directory");
	path[n] = 0;
	return 0;
}

static int start(struct engine_run *r, int *status, struct err *e)
{
	char id[BOX_ID_BYTES + 1] = "";
	int result = engine_run(r, status, id, e);

	if (result == 0 && r->detach) {
		printf("%s\n", id);
		*status = EXIT_CLEAN;
	}
	return result;
}

/* The layers of an image name its tree. */
static void tree_digest(const struct image *img, char text[DIGEST_TEXT_MAX])
{
	struct sha256 sum;
	struct digest all;

	sha256_init(&sum);
	for (size_t i = 0; i < img->info.layers.n; i++) {
		digest_text(&img->info.layers.v[i].diff_id, text);
		sha256_add(&sum, text, strlen(text));
	}
	sha256_end(&sum, &all);
	digest_text(&all, text);
}

/* Without rights nothing can be mounted: the layers are unpacked, once. */
static int run_tree(struct engine_run *r, const struct image *img, const int *layers, int *status, struct err *e)
{
	auto_close int data = data_open(arg_z(arg_data), true, e), store = -1, lock = -1;
	char digest[DIGEST_TEXT_MAX], name[TREE_NAME_BYTES], path[PATH_MAX];
	int result;

	if (data < 0)
		return data;
	store = fd_open(data, STORE_DIR_NAME, O_RDONLY | O_DIRECTORY);
	if (store < 0)
		return err_errno(e, store, "store of images");
	tree_digest(img, digest);
	result = tree_get(store, layers, img->info.layers.n, r->ids, str_from(str_c(digest), strlen("sha256:")), name,
			  &lock, e);
	result = result < 0 ? result : absolute_directory(store, path, e);
	if (result < 0)
		return result;
	if (strlen(path) + sizeof("/trees/") + strlen(name) > sizeof(path))
		return err_errno(e, -ENAMETOOLONG, "%s", path);
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/trees/%s", name);
	r->directory = path;
	result = start(r, status, e);
	r->directory = NULL;
	return result;
}

static int run_image(struct engine_run *r, struct scan *s, int *status, struct err *e)
{
	size_t n = s->image.info.layers.n;
	auto_free int *layers = xcalloc(n + 1, sizeof(*layers));
	struct progress_bar bar;
	int result;

	progress_start(&bar, STDERR_FILENO, arg_quiet);
	result = store_layers(arg_z(arg_data), &s->image, layers, &bar.progress, e);
	progress_end(&bar);
	if (result < 0)
		return result;
	if (r->ids) {
		result = run_tree(r, &s->image, layers, status, e);
	} else {
		r->layers = layers;
		r->layer_count = n;
		result = start(r, status, e);
	}
	for (size_t i = 0; i < n; i++)
		fd_close(&layers[i]);
	return result;
}

static int run_directory(struct engine_run *r, struct scan *s, int *status, struct err *e)
{
	char path[PATH_MAX];
	int result = absolute_directory(s->image.root_fd, path, e);

	if (result < 0)
		return result;
	r->directory = path;
	result = start(r, status, e);
	r->directory = NULL;
	return result;
}

static int run_scanned(struct engine_run *r, const struct invocation *in, const struct admit_policy *policy,
		       struct scan *s)
{
	struct err e = { 0 };
	int result, status = fill(r, in, s);

	if (status)
		return status;
	if (s->image.info.kind == IMAGE_HOST)
		return cmd_usage("the host cannot be run");
	if (!admitted(policy, s, in->args.v[0]))
		return EXIT_COULD_NOT;
	result = s->image.root_fd >= 0 ? run_directory(r, s, &status, &e) : run_image(r, s, &status, &e);
	return result < 0 ? cmd_fail(&e) : status;
}

static int read_options(struct engine_run *r)
{
	int status = read_volumes(&r->bundle);

	status = status ? status : read_ports(r);
	status = status ? status : read_limits(&r->bundle);
	if (!status && arg_detach && arg_terminal)
		status = cmd_usage("--tty and --detach exclude each other");
	if (!status && arg_name.n > BOX_NAME_MAX)
		status = cmd_usage("a name has at most %d bytes", BOX_NAME_MAX);
	return status;
}

static int scan_and_run(struct engine_run *r, const struct invocation *in, const struct admit_policy *policy)
{
	struct str image = in->args.v[0];
	struct db *db = NULL;
	struct scan s;
	int status = policy->action == ADMIT_OFF ? target_read(&s, image) : target_scan(&s, &db, image);

	if (status)
		return status;
	status = run_scanned(r, in, policy, &s);
	scan_done(&s);
	db_free(db);
	return status;
}

static int container_run(const struct invocation *in)
{
	struct engine_run r = {
		.data_path = arg_z(arg_data),
		.name = arg_name,
		.tier = tiers[arg_tier],
		.detach = arg_detach,
		.remove = arg_remove,
		.compat = arg_compat,
		.bundle = { .hostname = arg_z(arg_hostname),
			    .terminal = arg_terminal,
			    .read_only = arg_read_only || !arg_disk },
	};
	struct admit_policy policy;
	struct tree_ids ids;
	int status = read_options(&r);

	if (geteuid() != 0) {
		tree_ids_of_user(&ids);
		r.ids = &ids;
	}

	status = status ? status : read_policy(in->args.v[0], &policy, &r.log_bytes);
	status = status ? status : scan_and_run(&r, in, &policy);
	bundle_done(&r.bundle);
	vec_done(&r.ports.v);
	return status;
}

const struct command run_command = {
	.name = "run",
	.arguments = "IMAGE|ROOTFS [COMMAND...]",
	.summary = "run a container of an image or of a root file system",
	.details = "The image is looked at as `yagura scan` would, then its layers are kept as file systems that are "
		   "mounted, not unpacked, and "
		   "yagura-run starts the container with every limit enforced. Options stand before the image; what "
		   "follows it is the container's.",
	.min = 1,
	.max = 4096,
	.options = run_options,
	.examples = run_examples,
	.exits = run_exits,
	.run = container_run,
	.in_order = true,
};
