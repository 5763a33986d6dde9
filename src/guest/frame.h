/* frame: what a host and the agent in its guest say to each other over one channel of bytes.
 *
 * The channel is a serial line of User-Mode Linux or a port of virtio-serial: reliable, in order, without messages. A
 * frame is 8 bytes of head (0x59, kind, flags, 0, process as le16, length as le16) and at most FRAME_PAYLOAD_MAX bytes
 * of payload. Every process in the guest has a number that the host gave it; number 0 is the container's own. A
 * connection to a port of the container's is a process without a program: its input is what the client sends, its
 * output what the client is to get. Its numbers are those from GUEST_PROCESSES_MAX on. A client that sends datagrams to
 * a port has a number from GUEST_FLOWS_MAX on; it is neither begun nor ended.
 *
 * Neither side believes the other: a frame that is not of the table of kinds, of the wrong direction or of the wrong
 * length ends the connection, and with it the guest. What may be under way is bounded by credit: for each process, each
 * side sends at most FLOW_BYTES of streams until the other has said (CREDIT) that it has passed them on. So a process
 * that does not read never holds up another, and neither side ever holds more than FLOW_BYTES for a process and
 * direction. Datagrams have no credit: either side drops what it has no place for. */
#ifndef GUEST_FRAME_H
#define GUEST_FRAME_H

#include "base/buf.h"

#define GUEST_VERSION 3	       /* of this protocol; both sides have to agree */
#define FRAME_HEAD 8	       /* bytes */
#define FRAME_PAYLOAD_MAX 4096 /* bytes; a serial line of User-Mode Linux buffers as much */
#define FRAME_TEXT_MAX 400     /* bytes of a reason in FAILED and HELLO */
#define FLOW_BYTES 65536       /* of streams under way, for each process and direction */
/* A serial line whose buffer of 4096 fills up may stop for ever in User-Mode Linux. */
#define CHANNEL_WINDOW 3072	 /* bytes to the guest that it has not taken yet */
#define GUEST_PROCESSES_MAX 64	 /* at once, started by the host: the container's own and those of exec */
#define GUEST_CONNECTIONS_MAX 64 /* at once, to all ports of a container; further ones wait outside */
#define GUEST_FLOWS_MAX (GUEST_PROCESSES_MAX + GUEST_CONNECTIONS_MAX)
#define GUEST_CLIENTS_MAX 256 /* that send datagrams, at once, to all ports of a container */
#define DATAGRAM_HEAD 4	      /* bytes */
#define DATAGRAM_BYTES_MAX (FRAME_PAYLOAD_MAX - DATAGRAM_HEAD) /* a longer one is dropped */

enum frame_kind {
	/* from the host */
	FRAME_START = 1, /* a piece of a plan (guest/plan.h); FRAME_MORE: another one follows */
	FRAME_STDIN,
	FRAME_STDIN_END,
	FRAME_SIGNAL, /* u8 */
	FRAME_WINDOW, /* le16 rows, le16 columns */
	FRAME_ASK,    /* for FIGURES, one for each */
	FRAME_STOP,   /* power off, in order */
	/* from the guest */
	FRAME_HELLO,   /* le16 GUEST_VERSION, text: the kernel and what it offers */
	FRAME_STARTED, /* le32 pid in the guest */
	FRAME_FAILED,  /* le32 errno, text: why the process was not started. Its number is free again */
	FRAME_STDOUT,
	FRAME_STDERR,
	FRAME_EXIT, /* u8 status, u8 signal (0: it ended by itself), u8 1: for want of memory. After all its output */
	FRAME_FIGURES, /* struct guest_figures, le64 each */
	FRAME_TAKEN,   /* le32 bytes taken off the channel, heads and all */
	/* from both */
	FRAME_CREDIT, /* le32 bytes passed on */
	FRAME_CLOSE,  /* of a connection: nothing more is sent. From the host: nor taken. It ends with EXIT */
	/* from the host */
	FRAME_CONNECT, /* le16 port: a connection; its answer is STARTED or FAILED */
	FRAME_LIMIT,   /* le64 memory, le64 processes of the container's group; 0: as it is */
	/* from the guest */
	FRAME_LIMITED, /* le32 errno, text: what became of LIMIT. 0: it reads back as asked */
	/* from both */
	FRAME_DATAGRAM, /* le16 port, le16 how often this number was another client's before, then the datagram's bytes
			 */
	FRAME_KINDS,
};

#define FRAME_MORE 1 /* flag of START */

enum frame_sender { FROM_HOST = 1, FROM_GUEST = 2 };

struct frame {
	enum frame_kind kind;
	unsigned int flags, process;
	struct str payload; /* into the bytes given */
};

/* Takes the first frame off *bytes. 1; 0 when more bytes are needed first (at most FRAME_HEAD + FRAME_PAYLOAD_MAX in
 * all); -EBADMSG when this can be no frame of `sender`. */
int frame_next(struct str *bytes, enum frame_sender sender, struct frame *ret) must_check;

/* Appends a frame; the payload is at most FRAME_PAYLOAD_MAX. */
void frame_add(struct buf *out, enum frame_kind kind, unsigned int flags, unsigned int process, struct str payload);
void frame_add_u32(struct buf *out, enum frame_kind kind, unsigned int process, uint32_t value, struct str text);
/* Any number of bytes as START, in pieces. */
void frame_add_plan(struct buf *out, unsigned int process, struct str plan);

const char *frame_name(enum frame_kind kind); /* "STDIN", for messages */

/* What the guest says of the container's cgroup. A limit that is not there is 0. */
struct guest_figures {
	uint64_t memory, memory_peak, memory_limit, pids, pids_limit, cpu_ns, oom_kills;
	uint64_t memory_most; /* bytes that the group may ever have: its kernel and init keep the rest */
};
#define FIGURES_BYTES 64
void figures_add(struct buf *out, const struct guest_figures *f);
bool figures_parse(struct str payload, struct guest_figures *ret) must_check; /* false: of another length */

#endif
