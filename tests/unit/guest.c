/* The words between a host and its guest: frames, plans, jobs. */
#include "guest/frame.h"

#include <sys/stat.h>

#include "guest/control.h"
#include "guest/job.h"
#include "guest/plan.h"
#include "tap.h"

TEST(frames_that_come_back)
{
	static const struct {
		enum frame_sender sender;
		enum frame_kind kind;
		unsigned int flags, process;
		size_t bytes;
	} rows[] = {
		{ FROM_HOST, FRAME_START, FRAME_MORE, 0, FRAME_PAYLOAD_MAX },
		{ FROM_HOST, FRAME_START, 0, GUEST_PROCESSES_MAX - 1, 0 },
		{ FROM_HOST, FRAME_STDIN, 0, 3, 1 },
		{ FROM_HOST, FRAME_STDIN_END, 0, 3, 0 },
		{ FROM_HOST, FRAME_SIGNAL, 0, 0, 1 },
		{ FROM_HOST, FRAME_WINDOW, 0, 0, 4 },
		{ FROM_HOST, FRAME_CREDIT, 0, 9, 4 },
		{ FROM_GUEST, FRAME_CREDIT, 0, 9, 4 },
		{ FROM_GUEST, FRAME_HELLO, 0, 0, 2 },
		{ FROM_GUEST, FRAME_STDOUT, 0, 1, FRAME_PAYLOAD_MAX },
		{ FROM_GUEST, FRAME_EXIT, 0, 0, 3 },
		{ FROM_GUEST, FRAME_FIGURES, 0, 0, FIGURES_BYTES },
		{ FROM_HOST, FRAME_CONNECT, 0, GUEST_PROCESSES_MAX, 2 },
		{ FROM_HOST, FRAME_CLOSE, 0, GUEST_FLOWS_MAX - 1, 0 },
		{ FROM_GUEST, FRAME_STDOUT, 0, GUEST_FLOWS_MAX - 1, 1 },
		{ FROM_HOST, FRAME_LIMIT, 0, 0, 16 },
		{ FROM_GUEST, FRAME_LIMITED, 0, 0, 4 },
		{ FROM_HOST, FRAME_DATAGRAM, 0, GUEST_FLOWS_MAX, DATAGRAM_HEAD },
		{ FROM_GUEST, FRAME_DATAGRAM, 0, GUEST_FLOWS_MAX + GUEST_CLIENTS_MAX - 1, FRAME_PAYLOAD_MAX },
	};
	static char payload[FRAME_PAYLOAD_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf b;
		struct frame f = { 0 };
		struct str all;

		row("%s, %zu bytes", frame_name(rows[i].kind), rows[i].bytes);
		buf_init(&b, 2 * (FRAME_HEAD + FRAME_PAYLOAD_MAX));
		frame_add(&b, rows[i].kind, rows[i].flags, rows[i].process, str_n(payload, rows[i].bytes));
		for (size_t n = 0; n < b.n; n++) {
			all = str_n(b.p, n);
			EQ_INT(frame_next(&all, rows[i].sender, &f), 0);
			EQ_INT(all.n, n);
		}
		buf_char(&b, 'Y');
		all = buf_all(&b);
		EQ_INT(frame_next(&all, rows[i].sender, &f), 1);
		EQ_INT(f.kind, rows[i].kind);
		EQ_INT(f.flags, rows[i].flags);
		EQ_INT(f.process, rows[i].process);
		EQ_INT(f.payload.n, rows[i].bytes);
		EQ_INT(all.n, 1);
	}
}

TEST(frames_that_lie)
{
	static const struct {
		const char *what;
		enum frame_sender sender;
		uint8_t head[FRAME_HEAD];
	} rows[] = {
		{ "another first byte", FROM_GUEST, { 0x58, FRAME_STDOUT, 0, 0, 0, 0, 1, 0 } },
		{ "no kind", FROM_GUEST, { 0x59, 0, 0, 0, 0, 0, 0, 0 } },
		{ "a kind beyond the table", FROM_GUEST, { 0x59, FRAME_KINDS, 0, 0, 0, 0, 0, 0 } },
		{ "the host's kind from a guest", FROM_GUEST, { 0x59, FRAME_SIGNAL, 0, 0, 0, 0, 1, 0 } },
		{ "the guest's kind from a host", FROM_HOST, { 0x59, FRAME_EXIT, 0, 0, 0, 0, 3, 0 } },
		{ "longer than may be", FROM_GUEST, { 0x59, FRAME_STDOUT, 0, 0, 0, 0, 1, 16 } },
		{ "output of no bytes", FROM_GUEST, { 0x59, FRAME_STDOUT, 0, 0, 0, 0, 0, 0 } },
		{ "an exit that is too short", FROM_GUEST, { 0x59, FRAME_EXIT, 0, 0, 0, 0, 2, 0 } },
		{ "a process beyond the table", FROM_GUEST, { 0x59, FRAME_STDOUT, 0, 0, GUEST_FLOWS_MAX, 0, 1, 0 } },
		{ "a signal to a connection", FROM_HOST, { 0x59, FRAME_SIGNAL, 0, 0, GUEST_PROCESSES_MAX, 0, 1, 0 } },
		{ "a process that is a connection", FROM_HOST, { 0x59, FRAME_CONNECT, 0, 0, 1, 0, 2, 0 } },
		{ "a datagram to a connection",
		  FROM_HOST,
		  { 0x59, FRAME_DATAGRAM, 0, 0, GUEST_FLOWS_MAX - 1, 0, 4, 0 } },
		{ "a client beyond the table", FROM_GUEST, { 0x59, FRAME_DATAGRAM, 0, 0, 0x80, 1, 4, 0 } },
		{ "a datagram without its head", FROM_GUEST, { 0x59, FRAME_DATAGRAM, 0, 0, 0x80, 0, 3, 0 } },
		{ "standard error of a connection",
		  FROM_GUEST,
		  { 0x59, FRAME_STDERR, 0, 0, GUEST_PROCESSES_MAX, 0, 1, 0 } },
		{ "a process beyond the table, high byte", FROM_GUEST, { 0x59, FRAME_STDOUT, 0, 0, 0, 1, 1, 0 } },
		{ "a flag where none is", FROM_GUEST, { 0x59, FRAME_STDOUT, 1, 0, 0, 0, 1, 0 } },
		{ "an unknown flag", FROM_HOST, { 0x59, FRAME_START, 2, 0, 0, 0, 1, 0 } },
		{ "a byte that has to be zero", FROM_GUEST, { 0x59, FRAME_STDOUT, 0, 1, 0, 0, 1, 0 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str all = str_n(rows[i].head, FRAME_HEAD);
		struct frame f;

		row("%s", rows[i].what);
		EQ_INT(frame_next(&all, rows[i].sender, &f), -EBADMSG);
		EQ_INT(all.n, FRAME_HEAD);
	}
	row("one byte that cannot begin a frame");
	struct str one = STR("x");
	struct frame f;
	EQ_INT(frame_next(&one, FROM_GUEST, &f), -EBADMSG);
}

TEST(control_messages)
{
	static const struct {
		enum control_kind kind;
		size_t bytes;
		int result;
	} rows[] = {
		{ CONTROL_EXEC, 0, 0 },
		{ CONTROL_EXEC, 4, 0 },
		{ CONTROL_EXEC, 3, -EBADMSG },
		{ CONTROL_SIGNAL, 1, 0 },
		{ CONTROL_SIGNAL, 2, -EBADMSG },
		{ CONTROL_LIMIT, 16, 0 },
		{ CONTROL_LIMIT, 15, -EBADMSG },
		{ CONTROL_ASK, 0, 0 },
		{ CONTROL_ASK, 1, -EBADMSG },
		{ CONTROL_FIGURES, FIGURES_BYTES, 0 },
		{ CONTROL_FIGURES, FIGURES_BYTES - 1, -EBADMSG },
		{ CONTROL_FAILED, 0, -EBADMSG },
		{ CONTROL_KINDS, 0, -EBADMSG },
		{ 0, 0, -EBADMSG },
	};
	static char bytes[CONTROL_BYTES_MAX];
	enum control_kind kind;
	struct str payload;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row("kind %d of %zu bytes", (int)rows[i].kind, rows[i].bytes);
		bytes[0] = (char)rows[i].kind;
		EQ_INT(control_parse(str_n(bytes, 1 + rows[i].bytes), &kind, &payload), rows[i].result);
		OK(rows[i].result || (kind == rows[i].kind && payload.n == rows[i].bytes));
	}
	row("no byte at all");
	EQ_INT(control_parse(STR(""), &kind, &payload), -EBADMSG);
}

TEST(plans_in_pieces)
{
	static char plan[2 * FRAME_PAYLOAD_MAX + 5];
	auto_buf struct buf b;
	struct frame f;
	struct str all;
	size_t n = 0;

	buf_init(&b, 1u << 20);
	frame_add_plan(&b, 7, str_n(plan, sizeof(plan)));
	all = buf_all(&b);
	for (int i = 0; i < 3; i++) {
		EQ_INT(frame_next(&all, FROM_HOST, &f), 1);
		EQ_INT(f.flags, i < 2 ? FRAME_MORE : 0);
		EQ_INT(f.process, 7);
		n += f.payload.n;
	}
	EQ_INT(n, sizeof(plan));
	EQ_INT(all.n, 0);
}

TEST(figures)
{
	const struct guest_figures in = { 1, 2, 3, 4, 5, 6, UINT64_MAX, 8 };
	struct guest_figures out;
	auto_buf struct buf b;
	struct frame f;
	struct str all;

	buf_init(&b, 1024);
	figures_add(&b, &in);
	all = buf_all(&b);
	EQ_INT(frame_next(&all, FROM_GUEST, &f), 1);
	OK(figures_parse(f.payload, &out));
	OK(!figures_parse(str_from(f.payload, 1), &out));
	OK(memcmp(&in, &out, sizeof(in)) == 0);
}

static struct guest_plan sample(void)
{
	static const char *args[] = { "sh", "-c", "exit 1", NULL }, *env[] = { "A=b", NULL },
			  *paths[] = { "/proc/kcore", NULL };
	static uint32_t groups[] = { 5, UINT32_MAX };
	static struct plan_rlimit limits[] = { { 7, 1024, UINT64_MAX } };
	static struct plan_mount mounts[] = { { "/proc", "proc", "", 14 } };
	static struct plan_device devices[] = { { "/dev/null", S_IFCHR, 1, 3, 0666, 0, 0 } };
	static struct plan_file files[] = { { "/etc/hosts", { "a\0b", 3 }, 0644, true } };
	static struct plan_volume volumes[] = { { "/data", "ext4", "", 1, 2, true } };
	static struct plan_pair sysctls[] = { { "kernel.shmmax", "1" } };

	return (struct guest_plan){
		.terminal = true,
		.rows = 24,
		.columns = 80,
		.uid = 1000,
		.umask = 022,
		.groups = groups,
		.group_count = 2,
		.bounding = UINT64_MAX,
		.rlimits = limits,
		.rlimit_count = 1,
		.oom_score_adj = -5,
		.cwd = "/",
		.args = { args, 3 },
		.env = { env, 1 },
		.hostname = "h",
		.pids_max = 512,
		.mounts = mounts,
		.mount_count = 1,
		.devices = devices,
		.device_count = 1,
		.files = files,
		.file_count = 1,
		.volumes = volumes,
		.volume_count = 1,
		.sysctls = sysctls,
		.sysctl_count = 1,
		.masked = { paths, 1 },
	};
}

static int round_trip(const struct guest_plan *p, struct arena *a, struct guest_plan *ret)
{
	auto_buf struct buf b;

	buf_init(&b, 2 * PLAN_BYTES_MAX);
	plan_write(&b, p);
	EQ_INT(buf_finish(&b), 0);
	return plan_parse(buf_all(&b), a, ret, NULL);
}

TEST(plan_that_comes_back)
{
	auto_arena struct arena a = { 0 };
	struct guest_plan in = sample(), out = { 0 };

	EQ_INT(round_trip(&in, &a, &out), 0);
	OK(out.terminal);
	EQ_INT(out.columns, 80);
	EQ_INT(out.uid, 1000);
	EQ_INT(out.groups[1], UINT32_MAX);
	OK(out.bounding == UINT64_MAX && out.rlimits[0].hard == UINT64_MAX);
	EQ_INT(out.oom_score_adj, -5);
	EQ_Z(out.args.v[2], "exit 1");
	OK(!out.args.v[3] && !out.env.v[1]);
	EQ_Z(out.hostname, "h");
	EQ_Z(out.domainname, "");
	EQ_Z(out.mounts[0].target, "/proc");
	EQ_INT(out.devices[0].minor, 3);
	EQ_STR(out.files[0].content, STR("a\0b"));
	OK(out.files[0].writable);
	EQ_Z(out.volumes[0].type, "ext4");
	EQ_INT(out.volumes[0].disk, 2);
	OK(out.volumes[0].bare);
	EQ_Z(out.sysctls[0].key, "kernel.shmmax");
	EQ_Z(out.masked.v[0], "/proc/kcore");
}

TEST(plan_cut_anywhere)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b;
	struct guest_plan in = sample(), out;

	buf_init(&b, PLAN_BYTES_MAX);
	plan_write(&b, &in);
	for (size_t n = 0; n < b.n; n++)
		EQ_INT(plan_parse(str_n(b.p, n), &a, &out, NULL), -EBADMSG);
	buf_char(&b, 0);
	EQ_INT(plan_parse(buf_all(&b), &a, &out, NULL), -EBADMSG);
}

TEST(plans_that_are_refused)
{
	static const char *relative[] = { "proc", NULL };
	static struct plan_mount mount = { "proc", "proc", "", 0 };
	static struct plan_device device = { "/dev/x", S_IFREG, 0, 0, 0, 0, 0 };
	static struct plan_file file = { "hosts", { "", 0 }, 0, false };
	static struct plan_volume far = { "/data", "ext4", "", 0, PLAN_DISK_MAX + 1, false };
	static const char *many[PLAN_LIST_MAX + 2];
	auto_arena struct arena a = { 0 };
	struct guest_plan out, p;

	for (size_t i = 0; i <= PLAN_LIST_MAX; i++)
		many[i] = "/";
	row("no arguments");
	p = sample();
	p.args.n = 0;
	EQ_INT(round_trip(&p, &a, &out), -EBADMSG);
	row("a relative working directory");
	p = sample();
	p.cwd = "tmp";
	EQ_INT(round_trip(&p, &a, &out), -EBADMSG);
	row("a relative masked path");
	p = sample();
	p.masked.v = relative;
	EQ_INT(round_trip(&p, &a, &out), -EBADMSG);
	row("a relative mount");
	p = sample();
	p.mounts = &mount;
	EQ_INT(round_trip(&p, &a, &out), -EBADMSG);
	row("a device that is a file");
	p = sample();
	p.devices = &device;
	EQ_INT(round_trip(&p, &a, &out), -EBADMSG);
	row("a relative file");
	p = sample();
	p.files = &file;
	EQ_INT(round_trip(&p, &a, &out), -EBADMSG);
	row("a disk beyond the letters");
	p = sample();
	p.volumes = &far;
	EQ_INT(round_trip(&p, &a, &out), -EBADMSG);
	row("half an instruction of a filter");
	p = sample();
	p.filter = STR("1234");
	EQ_INT(round_trip(&p, &a, &out), -EBADMSG);
	row("a list that is too long");
	p = sample();
	p.masked = (struct plan_list){ many, PLAN_LIST_MAX + 1 };
	EQ_INT(round_trip(&p, &a, &out), -E2BIG);
	row("a text with a NUL");
	{
		auto_buf struct buf b;
		char *found;

		p = sample();
		buf_init(&b, PLAN_BYTES_MAX);
		plan_write(&b, &p);
		found = memmem(b.p, b.n, "exit", 4);
		OK(found);
		found[2] = 0;
		EQ_INT(plan_parse(buf_all(&b), &a, &out, NULL), -EBADMSG);
	}
}

TEST(jobs)
{
	static const char *args[] = { "/linux", "mem=1M", NULL }, *env[] = { "A=b", NULL };
	const struct job in = { MACHINE_VM, 500,	 9000, { args, 2 },
				{ env, 1 }, STR("plan"), true, { { 80, false }, { 65535, true } },
				2 };
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b;
	struct job out = { 0 };

	buf_init(&b, 4096);
	job_write(&b, &in);
	EQ_INT(job_parse(buf_all(&b), &a, &out, NULL), 0);
	EQ_INT(out.machine, MACHINE_VM);
	EQ_INT(out.boot_ms, 500);
	EQ_INT(out.silent_ms, 9000);
	EQ_Z(out.args.v[1], "mem=1M");
	OK(!out.args.v[2]);
	EQ_STR(out.plan, STR("plan"));
	OK(out.terminal);
	EQ_INT(out.port_count, 2);
	EQ_INT(out.ports[1].number, 65535);
	OK(!out.ports[0].udp && out.ports[1].udp);
	for (size_t n = 0; n < b.n; n++)
		EQ_INT(job_parse(str_n(b.p, n), &a, &out, NULL), -EBADMSG);
}
