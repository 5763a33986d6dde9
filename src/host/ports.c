/* ports: what listens to other machines, and whether a firewall stands in front of it. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"
#include "host/host.h"
#include "host/rule.h"
#include "sandbox/run.h"

#define NFT_TIMEOUT_MS 10000
#define TCP_LISTEN 0x0a /* the kernel's net/tcp_states.h */

static bool is_loopback(struct str address)
{
	/* Words of 32 bits in the host's byte order: 127.0.0.1 is 0100007F; ::1 and ::ffff:127.0.0.1. */
	return str_ends(address, STR("7F")) || str_is(address, "00000000000000000000000001000000");
}

/* proc(5), /proc/net/tcp: "sl local_address rem_address st ..."; an address is HEX:PORT. */
static bool listening(struct str line, struct str *ret_address, uint64_t *ret_port)
{
	struct str field[4], rest = str_trim(line), port;
	uint64_t state;

	for (size_t i = 0; i < ARRAY_LEN(field); i++)
		do
			if (!str_cut(&rest, ' ', &field[i]))
				return false;
		while (!field[i].n);
	return num_u64(field[3], 16, &state) && state == TCP_LISTEN && str_split(field[1], ':', ret_address, &port) &&
	       num_u64(port, 16, ret_port);
}

/* Ports open to other machines; `only`: a list "2375,10255" of those of interest, NULL: all. How many, or -1. */
static int open_ports(struct host *h, const char *only)
{
	static const char *const files[] = { "proc/net/tcp", "proc/net/tcp6" };
	int found = 0, read = 0;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		auto_buf struct buf text = { 0 };
		struct str rest, address;
		bool missing;
		uint64_t port;

		if (!host_read(h, files[i], &text, &missing))
			continue;
		read++;
		rest = buf_all(&text);
		for (struct str line; str_cut(&rest, '\n', &line);) {
			char said[24];
			bool wanted = !only;
			struct str list = str_c(only), one;

			if (!listening(line, &address, &port) || is_loopback(address))
				continue;
			snprintf(said, sizeof(said), "%llu", (unsigned long long)port);
			while (!wanted && str_cut(&list, ',', &one))
				wanted = str_is(one, said);
			if (!wanted)
				continue;
			found++;
			host_say(h, str_c(said));
		}
	}
	return read ? found : -1;
}

static enum check_result judge_ports(struct host *h, const struct host_rule *r)
{
	int n = open_ports(h, r->what);

	return n < 0 ? CHECK_UNKNOWN : n ? CHECK_FAIL : CHECK_PASS;
}

/* A chain of nftables that hooks into what arrives and drops what no rule takes; iptables-nft makes the same. */
static bool drops_by_default(struct str rules)
{
	for (struct str line; str_cut(&rules, '\n', &line);)
		if (str_find_str(line, STR("hook input")) >= 0 && str_find_str(line, STR("policy drop")) >= 0)
			return true;
	return false;
}

static enum check_result judge_firewall(struct host *h, const struct host_rule *r unused_arg)
{
	const char *const argv[] = { "nft", "list", "ruleset", NULL };
	auto_close int out = memfd_create("rules", MFD_CLOEXEC);
	struct run run = { .argv = argv, .fds = (int[]){ -1, out, -1 }, .fd_count = 3, .timeout_ms = NFT_TIMEOUT_MS };
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };
	int status;

	if (geteuid() || out < 0 || run_program(&run, &status, &e) < 0) {
		host_say(h, geteuid() ? STR("only root can list the rules") : str_c(e.msg));
		return CHECK_UNKNOWN;
	}
	if (status || lseek(out, 0, SEEK_SET) < 0 || fd_read_all(out, HOST_FILE_MAX, &text, NULL) < 0)
		return CHECK_UNKNOWN;
	return drops_by_default(buf_all(&text)) ? CHECK_PASS : CHECK_FAIL;
}

static const struct host_rule port_rules[] = {
	{ "ports.unauthenticated", 1, "no service that asks nobody for a password is open to other machines",
	  "Docker's API (2375), the kubelet's read-only port (10255), etcd (2379), Redis (6379), memcached (11211) and "
	  "Elasticsearch (9200) give "
	  "whoever reaches them everything, unless set up otherwise.",
	  "Let it listen on 127.0.0.1, or demand certificates", judge_ports, "2375,2379,6379,9200,10255,11211" },
	{ "ports.plain-text", 1, "no service that sends passwords in the clear is open to other machines",
	  "Telnet (23), rlogin (513), rsh (514), FTP (21) and TFTP (69) can be read by everybody on the way.",
	  "Use ssh instead", judge_ports, "21,23,69,513,514" },
	{ "ports.none", 2, "nothing listens to other machines but what is published",
	  "What does not listen cannot be attacked.", "Stop the services, or let them listen on 127.0.0.1", judge_ports,
	  NULL },
	{ "firewall.default-drop", 1, "the firewall drops what no rule lets in",
	  "A service that is started by mistake is not reachable.",
	  "nftables: a base chain with hook input and policy drop", judge_firewall, NULL },
};
const struct host_section ports_section = { "network", port_rules, ARRAY_LEN(port_rules), NULL, NULL };
