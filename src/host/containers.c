/* containers: what Docker's containers were given, as Docker keeps it: /var/lib/docker/containers/ID/hostconfig.json,
 * those that do not run at the moment as well. */
#include <dirent.h>
#include <fcntl.h>

#include "base/json.h"
#include "host/host.h"
#include "host/rule.h"

#define CONTAINERS_PATH "var/lib/docker/containers"
#define CONTAINERS_MAX 4096 /* that are looked at; more than a host has */
#define ID_SHOWN 12	    /* as Docker shows them */

struct container {
	char id[ID_SHOWN + 1];
	struct str config; /* the text of an object */
};

struct containers {
	bool missing, cut; /* cut: some could not be read */
	struct arena arena;
	VEC(struct container) v;
};

/* One that cannot be read as a whole would seem to have nothing it should not have. */
static bool is_object(struct str text, struct arena *a)
{
	struct json j;

	json_init(&j, text, a);
	json_skip(&j);
	return str_starts(str_trim(text), STR("{")) && json_finish(&j, NULL) == 0;
}

static void add(struct containers *c, struct host *h, const char *name)
{
	auto_buf struct buf text = { 0 };
	char path[512];
	bool missing;

	snprintf(path, sizeof(path), CONTAINERS_PATH "/%.255s/hostconfig.json", name);
	if (!host_read(h, path, &text, &missing) || !is_object(buf_all(&text), &c->arena)) {
		c->cut |= !missing;
		return;
	}
	struct container *one = vec_add(&c->v);

	*one = (struct container){ .config = arena_str(&c->arena, buf_all(&text)) };
	snprintf(one->id, sizeof(one->id), "%.*s", ID_SHOWN, name);
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void containers_open(struct host *h)
{
	struct containers *c = xcalloc(1, sizeof(*c));
	struct dirent **names = NULL;
	int n = scandirat(h->root, CONTAINERS_PATH, &names, visible, alphasort);

	c->missing = n < 0 && (errno == ENOENT || errno == ENOTDIR);
	c->cut = (n < 0 && !c->missing) || n > CONTAINERS_MAX;
	for (int i = 0; i < n; i++) {
		if (i < CONTAINERS_MAX)
			add(c, h, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	h->cache = c;
}

static void containers_close(struct host *h)
{
	struct containers *c = h->cache;

	vec_done(&c->v);
	arena_done(&c->arena);
	free(c);
}

/* One of the words, which are separated by blanks, is in the text. */
static bool has_one(struct str text, struct str words)
{
	for (struct str word; str_cut(&words, ' ', &word);)
		if (word.n && str_find_str(text, word) >= 0)
			return true;
	return false;
}

static bool is_empty(struct str value)
{
	return str_is(value, "") || str_is(value, "null") || str_is(value, "[]") || str_is(value, "\"\"") ||
	       str_is(value, "0");
}

/* what: "KEY=VALUE": it must be so. "KEY+": a number above 0. "KEY~WORD WORD": one of the words is in it. "!KEY":
 * nothing may be there. "!KEY=VALUE": it must not be so. "!KEY~WORD WORD": none of the words is in it. */
static bool is_right(struct str what, struct str value)
{
	bool negated = str_starts(what, STR("!")), is;
	struct str key, want;

	if (str_ends(what, STR("+")))
		return !is_empty(value) && !str_starts(value, STR("-"));
	if (str_split(what, '~', &key, &want))
		is = has_one(value, want);
	else if (str_split(what, '=', &key, &want))
		is = str_eq(value, want);
	else
		is = !is_empty(value);
	return is != negated;
}

static struct str key_of(struct str what)
{
	size_t n;

	if (str_starts(what, STR("!")))
		what = str_from(what, 1);
	for (n = 0; n < what.n && !strchr("=~+", what.p[n]);)
		n++;
	return str_head(what, n);
}

static enum check_result judge(struct host *h, const struct host_rule *r)
{
	struct containers *c = h->cache;
	struct str what = str_c(r->what), key = key_of(what);
	enum check_result result = c->cut ? CHECK_UNKNOWN : CHECK_PASS;

	if (c->missing || (!c->v.n && !c->cut))
		return CHECK_NONE;
	for (size_t i = 0; i < c->v.n; i++) {
		struct str value = STR("");

		(void)!host_member(c->v.v[i].config, &c->arena, key, &value);
		if (is_right(what, value))
			continue;
		host_say(h, str_c(c->v.v[i].id));
		result = CHECK_FAIL;
	}
	return result;
}

#define HOST_OF(id, level, title, why, what)                                                              \
	{                                                                                                 \
		id, level, title, why, "Make the containers that are named anew, without it", judge, what \
	}
#define LIMIT(id, level, title, why, fix, what)         \
	{                                               \
		id, level, title, why, fix, judge, what \
	}
static const struct host_rule rules[] = {
	HOST_OF("container.privileged", 1, "no container of Docker's is privileged", "Its root is root of the host.",
		"!Privileged=true"),
	HOST_OF("container.unconfined", 1, "containers keep their system call filter and their profile",
		"What holds them when the rest fails is off.", "!SecurityOpt~unconfined label=disable label:disable"),
	HOST_OF("container.capabilities", 1, "no container has more capabilities than Docker's own list",
		"Each is a right over the host or its network.", "!CapAdd"),
	HOST_OF("container.network", 1, "no container is in the host's network",
		"It reaches what listens on loopback, and changes interfaces with one capability.",
		"!NetworkMode=\"host\""),
	HOST_OF("container.pid", 1, "no container sees the host's processes", "It can end and trace them.",
		"!PidMode=\"host\""),
	HOST_OF("container.ipc", 1, "no container shares the host's memory segments", "It reads what others exchange.",
		"!IpcMode=\"host\""),
	HOST_OF("container.uts", 1, "no container can change the host's name", "Logs would name another host.",
		"!UTSMode=\"host\""),
	HOST_OF("container.user", 1, "no container opts out of the mapping of users", "Its root is root of the host.",
		"!UsernsMode=\"host\""),
	HOST_OF("container.engine-socket", 1, "no container has an engine's socket",
		"Whoever speaks to the engine is root on the host.",
		"!Binds~docker.sock containerd.sock podman.sock crio.sock"),
	HOST_OF("container.host-binds", 1, "no container has a directory of the system's",
		"What it writes there the host runs.",
		"!Binds~\"/: \"/boot: \"/dev: \"/etc: \"/lib: \"/proc: \"/sys: \"/usr: \"/var/lib/docker:"),
	HOST_OF("container.host-mounts", 1, "no container has one, or an engine's socket, as a mount",
		"What it writes there the host runs.",
		"!Mounts~\"Source\":\"/\" \"Source\":\"/boot\" \"Source\":\"/dev\" \"Source\":\"/etc\" "
		"\"Source\":\"/lib\" "
		"\"Source\":\"/proc\" \"Source\":\"/sys\" \"Source\":\"/usr\" \"Source\":\"/var/lib/docker\" "
		"docker.sock "
		"containerd.sock podman.sock crio.sock"),
	HOST_OF("container.devices", 2, "no container has a device of the host's", "A driver is the kernel.",
		"!Devices"),
	LIMIT("container.memory", 1, "every container has a limit of memory", "One of them takes all there is.",
	      "docker update --memory", "Memory+"),
	LIMIT("container.pids", 1, "every container has a limit of processes", "A fork bomb stops the host.",
	      "docker update --pids-limit", "PidsLimit+"),
	LIMIT("container.no-new-privileges", 1, "processes in containers cannot gain rights",
	      "Set-user-id programs in images give nothing.",
	      "--security-opt no-new-privileges, or the daemon's setting", "SecurityOpt~no-new-privileges"),
	LIMIT("container.read-only", 2, "containers cannot write their root file system", "What breaks in cannot stay.",
	      "--read-only, with volumes for what is written", "ReadonlyRootfs=true"),
};
const struct host_section containers_section = { "Docker's containers", rules, ARRAY_LEN(rules), containers_open,
						 containers_close };
