/* bundle: config.json of a container. See bundle.h. */
#include "engine/bundle.h"

#include <fcntl.h>

#include "base/capability.h"
#include "base/json.h"
#include "runtime/hidden.h"

#define CPU_PERIOD_US 100000u

struct fixed_mount {
	const char *target, *type, *source;
	const char *options[8];
};

/* What a Linux program expects to find. */
static const struct fixed_mount fixed_mounts[] = {
	{ "/proc", "proc", "proc", { "nosuid", "noexec", "nodev" } },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ "/dev/pts", "devpts", "devpts", { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" } },
	{ "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "ro", "relatime" } },
};

static const char *const namespaces[] = { "pid", "ipc", "uts", "mount", "cgroup" };

static void key_z(struct json_out *w, const char *key, const char *value)
{
	json_out_key_str(w, key, str_c(value));
}

static void strings(struct json_out *w, const char *key, const char *const *v, size_t n)
{
	json_out_key_array(w, key);
	for (size_t i = 0; i < n && v[i]; i++)
		json_out_str(w, str_c(v[i]));
	json_out_end_array(w);
}

static void write_texts(struct json_out *w, const char *key, const struct texts *t)
{
	json_out_key_array(w, key);
	for (size_t i = 0; i < t->n; i++)
		json_out_str(w, t->v[i]);
	json_out_end_array(w);
}

static void write_user(struct json_out *w, const struct user_ids *u)
{
	json_out_key_object(w, "user");
	json_out_key_u64(w, "uid", u->uid);
	json_out_key_u64(w, "gid", u->gid);
	json_out_key_array(w, "additionalGids");
	for (size_t i = 0; i < u->group_count; i++)
		json_out_u64(w, u->groups[i]);
	json_out_end_array(w);
	json_out_end_object(w);
}

static void write_capabilities(struct json_out *w, uint64_t capabilities)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };

	json_out_key_object(w, "capabilities");
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		capability_write(w, sets[i], capabilities);
	json_out_end_object(w);
}

static void write_process(struct json_out *w, const struct bundle *b)
{
	json_out_key_object(w, "process");
	json_out_key_bool(w, "terminal", b->terminal);
	write_user(w, b->user);
	write_texts(w, "args", &b->args);
	write_texts(w, "env", &b->env);
	json_out_key_str(w, "cwd", b->directory.n ? b->directory : STR("/"));
	if (b->capabilities)
		write_capabilities(w, b->capabilities);
	if (b->apparmor)
		json_out_key_str(w, "apparmorProfile", str_c(b->apparmor));
	json_out_key_bool(w, "noNewPrivileges", true);
	json_out_end_object(w);
}

static void write_fixed_mount(struct json_out *w, const struct fixed_mount *m)
{
	json_out_object(w);
	key_z(w, "destination", m->target);
	key_z(w, "type", m->type);
	key_z(w, "source", m->source);
	strings(w, "options", m->options, ARRAY_LEN(m->options));
	json_out_end_object(w);
}

/* A disk of a guest: its own, so nothing is mapped. */
static void write_volume(struct json_out *w, const struct bundle_mount *m)
{
	const char *const options[] = { "nosuid", "nodev", m->read_only ? "ro" : "rw" };

	json_out_object(w);
	json_out_key_str(w, "destination", m->target);
	key_z(w, "type", m->type);
	json_out_key_str(w, "source", m->source);
	strings(w, "options", options, ARRAY_LEN(options));
	json_out_end_object(w);
}

static void write_bind(struct json_out *w, const struct bundle *b, const struct bundle_mount *m)
{
	/* A volume's files keep their owners: root's are root's inside, too. */
	const char *const options[] = { "rbind", "nosuid", "nodev", m->read_only ? "rro" : "rw",
					b->first_id ? "idmap" : NULL };

	json_out_object(w);
	json_out_key_str(w, "destination", m->target);
	key_z(w, "type", "bind");
	json_out_key_str(w, "source", m->source);
	strings(w, "options", options, ARRAY_LEN(options));
	json_out_end_object(w);
}

static void write_mounts(struct json_out *w, const struct bundle *b)
{
	json_out_key_array(w, "mounts");
	for (size_t i = 0; i < ARRAY_LEN(fixed_mounts); i++)
		write_fixed_mount(w, &fixed_mounts[i]);
	for (size_t i = 0; i < b->mounts.n; i++)
		if (b->mounts.v[i].type)
			write_volume(w, &b->mounts.v[i]);
		else
			write_bind(w, b, &b->mounts.v[i]);
	json_out_end_array(w);
}

static void write_resources(struct json_out *w, const struct bundle *b)
{
	json_out_key_object(w, "resources");
	if (b->memory_bytes) {
		json_out_key_object(w, "memory");
		json_out_key_u64(w, "limit", b->memory_bytes);
		json_out_end_object(w);
	}
	if (b->cpu_milli) {
		json_out_key_object(w, "cpu");
		json_out_key_u64(w, "quota", b->cpu_milli * CPU_PERIOD_US / 1000);
		json_out_key_u64(w, "period", CPU_PERIOD_US);
		json_out_end_object(w);
	}
	if (b->pids) {
		json_out_key_object(w, "pids");
		json_out_key_u64(w, "limit", b->pids);
		json_out_end_object(w);
	}
	json_out_end_object(w);
}

static bool has_ids(const struct bundle *b)
{
	return b->first_id || b->uids.n;
}

static void write_namespaces(struct json_out *w, const struct bundle *b)
{
	json_out_key_array(w, "namespaces");
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
		json_out_object(w);
		key_z(w, "type", namespaces[i]);
		json_out_end_object(w);
	}
	if (has_ids(b)) {
		json_out_object(w);
		key_z(w, "type", "user");
		json_out_end_object(w);
	}
	if (!b->netns || b->netns[0]) {
		json_out_object(w);
		key_z(w, "type", "network");
		if (b->netns)
			key_z(w, "path", b->netns);
		json_out_end_object(w);
	}
	json_out_end_array(w);
}

/* Port 80 needs no capability where nobody else is: the host gave the port away, not the container. */
static void write_sysctl(struct json_out *w)
{
	json_out_key_object(w, "sysctl");
	key_z(w, "net.ipv4.ip_unprivileged_port_start", "0");
	json_out_end_object(w);
}

static void write_mappings(struct json_out *w, const char *key, const struct oci_mappings *m)
{
	json_out_key_array(w, key);
	for (size_t i = 0; i < m->n; i++) {
		json_out_object(w);
		json_out_key_u64(w, "containerID", m->v[i].container_id);
		json_out_key_u64(w, "hostID", m->v[i].host_id);
		json_out_key_u64(w, "size", m->v[i].size);
		json_out_end_object(w);
	}
	json_out_end_array(w);
}

static void write_linux(struct json_out *w, const struct bundle *b)
{
	struct oci_mapping row = { 0, b->first_id, BUNDLE_IDS };
	const struct oci_mappings own = { &row, 1 };

	json_out_key_object(w, "linux");
	write_namespaces(w, b);
	if (has_ids(b)) {
		write_mappings(w, "uidMappings", b->uids.n ? &b->uids : &own);
		write_mappings(w, "gidMappings", b->uids.n ? &b->gids : &own);
	}
	if (!b->netns || b->netns[0])
		write_sysctl(w);
	write_resources(w, b);
	strings(w, "maskedPaths", hidden_masked, HIDDEN_MASKED);
	strings(w, "readonlyPaths", hidden_read_only, HIDDEN_READ_ONLY);
	json_out_end_object(w);
}

static void write_annotations(struct json_out *w, const struct bundle *b)
{
	json_out_key_object(w, "annotations");
	for (size_t i = 0; i < b->annotations.n; i++)
		json_out_key_str(w, b->annotations.v[i].key, b->annotations.v[i].value);
	json_out_end_object(w);
}

void bundle_done(struct bundle *b)
{
	vec_done(&b->args);
	vec_done(&b->env);
	vec_done(&b->mounts);
	vec_done(&b->annotations);
}

int bundle_etc_file(struct bundle *b, const struct bundle_place *place, const char *name, struct str text,
		    struct err *e)
{
	auto_close int root = fd_open(AT_FDCWD, place->root, O_RDONLY | O_DIRECTORY);
	struct str target = arena_fmt(place->arena, "/etc/%s", name);
	auto_close int inside = root < 0 ? -1 : fd_open_inside(root, str_from(target, 1), O_RDONLY);
	int r;

	if (inside < 0)
		return 0;
	r = file_write(place->fd, name, text, false, e);
	if (r == 0)
		vec_push(&b->mounts, ((struct bundle_mount){ arena_fmt(place->arena, "%s/%s", place->path, name),
							     target, true, NULL }));
	return r;
}

int bundle_write(int dir_fd, const struct bundle *b, struct err *e)
{
	auto_close int fd = openat(dir_fd, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct json_out w;
	struct out out;
	int r;

	if (fd < 0)
		return err_errno(e, -errno, "config.json");
	out_init(&out, fd);
	json_out_init(&w, &out);
	json_out_object(&w);
	key_z(&w, "ociVersion", "1.2.0");
	write_process(&w, b);
	json_out_key_object(&w, "root");
	key_z(&w, "path", b->root ? b->root : "rootfs");
	json_out_key_bool(&w, "readonly", b->read_only);
	json_out_end_object(&w);
	key_z(&w, "hostname", b->hostname);
	write_mounts(&w, b);
	write_annotations(&w, b);
	write_linux(&w, b);
	json_out_end_object(&w);
	out_str(&out, STR("\n"));
	r = out_finish(&out);
	return r < 0 ? err_errno(e, r, "config.json") : 0;
}
