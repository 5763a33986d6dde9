/* The node's specification: every member is read, and what is wrong is told by its path. */
#include "codec/yaml.h"
#include "node/baseline.h"
#include "node/spec.h"

#include "tap.h"

#define HEAD "version: 1\nname: demo\nrelease: \"1.0\"\n"
#define CERTIFICATE "-----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----\\n"

static const struct {
	const char *name, *yaml;
	const char *message; /* NULL: it is right */
} rows[] = {
	{ "least", HEAD, NULL },
	{ "empty", "", "must be an object" },
	{ "no version", "name: demo\nrelease: \"1\"\n", "\"version\" is missing" },
	{ "no name", "version: 1\nrelease: \"1\"\n", "\"name\" is missing" },
	{ "no release", "version: 1\nname: x\n", "\"release\" is missing" },
	{ "a version to come", "version: 2\n", "version: must be 1" },
	{ "version as text", "version: \"1\"\n", "version: must be 1" },
	{ "release as number", "version: 1\nname: x\nrelease: 1.0\n", "release: must be a string" },
	{ "release with a blank", "version: 1\nname: x\nrelease: a b\n", "release: \"a b\" is no version" },
	{ "name in capitals", "version: 1\nname: Demo\n", "name: \"Demo\" is no name" },
	{ "name with a dash in front", "version: 1\nname: -x\n", "name: \"-x\" is no name" },
	{ "unknown member", HEAD "color: red\n", "\"color\" is not known" },
	{ "another case", HEAD "Kernel: {}\n", "\"Kernel\" is written \"kernel\"" },
	{ "unknown member below", HEAD "kernel: { variants: virtio }\n", "kernel: \"variants\" is not known" },
	{ "epoch", HEAD "epoch: -1\n", "epoch: -1: must be a whole number" },
	{ "variant", HEAD "kernel: { variant: arm }\n", "kernel.variant: \"arm\" is not known" },
	{ "command line", HEAD "kernel: { command_line: [console=tty0] }\n", NULL },
	{ "command line: root", HEAD "kernel: { command_line: [\"root=/dev/vda\"] }\n",
	  "kernel.command_line[0]: \"root=/dev/vda\" would weaken" },
	{ "command line: ipe", HEAD "kernel: { command_line: [ipe.enforce=0] }\n",
	  "kernel.command_line[0]: \"ipe.enforce=0\"" },
	{ "command line: built-in", HEAD "kernel: { command_line: [init_on_alloc=0] }\n",
	  "kernel.command_line[0]: \"init_on" },
	{ "command line: with dashes", HEAD "kernel: { command_line: [init-on-alloc=0] }\n",
	  "kernel.command_line[0]: \"init-on" },
	{ "command line: blank", HEAD "kernel: { command_line: [\"a b\"] }\n",
	  "kernel.command_line[0]: \"a b\" is no word" },
	{ "command line: quote", HEAD "kernel: { command_line: ['a\"'] }\n",
	  "kernel.command_line[0]: \"a\"\" is no word" },
	{ "network",
	  HEAD "network: [ { interface: eth0, dhcp: true }, { interface: eth1, address: 10.0.0.2/24, gateway: "
	       "10.0.0.1, dns: [10.0.0.1] } ]\n",
	  NULL },
	{ "neither", HEAD "network: [ { interface: eth0 } ]\n", "network[0]: has neither" },
	{ "both", HEAD "network: [ { interface: eth0, dhcp: true, address: 10.0.0.1/8 } ]\n", "network[0]: has both" },
	{ "no interface", HEAD "network: [ { dhcp: true } ]\n", "network[0]: \"interface\" is missing" },
	{ "interface twice", HEAD "network: [ { interface: a, dhcp: true }, { interface: a, dhcp: true } ]\n",
	  "network[1]: this interface is given twice" },
	{ "interface too long", HEAD "network: [ { interface: abcdefghijklmnop } ]\n",
	  "network[0].interface: longer than" },
	{ "interface with a slash", HEAD "network: [ { interface: a/b } ]\n", "network[0].interface: \"a/b\" is no" },
	{ "address without prefix", HEAD "network: [ { interface: a, address: 10.0.0.1 } ]\n",
	  "network[0].address: \"10.0.0.1\" is no IPv4 ADDRESS/PREFIX" },
	{ "prefix 0", HEAD "network: [ { interface: a, address: 10.0.0.1/0 } ]\n", "network[0]: has neither" },
	{ "gateway elsewhere", HEAD "network: [ { interface: a, address: 10.0.0.2/24, gateway: 10.0.1.1 } ]\n",
	  "network[0]: the gateway is not in" },
	{ "time", HEAD "time: [10.0.0.1, 10.0.0.2]\n", NULL },
	{ "time by name", HEAD "time: [pool.example]\n", "time[0]: \"pool.example\" is no IPv4 address" },
	{ "time: leading zero", HEAD "time: [10.00.0.1]\n", "time[0]: \"10.00.0.1\" is no IPv4" },
	{ "sysctl", HEAD "sysctl: { net.ipv4.ip_forward: \"1\" }\n", NULL },
	{ "sysctl as number", HEAD "sysctl: { net.ipv4.ip_forward: 1 }\n",
	  "sysctl.net.ipv4.ip_forward: must be a string" },
	{ "sysctl of the baseline", HEAD "sysctl: { kernel.kptr_restrict: \"2\" }\n", NULL },
	{ "sysctl weaker", HEAD "sysctl: { kernel.kptr_restrict: \"1\" }\n",
	  "sysctl.kernel.kptr_restrict: the baseline is 2 and may not be weakened" },
	{ "sysctl as path", HEAD "sysctl: { net/ipv4/ip_forward: \"1\" }\n",
	  "sysctl: \"net/ipv4/ip_forward\" is no name" },
	{ "sysctl upwards", HEAD "sysctl: { \"net..x\": \"1\" }\n", "sysctl: \"net..x\" is no name" },
	{ "firewall", HEAD "firewall: [ { proto: udp, port: 53, from: 10.0.0.0/8 }, { port: 80 } ]\n", NULL },
	{ "port 0", HEAD "firewall: [ { port: 0 } ]\n", "firewall[0].port: must be a port" },
	{ "port 65536", HEAD "firewall: [ { port: 65536 } ]\n", "firewall[0].port: 65536: must be" },
	{ "no port", HEAD "firewall: [ { proto: tcp } ]\n", "firewall[0]: \"port\" is missing" },
	{ "proto", HEAD "firewall: [ { proto: sctp, port: 1 } ]\n", "firewall[0].proto: \"sctp\" is not known" },
	{ "agent", HEAD "agent: { vsock: 7, tcp: 7443, clients: [\"" CERTIFICATE "\"] }\n", NULL },
	{ "agent open to all", HEAD "agent: { tcp: 7443 }\n", "agent: \"tcp\" needs \"clients\"" },
	{ "no certificate", HEAD "agent: { clients: [x] }\n", "agent.clients[0]: is no PEM certificate" },
	{ "service",
	  HEAD "services: [ { name: x, command: [/usr/bin/x, -v], user: 1000, capabilities: [CAP_KILL], memory: 32Mi, "
	       "pids: 16, network: true } ]\n",
	  NULL },
	{ "service without command", HEAD "services: [ { name: x } ]\n", "services[0]: \"command\" is missing" },
	{ "service without name", HEAD "services: [ { command: [/x] } ]\n", "services[0]: \"name\" is missing" },
	{ "relative command", HEAD "services: [ { name: x, command: [x] } ]\n",
	  "services[0]: the command is no absolute path" },
	{ "service twice", HEAD "services: [ { name: x, command: [/x] }, { name: x, command: [/y] } ]\n",
	  "services[1]: this name is given twice" },
	{ "no capability", HEAD "services: [ { name: x, command: [/x], capabilities: [KILL] } ]\n",
	  "services[0].capabilities" },
	{ "memory", HEAD "services: [ { name: x, command: [/x], memory: 1Ki } ]\n",
	  "services[0].memory: \"1Ki\" is no quantity" },
	{ "memory in words", HEAD "services: [ { name: x, command: [/x], memory: much } ]\n",
	  "services[0].memory: \"much\"" },
	{ "packages", HEAD "packages: [ca-certificates, libstdc++6]\n", NULL },
	{ "package as option", HEAD "packages: [-x]\n", "packages[0]: \"-x\" is no package name" },
	{ "package with version", HEAD "packages: [a=1]\n", "packages[0]: \"a=1\" is no package name" },
	{ "files", HEAD "files: [ { path: /usr/lib/x, source: x, mode: \"0755\" }, { path: /z, source: z } ]\n", NULL },
	{ "relative path", HEAD "files: [ { path: usr/lib/x, source: x } ]\n",
	  "files[0].path: \"usr/lib/x\" is no absolute path" },
	{ "path upwards", HEAD "files: [ { path: /usr/../x, source: x } ]\n", "files[0].path" },
	{ "path twice", HEAD "files: [ { path: /x, source: x }, { path: /x, source: z } ]\n",
	  "files[1]: this path is given twice" },
	{ "set-user-id", HEAD "files: [ { path: /x, source: x, mode: \"4755\" } ]\n",
	  "files[0].mode: \"4755\" is no mode" },
	{ "no source", HEAD "files: [ { path: /x } ]\n", "files[0]: \"source\" is missing" },
	{ "images", HEAD "images: [ { name: demo/web, source: \"oci:./web\" } ]\n", NULL },
	{ "image twice", HEAD "images: [ { name: a, source: x }, { name: a, source: z } ]\n",
	  "images[1]: this name is given twice" },
	{ "image without source", HEAD "images: [ { name: a } ]\n", "images[0]: \"source\" is missing" },
	{ "pods", HEAD "pods: [pod.yaml]\n", NULL },
	{ "pods inside", HEAD "pods: [ { kind: Pod } ]\n", "pods[0]: must be a string" },
	{ "data", HEAD "data: { size: 1Gi }\n", NULL },
	{ "data as number", HEAD "data: { size: 1073741824 }\n", NULL },
	{ "data too small", HEAD "data: { size: 1Mi }\n", "data.size: \"1Mi\" is no quantity" },
	{ "null is not there", HEAD "data:\npods:\nkernel: ~\n", NULL },
};

static void write(const struct spec *s, struct buf *ret)
{
	struct out o;

	out_init(&o, -1);
	spec_write(s, &o);
	*ret = o.b;
	o.b = (struct buf){ 0 };
}

TEST(rows)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_arena struct arena a = { 0 };
		auto_buf struct buf json = { 0 }, first = { 0 }, second = { 0 };
		struct spec s = { 0 };
		struct err e = { 0 };
		int r;

		row("%s", rows[i].name);
		if (!OK_ERR(yaml_to_json(str_c(rows[i].yaml), &json, &e), &e))
			continue;
		r = spec_parse(buf_all(&json), &a, &s, &e);
		if (rows[i].message) {
			OK(r == -EBADMSG || r == -E2BIG);
			EQ_STR(str_head(str_c(e.msg), strlen(rows[i].message)), str_c(rows[i].message));
			continue;
		}
		if (!OK_ERR(r, &e))
			continue;
		write(&s, &first);
		OK_ERR(spec_parse(buf_all(&first), &a, &s, &e), &e);
		write(&s, &second);
		EQ_STR(buf_all(&second), buf_all(&first));
	}
}

TEST(values)
{
	static const char text[] =
		HEAD "epoch: 7\nkernel: { variant: cloud, sealed: true, command_line: [a, b=c] }\n"
		     "network: [ { interface: eth1, address: 10.0.0.2/24, gateway: 10.0.0.1, dns: [10.0.0.3] } ]\n"
		     "firewall: [ { proto: udp, port: 53, from: 10.0.0.0/8 } ]\n"
		     "services: [ { name: x, command: [/usr/bin/x, -v], user: 1000, capabilities: [CAP_KILL], memory: "
		     "32Mi } ]\n"
		     "files: [ { path: /x, source: x, mode: \"0755\" }, { path: /z, source: z } ]\n"
		     "data: { size: 1Gi }\n";
	auto_arena struct arena a = { 0 };
	auto_buf struct buf json = { 0 };
	struct spec s = { 0 };
	struct err e = { 0 };

	if (!OK_ERR(yaml_to_json(str_c(text), &json, &e), &e) || !OK_ERR(spec_parse(buf_all(&json), &a, &s, &e), &e))
		return;
	EQ_Z(s.name, "demo");
	EQ_Z(s.hostname, "demo");
	EQ_INT(s.epoch, 7);
	EQ_INT(s.kernel.variant, SPEC_CLOUD);
	OK(s.kernel.sealed && s.kernel.command_line.n == 2 && !s.kernel.command_line.v[2]);
	EQ_INT(s.network[0].address.address, 0x0a000002);
	EQ_INT(s.network[0].address.prefix, 24);
	EQ_INT(s.network[0].gateway, 0x0a000001);
	EQ_INT(s.network[0].dns[0], 0x0a000003);
	EQ_INT(s.firewall[0].proto, SPEC_UDP);
	EQ_INT(s.firewall[0].from.prefix, 8);
	EQ_INT(s.agent.vsock, 1024);
	EQ_Z(s.services[0].command.v[1], "-v");
	EQ_INT(s.services[0].capabilities, 1 << 5);
	EQ_INT(s.services[0].memory_bytes, 32 << 20);
	EQ_INT(s.files[0].mode, 0755);
	EQ_INT(s.files[1].mode, 0644);
	EQ_INT(s.data_bytes, 1 << 30);
}

/* A word of the built-in command line is never one that may be added. */
TEST(baseline)
{
	struct str rest = str_c(baseline_cmdline);

	for (struct str word; str_cut(&rest, ' ', &word);)
		OK(word.n && baseline_cmdline_refuses(word));
	OK(!baseline_cmdline_refuses(STR("console=ttyS1")));
	OK(baseline_cmdline_refuses(STR("dm_mod.create=x")));
	OK(!baseline_sysctl(STR("kernel.hostname")));
}
