/* state: what init did and sees, for the agent: NODE_STATE, docs/formats/node-state.md. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "node/init/node.h"
#include "node/layout.h"

#define STATE_BYTES_MAX (64u << 10)

static void key_ip(struct json_out *w, const char *key, uint32_t address)
{
	char text[SPEC_IP4_TEXT_MAX];

	if (address)
		json_out_key_str(w, key, str_c(spec_ip4_text(address, text)));
}

static void write_boot(struct json_out *w, const struct node *n)
{
	uint64_t measured;

	json_out_key_object(w, "boot");
	json_out_key_str(w, "name", str_c(n->spec.name));
	json_out_key_str(w, "release", str_c(n->spec.release));
	json_out_key_u64(w, "epoch", n->spec.epoch);
	json_out_key_opt(w, "root_hash", str_c(n->lock.root_hash));
	json_out_key_str(w, "loadpin", str_c(n->lock.pinned));
	json_out_key_bool(w, "ima", n->lock.ima);
	if (lock_measured(&n->lock, &measured))
		json_out_key_u64(w, "ima_measurements", measured);
	json_out_key_bool(w, "ipe", n->lock.ipe);
	json_out_key_opt(w, "lsm", str_c(n->lock.lsm));
	json_out_key_bool(w, "firewall", n->firewall);
	json_out_key_bool(w, "audit_locked", n->audit_locked);
	json_out_key_bool(w, "watchdog", n->watchdog);
	json_out_key_opt(w, "trouble", str_c(n->trouble));
	json_out_end_object(w);
}

static void write_data(struct json_out *w, const struct data *d)
{
	json_out_key_object(w, "data");
	json_out_key_str(w, "state", str_c(data_state_name(d->state)));
	json_out_key_bool(w, "persistent", d->device[0] != 0);
	json_out_key_opt(w, "device", str_c(d->device));
	json_out_key_opt(w, "detail", str_c(d->detail));
	json_out_key_u64(w, "size_bytes", d->size_bytes);
	json_out_key_u64(w, "free_bytes", d->free_bytes);
	json_out_key_u64(w, "lost_log_lines", log_lost());
	json_out_end_object(w);
}

static void write_network(struct json_out *w, const struct node *n)
{
	json_out_key_array(w, "network");
	for (size_t i = 0; i < n->net_count; i++) {
		const struct net_report *r = &n->net[i];

		json_out_object(w);
		json_out_key_str(w, "interface", str_c(r->interface));
		json_out_key_str(w, "source",
				 str_c(r->source == NET_DHCP	 ? "dhcp"
				       : r->source == NET_STATIC ? "static"
								 : "none"));
		key_ip(w, "address", r->address);
		json_out_key_u64(w, "prefix", r->prefix);
		key_ip(w, "gateway", r->gateway);
		json_out_end_object(w);
	}
	json_out_end_array(w);
	if (n->time.source != NET_TIME)
		return;
	json_out_key_object(w, "time");
	key_ip(w, "server", n->time.server);
	json_out_key(w, "stepped_seconds");
	json_out_double(w, (double)n->time.stepped_ns / 1e9, 6);
	json_out_end_object(w);
}

static void write_services(struct json_out *w, const struct node *n)
{
	static const char *const names[] = { "waiting", "running", "ended" };

	json_out_key_array(w, "services");
	for (size_t i = 0; i < n->service_count; i++) {
		const struct service *s = &n->services[i];

		json_out_object(w);
		json_out_key_str(w, "name", str_c(s->name));
		json_out_key_str(w, "state", str_c(names[s->state]));
		if (s->pid > 0)
			json_out_key_u64(w, "pid", (uint64_t)s->pid);
		json_out_key_u64(w, "restarts", s->restarts);
		if (s->restarts && WIFSIGNALED(s->wait_status))
			json_out_key_u64(w, "last_signal", (uint64_t)WTERMSIG(s->wait_status));
		else if (s->restarts)
			json_out_key_u64(w, "last_status", (uint64_t)WEXITSTATUS(s->wait_status));
		json_out_end_object(w);
	}
	json_out_end_array(w);
}

void state_write(const struct node *n)
{
	auto_buf struct buf text = { 0 };
	struct out out;
	struct json_out w;

	out_init(&out, -1);
	json_out_init(&w, &out);
	json_out_object(&w);
	json_out_key_u64(&w, "version", 1);
	write_boot(&w, n);
	write_data(&w, &n->data);
	write_network(&w, n);
	write_services(&w, n);
	json_out_end_object(&w);
	buf_init(&text, STATE_BYTES_MAX);
	buf_str(&text, buf_all(&out.b));
	buf_char(&text, '\n');
	if (out_finish(&out) < 0 || buf_finish(&text) < 0 ||
	    file_write(AT_FDCWD, NODE_STATE, buf_all(&text), false, NULL) < 0)
		say("the state cannot be written");
	else
		(void)chmod(NODE_STATE, 0644);
}
