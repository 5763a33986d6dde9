/* The monitor's datagrams: who is told apart, what is dropped, who may be answered. */
#include "runtime/monitor/monitor.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rd.h"
#include "tap.h"

#define LONG_AFTER_MS 120001

struct world {
	struct job job;
	int listener;
	struct sockaddr_in address;
	struct datagrams *d;
	struct buf queue;
};

static void begin(struct world *w)
{
	const int yes = 1;
	socklen_t size = sizeof(w->address);

	*w = (struct world){ .listener = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0) };
	w->address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	OK(bind(w->listener, (struct sockaddr *)&w->address, sizeof(w->address)) == 0);
	OK(setsockopt(w->listener, IPPROTO_IP, IP_PKTINFO, &yes, sizeof(yes)) == 0);
	OK(getsockname(w->listener, (struct sockaddr *)&w->address, &size) == 0);
	w->job.ports[0] = (struct job_port){ 53, true };
	w->job.port_count = 1;
	w->d = datagrams_new(&w->job, &w->listener);
	buf_init(&w->queue, 1u << 20);
}

static void end(struct world *w)
{
	close(w->listener);
	free(w->d);
	buf_done(&w->queue);
}

static int client(const struct world *w)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	OK(fd >= 0 && connect(fd, (const struct sockaddr *)&w->address, sizeof(w->address)) == 0);
	return fd;
}

static void say(int fd, struct str bytes)
{
	EQ_INT(send(fd, bytes.p, bytes.n, 0), bytes.n);
}

static void take(struct world *w, int64_t now_ms)
{
	datagrams_take(w->d, 0, now_ms, 0, &w->queue);
}

/* Takes all frames away; the last one is *ret, its bytes in `bytes`. */
static size_t frames(struct world *w, struct frame *ret, char bytes[FRAME_PAYLOAD_MAX])
{
	struct str rest = buf_all(&w->queue);
	size_t n = 0;

	while (frame_next(&rest, FROM_HOST, ret) > 0) {
		memcpy(bytes, ret->payload.p, ret->payload.n);
		ret->payload = str_n(bytes, ret->payload.n);
		n++;
	}
	EQ_INT(rest.n, 0);
	datagrams_sent(w->d, UINT64_MAX);
	buf_clear(&w->queue);
	return n;
}

static ssize_t heard(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_TRUNC);
}

TEST(clients_apart)
{
	char first[FRAME_PAYLOAD_MAX], second[FRAME_PAYLOAD_MAX];
	struct frame a, b;
	struct world w;
	int one, two;

	begin(&w);
	one = client(&w);
	two = client(&w);
	say(one, STR("1"));
	take(&w, 0);
	EQ_INT(frames(&w, &a, first), 1);
	say(two, STR("22"));
	take(&w, 0);
	EQ_INT(frames(&w, &b, second), 1);
	OK(a.process != b.process);
	EQ_STR(a.payload, str_n("\65\0\1\0001", 5));
	EQ_INT(datagrams_give(w.d, &b, 0), 0);
	EQ_INT(heard(two), 2);
	EQ_INT(heard(one), -1);
	row("a number that nobody has");
	b.process = GUEST_FLOWS_MAX + GUEST_CLIENTS_MAX - 1;
	EQ_INT(datagrams_give(w.d, &b, 0), -EPROTO);
	row("long after it spoke");
	EQ_INT(datagrams_give(w.d, &a, LONG_AFTER_MS), 0);
	EQ_INT(heard(one), -1);
	close(one);
	close(two);
	end(&w);
}

TEST(a_place_that_was_anothers)
{
	char bytes[FRAME_PAYLOAD_MAX], old[FRAME_PAYLOAD_MAX];
	struct frame first, last;
	struct world w;
	int one, later[GUEST_CLIENTS_MAX];

	begin(&w);
	one = client(&w);
	say(one, STR("x"));
	take(&w, 1);
	EQ_INT(frames(&w, &first, old), 1);
	for (int i = 0; i < GUEST_CLIENTS_MAX; i++) {
		later[i] = client(&w);
		say(later[i], STR("y"));
		take(&w, 2 + i);
		EQ_INT(frames(&w, &last, bytes), 1);
	}
	EQ_INT(last.process, first.process); /* it spoke longest ago */
	EQ_INT(datagrams_give(w.d, &first, 2), 0);
	EQ_INT(heard(later[GUEST_CLIENTS_MAX - 1]), -1);
	EQ_INT(datagrams_give(w.d, &last, 2), 0);
	EQ_INT(heard(later[GUEST_CLIENTS_MAX - 1]), 1);
	for (int i = 0; i < GUEST_CLIENTS_MAX; i++)
		close(later[i]);
	close(one);
	end(&w);
}

TEST(what_is_dropped)
{
	static char longest[DATAGRAM_BYTES_MAX + 1];
	char bytes[FRAME_PAYLOAD_MAX];
	struct frame f;
	struct world w;
	int one, many[8];

	begin(&w);
	one = client(&w);
	row("one that is too long; the longest");
	say(one, str_n(longest, sizeof(longest)));
	say(one, str_n(longest, sizeof(longest) - 1));
	take(&w, 0);
	EQ_INT(frames(&w, &f, bytes), 1);
	EQ_INT(f.payload.n, FRAME_PAYLOAD_MAX);
	row("of one client");
	for (int i = 0; i < 40; i++)
		say(one, STR("x"));
	for (int i = 0; i < 4; i++)
		take(&w, 0);
	EQ_INT(frames(&w, &f, bytes), 16);
	row("of all of them");
	for (int i = 0; i < 8; i++) {
		many[i] = client(&w);
		for (int k = 0; k < 10; k++)
			say(many[i], STR("x"));
		take(&w, 0);
	}
	OK(!datagrams_room(w.d));
	EQ_INT(frames(&w, &f, bytes), 64);
	OK(datagrams_room(w.d));
	for (int i = 0; i < 8; i++)
		close(many[i]);
	close(one);
	end(&w);
}
