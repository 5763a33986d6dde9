/* wire: statements as a stream of bytes, so that feeds can be parsed in confined processes and merged in another.
 *
 * A record is a varint length and that many bytes; texts up to WIRE_WORD_BYTES are sent once and called by number from
 * then on, so a statement is some 30 bytes. The reader treats what arrives as foreign: every number is checked and
 * damage is -EBADMSG. Both ends hold the words of one stream: at most WIRE_WORDS_BYTES_MAX. */
#ifndef VULN_FEED_WIRE_H
#define VULN_FEED_WIRE_H

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "model/advisory.h"

#define WIRE_WORD_BYTES 128		  /* longer texts are sent whole each time */
#define WIRE_WORDS_BYTES_MAX (24u << 20)  /* of all words; later ones are sent whole */
#define WIRE_RECORD_BYTES_MAX (64u << 20) /* a statement with all versions of a package */
#define WIRE_LIST_MAX 1000000u		  /* ranges, versions, aliases of one record */
#define WIRE_CHUNK_BYTES (64u << 10)	  /* gathered before `write` is called */

/* A word and the number it goes by. */
struct wire_word {
	struct str text;
	uint64_t code;
};

struct wire_out {
	void *ctx;
	void (*write)(void *ctx, struct str bytes); /* whole records */
	struct feed_sink sink;			    /* what is said to it is written */
	struct buf record, chunk;
	struct map words;
	struct arena texts;
	uint64_t word_count, dropped; /* records that were too long to send */
	struct wire_word last[16];    /* what each field was the last time */
};

void wire_out_init(struct wire_out *w, void *ctx, void (*write)(void *ctx, struct str bytes));
void wire_out_flush(struct wire_out *w);
void wire_out_done(struct wire_out *w);

struct wire_in {
	const struct feed_sink *sink;
	void *ctx;
	struct buf pending;
	struct arena texts;
	uint64_t text_bytes;
	VEC(struct str) words;
	VEC(struct adv_range) ranges;
	VEC(struct str) list, list2;
};

void wire_in_init(struct wire_in *w, const struct feed_sink *sink);
/* Bytes as they come, cut anywhere; complete records go to the sink. */
int wire_in_add(struct wire_in *w, struct str bytes, struct err *e) must_check;
/* 0, or -EBADMSG when the stream ended inside a record. */
int wire_in_end(struct wire_in *w, struct err *e) must_check;
void wire_in_done(struct wire_in *w);

#endif
