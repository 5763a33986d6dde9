/* spec-out: a specification written as JSON, the same for the same one. See spec.h. */
#include "node/spec.h"

#include "base/capability.h"
#include "base/json.h"

static void write_strings(struct json_out *w, const char *key, const struct strings *s)
{
	json_out_key_array(w, key);
	for (size_t i = 0; i < s->n; i++)
		json_out_str(w, str_c(s->v[i]));
	json_out_end_array(w);
}

static void write_addresses(struct json_out *w, const char *key, const uint32_t *v, size_t n)
{
	char text[SPEC_IP4_TEXT_MAX];

	json_out_key_array(w, key);
	for (size_t i = 0; i < n; i++)
		json_out_str(w, str_c(spec_ip4_text(v[i], text)));
	json_out_end_array(w);
}

static void write_subnet(struct json_out *w, const char *key, const struct spec_subnet *v)
{
	char text[SPEC_IP4_TEXT_MAX], with_prefix[SPEC_IP4_TEXT_MAX + 4];

	snprintf(with_prefix, sizeof(with_prefix), "%s/%u", spec_ip4_text(v->address, text), v->prefix);
	json_out_key_str(w, key, str_c(with_prefix));
}

static void write_network(struct json_out *w, const struct spec *s)
{
	char text[SPEC_IP4_TEXT_MAX];

	json_out_key_array(w, "network");
	for (size_t i = 0; i < s->network_count; i++) {
		const struct spec_interface *n = &s->network[i];

		json_out_object(w);
		json_out_key_str(w, "interface", str_c(n->interface));
		json_out_key_bool(w, "dhcp", n->dhcp);
		if (!n->dhcp)
			write_subnet(w, "address", &n->address);
		if (n->gateway)
			json_out_key_str(w, "gateway", str_c(spec_ip4_text(n->gateway, text)));
		write_addresses(w, "dns", n->dns, n->dns_count);
		json_out_end_object(w);
	}
	json_out_end_array(w);
}

static void write_services(struct json_out *w, const struct spec *s)
{
	json_out_key_array(w, "services");
	for (size_t i = 0; i < s->service_count; i++) {
		const struct spec_service *v = &s->services[i];

		json_out_object(w);
		json_out_key_str(w, "name", str_c(v->name));
		write_strings(w, "command", &v->command);
		json_out_key_u64(w, "user", v->user);
		capability_write(w, "capabilities", v->capabilities);
		json_out_key_u64(w, "memory", v->memory_bytes);
		json_out_key_u64(w, "pids", v->pids);
		json_out_key_bool(w, "network", v->network);
		json_out_end_object(w);
	}
	json_out_end_array(w);
}

static void write_sysctl_and_firewall(struct json_out *w, const struct spec *s)
{
	json_out_key_object(w, "sysctl");
	for (size_t i = 0; i < s->sysctl_count; i++)
		json_out_key_str(w, s->sysctl[i].key, str_c(s->sysctl[i].value));
	json_out_end_object(w);
	json_out_key_array(w, "firewall");
	for (size_t i = 0; i < s->firewall_count; i++) {
		json_out_object(w);
		json_out_key_str(w, "proto", str_c(spec_protos[s->firewall[i].proto].name));
		json_out_key_u64(w, "port", s->firewall[i].port);
		write_subnet(w, "from", &s->firewall[i].from);
		json_out_end_object(w);
	}
	json_out_end_array(w);
}

static void write_files_and_images(struct json_out *w, const struct spec *s)
{
	char mode[8];

	json_out_key_array(w, "files");
	for (size_t i = 0; i < s->file_count; i++) {
		json_out_object(w);
		json_out_key_str(w, "path", str_c(s->files[i].path));
		json_out_key_str(w, "source", str_c(s->files[i].source));
		snprintf(mode, sizeof(mode), "%04o", s->files[i].mode);
		json_out_key_str(w, "mode", str_c(mode));
		json_out_end_object(w);
	}
	json_out_end_array(w);
	json_out_key_array(w, "images");
	for (size_t i = 0; i < s->image_count; i++) {
		json_out_object(w);
		json_out_key_str(w, "name", str_c(s->images[i].name));
		json_out_key_str(w, "source", str_c(s->images[i].source));
		json_out_end_object(w);
	}
	json_out_end_array(w);
}

static void write_head(struct json_out *w, const struct spec *s)
{
	json_out_key_u64(w, "version", SPEC_VERSION);
	json_out_key_str(w, "name", str_c(s->name));
	json_out_key_str(w, "release", str_c(s->release));
	json_out_key_u64(w, "epoch", s->epoch);
	json_out_key_object(w, "kernel");
	json_out_key_str(w, "variant", str_c(spec_variants[s->kernel.variant].name));
	json_out_key_bool(w, "sealed", s->kernel.sealed);
	write_strings(w, "command_line", &s->kernel.command_line);
	json_out_end_object(w);
	json_out_key_str(w, "hostname", str_c(s->hostname));
}

static void write_agent(struct json_out *w, const struct spec *s)
{
	json_out_key_object(w, "agent");
	json_out_key_u64(w, "vsock", s->agent.vsock);
	json_out_key_u64(w, "tcp", s->agent.tcp);
	write_strings(w, "clients", &s->agent.clients);
	json_out_end_object(w);
}

void spec_write(const struct spec *s, struct out *out)
{
	struct json_out w;

	json_out_init(&w, out);
	json_out_object(&w);
	write_head(&w, s);
	write_network(&w, s);
	write_addresses(&w, "time", s->time, s->time_count);
	write_sysctl_and_firewall(&w, s);
	write_agent(&w, s);
	write_services(&w, s);
	write_strings(&w, "packages", &s->packages);
	write_files_and_images(&w, s);
	write_strings(&w, "pods", &s->pods);
	json_out_key_object(&w, "data");
	json_out_key_u64(&w, "size", s->data_bytes);
	json_out_end_object(&w);
	json_out_end_object(&w);
	out_str(out, STR("\n"));
}
