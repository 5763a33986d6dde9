/* The figures of disks, as `events` prints them. */
#include "runtime/events.h"

#include "tap.h"

static const struct {
	const char *name, *text, *field; /* field NULL: v1 */
	const char *want;
} rows[] = {
	{ "v2", "8:0 rbytes=5 wbytes=7 rios=1 wios=2\n253:1 wbytes=9\n", "wbytes",
	  "{\"major\":8,\"minor\":0,\"op\":\"X\",\"value\":7},{\"major\":253,\"minor\":1,\"op\":\"X\",\"value\":9}" },
	{ "v2 without the field", "8:0 rbytes=5\n", "wbytes", "" },
	{ "v2, a line that is none", "nonsense\n8:0\n8:0 rbytes=x\n:\n", "rbytes", "" },
	{ "v1", "8:0 Read 4096\n8:0 Write 1\nTotal 4097\n", NULL,
	  "{\"major\":8,\"minor\":0,\"op\":\"Read\",\"value\":4096},{\"major\":8,\"minor\":0,\"op\":\"Write\","
	  "\"value\":1}" },
	{ "v1, a name that must be quoted", "8:0 R\"d 1\n", NULL,
	  "{\"major\":8,\"minor\":0,\"op\":\"R\\\"d\",\"value\":1}" },
	{ "v1, lines that are none", "8:0 Read\n8 Read 1\n8:x Read 1\n8:0 Read -1\n", NULL, "" },
	{ "empty", "", NULL, "" },
};

TEST(disks)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf b = { 0 };
		bool more = false;

		row("%s", rows[i].name);
		buf_init(&b, EVENTS_BYTES_MAX);
		if (rows[i].field)
			events_io_v2(str_c(rows[i].text), rows[i].field, "X", &b, &more);
		else
			events_io_v1(str_c(rows[i].text), &b, &more);
		EQ_STR(buf_all(&b), str_c(rows[i].want));
		EQ_INT(more, *rows[i].want != 0);
	}
}

static void list(struct str text, struct buf *b)
{
	events_list(text, b);
}

static void kernel(struct str text, struct buf *b)
{
	events_percpu(text, 2, b);
}

#define NET_HEAD                                                                         \
	"Inter-|   Receive                                                |  Transmit\n" \
	" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo\n"

static const struct {
	const char *name;
	void (*write)(struct str text, struct buf *b);
	const char *text, *want;
} lists[] = {
	{ "processors", list, "0-2,5\n", "[0,1,2,5]" },
	{ "one", list, "7\n", "[7]" },
	{ "none", list, "\n", "[]" },
	{ "no list", list, "x,3-y,-,4", "[4]" },
	{ "backwards", list, "3-1", "[]" },
	{ "by processor", kernel, "cpu user system\n0 10 20\n1 30 40\n", "[20,40]" },
	{ "by processor, cut", kernel, "cpu user system\n0 10\n", "[]" },
	{ "interfaces", events_net,
	  NET_HEAD
	  "    lo:       1       2    3    4    5     6          7         8        9      10   11   12    0\n",
	  "[{\"Name\":\"lo\",\"RxBytes\":1,\"RxPackets\":2,\"RxErrors\":3,\"RxDropped\":4,\"TxBytes\":9,"
	  "\"TxPackets\":10,\"TxErrors\":11,\"TxDropped\":12}]" },
	{ "interfaces, cut", events_net, "eth0: 1 2 3\n", "[]" },
	{ "a name that must be quoted", events_net, "\"e: 1 1 1 1 1 1 1 1 1 1 1 1\n",
	  "[{\"Name\":\"\\\"e\",\"RxBytes\":1,\"RxPackets\":1,\"RxErrors\":1,\"RxDropped\":1,\"TxBytes\":1,"
	  "\"TxPackets\":1,\"TxErrors\":1,\"TxDropped\":1}]" },
};

TEST(lists)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		auto_buf struct buf b = { 0 };

		row("%s", lists[i].name);
		buf_init(&b, EVENTS_BYTES_MAX);
		lists[i].write(str_c(lists[i].text), &b);
		EQ_STR(buf_all(&b), str_c(lists[i].want));
	}
}
