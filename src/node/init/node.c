/* node: the boot of a node, its loop, its end. See node.h and docs/node.md. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/watchdog.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "node/init/init.h"
#include "node/init/node.h"
#include "node/layout.h"

#define CAP(c) (1ull << CAP_##c)
#define CAPS_ALL (~0ull)
/* What a pod never needs from the agent. */
#define CAPS_AGENT                                                                                               \
	(CAPS_ALL &                                                                                              \
	 ~(CAP(SYS_MODULE) | CAP(SYS_RAWIO) | CAP(SYS_BOOT) | CAP(SYS_TIME) | CAP(SYSLOG) | CAP(AUDIT_CONTROL) | \
	   CAP(SYS_TTY_CONFIG) | CAP(WAKE_ALARM) | CAP(MAC_ADMIN) | CAP(MAC_OVERRIDE)))
#define OWN_USER 65533 /* of net and audit */
#define MIB (1ull << 20)
#define LOOK_MS 10000 /* how often the watchdog is told, the data partition looked at */
#define WATCHDOG_S 60
#define STOP_MS 10000	    /* for a service to end by itself */
#define STOP_AGENT_MS 20000 /* and the agent, which ends pods first */

static void trouble(struct node *n, const char *what, const struct err *e)
{
	say("%s: %s", what, e->msg);
	if (!n->trouble[0])
		snprintf(n->trouble, sizeof(n->trouble), "%s: %.150s", what, e->msg);
}

/* ---- boot ---- */

static int read_spec(struct node *n, time_t *ret_made, struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct stat st;
	int r = file_read(AT_FDCWD, NODE_SPEC, SPEC_BYTES_MAX, &text, e);

	r = r < 0 ? r : spec_parse(buf_all(&text), &n->arena, &n->spec, e);
	if (r < 0)
		return err_wrap(e, r, NODE_SPEC);
	*ret_made = stat(NODE_SPEC, &st) == 0 ? st.st_mtime : 0;
	return 0;
}

/* What was changed on the running node, in place of the specification's words. A file that is no settings changes
 * nothing: the node is then as it was built. */
static void read_settings(struct node *n)
{
	auto_buf struct buf text = { 0 };
	struct settings s;
	struct err e = { 0 };
	int r = file_read(AT_FDCWD, NODE_SETTINGS, SETTINGS_BYTES_MAX, &text, &e);

	if (r == -ENOENT)
		return;
	r = r < 0 ? r : settings_parse(buf_all(&text), &n->arena, &s, &e);
	if (r < 0) {
		trouble(n, "settings", &e);
		return;
	}
	n->settings = s;
	n->spec.hostname = s.hostname ? s.hostname : n->spec.hostname;
	if (s.time_count) {
		n->spec.time = s.time;
		n->spec.time_count = s.time_count;
	}
}

/* A clock that has stopped shows a time before the image was made. */
static void set_clock(time_t made)
{
	struct timespec t = { .tv_sec = made };

	if (time(NULL) < made && clock_settime(CLOCK_REALTIME, &t) < 0)
		say("the clock cannot be set: %s", strerror(errno));
}

static void prepare_data(struct node *n)
{
	struct err e = { 0 };
	struct data *d = &n->data;

	data_find(d);
	if (d->device[0] && mounts_data(d->device, &e) < 0) {
		bool full = e.code == -ENOSPC;

		d->state = full ? DATA_FULL : DATA_DAMAGED;
		d->device[0] = 0;
		snprintf(d->detail, sizeof(d->detail), "%.*s", DETAIL_MAX - 1, e.msg);
	}
	if (!d->device[0]) {
		say("the data partition is %s (%s): nothing is kept", data_state_name(d->state), d->detail);
		if (mounts_data(NULL, &e) < 0)
			trouble(n, "data", &e);
		return;
	}
	data_grow(d);
	data_look(d);
	say("the data partition %s is %s%s%s", d->device, data_state_name(d->state), d->detail[0] ? ": " : "",
	    d->detail);
}

static const char *const audit_argv[] = { NODE_INIT, "audit", NULL };
static const char *const agent_argv[] = { NODE_AGENT, NULL };

static struct service *add_service(struct node *n, const struct service *s)
{
	struct service *to = &n->services[n->service_count++];

	*to = *s;
	to->out = to->report = -1;
	return to;
}

static void add_services(struct node *n, time_t made)
{
	add_service(n, &(struct service){
			       .name = "net",
			       .argv = net_arguments(&n->spec, (uint64_t)made, &n->arena),
			       .fence = { FENCE_NET, OWN_USER, CAP(NET_ADMIN) | CAP(NET_RAW) | CAP(SYS_TIME), NULL },
			       .memory_bytes = 16 * MIB,
			       .pids = 4,
			       .network = true,
			       .reports = true });
	add_service(n,
		    &(struct service){ .name = "audit",
				       .argv = audit_argv,
				       .fence = { FENCE_AUDIT, OWN_USER, CAP(AUDIT_CONTROL) | CAP(AUDIT_READ), NULL },
				       .memory_bytes = 16 * MIB,
				       .pids = 4,
				       .network = true,
				       .quiet = true });
	if (access(NODE_AGENT, X_OK) == 0)
		add_service(n, &(struct service){ .name = "agent",
						  .argv = agent_argv,
						  .fence = { FENCE_AGENT, 0, CAPS_AGENT, NULL },
						  .network = true });
	for (size_t i = 0; i < n->spec.service_count; i++) {
		const struct spec_service *s = &n->spec.services[i];

		add_service(n, &(struct service){ .name = s->name,
						  .argv = s->command.v,
						  .fence = { FENCE_SERVICE, s->user, s->capabilities,
							     arena_fmt(&n->arena, NODE_HOME "/%s", s->name).p },
						  .memory_bytes = s->memory_bytes,
						  .pids = s->pids,
						  .network = s->network });
	}
}

static int open_watchdog(void)
{
	int fd = fd_open(AT_FDCWD, "/dev/watchdog0", O_WRONLY), seconds = WATCHDOG_S;

	if (fd >= 0)
		(void)ioctl(fd, WDIOC_SETTIMEOUT, &seconds);
	return fd;
}

/* What a node cannot be without; an error here ends it. */
static int boot_fences(struct node *n, time_t *made, struct err *e)
{
	int r = mounts_early(e);

	if (r == 0)
		lock_kernel(&n->lock);
	r = r < 0 ? r : read_spec(n, made, e);
	r = r < 0 ? r : profiles_load(e);
	if (r < 0)
		return r;
	set_clock(*made);
	if (lock_sysctl(&n->spec, e) < 0)
		trouble(n, "sysctl", e);
	prepare_data(n);
	read_settings(n);
	r = mounts_etc(&n->spec, &n->settings, e);
	r = r < 0 ? r : firewall_load(&n->spec, e);
	n->firewall = r == 0;
	r = r < 0 ? r : boot_loopback(e);
	r = r < 0 ? r : services_groups(e);
	return r;
}

static void boot_rest(struct node *n)
{
	struct err e = { 0 };

	lock_devices(n->data.device);
	n->audit_locked = audit_lock(&e) == 0;
	if (!n->audit_locked)
		trouble(n, "audit", &e);
	mounts_seal();
}

/* ---- the loop ---- */

/* Name servers of the settings, else of all interfaces in their order. */
static void write_resolv(const struct node *n)
{
	auto_buf struct buf b = { 0 };
	char text[SPEC_IP4_TEXT_MAX];

	buf_init(&b, 4096);
	for (size_t i = 0; i < n->settings.dns_count; i++)
		buf_fmt(&b, "nameserver %s\n", spec_ip4_text(n->settings.dns[i], text));
	for (size_t i = 0; i < n->net_count && !n->settings.dns_count; i++)
		for (size_t k = 0; k < n->net[i].dns_count; k++)
			buf_fmt(&b, "nameserver %s\n", spec_ip4_text(n->net[i].dns[k], text));
	if (buf_finish(&b) < 0 || file_write(AT_FDCWD, NODE_RESOLV, buf_all(&b), false, NULL) < 0 ||
	    chmod(NODE_RESOLV, 0644) < 0)
		say("resolv.conf cannot be written");
}

static void take_report(struct node *n, const struct net_report *r)
{
	size_t i = 0;

	if (r->source == NET_TIME) {
		n->time = *r;
		return;
	}
	while (i < n->net_count && strcmp(n->net[i].interface, r->interface) != 0)
		i++;
	if (i == SPEC_INTERFACES_MAX)
		return;
	n->net[i] = *r;
	n->net_count += i == n->net_count;
	write_resolv(n);
}

static bool read_reports(struct node *n, struct service *s)
{
	struct net_report r;
	bool any = false;

	while (s->report >= 0) {
		ssize_t got = read(s->report, &r, sizeof(r));

		if (got == 0)
			fd_close(&s->report);
		if (got != (ssize_t)sizeof(r))
			break;
		if (net_report_sound(&r))
			take_report(n, &r);
		any = true;
	}
	return any;
}

static bool reap(struct node *n, uint64_t now)
{
	bool any = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < n->service_count; i++)
			any |= service_ended(&n->services[i], pid, status, now);
	return any;
}

struct loop {
	struct node *n;
	int signals, watchdog, wanted; /* wanted: RB_..., 0 while it goes on */
	uint64_t look_ms;
};

static void read_signals(struct loop *l)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		l->wanted = info.ssi_signo == NODE_SIGNAL_POWER_OFF ? RB_POWER_OFF : RB_AUTOBOOT;
	}
}

static bool start_due(struct node *n, uint64_t now)
{
	bool any = false;

	for (size_t i = 0; i < n->service_count; i++) {
		struct service *s = &n->services[i];

		if (s->state != SERVICE_WAITING || now < s->next_ms)
			continue;
		service_start(s, now);
		any = true;
	}
	return any;
}

static int wait_ms(const struct loop *l, uint64_t now)
{
	uint64_t next = l->look_ms;

	for (size_t i = 0; i < l->n->service_count; i++)
		if (l->n->services[i].state == SERVICE_WAITING && l->n->services[i].next_ms < next)
			next = l->n->services[i].next_ms;
	return next <= now ? 0 : (int)(next - now);
}

/* Only by the loop, and once for each service that is stopped: what stands still is what it is for. */
static void tell_watchdog(const struct loop *l)
{
	if (l->watchdog >= 0)
		(void)ioctl(l->watchdog, WDIOC_KEEPALIVE, 0);
}

static bool look(struct loop *l, uint64_t now)
{
	struct data before = l->n->data;

	l->look_ms = now + LOOK_MS;
	tell_watchdog(l);
	data_look(&l->n->data);
	if (before.state != l->n->data.state)
		say("the data partition is %s", data_state_name(l->n->data.state));
	return true;
}

static void turn(struct loop *l)
{
	struct node *n = l->n;
	struct pollfd p[1 + 2 * SERVICES_MAX] = { { l->signals, POLLIN, 0 } };
	uint64_t now = clock_ms();
	bool changed = start_due(n, now);
	nfds_t count = 1;

	for (size_t i = 0; i < n->service_count; i++) {
		p[count++] = (struct pollfd){ n->services[i].out, POLLIN, 0 };
		p[count++] = (struct pollfd){ n->services[i].report, POLLIN, 0 };
	}
	if (changed)
		state_write(n);
	if (poll(p, count, wait_ms(l, now)) < 0 && errno != EINTR)
		usleep(1000);
	now = clock_ms();
	changed = false;
	for (size_t i = 0; i < n->service_count; i++) {
		if (p[1 + 2 * i].revents)
			service_output(&n->services[i]);
		if (p[2 + 2 * i].revents)
			changed |= read_reports(n, &n->services[i]);
	}
	read_signals(l);
	changed |= reap(n, now);
	if (now >= l->look_ms)
		changed |= look(l, now);
	if (changed)
		state_write(n);
}

/* ---- the end ---- */

static bool any_runs(const struct node *n, size_t i)
{
	return n->services[i].state == SERVICE_RUNNING;
}

/* One after the other, the last started first; each has its time, and what has not ended then is killed. All of them
 * together may take longer than the watchdog waits. */
static void stop_services(struct loop *l)
{
	struct node *n = l->n;

	for (size_t i = 0; i < n->service_count; i++) {
		n->services[i].last = true;
		if (n->services[i].state == SERVICE_WAITING)
			n->services[i].state = SERVICE_ENDED;
	}
	for (size_t i = n->service_count; i-- > 0;) {
		struct service *s = &n->services[i];
		uint64_t end = clock_ms() + (s->fence.profile == FENCE_AGENT ? STOP_AGENT_MS : STOP_MS);

		if (!any_runs(n, i))
			continue;
		tell_watchdog(l);
		service_signal(s, SIGTERM);
		while (any_runs(n, i) && clock_ms() < end) {
			struct pollfd p[2] = { { l->signals, POLLIN, 0 }, { s->out, POLLIN, 0 } };

			(void)poll(p, 2, 100);
			service_output(s);
			read_signals(l);
			(void)reap(n, clock_ms());
		}
		if (any_runs(n, i))
			service_signal(s, SIGKILL);
	}
}

static _Noreturn void end(struct loop *l)
{
	int wanted = l->wanted;
	/* A machine without it cannot switch itself off, and would stand still for ever. Started again by QEMU's
	 * microvm it ends, as that does with -no-reboot. */
	bool has_acpi = access("/sys/firmware/acpi", F_OK) == 0;

	say("going down to %s", wanted == RB_POWER_OFF ? "power off" : "reboot");
	stop_services(l);
	tell_watchdog(l);
	(void)kill(-1, SIGTERM);
	usleep(200000);
	(void)kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	logs_end();
	mounts_end();
	/* A reboot that hangs is still the watchdog's affair; power that is off needs none. */
	if (l->watchdog >= 0 && wanted == RB_POWER_OFF)
		(void)!write(l->watchdog, "V", 1);
	(void)reboot(has_acpi ? wanted : RB_AUTOBOOT);
	for (;;)
		pause();
}

static void ready_line(const struct node *n)
{
	say("%s %s runs after %llu ms: root %.16s, LoadPin %s, IPE %s, audit %s, data %s", n->spec.name,
	    n->spec.release, (unsigned long long)clock_ms(), n->lock.root_hash[0] ? n->lock.root_hash : "not verified",
	    n->lock.pinned, n->lock.ipe ? "enforces" : "off", n->audit_locked ? "locked" : "off",
	    data_state_name(n->data.state));
}

int node_main(void)
{
	static const int signals[] = { SIGCHLD, SIGINT, NODE_SIGNAL_REBOOT, NODE_SIGNAL_POWER_OFF };
	static struct node n;
	struct loop l = { .n = &n, .watchdog = -1 };
	struct err e = { 0 };
	time_t made = 0;
	sigset_t ours;

	say("starts after %llu ms", (unsigned long long)clock_ms());
	sigemptyset(&ours);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaddset(&ours, signals[i]);
	sigprocmask(SIG_BLOCK, &ours, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* Ctrl-Alt-Del asks us instead of ending the machine at once. */
	(void)reboot(RB_DISABLE_CAD);
	if (boot_fences(&n, &made, &e) < 0) {
		say("this node cannot run: %s", e.msg);
		return 1; /* the kernel panics, and with it the boot has failed */
	}
	l.signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	l.watchdog = open_watchdog();
	n.watchdog = l.watchdog >= 0;
	boot_rest(&n);
	add_services(&n, made);
	ready_line(&n);
	l.look_ms = clock_ms() + LOOK_MS;
	state_write(&n);
	while (!l.wanted)
		turn(&l);
	end(&l);
}
