/* baseline: sysctls and command line of every node. See baseline.h. */
#include "node/baseline.h"

/* Kernel Self Protection Project's recommendations and those of `yagura audit kernel`. */
const struct baseline_sysctl baseline_sysctls[] = {
	/* The firewall passes on what the agent opens for pods, nothing else. First: it changes others. */
	{ "net.ipv4.ip_forward", NULL, "1" },
	{ "kernel.kptr_restrict", "2", NULL },
	{ "kernel.dmesg_restrict", "1", NULL },
	{ "kernel.perf_event_paranoid", "3", NULL },
	/* The runtime takes the descriptor of a container's filter out of it: 2, with the capability. 3 would be for
	   good. */
	{ "kernel.yama.ptrace_scope", "3", "2" },
	{ "kernel.unprivileged_bpf_disabled", "1", NULL },
	{ "net.core.bpf_jit_harden", "2", NULL },
	{ "vm.unprivileged_userfaultfd", "0", NULL },
	{ "vm.mmap_rnd_bits", "32", NULL },
	{ "vm.mmap_min_addr", "65536", NULL },
	{ "dev.tty.ldisc_autoload", "0", NULL },
	{ "dev.tty.legacy_tiocsti", "0", NULL },
	{ "kernel.kexec_load_disabled", "1", NULL },
	{ "kernel.modules_disabled", "1", NULL },
	{ "kernel.sysrq", "0", NULL },
	{ "kernel.randomize_va_space", "2", NULL },
	{ "kernel.io_uring_disabled", "2", NULL },
	{ "kernel.oops_limit", "100", NULL },
	{ "kernel.warn_limit", "100", NULL },
	{ "kernel.core_pattern", "|/bin/false", NULL },
	{ "kernel.panic_on_oops", "1", NULL },
	{ "kernel.panic", "10", NULL },
	{ "kernel.printk", "3 3 3 3", NULL },
	{ "fs.protected_symlinks", "1", NULL },
	{ "fs.protected_hardlinks", "1", NULL },
	{ "fs.protected_fifos", "2", NULL },
	{ "fs.protected_regular", "2", NULL },
	{ "fs.suid_dumpable", "0", NULL },
	{ "user.max_user_namespaces", "0", NULL },
	{ "net.ipv4.conf.all.rp_filter", "1", NULL },
	{ "net.ipv4.conf.default.rp_filter", "1", NULL },
	{ "net.ipv4.conf.all.accept_redirects", "0", NULL },
	{ "net.ipv4.conf.default.accept_redirects", "0", NULL },
	{ "net.ipv4.conf.all.secure_redirects", "0", NULL },
	{ "net.ipv4.conf.all.send_redirects", "0", NULL },
	{ "net.ipv4.conf.default.send_redirects", "0", NULL },
	{ "net.ipv4.conf.all.accept_source_route", "0", NULL },
	{ "net.ipv4.conf.default.accept_source_route", "0", NULL },
	{ "net.ipv6.conf.all.accept_redirects", "0", NULL },
	{ "net.ipv6.conf.default.accept_redirects", "0", NULL },
	{ "net.ipv6.conf.all.accept_source_route", "0", NULL },
	{ "net.ipv6.conf.default.accept_source_route", "0", NULL },
	{ "net.ipv6.conf.all.accept_ra", "0", NULL },
	{ "net.ipv6.conf.default.accept_ra", "0", NULL },
	{ "net.ipv4.tcp_syncookies", "1", NULL },
	{ "net.ipv4.tcp_rfc1337", "1", NULL },
	{ "net.ipv4.tcp_timestamps", "1", NULL },
	{ "net.ipv4.icmp_echo_ignore_broadcasts", "1", NULL },
	{ "net.ipv4.icmp_ignore_bogus_error_responses", "1", NULL },
};
const size_t baseline_sysctl_count = ARRAY_LEN(baseline_sysctls);

const char *baseline_sysctl_value(const struct baseline_sysctl *b, bool pods)
{
	return pods && b->for_pods ? b->for_pods : b->value;
}

const char *baseline_sysctl(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(baseline_sysctls); i++)
		if (str_is(name, baseline_sysctls[i].name))
			return baseline_sysctls[i].value;
	return NULL;
}

const char baseline_cmdline[] =
	"quiet panic=-1 slab_nomerge init_on_alloc=1 init_on_free=1 page_alloc.shuffle=1 "
	"randomize_kstack_offset=on "
	"vsyscall=none debugfs=off iommu=force iommu.strict=1 iommu.passthrough=0 efi=disable_early_pci_dma "
	"mitigations=auto,nosmt lockdown=confidentiality oops=panic hash_pointers=always proc_mem.force_override=never "
	"random.trust_bootloader=off random.trust_cpu=off cfi=kcfi kfence.sample_interval=100 vdso32=0 "
	"ia32_emulation=0 "
	"bdev_allow_write_mounted=0 tsx=off spectre_v2=on spec_store_bypass_disable=on spectre_v2_user=on pti=on "
	"l1tf=full,force mds=full,nosmt tsx_async_abort=full,nosmt srbds=on mmio_stale_data=full,nosmt "
	"retbleed=auto,nosmt "
	"gather_data_sampling=force reg_file_data_sampling=on spec_rstack_overflow=safe-ret l1d_flush=on "
	"kvm.nx_huge_pages=force spectre_bhi=on";

/* What names the root, or what decides whether it and what runs from it are verified. */
static const char *const refused[] = {
	"root",
	"rootfstype",
	"rootflags",
	"rootwait",
	"ro",
	"rw",
	"init",
	"rdinit",
	"initrd",
	"noinitrd",
	"dm-mod.create",
	"dm",
	"ipe",
	"ima",
	"evm",
	"integrity",
	"lsm",
	"security",
	"apparmor",
	"selinux",
	"audit",
	"dm_verity",
	"loadpin",
	"module",
	"nosmap",
	"nosmep",
	"nopti",
	"nospectre_v1",
	"nospectre_v2",
	"noexec",
	"nokaslr",
	"no_hash_pointers",
	"slub_debug",
	"slab_merge",
	"kgdboc",
	"kdb",
	"nohibernate",
	"crashkernel",
	"sysctl",
	"landlock",
	"yama",
	"earlycon",
	"efi_pstore",
	"fips",
	"allowed_lsm",
	"iomem",
	"norandmaps",
	"nosmt",
	"mce",
	"memtest",
	"unknown_nmi_panic",
	"sched_verbose",
	"dm-mod.waitfor",
};

/* "ipe.enforce=0" is about ipe; the kernel takes '-' and '_' for the same. */
static bool same_name(struct str word, struct str name)
{
	if (word.n < name.n || (word.n > name.n && word.p[name.n] != '=' && word.p[name.n] != '.'))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (word.p[i] != name.p[i] && !(strchr("-_", word.p[i]) && strchr("-_", name.p[i])))
			return false;
	return true;
}

bool baseline_cmdline_refuses(struct str word)
{
	struct str rest = str_c(baseline_cmdline);

	for (struct str ours; str_cut(&rest, ' ', &ours);) {
		struct str name = ours, value;

		(void)!str_split(ours, '=', &name, &value);
		if (same_name(word, name))
			return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (same_name(word, str_c(refused[i])))
			return true;
	return false;
}
