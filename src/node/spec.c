/* spec: the node's specification. See spec.h. */
#include "node/spec.h"

#include "base/capability.h"
#include "base/json.h"
#include "base/num.h"
#include "base/path.h"
#include "base/quantity.h"
#include "node/baseline.h"

#define WORD_MAX 4096	      /* bytes of a word of a command */
#define RELEASE_MAX 64	      /* bytes of a version */
#define INTERFACE_MAX 15      /* IFNAMSIZ without its NUL */
#define CERTIFICATE_MAX 16384 /* bytes of a PEM text */
#define SYSCTL_VALUE_MAX 256
#define DEFAULT_VSOCK 1024
#define MODE_DEFAULT 0644u
#define QUANTITY_MAX 32

#define ROW(T, member_name, reader, field, ...)                                                   \
	{                                                                                         \
		.name = member_name, .read = reader, .at = offsetof(struct T, field), __VA_ARGS__ \
	}
#define LIST_OF(T, table, limit)                                                         \
	{                                                                                \
		.size = sizeof(T), .max = limit, .read = decode_object, .members = table \
	}

/* ---- forms ---- */

bool spec_ip4(struct str s, uint32_t *ret)
{
	uint32_t all = 0;
	struct str part;
	int n = 0;

	for (; str_cut(&s, '.', &part); n++) {
		uint32_t v;

		if (n == 4 || part.n > 3 || (part.n > 1 && part.p[0] == '0') || !num_u32(part, &v) || v > 255)
			return false;
		all = all << 8 | v;
	}
	if (n != 4)
		return false;
	*ret = all;
	return true;
}

bool spec_ip4_subnet(struct str s, struct spec_subnet *ret)
{
	struct str address, prefix;
	struct spec_subnet v;

	if (!str_split(s, '/', &address, &prefix) || prefix.n > 2 || (prefix.n > 1 && prefix.p[0] == '0') ||
	    !spec_ip4(address, &v.address) || !num_u32(prefix, &v.prefix) || v.prefix > 32)
		return false;
	*ret = v;
	return true;
}

char *spec_ip4_text(uint32_t a, char text[SPEC_IP4_TEXT_MAX])
{
	snprintf(text, SPEC_IP4_TEXT_MAX, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
	return text;
}

bool spec_name_form(struct str s)
{
	if (!s.n || s.n > SPEC_NAME_MAX || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]) && s.p[i] != '-' && !(s.p[i] >= 'a' && s.p[i] <= 'z'))
			return false;
	return true;
}

static bool only(const char *z, const char *chars)
{
	for (; *z; z++)
		if (!is_digit(*z) && !is_alpha(*z) && !strchr(chars, *z))
			return false;
	return true;
}

/* ---- readers of one value ---- */

static int read_name(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct str s;
	int r = decode_str(d, WORD_MAX, &s);

	if (r < 0)
		return r;
	if (!spec_name_form(s))
		return decode_bad(d, "\"" STR_FMT "\" is no name of 1 to %d of a-z, 0-9 and -",
				  STR_ARG(str_head(s, 80)), SPEC_NAME_MAX);
	memcpy(to, &s.p, sizeof(s.p));
	return 0;
}

/* Package names (deb-control(5)), versions, image names: letters, digits and some marks. */
static int read_form(struct decode *d, size_t max, const char *marks, const char *what, void *to)
{
	struct str s;
	int r = decode_str(d, max, &s);

	if (r < 0)
		return r;
	if (!s.n || !(is_digit(s.p[0]) || is_alpha(s.p[0])) || !only(s.p, marks))
		return decode_bad(d, "\"" STR_FMT "\" is no %s", STR_ARG(str_head(s, 80)), what);
	memcpy(to, &s.p, sizeof(s.p));
	return 0;
}

static int read_release(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	return read_form(d, RELEASE_MAX, ".+~-", "version of letters, digits and . + ~ -", to);
}

static int read_image_name(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	return read_form(d, 255, "./_-:@", "image name", to);
}

static int read_package(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	return read_form(d, 128, ".+-", "package name", to);
}

static int read_interface_name(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	return read_form(d, INTERFACE_MAX, "._-", "interface name", to);
}

static int read_ip4(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct str s;
	int r = decode_str(d, WORD_MAX, &s);

	if (r >= 0 && !spec_ip4(s, to))
		return decode_bad(d, "\"" STR_FMT "\" is no IPv4 address", STR_ARG(str_head(s, 80)));
	return r;
}

static int read_subnet(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct str s;
	int r = decode_str(d, WORD_MAX, &s);

	if (r >= 0 && !spec_ip4_subnet(s, to))
		return decode_bad(d, "\"" STR_FMT "\" is no IPv4 ADDRESS/PREFIX", STR_ARG(str_head(s, 80)));
	return r;
}

const struct decode_word spec_protos[] = { { "tcp", SPEC_TCP }, { "udp", SPEC_UDP }, { NULL, 0 } };
const struct decode_word spec_variants[] = { { "virtio", SPEC_VIRTIO }, { "cloud", SPEC_CLOUD }, { NULL, 0 } };

static int read_proto(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	int64_t v = 0;
	int r = decode_word_value(d, spec_protos, &v);

	*(enum spec_proto *)to = (enum spec_proto)v;
	return r;
}

static int read_port(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	static const struct decode_member row = { .max = 65535 };
	int r = decode_u32(d, &row, to);

	return r >= 0 && !*(uint32_t *)to ? decode_bad(d, "must be a port from 1 to 65535") : r;
}

/* "0644": a text, since a number with a zero in front is not the same to all who read YAML. */
static int read_mode(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	uint64_t mode;
	struct str s;
	int r = decode_str(d, WORD_MAX, &s);

	if (r < 0)
		return r;
	if (s.n < 3 || s.n > 4 || !num_u64(s, 8, &mode) || mode > 0777)
		return decode_bad(d, "\"" STR_FMT "\" is no mode from \"0000\" to \"0777\"", STR_ARG(str_head(s, 80)));
	*(uint32_t *)to = (uint32_t)mode;
	return 0;
}

/* "32Mi", or a number of bytes. */
static int read_bytes(struct decode *d, const struct decode_member *m, void *to)
{
	struct str s = STR("");
	uint64_t v;

	if (json_peek(&d->json) == JSON_NUMBER || json_peek(&d->json) == JSON_STRING)
		json_scalar(&d->json, &s);
	if (!s.n || s.n > QUANTITY_MAX || !quantity_parse(s, 1, &v) || (v && v < (uint64_t)m->min) || v > m->max)
		return decode_bad(d, "\"" STR_FMT "\" is no quantity of bytes from %llu to %llu",
				  STR_ARG(str_head(s, 80)), (unsigned long long)m->min, (unsigned long long)m->max);
	*(uint64_t *)to = v;
	return 0;
}

static int read_capabilities(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	uint64_t all = 0, bit;
	struct str name;
	int r = 0;

	if (!json_array(&d->json))
		return decode_bad(d, "must be an array");
	while (r >= 0 && json_next(&d->json)) {
		r = decode_str(d, WORD_MAX, &name);
		if (r < 0)
			return r;
		if (!str_starts(name, STR("CAP_")) || !capability_bit(name, &bit))
			return decode_bad(d, "\"" STR_FMT "\" is no capability (CAP_...)", STR_ARG(str_head(name, 80)));
		all |= bit;
	}
	*(uint64_t *)to = all;
	return r;
}

/* A path on the node. */
static int read_node_path(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	char room[PATH_BYTES_MAX];
	struct str s, normal;
	int r = decode_str(d, PATH_BYTES_MAX - 1, &s);

	if (r < 0)
		return r;
	if (s.n < 2 || s.p[0] != '/' || path_normal(s, room, &normal) < 0 || !str_eq(normal, str_from(s, 1)))
		return decode_bad(d, "\"" STR_FMT "\" is no absolute path without . and ..", STR_ARG(str_head(s, 80)));
	memcpy(to, &s.p, sizeof(s.p));
	return 0;
}

/* A file beside the specification, or (pods on the node) absolute. */
static int read_source(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	const char *z;
	int r = decode_text_as_is(d, &(struct decode_member){ .max = PATH_BYTES_MAX - 1 }, &z);

	if (r < 0)
		return r;
	if (!*z)
		return decode_bad(d, "must not be empty");
	memcpy(to, &z, sizeof(z));
	return 0;
}

/* A word of the kernel's command line: printable, no quotes (dm-mod.create has the only ones), no blanks. */
static int read_kernel_word(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct str s;
	int r = decode_str(d, WORD_MAX, &s);

	if (r < 0)
		return r;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"')
			return decode_bad(d, "\"" STR_FMT "\" is no word of a command line", STR_ARG(str_head(s, 80)));
	if (!s.n || baseline_cmdline_refuses(s))
		return decode_bad(d, "\"" STR_FMT "\" would weaken the built-in command line",
				  STR_ARG(str_head(s, 80)));
	memcpy(to, &s.p, sizeof(s.p));
	return 0;
}

static int read_certificate(struct decode *d, const struct decode_member *m unused_arg, void *to)
{
	struct str s;
	int r = decode_str(d, CERTIFICATE_MAX, &s);

	if (r < 0)
		return r;
	if (str_find_str(s, STR("-----BEGIN CERTIFICATE-----\n")) < 0 ||
	    str_find_str(s, STR("-----END CERTIFICATE-----")) < 0)
		return decode_bad(d, "is no PEM certificate");
	memcpy(to, &s.p, sizeof(s.p));
	return 0;
}

/* `version` is not kept: there is one. d->arg tells that it was there. */
static int read_version(struct decode *d, const struct decode_member *m unused_arg, void *to unused_arg)
{
	uint64_t v = 0;

	if (!json_u64(&d->json, &v) || v != SPEC_VERSION)
		return decode_bad(d, "must be %d", SPEC_VERSION);
	*(bool *)d->arg = true;
	return 0;
}

/* ---- tables ---- */

static const struct decode_list kernel_words = { .size = sizeof(char *),
						 .max = SPEC_WORDS_MAX,
						 .read = read_kernel_word };
static const struct decode_list words = {
	.size = sizeof(char *), .max = SPEC_WORDS_MAX, .read = decode_text_as_is, .string_max = WORD_MAX
};
static const struct decode_list servers = { .size = sizeof(uint32_t), .max = SPEC_SERVERS_MAX, .read = read_ip4 };
static const struct decode_list certificates = { .size = sizeof(char *),
						 .max = SPEC_CLIENTS_MAX,
						 .read = read_certificate };
static const struct decode_list packages = { .size = sizeof(char *), .max = SPEC_PACKAGES_MAX, .read = read_package };
static const struct decode_list pod_files = { .size = sizeof(char *), .max = SPEC_PODS_MAX, .read = read_source };
static const struct decode_list sysctls = {
	.size = sizeof(struct key_value),
	.max = SPEC_SYSCTL_MAX,
	.read = decode_map_text,
	.string_max = SYSCTL_VALUE_MAX,
	.key_at = offsetof(struct key_value, key),
};

static const struct decode_member kernel_members[] = {
	ROW(spec, "variant", decode_word, kernel.variant, .words = spec_variants),
	ROW(spec, "sealed", decode_bool, kernel.sealed),
	ROW(spec, "command_line", decode_string_list, kernel.command_line, .list = &kernel_words),
	{ .name = NULL },
};

static const struct decode_member interface_members[] = {
	ROW(spec_interface, "interface", read_interface_name, interface),
	ROW(spec_interface, "dhcp", decode_bool, dhcp),
	ROW(spec_interface, "address", read_subnet, address),
	ROW(spec_interface, "gateway", read_ip4, gateway),
	ROW(spec_interface, "dns", decode_array, dns, .list = &servers),
	{ .name = NULL },
};
static const struct decode_list interfaces = LIST_OF(struct spec_interface, interface_members, SPEC_INTERFACES_MAX);

static const struct decode_member rule_members[] = {
	ROW(spec_rule, "proto", read_proto, proto),
	ROW(spec_rule, "port", read_port, port),
	ROW(spec_rule, "from", read_subnet, from),
	{ .name = NULL },
};
static const struct decode_list rules = LIST_OF(struct spec_rule, rule_members, SPEC_RULES_MAX);

static const struct decode_member agent_members[] = {
	ROW(spec, "vsock", decode_u32, agent.vsock),
	ROW(spec, "tcp", decode_u32, agent.tcp, .max = 65535),
	ROW(spec, "clients", decode_string_list, agent.clients, .list = &certificates),
	{ .name = NULL },
};

static const struct decode_member service_members[] = {
	ROW(spec_service, "name", read_name, name),
	ROW(spec_service, "command", decode_string_list, command, .list = &words),
	ROW(spec_service, "user", decode_u32, user, .max = UINT32_MAX - 1),
	ROW(spec_service, "capabilities", read_capabilities, capabilities),
	ROW(spec_service, "memory", read_bytes, memory_bytes, .min = SPEC_SERVICE_MEMORY_MIN, .max = INT64_MAX),
	ROW(spec_service, "pids", decode_u32, pids, .max = 4194304),
	ROW(spec_service, "network", decode_bool, network),
	{ .name = NULL },
};
static const struct decode_list services = LIST_OF(struct spec_service, service_members, SPEC_SERVICES_MAX);

/* What a member has that is left out: elements of lists are zero before they are read. */
static int read_file(struct decode *d, const struct decode_member *m, void *to)
{
	((struct spec_file *)to)->mode = MODE_DEFAULT;
	return decode_object(d, m, to);
}

static const struct decode_member file_members[] = {
	ROW(spec_file, "path", read_node_path, path),
	ROW(spec_file, "source", read_source, source),
	ROW(spec_file, "mode", read_mode, mode),
	{ .name = NULL },
};
static const struct decode_list files = {
	.size = sizeof(struct spec_file), .max = SPEC_FILES_MAX, .read = read_file, .members = file_members
};

static const struct decode_member image_members[] = {
	ROW(spec_image, "name", read_image_name, name),
	ROW(spec_image, "source", read_source, source),
	{ .name = NULL },
};
static const struct decode_list images = LIST_OF(struct spec_image, image_members, SPEC_IMAGES_MAX);

static const struct decode_member data_members[] = {
	ROW(spec, "size", read_bytes, data_bytes, .min = SPEC_DATA_MIN, .max = SPEC_DATA_MAX),
	{ .name = NULL },
};

/* Rows whose members lie in the whole struct. */
static const struct decode_member spec_members[] = {
	{ .name = "version", .read = read_version },
	ROW(spec, "name", read_name, name),
	ROW(spec, "release", read_release, release),
	ROW(spec, "epoch", decode_u64, epoch, .max = SPEC_EPOCH_MAX),
	{ .name = "kernel", .read = decode_object, .at = 0, .members = kernel_members },
	ROW(spec, "hostname", read_name, hostname),
	ROW(spec, "network", decode_array, network, .list = &interfaces),
	ROW(spec, "time", decode_array, time, .list = &servers),
	ROW(spec, "sysctl", decode_map, sysctl, .list = &sysctls),
	ROW(spec, "firewall", decode_array, firewall, .list = &rules),
	{ .name = "agent", .read = decode_object, .at = 0, .members = agent_members },
	ROW(spec, "services", decode_array, services, .list = &services),
	ROW(spec, "packages", decode_string_list, packages, .list = &packages),
	ROW(spec, "files", decode_array, files, .list = &files),
	ROW(spec, "images", decode_array, images, .list = &images),
	ROW(spec, "pods", decode_string_list, pods, .list = &pod_files),
	{ .name = "data", .read = decode_object, .at = 0, .members = data_members },
	{ .name = NULL },
};

/* ---- what members say of each other ---- */

struct check {
	const struct spec *s;
	struct err *e;
};

static int wrong(const struct check *c, const char *where, size_t i, const char *why)
{
	return err_set(c->e, -EBADMSG, "%s[%zu]: %s", where, i, why);
}

static int check_interface(const struct check *c, size_t i)
{
	const struct spec_interface *n = &c->s->network[i];
	uint32_t mask = n->address.prefix ? ~0u << (32 - n->address.prefix) : 0;

	if (!n->interface)
		return wrong(c, "network", i, "\"interface\" is missing");
	for (size_t k = 0; k < i; k++)
		if (strcmp(c->s->network[k].interface, n->interface) == 0)
			return wrong(c, "network", i, "this interface is given twice");
	if (n->dhcp && (n->address.prefix || n->gateway))
		return wrong(c, "network", i, "has both \"dhcp\" and an address");
	if (!n->dhcp && !n->address.prefix)
		return wrong(c, "network", i, "has neither \"dhcp: true\" nor \"address\" with a prefix from 1 to 32");
	if (n->gateway && (n->gateway & mask) != (n->address.address & mask))
		return wrong(c, "network", i, "the gateway is not in the address's network");
	return 0;
}

static int check_service(const struct check *c, size_t i)
{
	const struct spec_service *v = &c->s->services[i];

	if (!v->name || !v->command.n)
		return wrong(c, "services", i, v->name ? "\"command\" is missing" : "\"name\" is missing");
	if (v->command.v[0][0] != '/')
		return wrong(c, "services", i, "the command is no absolute path");
	for (size_t k = 0; k < i; k++)
		if (strcmp(c->s->services[k].name, v->name) == 0)
			return wrong(c, "services", i, "this name is given twice");
	return 0;
}

static int check_file(const struct check *c, size_t i)
{
	const struct spec_file *f = &c->s->files[i];

	if (!f->path || !f->source)
		return wrong(c, "files", i, f->path ? "\"source\" is missing" : "\"path\" is missing");
	for (size_t k = 0; k < i; k++)
		if (strcmp(c->s->files[k].path, f->path) == 0)
			return wrong(c, "files", i, "this path is given twice");
	return 0;
}

static int check_image(const struct check *c, size_t i)
{
	const struct spec_image *m = &c->s->images[i];

	if (!m->name || !m->source)
		return wrong(c, "images", i, m->name ? "\"source\" is missing" : "\"name\" is missing");
	for (size_t k = 0; k < i; k++)
		if (strcmp(c->s->images[k].name, m->name) == 0)
			return wrong(c, "images", i, "this name is given twice");
	return 0;
}

static int check_rule(const struct check *c, size_t i)
{
	return c->s->firewall[i].port ? 0 : wrong(c, "firewall", i, "\"port\" is missing");
}

static int check_each(const struct check *c, size_t n, int (*one)(const struct check *c, size_t i))
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = one(c, i);
	return r;
}

static int check_sysctls(const struct check *c)
{
	for (size_t i = 0; i < c->s->sysctl_count; i++) {
		const struct key_value *v = &c->s->sysctl[i];
		const char *ours;

		if (!only(v->key, "._-/") || !strchr(v->key, '.') || strstr(v->key, "..") || v->key[0] == '.' ||
		    strchr(v->key, '/'))
			return err_set(c->e, -EBADMSG, "sysctl: \"%.80s\" is no name of a sysctl", v->key);
		ours = baseline_sysctl(str_c(v->key));
		if (ours && strcmp(ours, v->value) != 0)
			return err_set(c->e, -EBADMSG, "sysctl.%.80s: the baseline is %s and may not be weakened",
				       v->key, ours);
	}
	return 0;
}

static int check_all(const struct spec *s, bool has_version, struct err *e)
{
	const struct check c = { s, e };
	int r;

	if (!has_version || !s->name || !s->release)
		return err_set(e, -EBADMSG, "\"%s\" is missing",
			       !has_version ? "version"
			       : !s->name   ? "name"
					    : "release");
	if (s->agent.tcp && !s->agent.clients.n)
		return err_set(e, -EBADMSG, "agent: \"tcp\" needs \"clients\": who may connect");
	r = check_each(&c, s->network_count, check_interface);
	r = r < 0 ? r : check_each(&c, s->firewall_count, check_rule);
	r = r < 0 ? r : check_each(&c, s->service_count, check_service);
	r = r < 0 ? r : check_each(&c, s->file_count, check_file);
	r = r < 0 ? r : check_each(&c, s->image_count, check_image);
	return r < 0 ? r : check_sysctls(&c);
}

int spec_parse(struct str json, struct arena *a, struct spec *ret, struct err *e)
{
	static const struct decode_member whole = { .members = spec_members, .read = decode_object };
	struct spec s = { .agent.vsock = DEFAULT_VSOCK };
	bool has_version = false;
	int r;

	if (json.n > SPEC_BYTES_MAX)
		return err_set(e, -E2BIG, "larger than %u bytes", SPEC_BYTES_MAX);
	r = decode_text_strict(json, "", a, &whole, &s, &has_version, e);
	r = r < 0 ? r : check_all(&s, has_version, e);
	if (r < 0)
		return r;
	s.hostname = s.hostname ? s.hostname : s.name;
	*ret = s;
	return 0;
}
