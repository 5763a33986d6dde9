/* docker: how container engines are set up: Docker's daemon.json, and who may speak to an engine. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "host/host.h"
#include "host/rule.h"

struct daemon {
	bool installed, readable;
	struct buf text;
	struct arena arena;
};

static void daemon_open(struct host *h)
{
	static const char *const programs[] = { "usr/bin/dockerd", "usr/sbin/dockerd", "usr/local/bin/dockerd" };
	struct daemon *d = xcalloc(1, sizeof(*d));
	bool missing;

	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		d->installed = d->installed || faccessat(h->root, programs[i], F_OK, 0) == 0;
	d->readable = host_read(h, "etc/docker/daemon.json", &d->text, &missing) || missing;
	h->cache = d;
}

static void daemon_close(struct host *h)
{
	struct daemon *d = h->cache;

	buf_done(&d->text);
	arena_done(&d->arena);
	free(d);
}

static bool member(struct daemon *d, struct str name, struct str *ret)
{
	return host_member(buf_all(&d->text), &d->arena, name, ret);
}

/* what: "KEY=VALUE": it must be so; "KEY=*": it must be there; "KEY!=VALUE": it must not be so; "!KEY": it must not be
 * there. */
static enum check_result judge_daemon(struct host *h, const struct host_rule *r)
{
	struct daemon *d = h->cache;
	struct str what = str_c(r->what), name, want = STR_NONE, value = STR("absent");
	bool negated = str_starts(what, STR("!")), there;

	if (!d->installed)
		return CHECK_NONE;
	if (!d->readable)
		return CHECK_UNKNOWN;
	name = negated ? str_from(what, 1) : what;
	(void)!str_split(name, '=', &name, &want);
	there = member(d, name, &value);
	host_say(h, value);
	if (str_ends(name, STR("!")))
		return !member(d, str_head(name, name.n - 1), &value) || !str_eq(value, want) ? CHECK_PASS : CHECK_FAIL;
	if (negated)
		return there && !str_is(value, "[]") ? CHECK_FAIL : CHECK_PASS;
	return there && (str_is(want, "*") || str_eq(value, want)) ? CHECK_PASS : CHECK_FAIL;
}

/* An address that speaks TCP without certificates. */
static enum check_result judge_hosts(struct host *h, const struct host_rule *r unused_arg)
{
	struct daemon *d = h->cache;
	struct str hosts = STR(""), verify = STR("");

	if (!d->installed)
		return CHECK_NONE;
	if (!d->readable)
		return CHECK_UNKNOWN;
	(void)!member(d, STR("hosts"), &hosts);
	(void)!member(d, STR("tlsverify"), &verify);
	host_say(h, hosts);
	return str_find_str(hosts, STR("tcp://")) >= 0 && !str_is(verify, "true") ? CHECK_FAIL : CHECK_PASS;
}

/* what: path of a socket or file that only root and its group may use. */
static enum check_result judge_private(struct host *h, const struct host_rule *r)
{
	struct stat st;
	char said[40];

	if (fstatat(h->root, r->what, &st, 0) < 0)
		return errno == ENOENT ? CHECK_NONE : CHECK_UNKNOWN;
	snprintf(said, sizeof(said), "%04o, owner %u:%u", (unsigned int)st.st_mode & 07777, st.st_uid, st.st_gid);
	host_say(h, str_c(said));
	return st.st_uid == 0 && !(st.st_mode & 0007) ? CHECK_PASS : CHECK_FAIL;
}

#define CONTROL "Whoever can speak to the engine is root on this host."
#define DAEMON(id, level, title, why, fix, what)                                           \
	{                                                                                  \
		id, level, title, why, "/etc/docker/daemon.json: " fix, judge_daemon, what \
	}
static const struct host_rule docker_rules[] = {
	DAEMON("docker.icc", 1, "containers of Docker's bridge cannot reach each other unasked",
	       "One that is taken over finds no neighbours.", "\"icc\": false", "icc=false"),
	DAEMON("docker.userns", 2, "Docker maps root of containers to another user",
	       "Who breaks out of a container is nobody outside.", "\"userns-remap\": \"default\"", "userns-remap=*"),
	DAEMON("docker.no-new-privileges", 1, "processes in Docker's containers cannot gain rights",
	       "Set-user-id programs in images give nothing.", "\"no-new-privileges\": true", "no-new-privileges=true"),
	DAEMON("docker.live-restore", 1, "containers survive a restart of the daemon",
	       "Updates of Docker need no outage, so they happen.", "\"live-restore\": true", "live-restore=true"),
	DAEMON("docker.userland-proxy", 1, "no process of Docker's stands in published connections",
	       "The kernel's rules do the same with less code that is reachable.", "\"userland-proxy\": false",
	       "userland-proxy=false"),
	DAEMON("docker.log-limits", 1, "the logs of Docker's containers are bounded",
	       "A container that prints without end fills the disk.",
	       "\"log-opts\": { \"max-size\": \"10m\", \"max-file\": \"3\" }", "log-opts=*"),
	DAEMON("docker.insecure-registries", 1, "Docker trusts no registry without a certificate",
	       "Anybody on the way could give it other images.", "no \"insecure-registries\"", "!insecure-registries"),
	DAEMON("docker.ulimits", 2, "Docker's containers have limits of their own for files and processes",
	       "Without them they have the daemon's, which are none.",
	       "\"default-ulimits\": { \"nofile\": { \"Name\": \"nofile\", \"Soft\": 1024, \"Hard\": 4096 } }",
	       "default-ulimits=*"),
	DAEMON("docker.authorization", 2, "what is asked of Docker is judged by an authorization plugin",
	       "Otherwise whoever may ask may ask for everything.", "\"authorization-plugins\": [ ... ]",
	       "authorization-plugins=*"),
	DAEMON("docker.iptables", 1, "Docker keeps its own firewall rules",
	       "Without them the fences between networks of containers are not there.", "no \"iptables\": false",
	       "iptables!=false"),
	DAEMON("docker.log-level", 1, "Docker does not log at the level debug",
	       "Its log would have what containers were started with.", "no \"log-level\": \"debug\"",
	       "log-level!=\"debug\""),
	DAEMON("docker.experimental", 2, "Docker's experimental parts are off", "They are not meant for production.",
	       "no \"experimental\"", "!experimental"),
	{ "docker.tcp", 1, "Docker's API is not open to the network without certificates", CONTROL,
	  "Remove tcp:// from \"hosts\" in /etc/docker/daemon.json, or set \"tlsverify\"", judge_hosts, NULL },
	{ "docker.socket", 1, "Docker's socket is for root and its group only", CONTROL, "chmod 660 /run/docker.sock",
	  judge_private, "run/docker.sock" },
	{ "docker.config-directory", 1, "Docker's data are for root only", CONTROL, "chmod 710 /var/lib/docker",
	  judge_private, "var/lib/docker" },
	{ "containerd.socket", 1, "containerd's socket is for root and its group only", CONTROL,
	  "chmod 660 /run/containerd/containerd.sock", judge_private, "run/containerd/containerd.sock" },
	{ "podman.socket", 1, "podman's socket is for root and its group only", CONTROL,
	  "chmod 660 /run/podman/podman.sock", judge_private, "run/podman/podman.sock" },
	{ "crio.socket", 1, "CRI-O's socket is for root and its group only", CONTROL, "chmod 660 /run/crio/crio.sock",
	  judge_private, "run/crio/crio.sock" },
};
const struct host_section docker_section = { "container engines", docker_rules, ARRAY_LEN(docker_rules), daemon_open,
					     daemon_close };
