/* What strict takes out of a configuration. */
#include "runtime/strict.h"

#include <sys/resource.h>

#include "tap.h"

static const char *config_text =
	"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"},"
	"\"process\":{\"cwd\":\"/\",\"args\":[\"x\"],\"user\":{\"uid\":5,\"gid\":6},"
	"\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":7,\"hard\":8}],"
	"\"capabilities\":{\"bounding\":[\"CAP_NET_ADMIN\",\"CAP_CHOWN\"],\"effective\":[\"CAP_NET_ADMIN\",\"CAP_"
	"CHOWN\"],"
	"\"permitted\":[\"CAP_CHOWN\"],\"inheritable\":[\"CAP_CHOWN\"],\"ambient\":[\"CAP_CHOWN\"]}},"
	"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/data\",\"type\":\"bind\",\"source\":\"/srv\",\"options\":[\"rbind\",\"rshared\"]},"
	"{\"destination\":\"/code\",\"type\":\"bind\",\"source\":\"/code\",\"options\":[\"rbind\",\"ro\"]},"
	"{\"destination\":\"/run\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"exec\"]},"
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\"},"
	"{\"destination\":\"/own\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"hidepid=0\"]}],"
	"\"linux\":{\"rootfsPropagation\":\"shared\",\"maskedPaths\":[\"/proc/kcore\",\"/mine\"]}}";

static bool parse(const char *text, struct arena *a, struct oci_config *ret)
{
	struct oci_warnings w = { 0 };
	struct err e = { 0 };
	bool ok = OK_ERR(oci_config_parse(str_c(text), a, ret, &w, &e), &e);

	vec_done(&w.lines);
	return ok;
}

static const char *options(struct arena *a, const struct oci_mount *m)
{
	struct str s = STR_NONE;

	for (size_t i = 0; i < m->options.n; i++)
		s = arena_fmt(a, "%s%s%s", s.p ? s.p : "", s.p ? "," : "", m->options.v[i]);
	return s.p ? s.p : "";
}

TEST(apply)
{
	static const char *const want[] = {
		"hidepid=invisible", "rbind,rslave,nosuid,noexec", "rbind,ro,nosuid", "exec,nosuid", "ro", "hidepid=0"
	};
	auto_arena struct arena a = { 0 };
	struct oci_config c;
	struct launch_strict s = { 0 };
	struct strict_wish w = { .capabilities = 1u << 0 /* CAP_CHOWN */ };
	struct err e = { 0 };

	row("applied");
	if (!parse(config_text, &a, &c) || !OK_ERR(strict_apply(&c, &a, &w, &s, &e), &e))
		return;
	OK(s.landlock && s.private_proc && s.no_keyring && s.core_off);

	row("capabilities");
	EQ_INT(c.process.caps.bounding, 1);
	EQ_INT(c.process.caps.effective, 1);
	EQ_INT(c.process.caps.permitted, 1);
	EQ_INT(c.process.caps.inheritable, 0);
	EQ_INT(c.process.caps.ambient, 0);
	OK(c.process.no_new_privileges);

	row("root");
	OK(c.root_readonly);
	OK(!c.rootfs_propagation);

	row("namespaces");
	OK(c.namespaces[NS_PID].set && c.namespaces[NS_CGROUP].set && c.namespaces[NS_IPC].set);
	OK(!c.namespaces[NS_NETWORK].set && !c.namespaces[NS_USER].set);

	row("resource limits");
	EQ_INT(c.process.rlimit_count, 2);
	EQ_INT(c.process.rlimits[0].type, RLIMIT_CORE);
	EQ_INT(c.process.rlimits[0].soft, 0);
	EQ_INT(c.process.rlimits[0].hard, 0);
	EQ_INT(c.process.rlimits[1].type, RLIMIT_NOFILE);
	OK(c.process.rlimits[1].hard <= 65536);

	row("masked paths, each once");
	unsigned int kcore = 0, keys = 0;
	for (size_t i = 0; i < c.masked_paths.n; i++) {
		kcore += str_is(str_c(c.masked_paths.v[i]), "/proc/kcore");
		keys += str_is(str_c(c.masked_paths.v[i]), "/proc/keys");
	}
	EQ_INT(kcore, 1);
	EQ_INT(keys, 1);
	EQ_Z(c.masked_paths.v[1], "/mine");
	OK(!c.masked_paths.v[c.masked_paths.n]);

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		row("mount %s", c.mounts[i].destination);
		EQ_Z(options(&a, &c.mounts[i]), want[i]);
		EQ_INT(c.mounts[i].uids.n, 0);
	}
}

TEST(ids)
{
	auto_arena struct arena a = { 0 };
	struct oci_config c;
	struct launch_strict s = { 0 };
	struct strict_wish w = { .ids = { 0, 1000000, 65536 } };
	struct err e = { 0 };

	row("mapped");
	if (!parse(config_text, &a, &c) || !OK_ERR(strict_apply(&c, &a, &w, &s, &e), &e))
		return;
	OK(c.namespaces[NS_USER].set && !c.namespaces[NS_USER].path);
	EQ_INT(c.uids.n, 1);
	EQ_INT(c.uids.v[0].host_id, 1000000);
	EQ_INT(c.gids.v[0].size, 65536);

	row("volumes are mapped, file systems of its own are not");
	EQ_INT(c.mounts[1].uids.n, 1);
	EQ_INT(c.mounts[0].uids.n, 0);

	row("the engine's own mapping stays");
	parse("{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/"
	      "\",\"args\":[\"x\"]},\"linux\":{"
	      "\"namespaces\":[{\"type\":\"user\"}],\"uidMappings\":[{\"containerID\":0,\"hostID\":7,\"size\":1}]}}",
	      &a, &c);
	OK_ERR(strict_apply(&c, &a, &w, &s, &e), &e);
	EQ_INT(c.uids.v[0].host_id, 7);

	row("a user outside");
	w.ids.size = 5;
	parse(config_text, &a, &c);
	EQ_INT(strict_apply(&c, &a, &w, &s, &e), -EPERM);
	EQ_Z(e.msg, "process.user: 5:6 is above the 5 ids of a container");
}

TEST(what_cannot_be_had)
{
	static const struct {
		const char *source;
		int want;
	} rows[] = {
		{ "/proc", -EPERM },	      { "//proc/", -EPERM }, { "/proc/sys/kernel", -EPERM },
		{ "/./proc/1/root", -EPERM }, { "/procfiles", 0 },   { "/srv/proc", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_arena struct arena a = { 0 };
		struct oci_config c;
		struct launch_strict s = { 0 };
		struct strict_wish w = { 0 };
		struct err e = { 0 };

		row("%s", rows[i].source);
		parse(arena_fmt(&a,
				"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/"
				"\",\"args\":[\"x\"]},"
				"\"mounts\":[{\"destination\":\"/"
				"host\",\"source\":\"%s\",\"options\":[\"bind\"]}],\"linux\":{}}",
				rows[i].source)
			      .p,
		      &a, &c);
		EQ_INT(strict_apply(&c, &a, &w, &s, &e), rows[i].want);
	}
}

TEST(a_writable_root_when_asked)
{
	auto_arena struct arena a = { 0 };
	struct oci_config c;
	struct launch_strict s = { 0 };
	struct strict_wish w = { .writable_root = true };
	struct err e = { 0 };

	parse(config_text, &a, &c);
	OK_ERR(strict_apply(&c, &a, &w, &s, &e), &e);
	OK(!c.root_readonly);
}
