/* pod: Kubernetes Pod manifests by tables of members. See pod.h. */
#include "node/pod.h"

#include <arpa/inet.h>
#include <stddef.h>

#include "base/capability.h"
#include "base/path.h"
#include "base/quantity.h"

#define TEXT_MAX 4096u	  /* bytes of a label, a path, an image's name */
#define WORDS_MAX 1024u	  /* of a command */
#define MILLI_MAX 1024000 /* thousandths of a CPU: 1,024 CPUs */
#define SIZE_MIN 4096u	  /* bytes of a limit: below it nothing can run */

/* What is only held against other members, or only accepted in one way. */
struct raw_volume {
	struct pod_volume v;
	bool empty, host;
	int64_t medium;
	struct opt_u64 size;
};
struct raw_pod {
	struct pod pod;
	struct raw_volume *volumes;
	size_t volume_count;
	struct pod_security security;
	int64_t version, kind, restart;
	struct opt_u64 grace;
};

#define ROW(type, field, name_, read_, ...)                                                \
	{                                                                                  \
		.name = (name_), .read = (read_), .at = offsetof(type, field), __VA_ARGS__ \
	}
/* A member that is read and not kept. */
#define ACCEPTED(name_, read_, ...)                                    \
	{                                                              \
		.name = (name_), .read = (read_), .at = 0, __VA_ARGS__ \
	}

/* ---- readers ---- */

bool pod_name_ok(struct str name)
{
	if (!name.n || name.n > POD_NAME_MAX || name.p[0] == '-' || name.p[name.n - 1] == '-')
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!is_digit(name.p[i]) && name.p[i] != '-' && !(name.p[i] >= 'a' && name.p[i] <= 'z'))
			return false;
	return true;
}

static int read_name(struct decode *d, const struct decode_member *m, void *to)
{
	const char *z;
	int r = decode_text_as_is(d, m, &z);

	if (r < 0)
		return r;
	if (!pod_name_ok(str_c(z)))
		return decode_bad(d, "must be 1 to %d of a-z, 0-9 and '-', which stands inside only", POD_NAME_MAX);
	memcpy(to, &z, sizeof(z));
	return 0;
}

/* The whole of it must be one of the words; nothing is kept. */
static int accept_word(struct decode *d, const struct decode_member *m, void *to unused_arg)
{
	int64_t value;

	return decode_word_value(d, m->words, &value);
}

static int accept_false(struct decode *d, const struct decode_member *m, void *to unused_arg)
{
	bool v;
	int r = decode_bool(d, m, &v);

	return r < 0 || !v ? r : decode_bad(d, "cannot be had here: only false");
}

static int accept_bool(struct decode *d, const struct decode_member *m, void *to unused_arg)
{
	bool v;

	return decode_bool(d, m, &v);
}

static int accept_text(struct decode *d, const struct decode_member *m, void *to unused_arg)
{
	const char *z;

	return decode_text_as_is(d, m, &z);
}

/* Null, as tools write it into what has not been sent to a cluster yet. */
static int accept_null(struct decode *d, const struct decode_member *m unused_arg, void *to unused_arg)
{
	return decode_bad(d, "is the cluster's to set");
}

/* Amounts are strings or, where they look like numbers, numbers. */
static int read_amount(struct decode *d, uint64_t per_unit, uint64_t min, uint64_t max, uint64_t *ret)
{
	struct str s = STR_NONE;
	uint64_t v;

	if (!json_scalar(&d->json, &s) || !quantity_parse(s, per_unit, &v))
		return decode_bad(d, "\"" STR_FMT "\" is no amount such as 500m or 64Mi", STR_ARG(str_head(s, 40)));
	if (v < min || v > max)
		return decode_bad(d, "\"" STR_FMT "\" is too %s", STR_ARG(str_head(s, 40)),
				  v < min ? "little" : "much");
	*ret = v;
	return 0;
}

static int read_milli(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	return read_amount(d, 1000, 1, MILLI_MAX, to);
}

static int read_bytes(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	return read_amount(d, 1, SIZE_MIN, UINT64_C(1) << 60, to);
}

static int read_size_limit(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct opt_u64 *o = to;

	o->set = true;
	return read_amount(d, 1, SIZE_MIN, UINT64_C(1) << 60, &o->v);
}

static int accept_bytes(struct decode *d, const struct decode_member *m unused_arg, void *to unused_arg)
{
	uint64_t v;

	return read_amount(d, 1, 0, UINT64_C(1) << 60, &v);
}

static int read_address(struct decode *d, const struct decode_member *m, void *to)
{
	struct in_addr a;
	const char *z;
	int r = decode_text_as_is(d, m, &z);

	if (r < 0)
		return r;
	if (inet_pton(AF_INET, z, &a) != 1)
		return decode_bad(d, "\"%s\" is no IPv4 address", z);
	*(uint32_t *)to = ntohl(a.s_addr);
	return 0;
}

static int read_protocol(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	static const struct decode_word words[] = { { "TCP", 0 }, { "UDP", 1 }, { NULL } };
	int64_t udp;
	int r = decode_word_value(d, words, &udp);

	*(bool *)to = r >= 0 && udp;
	return r;
}

/* ---- security contexts ---- */

static int read_capability(struct decode *d, uint64_t *ret)
{
	struct str s;
	int r = decode_str(d, TEXT_MAX, &s);

	if (r < 0)
		return r;
	return str_starts(s, STR("CAP_")) || !capability_bit(s, ret)
		       ? decode_bad(d, "\"" STR_FMT "\" is no capability, such as NET_BIND_SERVICE", STR_ARG(s))
		       : 0;
}

static int read_added(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	uint64_t all = 0, bit = 0;
	int r = 0;

	if (!json_array(&d->json))
		return decode_bad(d, "must be an array");
	while (r >= 0 && json_next(&d->json)) {
		r = read_capability(d, &bit);
		all |= bit;
	}
	*(uint64_t *)to = all;
	return r;
}

/* There are none to begin with: what is dropped only has to be a name. */
static int accept_dropped(struct decode *d, const struct decode_member *m unused_arg, void *to unused_arg)
{
	uint64_t bit;
	struct str s;
	int r = 0;

	if (!json_array(&d->json))
		return decode_bad(d, "must be an array");
	while (r >= 0 && json_next(&d->json)) {
		r = decode_str(d, TEXT_MAX, &s);
		if (r >= 0 && !str_is(s, "ALL") && !capability_bit(s, &bit))
			r = decode_bad(d, "\"" STR_FMT "\" is no capability", STR_ARG(s));
	}
	return r;
}

static const struct decode_member capability_members[] = {
	ROW(struct pod_security, capabilities, "add", read_added),
	ACCEPTED("drop", accept_dropped),
	{ NULL },
};

/* Of seccomp and of AppArmor: there is the node's, and no way around it. */
static const struct decode_word profile_words[] = { { "RuntimeDefault", 0 }, { NULL } };
static const struct decode_member profile_members[] = { ACCEPTED("type", accept_word, .words = profile_words),
							{ NULL } };

#define ID_MAX 4294967294u /* the highest is "none" */
#define SECURITY_ROWS(type, field)                                                     \
	ROW(type, field.user, "runAsUser", decode_opt_u64, .max = ID_MAX),             \
		ROW(type, field.group, "runAsGroup", decode_opt_u64, .max = ID_MAX),   \
		ROW(type, field.non_root, "runAsNonRoot", decode_opt_bool),            \
		ACCEPTED("seccompProfile", decode_object, .members = profile_members), \
		ACCEPTED("appArmorProfile", decode_object, .members = profile_members)

static int read_capabilities(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	return decode_members(d, capability_members, to);
}

struct container_security {
	struct pod_security s;
};
static const struct decode_member container_security_members[] = {
	SECURITY_ROWS(struct container_security, s),
	ROW(struct container_security, s.read_only, "readOnlyRootFilesystem", decode_opt_bool),
	ROW(struct container_security, s, "capabilities", read_capabilities),
	ACCEPTED("privileged", accept_false),
	ACCEPTED("allowPrivilegeEscalation", accept_false),
	{ NULL },
};

/* ---- containers ---- */

static const struct decode_member env_members[] = {
	ROW(struct key_value, key, "name", decode_string, .max = TEXT_MAX),
	ROW(struct key_value, value, "value", decode_text_as_is),
	{ NULL },
};
static const struct decode_list env_list = {
	sizeof(struct key_value), POD_ENV_MAX, decode_object, { env_members }, 0, 0
};

static const struct decode_member port_members[] = {
	ROW(struct pod_port, name, "name", read_name),
	ROW(struct pod_port, container, "containerPort", decode_u32, .max = UINT16_MAX),
	ROW(struct pod_port, host, "hostPort", decode_u32, .max = UINT16_MAX),
	ROW(struct pod_port, udp, "protocol", read_protocol),
	ROW(struct pod_port, address, "hostIP", read_address),
	{ NULL },
};
static const struct decode_list port_list = {
	sizeof(struct pod_port), POD_PORTS_MAX, decode_object, { port_members }, 0, 0
};

static const struct decode_member mount_members[] = {
	ROW(struct pod_mount, volume, "name", read_name),
	ROW(struct pod_mount, path, "mountPath", decode_path, .max = TEXT_MAX),
	ROW(struct pod_mount, read_only, "readOnly", decode_bool),
	{ NULL },
};
static const struct decode_list mount_list = {
	sizeof(struct pod_mount), POD_VOLUMES_MAX, decode_object, { mount_members }, 0, 0
};

static const struct decode_member limit_members[] = {
	ROW(struct pod_container, cpu_milli, "cpu", read_milli),
	ROW(struct pod_container, memory_bytes, "memory", read_bytes),
	ROW(struct pod_container, disk_bytes, "ephemeral-storage", read_bytes),
	{ NULL },
};
static const struct decode_member request_members[] = {
	ROW(struct pod_container, cpu_request_milli, "cpu", read_milli),
	ROW(struct pod_container, memory_request_bytes, "memory", read_bytes),
	ACCEPTED("ephemeral-storage", accept_bytes),
	{ NULL },
};
/* Both tables speak of the container itself. */
static const struct decode_member resource_members[] = {
	ACCEPTED("limits", decode_object, .members = limit_members),
	ACCEPTED("requests", decode_object, .members = request_members),
	{ NULL },
};

static const struct decode_word pull_words[] = { { "Never", 0 }, { "IfNotPresent", 0 }, { NULL } };
static const struct decode_word message_words[] = { { "/dev/termination-log", 0 }, { NULL } };
static const struct decode_word message_policy_words[] = { { "File", 0 }, { NULL } };

static const struct decode_member container_members[] = {
	ROW(struct pod_container, name, "name", read_name),
	ROW(struct pod_container, image, "image", decode_string, .max = TEXT_MAX),
	ROW(struct pod_container, command, "command", decode_strings),
	ROW(struct pod_container, args, "args", decode_strings),
	ROW(struct pod_container, env, "env", decode_array, .list = &env_list),
	ROW(struct pod_container, directory, "workingDir", decode_path, .max = TEXT_MAX),
	ROW(struct pod_container, ports, "ports", decode_array, .list = &port_list),
	ROW(struct pod_container, mounts, "volumeMounts", decode_array, .list = &mount_list),
	ACCEPTED("resources", decode_object, .members = resource_members),
	ROW(struct pod_container, security, "securityContext", decode_object, .members = container_security_members),
	ACCEPTED("imagePullPolicy", accept_word, .words = pull_words),
	ACCEPTED("terminationMessagePath", accept_word, .words = message_words),
	ACCEPTED("terminationMessagePolicy", accept_word, .words = message_policy_words),
	ACCEPTED("stdin", accept_false),
	ACCEPTED("tty", accept_false),
	{ NULL },
};
static const struct decode_list container_list = {
	sizeof(struct pod_container), POD_CONTAINERS_MAX, decode_object, { container_members }, 0, 0
};

/* ---- volumes ---- */

static const struct decode_word medium_words[] = { { "", POD_VOLUME_DISK }, { "Memory", POD_VOLUME_MEMORY }, { NULL } };
static const struct decode_member empty_members[] = {
	ROW(struct raw_volume, medium, "medium", decode_word, .words = medium_words),
	ROW(struct raw_volume, size, "sizeLimit", read_size_limit),
	{ NULL },
};
static const struct decode_word host_words[] = { { "", 0 }, { "Directory", 0 }, { NULL } };

/* Links are the mount's affair; here the text must lie below the one place and lead nowhere else. */
static int read_host_path(struct decode *d, const struct decode_member *m, void *to)
{
	char room[PATH_BYTES_MAX];
	const char *z;
	struct str normal;
	int r = decode_path(d, m, &z);

	if (r < 0)
		return r;
	if (path_normal(str_c(z), room, &normal) < 0 || !str_eq(normal, str_from(str_c(z), 1)) ||
	    !str_starts(str_c(z), STR(POD_HOST_ROOT "/")))
		return decode_bad(d, "\"%s\" does not lie below " POD_HOST_ROOT, z);
	memcpy(to, &z, sizeof(z));
	return 0;
}

static const struct decode_member host_members[] = {
	ROW(struct raw_volume, v.path, "path", read_host_path, .max = TEXT_MAX),
	ACCEPTED("type", accept_word, .words = host_words),
	{ NULL },
};

static int read_empty_dir(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	((struct raw_volume *)to)->empty = true;
	return decode_members(d, empty_members, to);
}

static int read_host_dir(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	((struct raw_volume *)to)->host = true;
	return decode_members(d, host_members, to);
}

static const struct decode_member volume_members[] = {
	ROW(struct raw_volume, v.name, "name", read_name),
	ACCEPTED("emptyDir", read_empty_dir),
	ACCEPTED("hostPath", read_host_dir),
	{ NULL },
};
static const struct decode_list volume_list = {
	sizeof(struct raw_volume), POD_VOLUMES_MAX, decode_object, { volume_members }, 0, 0
};

/* ---- the pod ---- */

static const struct decode_list group_list = { sizeof(uint32_t), 256, decode_u32, { NULL }, 0, 0 };
static const struct decode_member pod_security_members[] = {
	SECURITY_ROWS(struct raw_pod, security),
	ROW(struct raw_pod, pod.groups, "supplementalGroups", decode_array, .list = &group_list),
	ROW(struct raw_pod, pod.fs_group, "fsGroup", decode_opt_u64, .max = ID_MAX),
	{ NULL },
};

static int read_text_value(struct decode *d, const struct decode_member *m, void *to)
{
	return decode_text_as_is(d, m, (char *)to + offsetof(struct key_value, value));
}
static const struct decode_list text_map = {
	sizeof(struct key_value),	POD_ANNOTATIONS_MAX, read_text_value, { NULL }, TEXT_MAX,
	offsetof(struct key_value, key)
};
static const struct decode_word namespace_words[] = { { "default", 0 }, { NULL } };
static const struct decode_member metadata_members[] = {
	ROW(struct raw_pod, pod.name, "name", read_name),
	ROW(struct raw_pod, pod.labels, "labels", decode_map, .list = &text_map),
	ROW(struct raw_pod, pod.annotations, "annotations", decode_map, .list = &text_map),
	ACCEPTED("namespace", accept_word, .words = namespace_words),
	ACCEPTED("creationTimestamp", accept_null),
	{ NULL },
};

static const struct decode_word restart_words[] = { { "Always", POD_RESTART_ALWAYS },
						    { "OnFailure", POD_RESTART_ON_FAILURE },
						    { "Never", POD_RESTART_NEVER },
						    { NULL } };
static const struct decode_word dns_words[] = { { "Default", 0 }, { "ClusterFirst", 0 }, { NULL } };
static const struct decode_member spec_members[] = {
	ROW(struct raw_pod, pod.containers, "containers", decode_array, .list = &container_list),
	ROW(struct raw_pod, pod.init, "initContainers", decode_array, .list = &container_list),
	ROW(struct raw_pod, volumes, "volumes", decode_array, .list = &volume_list),
	ROW(struct raw_pod, restart, "restartPolicy", decode_word, .words = restart_words),
	ROW(struct raw_pod, pod.host_network, "hostNetwork", decode_bool),
	ROW(struct raw_pod, pod.hostname, "hostname", read_name),
	ROW(struct raw_pod, grace, "terminationGracePeriodSeconds", decode_opt_u64, .max = POD_GRACE_MAX),
	ACCEPTED("securityContext", decode_object, .members = pod_security_members),
	ACCEPTED("dnsPolicy", accept_word, .words = dns_words),
	ACCEPTED("enableServiceLinks", accept_bool), /* there are no services to link */
	ACCEPTED("automountServiceAccountToken", accept_false),
	ACCEPTED("hostPID", accept_false),
	ACCEPTED("hostIPC", accept_false),
	ACCEPTED("schedulerName", accept_text),
	{ NULL },
};

static const struct decode_member no_members[] = { { NULL } };
static const struct decode_word version_words[] = { { "v1", 1 }, { NULL } };
static const struct decode_word kind_words[] = { { "Pod", 1 }, { NULL } };
static const struct decode_member pod_members[] = {
	ROW(struct raw_pod, version, "apiVersion", decode_word, .words = version_words),
	ROW(struct raw_pod, kind, "kind", decode_word, .words = kind_words),
	ACCEPTED("metadata", decode_object, .members = metadata_members),
	ACCEPTED("spec", decode_object, .members = spec_members),
	ACCEPTED("status", decode_object, .members = no_members),
	{ NULL },
};

/* ---- what members mean together ---- */

static int check_volume(const struct pod *p, const struct raw_volume *v, size_t i, struct err *e)
{
	if (!v->v.name)
		return err_set(e, -EBADMSG, "spec.volumes[%zu].name: is missing", i);
	if (v->empty == v->host)
		return err_set(e, -EBADMSG, "spec.volumes[%zu]: must have emptyDir or hostPath", i);
	if (v->host && !v->v.path)
		return err_set(e, -EBADMSG, "spec.volumes[%zu].hostPath.path: is missing", i);
	if (v->empty && v->medium == POD_VOLUME_DISK && v->size.set && v->size.v < POD_DISK_SIZE_MIN)
		return err_set(e, -EBADMSG, "spec.volumes[%zu].emptyDir.sizeLimit: on disk it is at least %uMi", i,
			       POD_DISK_SIZE_MIN >> 20);
	for (size_t k = 0; k < i; k++)
		if (strcmp(p->volumes[k].name, v->v.name) == 0)
			return err_set(e, -EBADMSG, "spec.volumes[%zu].name: \"%s\" is given twice", i, v->v.name);
	return 0;
}

static int take_volumes(struct raw_pod *raw, struct arena *a, struct err *e)
{
	struct pod *p = &raw->pod;

	p->volumes = arena_array(a, struct pod_volume, raw->volume_count + 1);
	for (size_t i = 0; i < raw->volume_count; i++) {
		struct raw_volume *v = &raw->volumes[i];
		int r = check_volume(p, v, i, e);

		if (r < 0)
			return r;
		v->v.kind = v->host ? POD_VOLUME_HOST : (enum pod_volume_kind)v->medium;
		v->v.size_bytes = v->size.v;
		p->volumes[p->volume_count++] = v->v;
	}
	return 0;
}

static int check_mount(const struct pod *p, struct pod_mount *m, const char *where, size_t i, struct err *e)
{
	char room[PATH_BYTES_MAX];
	struct str normal;

	if (!m->volume || !m->path)
		return err_set(e, -EBADMSG, "%s.volumeMounts[%zu]: name and mountPath are needed", where, i);
	if (path_normal(str_c(m->path), room, &normal) < 0 || !normal.n)
		return err_set(e, -EBADMSG, "%s.volumeMounts[%zu].mountPath: \"%s\" is no place for a volume", where, i,
			       m->path);
	for (m->index = 0; m->index < p->volume_count; m->index++)
		if (strcmp(p->volumes[m->index].name, m->volume) == 0)
			return 0;
	return err_set(e, -EBADMSG, "%s.volumeMounts[%zu].name: there is no volume \"%s\"", where, i, m->volume);
}

static int check_port(const struct pod *p, struct pod_port *port, const char *where, size_t i, struct err *e)
{
	if (!port->container)
		return err_set(e, -EBADMSG, "%s.ports[%zu].containerPort: must be 1 to 65535", where, i);
	if (p->host_network && port->host && port->host != port->container)
		return err_set(e, -EBADMSG, "%s.ports[%zu].hostPort: is containerPort on the host's network", where, i);
	return 0;
}

static int check_env(struct key_value *v, const char *where, size_t i, struct err *e)
{
	if (!v->key || strchr(v->key, '='))
		return err_set(e, -EBADMSG, "%s.env[%zu].name: is missing or has a '='", where, i);
	if (v->value && strstr(v->value, "$("))
		return err_set(e, -EBADMSG, "%s.env[%zu].value: references to variables are not followed here", where,
			       i);
	v->value = v->value ? v->value : "";
	return 0;
}

/* Kubernetes would put a variable's value there. */
static int check_words(const struct strings *s, const char *where, const char *member, struct err *e)
{
	for (size_t i = 0; i < s->n; i++)
		if (strstr(s->v[i], "$("))
			return err_set(e, -EBADMSG, "%s.%s[%zu]: references to variables are not followed here", where,
				       member, i);
	return 0;
}

static void inherit(struct pod_security *s, const struct pod_security *from)
{
	s->user = s->user.set ? s->user : from->user;
	s->group = s->group.set ? s->group : from->group;
	s->non_root = s->non_root.set ? s->non_root : from->non_root;
}

static int check_container(struct raw_pod *raw, struct pod_container *c, const char *where, struct err *e)
{
	int r = 0;

	if (!c->name || !c->image)
		return err_set(e, -EBADMSG, "%s.%s: is missing", where, c->name ? "image" : "name");
	if (c->command.n + c->args.n > WORDS_MAX)
		return err_set(e, -E2BIG, "%s.command: more than %u words", where, WORDS_MAX);
	if (c->memory_request_bytes > c->memory_bytes && c->memory_bytes)
		return err_set(e, -EBADMSG, "%s.resources.requests.memory: is more than the limit", where);
	if (c->cpu_request_milli > c->cpu_milli && c->cpu_milli)
		return err_set(e, -EBADMSG, "%s.resources.requests.cpu: is more than the limit", where);
	r = check_words(&c->command, where, "command", e);
	r = r < 0 ? r : check_words(&c->args, where, "args", e);
	for (size_t i = 0; i < c->mount_count && r == 0; i++)
		r = check_mount(&raw->pod, &c->mounts[i], where, i, e);
	for (size_t i = 0; i < c->port_count && r == 0; i++)
		r = check_port(&raw->pod, &c->ports[i], where, i, e);
	for (size_t i = 0; i < c->env_count && r == 0; i++)
		r = check_env(&c->env[i], where, i, e);
	inherit(&c->security, &raw->security);
	return r;
}

static bool is_named(const struct pod_container *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].name && strcmp(v[i].name, name) == 0)
			return true;
	return false;
}

static int check_containers(struct raw_pod *raw, struct err *e)
{
	struct pod *p = &raw->pod;
	char where[64];
	int r = 0;

	for (size_t i = 0; i < p->init_count + p->container_count && r == 0; i++) {
		bool init = i < p->init_count;
		size_t k = init ? i : i - p->init_count;
		struct pod_container *c = init ? &p->init[k] : &p->containers[k];

		snprintf(where, sizeof(where), "spec.%s[%zu]", init ? "initContainers" : "containers", k);
		r = check_container(raw, c, where, e);
		if (r == 0 && (is_named(p->init, init ? k : p->init_count, c->name) ||
			       is_named(p->containers, init ? 0 : k, c->name)))
			r = err_set(e, -EBADMSG, "%s.name: \"%s\" is given twice", where, c->name);
	}
	return r;
}

/* Two containers cannot have one port of the host. */
static int check_host_ports(const struct pod *p, struct err *e)
{
	const struct pod_port *seen[POD_CONTAINERS_MAX * POD_PORTS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < p->container_count; i++)
		for (size_t k = 0; k < p->containers[i].port_count; k++) {
			const struct pod_port *port = &p->containers[i].ports[k];

			for (size_t j = 0; j < n && port->host; j++)
				if (seen[j]->host == port->host && seen[j]->udp == port->udp)
					return err_set(e, -EBADMSG,
						       "spec.containers[%zu].ports[%zu].hostPort: %u is given twice", i,
						       k, port->host);
			if (port->host)
				seen[n++] = port;
		}
	return 0;
}

int pod_parse(struct str json, struct arena *a, struct pod *ret, struct err *e)
{
	static const struct decode_member whole = { .read = decode_object, .members = pod_members };
	struct raw_pod raw = { .pod.grace_seconds = 30 };
	struct pod *p = &raw.pod;
	int r;

	if (json.n > POD_BYTES_MAX)
		return err_set(e, -E2BIG, "a pod's manifest has at most %u bytes", POD_BYTES_MAX);
	r = decode_text_strict(json, "", a, &whole, &raw, NULL, e);
	if (r < 0)
		return r;
	if (!raw.version || !raw.kind)
		return err_set(e, -EBADMSG, "%s: is missing: this is no pod's manifest",
			       raw.kind ? "apiVersion" : "kind");
	if (!p->name)
		return err_set(e, -EBADMSG, "metadata.name: is missing");
	if (!p->container_count)
		return err_set(e, -EBADMSG, "spec.containers: there must be one");
	p->restart = (enum pod_restart)raw.restart;
	p->hostname = p->hostname ? p->hostname : p->name;
	if (raw.grace.set)
		p->grace_seconds = (uint32_t)raw.grace.v;
	r = take_volumes(&raw, a, e);
	r = r < 0 ? r : check_containers(&raw, e);
	r = r < 0 ? r : check_host_ports(p, e);
	if (r == 0)
		*ret = *p;
	return r;
}
