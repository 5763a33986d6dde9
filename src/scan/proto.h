/* proto: the messages between `yagura scan` and its workers. The parent reads what comes back as foreign bytes: each
 * reader here says false, or -EBADMSG, for what is damaged. A message has one byte of kind, then the payload; what a
 * struct read from it points to lies in these bytes.
 *
 * A long answer goes in pieces: messages of the same kind with PROTO_MORE set, then the last without. */
#ifndef SCAN_PROTO_H
#define SCAN_PROTO_H

#include "base/buf.h"
#include "base/digest.h"
#include "base/rd.h"
#include "sandbox/worker.h"

#define PROTO_MORE 0x80
#define PROTO_ANSWER_MAX (300u << 20) /* bytes of one answer put together: above FACTS_BYTES_MAX */

enum proto_kind {
	/* parent to worker */
	PROTO_LAYER = 1, /* a layer to read: struct layer_job, one descriptor */
	PROTO_FILES,	 /* files of a directory tree: paths, sizes, modes, and as many descriptors */
	PROTO_END,	 /* nothing more to do */
	PROTO_WAIT,	 /* nothing for now: go on with what you have, and ask again when you are further */
	PROTO_FEED,	 /* a feed file to compile: its path, one descriptor */
	/* worker to parent */
	PROTO_NEXT,	  /* a lane is free; one byte: 1 when nothing else is running */
	PROTO_EVIDENCE,	  /* id, then one or more of: analyzer, path, facts (record_evidence_read()) */
	PROTO_HASHES,	  /* id, tree part, raw hashes */
	PROTO_TREE,	  /* id, tree part, strs already in their record form */
	PROTO_PROGRESS,	  /* id, bytes of the blob */
	PROTO_DONE,	  /* id, struct layer_end */
	PROTO_STATEMENTS, /* of the feed file under way: a piece of its stream (vuln/feed/wire.h) */
	PROTO_FEED_DONE,  /* how the feed file ended */
	PROTO_FAILED,	  /* the worker cannot go on: one line */
	/* between parent and a worker that fetches */
	PROTO_DOWNLOAD, /* what to fetch (scan/blob.c), and the descriptor it goes to */
	PROTO_REFUSED,	/* the registry wants another token: one line */
};

/* A layer to read. The same id again means a further pass over a layer whose first pass left wishes. */
struct layer_job {
	uint32_t id;
	bool positioned; /* offset and size are those of a regular file */
	uint64_t offset, size;
	uint64_t analyzers; /* bits over the table */
	struct str names;   /* names_bytes(); "" none */
};

struct layer_end {
	uint32_t id;
	int status;
	struct str message; /* why, when status < 0 */
	struct digest blob, diff_id;
	uint32_t codec;
	uint64_t blob_bytes, plain_bytes, entries;
	bool again; /* wishes lie behind the stream: a further pass is needed */
};

void layer_job_write(struct buf *b, const struct layer_job *job);
bool layer_job_read(struct str bytes, struct layer_job *ret) must_check;
void layer_end_write(struct buf *b, const struct layer_end *end);
bool layer_end_read(struct str bytes, struct layer_end *ret) must_check;

/* Sends a payload of any length up to PROTO_ANSWER_MAX in pieces. */
int proto_send(int fd, enum proto_kind kind, struct str payload) must_check;

/* Puts pieces together: 1 and *ret_kind, *ret when an answer is whole (valid until the next call), 0 when more has to
 * come, -E2BIG, -EBADMSG. */
struct proto_in {
	struct buf b;
	uint8_t kind;
	bool whole; /* the last answer was handed out: start afresh */
};
void proto_in_init(struct proto_in *in);
void proto_in_done(struct proto_in *in);
int proto_take(struct proto_in *in, const struct msg *m, uint8_t *ret_kind, struct str *ret) must_check;

#endif
