/* boot: what a machine's command line is made of. */
#include "node/boot/boot.h"

#include "tap.h"

TEST(forward)
{
	static const struct {
		const char *text;
		bool ok;
		struct boot_forward f;
	} rows[] = {
		{ "8443:7443", true, { false, 8443, 7443 } },
		{ "udp:53:5353", true, { true, 53, 5353 } },
		{ "8443", false, { 0 } },
		{ "0:1", false, { 0 } },
		{ "1:65536", false, { 0 } },
		{ "tcp:1:2", false, { 0 } },
		{ "1:2,guestfwd=x", false, { 0 } },
		{ "", false, { 0 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct boot_forward f = { 0 };

		row("'%s'", rows[i].text);
		OK(boot_forward_parse(str_c(rows[i].text), &f) == rows[i].ok);
		EQ_INT(f.host, rows[i].f.host);
		EQ_INT(f.guest, rows[i].f.guest);
		OK(f.udp == rows[i].f.udp);
	}
}

static const char *after(const struct strings *s, const char *name, size_t nth)
{
	for (size_t i = 0; i + 1 < s->n; i++)
		if (strcmp(s->v[i], name) == 0 && nth-- == 0)
			return s->v[i + 1];
	return "";
}

TEST(arguments)
{
	static const struct boot_forward forwards[] = { { false, 8443, 7443 }, { true, 5, 6 } };
	static const struct {
		const char *name;
		struct boot_machine m;
		const char *option;
		size_t nth;
		const char *value;
	} rows[] = {
		{ "direct: the machine",
		  { .memory_bytes = 64 << 20 },
		  "-M",
		  0,
		  "microvm,acpi=off,rtc=on,isa-serial=on,pit=on,pic=on" },
		{ "direct: memory", { .memory_bytes = 64 << 20 }, "-m", 0, "64" },
		{ "direct: the line as it is", { .command_line = "a  b,c" }, "-append", 0, "a  b,c" },
		{ "direct: the disk is not written",
		  { .disk = "d" },
		  "-drive",
		  0,
		  "id=root,file=d,format=raw,if=none,readonly=on" },
		{ "a ',' in a name",
		  { .disk = "d,snapshot=off" },
		  "-drive",
		  0,
		  "id=root,file=d,,snapshot=off,format=raw,if=none,readonly=on" },
		{ "direct: devices", { .disk = "d" }, "-device", 0, "virtio-blk-device,drive=root" },
		{ "vsock: the fifth device has an interrupt of its own",
		  { .disk = "d", .data = "e", .vsock_cid = 3 },
		  "-device",
		  4,
		  "virtio-rng-device,bus=virtio-mmio-bus.2" },
		{ "sealed: no device on the line", { .sealed = true, .disk = "d" }, "-M", 0, "q35" },
		{ "KVM", { .kvm = true, .disk = "d" }, "-accel", 0, "kvm" },
		{ "data",
		  { .disk = "d", .data = "e" },
		  "-drive",
		  1,
		  "id=data,file=e,format=raw,if=none,cache=writeback,discard=unmap" },
		{ "data: by its number",
		  { .disk = "d", .data = "e" },
		  "-device",
		  1,
		  "virtio-blk-device,drive=data,serial=data" },
		{ "UEFI: the machine", { .uefi = true, .firmware = "f", .variables = "v" }, "-M", 0, "q35,smm=on" },
		{ "UEFI: the firmware",
		  { .uefi = true, .firmware = "f", .variables = "v" },
		  "-drive",
		  0,
		  "if=pflash,unit=0,format=raw,readonly=on,file=f" },
		{ "UEFI: boots from the disk",
		  { .uefi = true, .firmware = "f", .variables = "v" },
		  "-device",
		  0,
		  "virtio-blk-pci,drive=root,bootindex=1" },
		{ "UEFI: no kernel of ours",
		  { .uefi = true, .firmware = "f", .variables = "v", .kernel = "k" },
		  "-kernel",
		  0,
		  "" },
		{ "forwards",
		  { .forwards = forwards, .forward_count = 2 },
		  "-netdev",
		  0,
		  "user,id=net0,hostfwd=tcp:127.0.0.1:8443-:7443,hostfwd=udp:127.0.0.1:5-:6" },
		{ "tap", { .tap = "tap0" }, "-netdev", 0, "tap,id=net0,ifname=tap0,script=no,downscript=no" },
		{ "vsock", { .vsock_cid = 7 }, "-device", 2, "vhost-vsock-device,guest-cid=7" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_arena struct arena a = { 0 };
		struct boot_machine m = rows[i].m;
		struct strings s;

		row("%s", rows[i].name);
		m.disk = m.disk ? m.disk : "disk";
		m.kernel = m.kernel ? m.kernel : "kernel";
		m.command_line = m.command_line ? m.command_line : "";
		boot_arguments(&m, &a, &s);
		EQ_Z(after(&s, rows[i].option, rows[i].nth), rows[i].value);
		OK(s.v[s.n] == NULL);
	}
}
