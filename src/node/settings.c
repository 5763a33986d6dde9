/* settings: what may be changed on a running node. See settings.h. */
#include "node/settings.h"

#include <stddef.h>

#include "node/spec.h"

struct raw_settings {
	struct settings s;
	uint64_t version;
};

static int read_name(struct decode *d, const struct decode_member *m, void *to)
{
	const char *z;
	int r = decode_text_as_is(d, m, &z);

	if (r < 0)
		return r;
	if (!spec_name_form(str_c(z)))
		return decode_bad(d, "must be 1 to %d of a-z, 0-9 and '-', which stands inside only", SPEC_NAME_MAX);
	memcpy(to, &z, sizeof(z));
	return 0;
}

static int read_address(struct decode *d, const struct decode_member *m, void *to)
{
	const char *z;
	int r = decode_text_as_is(d, m, &z);

	return r < 0 ? r : spec_ip4(str_c(z), to) ? 0 : decode_bad(d, "\"%s\" is no IPv4 address", z);
}

static const struct decode_list address_list = {
	sizeof(uint32_t), SETTINGS_SERVERS_MAX, read_address, { NULL }, 64, 0
};
static const struct decode_member host_members[] = {
	{ .name = "name", .read = read_name, .at = offsetof(struct settings_host, name) },
	{ .name = "address", .read = read_address, .at = offsetof(struct settings_host, address) },
	{ NULL },
};
static const struct decode_list host_list = {
	sizeof(struct settings_host), SETTINGS_HOSTS_MAX, decode_object, { host_members }, 0, 0
};
static const struct decode_member settings_members[] = {
	{ .name = "version",
	  .read = decode_u64,
	  .at = offsetof(struct raw_settings, version),
	  .max = SETTINGS_VERSION },
	{ .name = "hostname", .read = read_name, .at = offsetof(struct raw_settings, s.hostname) },
	{ .name = "dns", .read = decode_array, .at = offsetof(struct raw_settings, s.dns), .list = &address_list },
	{ .name = "time", .read = decode_array, .at = offsetof(struct raw_settings, s.time), .list = &address_list },
	{ .name = "hosts", .read = decode_array, .at = offsetof(struct raw_settings, s.hosts), .list = &host_list },
	{ NULL },
};

int settings_parse(struct str json, struct arena *a, struct settings *ret, struct err *e)
{
	static const struct decode_member whole = { .read = decode_object, .members = settings_members };
	struct raw_settings raw = { 0 };
	int r;

	if (json.n > SETTINGS_BYTES_MAX)
		return err_set(e, -E2BIG, "settings have at most %u bytes", SETTINGS_BYTES_MAX);
	r = decode_text_strict(json, "", a, &whole, &raw, NULL, e);
	if (r < 0)
		return r;
	if (raw.version != SETTINGS_VERSION)
		return err_set(e, -EBADMSG, "version: must be %d", SETTINGS_VERSION);
	for (size_t i = 0; i < raw.s.host_count; i++)
		if (!raw.s.hosts[i].name || !raw.s.hosts[i].address)
			return err_set(e, -EBADMSG, "hosts[%zu]: name and address are needed", i);
	*ret = raw.s;
	return 0;
}

static void write_addresses(struct json_out *w, const char *key, const uint32_t *v, size_t n)
{
	char text[SPEC_IP4_TEXT_MAX];

	if (!n)
		return;
	json_out_key_array(w, key);
	for (size_t i = 0; i < n; i++)
		json_out_str(w, str_c(spec_ip4_text(v[i], text)));
	json_out_end_array(w);
}

void settings_write(const struct settings *s, struct out *out)
{
	char text[SPEC_IP4_TEXT_MAX];
	struct json_out w;

	json_out_init(&w, out);
	json_out_object(&w);
	json_out_key_u64(&w, "version", SETTINGS_VERSION);
	json_out_key_opt(&w, "hostname", str_c(s->hostname));
	write_addresses(&w, "dns", s->dns, s->dns_count);
	write_addresses(&w, "time", s->time, s->time_count);
	if (s->host_count) {
		json_out_key_array(&w, "hosts");
		for (size_t i = 0; i < s->host_count; i++) {
			json_out_object(&w);
			json_out_key_str(&w, "name", str_c(s->hosts[i].name));
			json_out_key_str(&w, "address", str_c(spec_ip4_text(s->hosts[i].address, text)));
			json_out_end_object(&w);
		}
		json_out_end_array(&w);
	}
	json_out_end_object(&w);
	out_str(out, STR("\n"));
}
