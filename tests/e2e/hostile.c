/* A machine whose guest means harm: yagura-monitor starts it in place of User-Mode Linux. hostile MODE, see the table.
 * It ends when the monitor has had enough, which is what the test waits for; none of the modes ends by itself but those
 * of the console. */
#include <poll.h>
#include <unistd.h>

#include "guest/job.h"
#include "guest/frame.h"

static struct buf out;

static void flush(void)
{
	while (out.n) {
		ssize_t n = write(MACHINE_OUT_FD, out.p, out.n);

		if (n <= 0)
			_exit(1);
		buf_drop(&out, (size_t)n);
	}
}

static void hello(void)
{
	static const char version[2] = { GUEST_VERSION };

	frame_add(&out, FRAME_HELLO, 0, 0, str_n(version, 2));
	flush();
}

/* Reads the plan away, so that the monitor is where it waits for an answer. */
static void started(void)
{
	static char bytes[65536];

	hello();
	(void)!read(MACHINE_IN_FD, bytes, sizeof(bytes));
	frame_add_u32(&out, FRAME_STARTED, 0, 2, STR_NONE);
	flush();
}

static void wait_for_the_end(void)
{
	for (;;)
		(void)poll(NULL, 0, 1000);
}

static void silent(void)
{
}

static void mute_after_hello(void)
{
	hello();
}

static void garbage(void)
{
	for (;;) {
		buf_fmt(&out, "garbage");
		flush();
	}
}

static void lying_length(void)
{
	static const uint8_t head[FRAME_HEAD] = { 0x59, FRAME_STDOUT, 0, 0, 0, 0, 0xff, 0xff };

	started();
	buf_add(&out, head, sizeof(head));
	flush();
}

static void output_before_start(void)
{
	hello();
	frame_add(&out, FRAME_STDOUT, 0, 0, STR("x"));
	flush();
}

static void output_of_another(void)
{
	started();
	frame_add(&out, FRAME_STDOUT, 0, 5, STR("x"));
	flush();
}

/* The monitor's standard output is not read in this mode: nothing gives credit back. */
static void output_beyond_credit(void)
{
	static char bytes[FRAME_PAYLOAD_MAX];

	started();
	for (;;) {
		frame_add(&out, FRAME_STDOUT, 0, 0, str_n(bytes, sizeof(bytes)));
		flush();
	}
}

static void credit_out_of_nothing(void)
{
	started();
	frame_add_u32(&out, FRAME_CREDIT, 0, UINT32_MAX, STR_NONE);
	flush();
}

static void output_of_no_connection(void)
{
	started();
	frame_add(&out, FRAME_STDOUT, 0, GUEST_PROCESSES_MAX, STR("x"));
	flush();
}

static void close_of_nothing(void)
{
	started();
	frame_add(&out, FRAME_CLOSE, 0, GUEST_FLOWS_MAX - 1, STR_NONE);
	flush();
}

static void datagram_to_nobody(void)
{
	started();
	frame_add(&out, FRAME_DATAGRAM, 0, GUEST_FLOWS_MAX, STR("\0\0\0\0"));
	flush();
}

static void limited_unasked(void)
{
	started();
	frame_add_u32(&out, FRAME_LIMITED, 0, 0, STR_NONE);
	flush();
}

static void second_hello(void)
{
	hello();
	hello();
}

static void other_version(void)
{
	frame_add(&out, FRAME_HELLO, 0, 0, STR("\377\377"));
	flush();
}

static void exit_before_start(void)
{
	hello();
	frame_add(&out, FRAME_EXIT, 0, 0, STR("\0\0\0"));
	flush();
}

static void host_frame(void)
{
	started();
	frame_add(&out, FRAME_STOP, 0, 0, STR_NONE);
	flush();
}

static void escapes(void)
{
	hello();
	frame_add_u32(&out, FRAME_FAILED, 0, 5, STR("\033[2Jgone\nsecond line"));
	flush();
}

static void console_flood(void)
{
	static char bytes[65536];

	memset(bytes, 'A', sizeof(bytes));
	for (int i = 0; i < 1024; i++)
		(void)!write(2, bytes, sizeof(bytes));
	dprintf(2, "\nKernel panic - not syncing: \033[31mflooded\n");
	_exit(0);
}

static void figures_unasked(void)
{
	static const struct guest_figures none;

	started();
	figures_add(&out, &none);
	flush();
}

/* Says what it is asked, and nothing else. */
static void answering(void)
{
	static const struct guest_figures none;
	static char bytes[65536];
	struct frame f;

	started();
	for (;;) {
		ssize_t n = read(MACHINE_IN_FD, bytes, sizeof(bytes));
		struct str rest = str_n(bytes, n < 0 ? 0 : (size_t)n);

		if (n <= 0)
			_exit(0);
		frame_add_u32(&out, FRAME_TAKEN, 0, (uint32_t)n, STR_NONE);
		while (frame_next(&rest, FROM_HOST, &f) > 0)
			if (f.kind == FRAME_ASK)
				figures_add(&out, &none);
		flush();
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "silent", silent },
	{ "mute-after-hello", mute_after_hello },
	{ "garbage", garbage },
	{ "lying-length", lying_length },
	{ "output-before-start", output_before_start },
	{ "output-of-another", output_of_another },
	{ "output-beyond-credit", output_beyond_credit },
	{ "credit-out-of-nothing", credit_out_of_nothing },
	{ "output-of-no-connection", output_of_no_connection },
	{ "close-of-nothing", close_of_nothing },
	{ "datagram-to-nobody", datagram_to_nobody },
	{ "limited-unasked", limited_unasked },
	{ "second-hello", second_hello },
	{ "other-version", other_version },
	{ "exit-before-start", exit_before_start },
	{ "host-frame", host_frame },
	{ "escapes", escapes },
	{ "console-flood", console_flood },
	{ "figures-unasked", figures_unasked },
	{ "silent-after-start", started },
	{ "answering", answering },
};

int main(int argc, char **argv)
{
	buf_init(&out, 1u << 20);
	for (size_t i = 0; argc == 2 && i < ARRAY_LEN(modes); i++)
		if (str_is(str_c(argv[1]), modes[i].name)) {
			modes[i].run();
			wait_for_the_end();
		}
	return 2;
}
