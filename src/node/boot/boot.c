/* boot: see boot.h. */
#include "node/boot/boot.h"

#include "base/num.h"

#define WORDS_MAX 128

bool boot_forward_parse(struct str s, struct boot_forward *ret)
{
	struct boot_forward f = { 0 };
	struct str host, guest;

	if (str_starts(s, STR("udp:"))) {
		f.udp = true;
		s = str_from(s, 4);
	}
	if (!str_split(s, ':', &host, &guest) || !num_u32(host, &f.host) || !num_u32(guest, &f.guest) || !f.host ||
	    f.host > UINT16_MAX || !f.guest || f.guest > UINT16_MAX)
		return false;
	*ret = f;
	return true;
}

struct words {
	struct arena *arena;
	const char **v;
	size_t n;
};

static void word(struct words *w, const char *z)
{
	w->v[w->n++] = z;
}

static void option(struct words *w, const char *name, const char *value)
{
	word(w, name);
	word(w, value);
}

/* In QEMU's options a ',' ends a value. */
static const char *quoted(struct words *w, const char *path)
{
	char *to = arena_alloc(w->arena, 2 * strlen(path) + 1), *at = to;

	for (; *path; path++) {
		*at++ = *path;
		if (*path == ',')
			*at++ = ',';
	}
	return to;
}

static bool by_mmio(const struct boot_machine *m)
{
	return !m->uefi && !m->sealed && !m->kvm;
}

static void add_device(struct words *w, const struct boot_machine *m, const char *kind, const char *more)
{
	option(w, "-device", arena_fmt(w->arena, "%s-%s%s", kind, by_mmio(m) ? "device" : "pci", more).p);
}

static void add_disk(struct words *w, const struct boot_machine *m, const char *id, const char *path, bool readonly)
{
	option(w, "-drive",
	       arena_fmt(w->arena, "id=%s,file=%s,format=raw,if=none,%s", id, quoted(w, path),
			 readonly ? "readonly=on" : "cache=writeback,discard=unmap")
		       .p);
	/* By its serial number the node knows a disk that is all data. */
	add_device(w, m, "virtio-blk",
		   arena_fmt(w->arena, ",drive=%s%s%s", id, m->uefi && readonly ? ",bootindex=1" : "",
			     readonly ? "" : ",serial=data")
			   .p);
}

static void add_machine(struct words *w, const struct boot_machine *m)
{
	const char *machine = m->uefi ? "q35,smm=on" : "q35";

	if (by_mmio(m))
		machine = "microvm,acpi=off,rtc=on,isa-serial=on,pit=on,pic=on";
	option(w, "-M", machine);
	option(w, "-accel", m->kvm ? "kvm" : "tcg");
	option(w, "-cpu", m->kvm ? "host" : "max");
	option(w, "-m", arena_fmt(w->arena, "%llu", (unsigned long long)(m->memory_bytes >> 20)).p);
	option(w, "-smp", arena_fmt(w->arena, "%u", m->processors).p);
	word(w, "-nodefaults");
	word(w, "-no-user-config");
	word(w, "-no-reboot");
	option(w, "-display", "none");
	option(w, "-monitor", "none");
	option(w, "-serial", "stdio");
}

static void add_start(struct words *w, const struct boot_machine *m)
{
	if (!m->uefi) {
		option(w, "-kernel", m->kernel);
		option(w, "-append", m->command_line);
		return;
	}
	option(w, "-global", "driver=cfi.pflash01,property=secure,value=on");
	option(w, "-drive",
	       arena_fmt(w->arena, "if=pflash,unit=0,format=raw,readonly=on,file=%s", quoted(w, m->firmware)).p);
	option(w, "-drive", arena_fmt(w->arena, "if=pflash,unit=1,format=raw,file=%s", quoted(w, m->variables)).p);
}

static void add_network(struct words *w, const struct boot_machine *m)
{
	struct str net = STR("user,id=net0");

	if (m->tap)
		net = arena_fmt(w->arena, "tap,id=net0,ifname=%s,script=no,downscript=no", quoted(w, m->tap));
	for (size_t i = 0; !m->tap && i < m->forward_count; i++)
		net = arena_fmt(w->arena, STR_FMT ",hostfwd=%s:127.0.0.1:%u-:%u", STR_ARG(net),
				m->forwards[i].udp ? "udp" : "tcp", m->forwards[i].host, m->forwards[i].guest);
	option(w, "-netdev", arena_str(w->arena, net).p);
	add_device(w, m, "virtio-net", ",netdev=net0");
	if (m->vsock_cid)
		add_device(w, m, "vhost-vsock", arena_fmt(w->arena, ",guest-cid=%u", m->vsock_cid).p);
}

void boot_arguments(const struct boot_machine *m, struct arena *a, struct strings *ret)
{
	struct words w = { a, arena_array(a, const char *, WORDS_MAX), 0 };

	word(&w, "qemu-system-x86_64");
	add_machine(&w, m);
	add_start(&w, m);
	add_disk(&w, m, "root", m->disk, true);
	if (m->data)
		add_disk(&w, m, "data", m->data, false);
	add_network(&w, m);
	/* A microvm gives its devices interrupts from 12 down; the fifth's would be 8, the clock's. */
	add_device(&w, m, "virtio-rng", by_mmio(m) ? ",bus=virtio-mmio-bus.2" : "");
	*ret = (struct strings){ w.v, w.n };
}
