/* prober: tries kernel entry points from inside a container and says what the kernel said.
 *
 * usage: prober [NAME...]       one line each: CLASS/NAME and OK or the errno's name; without names, all of them
 *
 * Classes are the rows of docs/escapes.md ("Kernel entry points"). A static program: it runs in any root file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/perf_event.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PLACE "/tmp"

static long opened(long fd)
{
	if (fd >= 0)
		close((int)fd);
	return fd;
}

static long removed(long r, const char *path)
{
	int why = errno;

	unlink(path);
	errno = why;
	return r;
}

/* The network stack's control plane, by a user namespace of one's own or by rights that one has. */

static long unshare_net(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

static long raw_clone(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid;
}

static long clone_net(void)
{
	return raw_clone(CLONE_NEWUSER | CLONE_NEWNET);
}

static long clone3_net(void)
{
	struct clone_args {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	} a = { .flags = CLONE_NEWUSER | CLONE_NEWNET, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &a, sizeof(a));

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid;
}

static long join_net(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	long r = fd < 0 ? -1 : setns(fd, CLONE_NEWNET);

	opened(fd);
	return r;
}

static long netlink(int protocol)
{
	return opened(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
}

struct request {
	struct nlmsghdr h;
	union {
		struct tcmsg tc;
		struct ifinfomsg link;
	};
	char attributes[64];
};

/* What the kernel answers to one request about the network. */
static long ask(struct request *q)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char rest[512];
	} answer = { 0 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	long r = -1;

	if (fd >= 0 && send(fd, q, q->h.nlmsg_len, 0) > 0 && recv(fd, &answer, sizeof(answer), 0) > 0) {
		errno = -answer.e.error;
		r = answer.e.error;
	}
	opened(fd);
	return r < 0 ? -1 : r;
}

static void attribute(struct request *q, unsigned short type, const char *text)
{
	struct rtattr *a = (struct rtattr *)(void *)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(strlen(text) + 1);
	memcpy(RTA_DATA(a), text, strlen(text) + 1);
	q->h.nlmsg_len = NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static long new_qdisc(void)
{
	struct request q = { .h = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)),
				    .nlmsg_type = RTM_NEWQDISC,
				    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE },
			     .tc = { .tcm_ifindex = 1, .tcm_parent = TC_H_ROOT } };

	attribute(&q, TCA_KIND, "pfifo");
	return ask(&q);
}

static long new_link(void)
{
	struct request q = { .h = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
				    .nlmsg_type = RTM_NEWLINK,
				    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE } };
	struct rtattr *info;

	attribute(&q, IFLA_IFNAME, "probe0");
	info = (struct rtattr *)(void *)((char *)&q + NLMSG_ALIGN(q.h.nlmsg_len));
	q.h.nlmsg_len += RTA_LENGTH(0);
	attribute(&q, IFLA_INFO_KIND, "dummy");
	info->rta_type = IFLA_LINKINFO;
	info->rta_len = (unsigned short)((char *)&q + q.h.nlmsg_len - (char *)info);
	return ask(&q);
}

static long netlink_netfilter(void)
{
	return netlink(12);
}
static long netlink_xfrm(void)
{
	return netlink(6);
}
static long netlink_generic(void)
{
	return netlink(16);
}

static long option(int type, int protocol, int level, int name, const void *value, socklen_t size)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);
	long r = fd < 0 ? -1 : setsockopt(fd, level, name, value, size);
	int why = errno;

	opened(fd);
	errno = why;
	return r;
}

static long ip_tables(void)
{
	char table[256] = "filter";

	return option(SOCK_DGRAM, 0, IPPROTO_IP, 64, table, sizeof(table)); /* IPT_SO_SET_REPLACE */
}

static long tcp_ulp(void)
{
	return option(SOCK_STREAM, 0, IPPROTO_TCP, 31, "tls", 3);
}

static long tcp_ulp_high_bits(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	long r = syscall(SYS_setsockopt, fd, 1l << 40 | IPPROTO_TCP, 1l << 33 | 31, "tls", 3);
	int why = errno;

	opened(fd);
	errno = why;
	return r;
}

static long udp_encap(void)
{
	int esp = 2;

	return option(SOCK_DGRAM, 0, IPPROTO_UDP, 100, &esp, sizeof(esp));
}

/* Rare families. */

static long family(int f, int type, int protocol)
{
	return opened(socket(f, type | SOCK_CLOEXEC, protocol));
}
static long af_packet(void)
{
	return family(AF_PACKET, SOCK_RAW, 0);
}
static long af_packet_by_type(void)
{
	return family(AF_INET, SOCK_PACKET, 0);
}
static long af_packet_high_bits(void)
{
	return opened(syscall(SYS_socket, 1l << 32 | AF_PACKET, SOCK_RAW, 0));
}
static long af_alg(void)
{
	return family(38, SOCK_SEQPACKET, 0);
}
static long af_vsock(void)
{
	return family(40, SOCK_STREAM, 0);
}
static long af_rxrpc(void)
{
	return family(33, SOCK_DGRAM, PF_INET);
}
static long af_key(void)
{
	return family(15, SOCK_RAW, 2);
}
static long af_tipc_pair(void)
{
	int fds[2];

	return socketpair(30, SOCK_STREAM, 0, fds);
}
static long sctp(void)
{
	return family(AF_INET, SOCK_STREAM, 132);
}
static long raw_ip(void)
{
	return family(AF_INET, SOCK_RAW, 1);
}

static long io_uring(void)
{
	uint32_t params[30] = { 0 };

	return opened(syscall(SYS_io_uring_setup, 1, params));
}

static long bpf(void)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	return opened(syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)));
}

/* Mounts, old and new. */

static long mount_tmpfs(void)
{
	long r = mount("none", PLACE, "tmpfs", 0, NULL);

	if (r == 0)
		umount2(PLACE, MNT_DETACH);
	return r;
}
static long mount_remount(void)
{
	return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL);
}
static long fs_open(void)
{
	return opened(syscall(SYS_fsopen, "tmpfs", 0));
}
static long open_tree_clone(void)
{
	return opened(syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */));
}
static long open_tree_attr(void)
{
	return opened(syscall(467, AT_FDCWD, "/", 1, NULL, 0));
}
static long mount_attributes(void)
{
	uint64_t attr[4] = { 0 };

	return syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, attr, sizeof(attr));
}
static long unmount(void)
{
	return umount2(PLACE "/nothing", 0) < 0 && (errno == EINVAL || errno == ENOENT) ? 0 : -1;
}
static long unshare_mount(void)
{
	return raw_clone(CLONE_NEWNS);
}
static long write_open(const char *path)
{
	return opened(open(path, O_WRONLY | O_CLOEXEC));
}
static long cgroup_write(void)
{
	long r = write_open("/sys/fs/cgroup/cgroup.procs");

	return r < 0 && errno == ENOENT ? write_open("/sys/fs/cgroup/pids/cgroup.procs") : r;
}

/* The rest of what strict closes. */

static long key_control(void)
{
	return syscall(SYS_keyctl, 0 /* get id */, -3 /* session */, 1);
}
static long key_add(void)
{
	return syscall(SYS_add_key, "user", "probe", "x", 1, -1 /* thread */);
}
static long fault_handler(void)
{
	return opened(syscall(SYS_userfaultfd, 1 /* user mode only */));
}
static long perf(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
				     .size = sizeof(a),
				     .config = PERF_COUNT_SW_CPU_CLOCK,
				     .exclude_kernel = 1,
				     .exclude_hv = 1 };

	return opened(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0));
}
static long module_load(void)
{
	return syscall(SYS_init_module, NULL, 0, "") < 0 && errno != EPERM ? 0 : -1;
}
static long kexec(void)
{
	return syscall(SYS_kexec_load, 0, 0, NULL, 1l << 40) < 0 && errno == EINVAL ? 0 : -1;
}

static long with_child(long (*what)(pid_t))
{
	pid_t pid = fork();
	long r;
	int why;

	if (pid == 0) {
		pause();
		_exit(0);
	}
	r = what(pid);
	why = errno;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	errno = why;
	return r;
}
static long seize(pid_t pid)
{
	return ptrace(PTRACE_SEIZE, pid, 0, 0);
}
static long read_other(pid_t pid)
{
	static char here[8];
	struct iovec v = { here, sizeof(here) };

	return process_vm_readv(pid, &v, 1, &v, 1, 0);
}
static long trace(void)
{
	return with_child(seize);
}
static long read_process(void)
{
	return with_child(read_other);
}
static long by_handle(void)
{
	struct file_handle *h = (struct file_handle *)(uint64_t[20]){ 0 };
	int mount_id;
	long r;

	h->handle_bytes = 128;
	r = name_to_handle_at(AT_FDCWD, "/", h, &mount_id, 0);
	if (r < 0)
		return -1;
	return opened(open_by_handle_at(AT_FDCWD, h, O_RDONLY));
}
static long type_into_terminal(void)
{
	/* No terminal here: what matters is who refuses. ENOTTY is the device's own word. */
	return ioctl(0, 0x5412, "x") < 0 && errno != EPERM ? 0 : -1;
}
static long executable_stack(void)
{
	return personality(READ_IMPLIES_EXEC);
}
static long make_device(void)
{
	return removed(mknod(PLACE "/probe-device", S_IFBLK | 0600, makedev(7, 0)), PLACE "/probe-device");
}
static long core_size(void)
{
	struct rlimit l = { 1 << 20, 1 << 20 };

	return setrlimit(RLIMIT_CORE, &l);
}
static long change_owner(void)
{
	int fd = open(PLACE "/probe-owner", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	long r = fd < 0 ? -1 : fchown(fd, 1, 1);

	opened(fd);
	return removed(r, PLACE "/probe-owner");
}
static long more_privileges(void)
{
	errno = EPERM;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? -1 : 0;
}
static long write_root(void)
{
	return removed(opened(open("/probe-root", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), "/probe-root");
}
static long core_pattern(void)
{
	return write_open("/proc/sys/kernel/core_pattern");
}
static long masked(void)
{
	/* A mask is a device that swallows everything: what is asked is whether the kernel's own file is behind it. */
	struct stat st;

	errno = EACCES;
	return stat("/proc/interrupts", &st) == 0 && S_ISREG(st.st_mode) ? 0 : -1;
}

static const struct {
	const char *name;
	long (*what)(void);
} probes[] = {
	{ "net-sched/unshare", unshare_net },
	{ "net-sched/clone", clone_net },
	{ "net-sched/clone3", clone3_net },
	{ "net-sched/setns", join_net },
	{ "net-sched/qdisc", new_qdisc },
	{ "netfilter/netlink", netlink_netfilter },
	{ "netfilter/ip-tables", ip_tables },
	{ "netdev/xfrm", netlink_xfrm },
	{ "netdev/pf-key", af_key },
	{ "netdev/udp-encap", udp_encap },
	{ "netdev/new-link", new_link },
	{ "netdev/generic-netlink", netlink_generic },
	{ "io-uring/setup", io_uring },
	{ "ktls/tcp-ulp", tcp_ulp },
	{ "ktls/tcp-ulp-high-bits", tcp_ulp_high_bits },
	{ "families/packet", af_packet },
	{ "families/packet-by-type", af_packet_by_type },
	{ "families/packet-high-bits", af_packet_high_bits },
	{ "families/alg", af_alg },
	{ "families/vsock", af_vsock },
	{ "families/rxrpc", af_rxrpc },
	{ "families/tipc-pair", af_tipc_pair },
	{ "families/sctp", sctp },
	{ "families/raw-ip", raw_ip },
	{ "bpf-mounts/bpf", bpf },
	{ "bpf-mounts/mount", mount_tmpfs },
	{ "bpf-mounts/remount", mount_remount },
	{ "bpf-mounts/umount", unmount },
	{ "bpf-mounts/fsopen", fs_open },
	{ "bpf-mounts/open-tree", open_tree_clone },
	{ "bpf-mounts/open-tree-attr", open_tree_attr },
	{ "bpf-mounts/mount-setattr", mount_attributes },
	{ "bpf-mounts/clone-mount-namespace", unshare_mount },
	{ "bpf-mounts/cgroup-write", cgroup_write },
	{ "more/keyctl", key_control },
	{ "more/add-key", key_add },
	{ "more/userfaultfd", fault_handler },
	{ "more/perf", perf },
	{ "more/module", module_load },
	{ "more/kexec", kexec },
	{ "more/ptrace", trace },
	{ "more/read-process", read_process },
	{ "more/open-by-handle", by_handle },
	{ "more/tiocsti", type_into_terminal },
	{ "more/executable-stack", executable_stack },
	{ "more/mknod", make_device },
	{ "more/core-size", core_size },
	{ "more/chown", change_owner },
	{ "more/new-privileges", more_privileges },
	{ "more/write-root", write_root },
	{ "more/core-pattern", core_pattern },
	{ "more/masked", masked },
};

/* Each in a process of its own: one that succeeds changes what the next one may. */
static int probe(size_t i)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		errno = 0;
		_exit(probes[i].what() < 0 ? (errno ? errno : 255) : 0);
	}
	if (waitpid(pid, &status, 0) != pid)
		return 255;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static bool wanted(const char *name, int argc, char **argv)
{
	bool found = argc < 2;

	for (int i = 1; i < argc; i++)
		found |= strcmp(argv[i], name) == 0;
	return found;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < COUNT(probes); i++) {
		if (!wanted(probes[i].name, argc, argv))
			continue;
		int error = probe(i);

		printf("%s %s\n", probes[i].name, error == 255 ? "DIED" : error ? strerrorname_np(error) : "OK");
		fflush(stdout);
	}
	return 0;
}
