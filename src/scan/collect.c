/* collect: the worker's side of a scan. See collect.h. */
#include "scan/collect.h"

#include "base/fd.h"
#include "base/map.h"
#include "inventory/analyzer.h"
#include "inventory/run.h"
#include "layer/layer.h"
#include "scan/names.h"
#include "scan/proto.h"
#include "scan/record.h"

#define LANES 3		     /* SHA-256 streams go best three at a time */
#define AGAIN_FILES_MAX 4096 /* files of one layer kept for a further pass */
#define AGAIN_HELD_MAX (64u << 20)
#define PASSES_MAX 3
#define LINK_DEPTH_KEPT 3 /* parts of a path; deeper links are kept only where analyzers look */
#define HASHES_AT_ONCE 4096
#define BYTES_AT_ONCE (32u << 10) /* of a message: each costs both sides a switch between processes */
#define PROGRESS_STEP_BYTES (4u << 20)
#define READ_STEP_BYTES (256u << 10)
#define BAD_NAMES_SHOWN 3

static const char elf_magic[4] = { 0x7f, 'E', 'L', 'F' };

/* A file whose bytes are wanted in a further pass: one that an analyzer could not finish, or the target of a hard link.
 */
struct again {
	struct str real; /* its path in the tar; in the arena of the lane; p NULL: served */
	struct str name; /* the path it is evidence under, as in a record; owned */
	uint64_t candidates;
	bool started;
	struct inventory_run run; /* when started: with what it holds already */
};

/* One layer being read. */
struct lane {
	struct collect *c;
	bool used;
	struct layer_job job;
	struct buf job_bytes; /* what job.names points into */
	int fd;
	unsigned int pass;
	struct names names;
	struct arena arena;	 /* paths of evidence, for hard links */
	struct map evidence;	 /* paths that left facts */
	struct map again_at;	 /* path in the tar -> its place in `again` */
	VEC(uint64_t) hashes[2]; /* TREE_FILES, TREE_DIRS */
	struct buf tree[TREE_PARTS];
	struct buf facts; /* evidence that has not been sent yet */
	VEC(struct again) again;
	size_t again_held;
	unsigned int bad_names;
	uint64_t told_bytes;
	/* the entry being read */
	struct inventory_run run;
	struct again *serving;
	uint64_t candidates;
	bool running;	    /* `run` (or serving->run) has begun */
	bool maybe_program; /* ELF or not is decided by the first bytes */
	uint64_t size;
	uint32_t mode;
	char path_room[PATH_BYTES_MAX];
	struct str logical; /* the entry's path as analyzers are to see it */
	char name_room[2 * PATH_BYTES_MAX + 1];
	struct str name; /* the path it is evidence under, as in a record */
};

struct collect {
	int fd;
	struct lane lane[LAYER_LANES_MAX];
	struct layer_events events[LAYER_LANES_MAX];
	bool ended;	   /* the parent has nothing more */
	bool refused;	   /* it had nothing for us just now: not asked again before something happens */
	int failure;	   /* talking to the parent failed */
	uint64_t programs; /* analyzers that want executables */
};

static int send_or_stop(struct collect *c, enum proto_kind kind, struct str payload)
{
	int r = c->failure ? c->failure : proto_send(c->fd, kind, payload);

	if (r < 0)
		c->failure = r;
	return r;
}

/* ---- the tree: hashes, links, whiteouts ---- */

static void lane_buffers(struct lane *l)
{
	for (size_t i = 0; i < TREE_PARTS; i++)
		buf_init(&l->tree[i], PROTO_ANSWER_MAX);
	buf_init(&l->facts, PROTO_ANSWER_MAX);
}

static int flush_tree(struct lane *l, enum tree_part part, struct str raw)
{
	struct buf b;
	int r;

	buf_init(&b, PROTO_ANSWER_MAX);
	buf_varint(&b, l->job.id);
	buf_char(&b, (char)part);
	buf_str(&b, raw);
	r = send_or_stop(l->c, PROTO_TREE, buf_all(&b));
	buf_done(&b);
	return r;
}

static int flush_hashes(struct lane *l, enum tree_part part)
{
	int r = flush_tree(l, part, str_n(l->hashes[part].v, l->hashes[part].n * sizeof(uint64_t)));

	l->hashes[part].n = 0;
	return r;
}

static int note_hash(struct lane *l, enum tree_part part, struct str path)
{
	vec_push(&l->hashes[part], path_hash(path));
	return l->hashes[part].n >= HASHES_AT_ONCE ? flush_hashes(l, part) : 0;
}

static int note_tree(struct lane *l, enum tree_part part, struct str a, const struct str *b)
{
	struct buf *t = &l->tree[part];
	int r = 0;

	buf_var_str(t, a);
	if (b)
		buf_var_str(t, *b);
	if (t->n >= BYTES_AT_ONCE) {
		r = flush_tree(l, part, buf_all(t));
		buf_clear(t);
	}
	return r;
}

static int note_reason(struct lane *l, struct str path, const char *reason)
{
	struct str text = str_c(reason);

	return note_tree(l, TREE_NOTES, path, &text);
}

static int note_link(struct lane *l, char kind, struct str path, struct str target)
{
	char room[PATH_BYTES_MAX + 1];

	room[0] = kind;
	memcpy(room + 1, path.p, path.n);
	return note_tree(l, TREE_LINKS, str_n(room, path.n + 1), &target);
}

/* Gives the memory back: a package database's facts are megabytes. */
static int flush_facts(struct lane *l)
{
	int r = l->facts.n ? send_or_stop(l->c, PROTO_EVIDENCE, buf_all(&l->facts)) : 0;

	buf_done(&l->facts);
	buf_init(&l->facts, PROTO_ANSWER_MAX);
	return r;
}

static int flush_all(struct lane *l)
{
	int r = flush_facts(l);

	for (unsigned int part = TREE_FILES; part <= TREE_DIRS && r == 0; part++)
		if (l->hashes[part].n)
			r = flush_hashes(l, part);
	for (unsigned int part = TREE_WHITEOUTS; part < TREE_PARTS && r == 0; part++) {
		if (l->tree[part].n)
			r = flush_tree(l, part, buf_all(&l->tree[part]));
		buf_clear(&l->tree[part]);
	}
	return r;
}

/* ".wh.NAME" hides NAME, ".wh..wh..opq" makes its directory opaque; other ".wh..wh." names are AUFS's own (image-spec
 * layer.md). Returns 1 when the name was one of these. */
static int take_whiteout(struct lane *l, struct str path)
{
	struct str base = path_base(path), dir = path_dir(path), name;
	char room[PATH_BYTES_MAX];
	size_t n = 0;
	int r = 0;

	if (!str_starts(base, STR(".wh.")))
		return 0;
	if (str_eq(base, STR(".wh..wh..opq"))) {
		r = note_tree(l, TREE_OPAQUES, dir, NULL);
	} else if (!str_starts(base, STR(".wh..wh.")) && base.n > 4) {
		name = str_from(base, 4);
		if (dir.n) {
			memcpy(room, dir.p, dir.n);
			n = dir.n;
			room[n++] = '/';
		}
		memcpy(room + n, name.p, name.n);
		r = note_tree(l, TREE_WHITEOUTS, str_n(room, n + name.n), NULL);
	}
	return r < 0 ? r : 1;
}

/* ---- facts ---- */

static int send_part(struct lane *l, struct str name, const struct inventory_part *p)
{
	struct buf *b = &l->facts;
	int r = 0;

	if (facts_finish(&p->facts) < 0)
		return note_reason(l, evidence_name(name), "too many facts in one file");
	if (!p->facts.b.n)
		return 0;
	map_put(&l->evidence, arena_str(&l->arena, evidence_real(name)), 1, NULL);
	if (b->n + p->facts.b.n > BYTES_AT_ONCE)
		r = flush_facts(l);
	if (!b->n)
		buf_varint(b, l->job.id);
	buf_varint(b, p->analyzer);
	buf_var_str(b, name);
	buf_var_str(b, buf_all(&p->facts.b));
	return r;
}

static int send_facts(struct lane *l, struct str name, struct inventory_run *run)
{
	int r = 0;

	inventory_run_finish(run);
	for (size_t i = 0; i < run->parts.n && r == 0; i++)
		r = send_part(l, name, &run->parts.v[i]);
	return r;
}

/* Analyzers for which the file is too large leave a note; the others are returned. */
static int drop_too_large(struct lane *l, struct str path, uint64_t size, uint64_t *candidates)
{
	for (uint64_t left = *candidates; left; left &= left - 1) {
		size_t i = (size_t)__builtin_ctzll(left);
		char reason[160];
		int r;

		if (size <= analyzers[i].size_max)
			continue;
		*candidates &= ~(1ull << i);
		if (analyzers[i].executables)
			continue; /* not known to be one yet; programs of that size are data with an x bit */
		snprintf(reason, sizeof(reason), "%llu bytes are more than the %llu that %s evidence may have",
			 (unsigned long long)size, (unsigned long long)analyzers[i].size_max, analyzers[i].name);
		r = note_reason(l, path, reason);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- further passes ---- */

static int keep_for_again(struct lane *l, struct str real, struct str name, uint64_t candidates,
			  struct inventory_run *run)
{
	struct again *a;

	if (l->again.n >= AGAIN_FILES_MAX || (run && run->file.held_bytes > AGAIN_HELD_MAX - l->again_held))
		return note_reason(l, evidence_name(name), "too many files of this layer need a further pass");
	a = vec_add(&l->again);
	a->real = arena_str(&l->arena, real);
	map_put(&l->again_at, a->real, (uint32_t)l->again.n - 1, NULL);
	a->name = str_n(xstrdup(name), name.n);
	a->candidates = candidates;
	if (run) {
		l->again_held += run->file.held_bytes;
		a->started = true;
		a->run = *run;
		a->run.file.path = evidence_name(a->name);
		*run = (struct inventory_run){ 0 };
	}
	return 0;
}

static void again_done(struct again *a)
{
	if (a->started)
		inventory_run_done(&a->run);
	free((char *)(uintptr_t)a->name.p);
	*a = (struct again){ 0 };
}

static struct again *again_for(struct lane *l, struct str path)
{
	const uint32_t *at = map_get(&l->again_at, path);

	return at && l->again.v[*at].real.p ? &l->again.v[*at] : NULL;
}

/* Of several that want the same file for different analyzers the next one has its turn. */
static void again_served(struct lane *l, struct again *a)
{
	struct str real = a->real;

	again_done(a);
	for (uint32_t i = 0; i < l->again.n; i++)
		if (l->again.v[i].real.p && str_eq(l->again.v[i].real, real)) {
			*map_put(&l->again_at, real, i, NULL) = i;
			return;
		}
}

/* ---- entries ---- */

static int take_hard_link(struct lane *l, const struct tar_entry *t)
{
	uint64_t candidates = analyzers_for_path(l->logical) & l->job.analyzers;
	const struct again *first;
	bool known;

	if (!t->link.n)
		return candidates ? note_reason(l, t->path, "hard link to a name that cannot be one") : 0;
	known = map_get(&l->evidence, t->link);
	if (!known && !candidates)
		return 0;
	first = known ? NULL : again_for(l, t->link);
	if (first && first->candidates == candidates) /* one reading is enough for both names */
		return note_link(l, '=', t->path, evidence_real(first->name));
	if (!known) {
		int r = keep_for_again(l, t->link, l->name, candidates, NULL);

		if (r < 0)
			return r;
	}
	return note_link(l, '=', t->path, t->link);
}

static int begin_file(struct lane *l, const struct tar_entry *t)
{
	uint64_t candidates = analyzers_for_path(l->logical);
	int r;

	if ((t->mode & 0111) && t->size >= sizeof(elf_magic))
		l->maybe_program = true;
	candidates = (candidates | (l->maybe_program ? l->c->programs : 0)) & l->job.analyzers;
	r = drop_too_large(l, t->path, t->size, &candidates);
	l->maybe_program = candidates & l->c->programs;
	l->candidates = candidates;
	l->size = t->size;
	l->mode = t->mode;
	if (r < 0 || !candidates)
		return r;
	if (t->size == 0) { /* data() will not be called */
		inventory_run_start(&l->run, evidence_name(l->name), 0, l->mode, candidates);
		l->running = true;
	}
	return 1;
}

/* Copies, because the entry's own strs do not outlive this call. */
static void name_entry(struct lane *l, struct str path)
{
	size_t n = path.n;

	l->logical = names_apply(&l->names, path, l->path_room);
	memcpy(l->name_room, path.p, n);
	if (!str_eq(l->logical, path)) {
		l->name_room[n++] = 0;
		memcpy(l->name_room + n, l->logical.p, l->logical.n);
		n += l->logical.n;
	}
	l->name = str_n(l->name_room, n);
	l->logical = evidence_name(l->name);
}

/* Links on the way to fixed evidence, and any near the root, by which a chain of links could lead there. */
static bool leads_somewhere(struct str path)
{
	unsigned int depth = 1;

	for (size_t i = 0; i < path.n; i++)
		depth += path.p[i] == '/';
	return depth <= LINK_DEPTH_KEPT || analyzers_care_for_link(path);
}

static int take_new(struct lane *l, const struct tar_entry *t)
{
	int r;

	if (t->bad_name) {
		if (l->bad_names++ >= BAD_NAMES_SHOWN)
			return 0;
		return note_reason(l, str_head(t->raw_name, 256),
				   "the name cannot be a path in an image; entry left out");
	}
	if (!t->path.n)
		return 0;
	r = take_whiteout(l, t->path);
	if (r)
		return r < 0 ? r : 0;
	r = note_hash(l, t->type == TAR_DIR ? TREE_DIRS : TREE_FILES, t->path);
	if (r < 0)
		return r;
	name_entry(l, t->path);
	switch (t->type) {
	case TAR_FILE:
		return begin_file(l, t);
	case TAR_HARDLINK:
		return take_hard_link(l, t);
	case TAR_SYMLINK:
		return leads_somewhere(t->path) ? note_link(l, '>', t->path, t->link) : 0;
	case TAR_DIR:
	case TAR_CHAR:
	case TAR_BLOCK_DEVICE:
	case TAR_FIFO:
	case TAR_OTHER:
		return 0;
	}
	return 0;
}

static int take_again(struct lane *l, const struct tar_entry *t)
{
	struct again *a = t->type == TAR_FILE ? again_for(l, t->path) : NULL;
	int r;

	if (!a)
		return 0;
	l->serving = a;
	if (!a->started) {
		uint64_t candidates = a->candidates;

		r = drop_too_large(l, evidence_name(a->name), t->size, &candidates);
		if (r < 0)
			return r;
		inventory_run_start(&a->run, evidence_name(a->name), t->size, t->mode, candidates);
		a->started = true;
	}
	l->running = true;
	return 1;
}

static int on_entry(void *ctx, const struct tar_entry *t, struct err *e unused_arg)
{
	struct lane *l = ctx;
	int r;

	l->running = false;
	l->maybe_program = false;
	l->serving = NULL;
	r = l->pass ? take_again(l, t) : take_new(l, t);
	return l->c->failure ? l->c->failure : r;
}

static struct inventory_run *current_run(struct lane *l)
{
	return l->serving ? &l->serving->run : &l->run;
}

/* With the first bytes it is known whether an x bit means a program. False: nobody wants this file. */
static bool decide_program(struct lane *l, const uint8_t *p, size_t n)
{
	if (n < sizeof(elf_magic) || memcmp(p, elf_magic, sizeof(elf_magic)) != 0)
		l->candidates &= ~l->c->programs;
	l->maybe_program = false;
	return l->candidates != 0;
}

static int on_data(void *ctx, uint64_t offset, const uint8_t *p, size_t n, struct err *e unused_arg)
{
	struct lane *l = ctx;
	uint64_t wanted;

	if (!l->running) {
		if (l->maybe_program && (offset == 0 ? !decide_program(l, p, n) : !decide_program(l, NULL, 0)))
			return 0;
		inventory_run_start(&l->run, evidence_name(l->name), l->size, l->mode, l->candidates);
		l->running = true;
	}
	inventory_run_feed(current_run(l), offset, p, n);
	wanted = inventory_run_wanted_from(current_run(l));
	/* A wish behind us has to wait for a further pass; what lies ahead is still taken along. */
	return wanted != UINT64_MAX;
}

static int end_new(struct lane *l)
{
	int r = 0;

	if (inventory_run_wanted_from(&l->run) != UINT64_MAX)
		r = keep_for_again(l, evidence_real(l->name), l->name, l->candidates, &l->run);
	else
		r = send_facts(l, l->name, &l->run);
	inventory_run_done(&l->run);
	return r;
}

static int end_again(struct lane *l)
{
	struct again *a = l->serving;
	int r;

	/* Its next wish may lie behind us once more. */
	if (inventory_run_wanted_from(&a->run) != UINT64_MAX && l->pass + 1 < PASSES_MAX)
		return 0;
	r = send_facts(l, a->name, &a->run);
	again_served(l, a);
	return r;
}

static int on_end(void *ctx, struct err *e unused_arg)
{
	struct lane *l = ctx;
	bool running = l->running;

	l->running = false;
	if (!running)
		return 0;
	return l->serving ? end_again(l) : end_new(l);
}

static void on_progress(void *ctx, uint64_t blob_bytes)
{
	struct lane *l = ctx;
	struct buf b;

	if (blob_bytes < l->told_bytes + PROGRESS_STEP_BYTES)
		return;
	l->told_bytes = blob_bytes;
	l->c->refused = false;
	buf_init(&b, 64);
	buf_varint(&b, l->job.id);
	buf_varint(&b, blob_bytes);
	send_or_stop(l->c, PROTO_PROGRESS, buf_all(&b));
	buf_done(&b);
}

/* ---- lanes ---- */

static void lane_done(struct lane *l)
{
	fd_close(&l->fd);
	for (size_t i = 0; i < l->again.n; i++)
		again_done(&l->again.v[i]);
	vec_done(&l->again);
	for (size_t i = 0; i < ARRAY_LEN(l->hashes); i++)
		vec_done(&l->hashes[i]);
	for (size_t i = 0; i < TREE_PARTS; i++)
		buf_done(&l->tree[i]);
	map_done(&l->evidence);
	map_done(&l->again_at);
	if (l->running && !l->serving)
		inventory_run_done(&l->run); /* of an entry that was cut short */
	arena_done(&l->arena);
	buf_done(&l->facts);
	buf_done(&l->job_bytes);
	*l = (struct lane){ .c = l->c, .fd = -1 };
}

static int lane_begin(struct lane *l, struct msg *m, struct err *e)
{
	struct layer_job job;

	if (m->fd_count != 1 || !layer_job_read(m->payload, &job))
		return err_set(e, -EBADMSG, "worker: bad layer job");
	if (!l->used || l->job.id != job.id) {
		lane_done(l);
		buf_init(&l->job_bytes, MSG_BYTES_MAX);
		buf_str(&l->job_bytes, m->payload);
		lane_buffers(l);
		if (!layer_job_read(buf_all(&l->job_bytes), &l->job) || !names_read(l->job.names, &l->names))
			return err_set(e, -EBADMSG, "worker: bad layer job");
		l->used = true;
	} else {
		l->pass++;
		l->told_bytes = 0;
	}
	fd_close(&l->fd);
	l->fd = m->fds[0];
	m->fds[0] = -1;
	return 0;
}

/* The lane that keeps wishes for this layer, else a free one. */
static struct lane *lane_for(struct collect *c, struct str payload)
{
	struct layer_job job;
	struct lane *free_lane = NULL;

	if (!layer_job_read(payload, &job))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(c->lane); i++) {
		if (c->lane[i].used && c->lane[i].job.id == job.id && c->lane[i].fd < 0)
			return &c->lane[i];
		if (!c->lane[i].used && !free_lane)
			free_lane = &c->lane[i];
	}
	return free_lane;
}

static int give_input(struct collect *c, struct lane *l, struct layer_input *ret, uint32_t *ret_id)
{
	size_t i = (size_t)(l - c->lane);

	c->events[i] = (struct layer_events){ l, on_entry, on_data, on_end, on_progress };
	*ret = (struct layer_input){
		.fd = l->fd,
		.positioned = l->job.positioned,
		.offset = l->job.offset,
		.size = l->job.size,
		.events = &c->events[i],
	};
	*ret_id = (uint32_t)i;
	return 1;
}

static int serve_files(struct collect *c, struct msg *m, struct err *e);

static int next_layer(void *ctx, bool idle, struct layer_input *ret, uint32_t *ret_id, struct err *e)
{
	struct collect *c = ctx;
	char is_idle = idle;
	auto_free struct msg *m = NULL;

	if (c->refused)
		return 0;
	m = xmalloc(sizeof(*m));
	while (!c->ended && !c->failure) {
		struct lane *l;
		int r = send_or_stop(c, PROTO_NEXT, str_n(&is_idle, 1));

		r = r < 0 ? r : msg_recv(c->fd, m);
		if (r <= 0)
			return err_set(e, -EPIPE, "worker: the scanner is gone");
		switch (m->kind) {
		case PROTO_WAIT:
			c->refused = true;
			msg_done(m);
			return 0;
		case PROTO_END:
			c->ended = true;
			break;
		case PROTO_FILES:
			r = serve_files(c, m, e);
			msg_done(m);
			if (r < 0)
				return r;
			continue;
		case PROTO_LAYER:
			l = lane_for(c, m->payload);
			r = l ? lane_begin(l, m, e) : err_set(e, -EBADMSG, "worker: no lane for a layer");
			msg_done(m);
			return r < 0 ? r : give_input(c, l, ret, ret_id);
		default:
			msg_done(m);
			return err_set(e, -EBADMSG, "worker: unknown message %d", m->kind);
		}
		msg_done(m);
	}
	return c->failure;
}

/* Hard links whose target never came: the merge looks for them in lower layers. */
static int note_lost_links(struct lane *l)
{
	int r = 0;

	for (size_t i = 0; i < l->again.n && r == 0; i++)
		if (l->again.v[i].real.p && !l->again.v[i].started)
			r = note_link(l, '?', evidence_real(l->again.v[i].name), l->again.v[i].real);
	return r;
}

static int layer_ended(void *ctx, uint32_t id, const struct layer_result *result, struct err *e unused_arg)
{
	struct collect *c = ctx;
	struct lane *l = &c->lane[id];
	size_t left = 0;
	struct layer_end end = {
		.id = l->job.id,
		.status = result->status,
		.message = str_c(result->status < 0 ? result->err.msg : ""),
		.blob = result->blob,
		.diff_id = result->diff_id,
		.codec = result->codec,
		.blob_bytes = result->blob_bytes,
		.plain_bytes = result->plain_bytes,
		.entries = result->entries,
	};
	struct buf b;
	int r = result->end_unmarked && l->pass == 0 ? note_reason(l, STR_NONE, RECORD_UNMARKED) : 0;

	for (size_t i = 0; i < l->again.n; i++)
		left += l->again.v[i].real.p && (l->pass == 0 || l->again.v[i].started);
	end.again = result->status == 0 && left && l->pass + 1 < PASSES_MAX;
	if (!end.again && r == 0)
		r = note_lost_links(l);
	r = r < 0 ? r : flush_all(l);
	c->refused = false;
	buf_init(&b, MSG_BYTES_MAX);
	layer_end_write(&b, &end);
	r = r < 0 ? r : send_or_stop(c, PROTO_DONE, buf_all(&b));
	buf_done(&b);
	if (end.again)
		fd_close(&l->fd);
	else
		lane_done(l);
	return r;
}

/* ---- files of a directory tree ---- */

static int read_file(struct lane *l, int fd, struct inventory_run *run)
{
	auto_free uint8_t *step = xmalloc(READ_STEP_BYTES);
	uint64_t at;

	while ((at = inventory_run_wanted_from(run)) != UINT64_MAX) {
		ssize_t n = fd_pread(fd, step, READ_STEP_BYTES, at);

		if (n <= 0)
			return note_reason(l, run->file.path,
					   n < 0 ? "cannot be read" : "became shorter while it was read");
		inventory_run_feed(run, at, step, (size_t)n);
	}
	return 0;
}

static int serve_one_file(struct lane *l, struct rd *in, int fd)
{
	struct str path = rd_var_str(in);
	uint64_t size = rd_varint(in);
	uint32_t mode = (uint32_t)rd_varint(in);
	uint64_t candidates = rd_le64(in);
	struct inventory_run run;
	int r;

	if (!rd_ok(in))
		return -EBADMSG;
	r = drop_too_large(l, path, size, &candidates);
	if (r < 0 || !candidates)
		return r;
	inventory_run_start(&run, path, size, mode, candidates);
	r = read_file(l, fd, &run);
	r = r < 0 ? r : send_facts(l, path, &run);
	inventory_run_done(&run);
	return r;
}

static int serve_files(struct collect *c, struct msg *m, struct err *e)
{
	struct lane *l = &c->lane[0];
	struct rd in = rd_of(m->payload);
	int r = 0;

	lane_buffers(l);
	for (size_t i = 0; i < m->fd_count && r == 0; i++)
		r = serve_one_file(l, &in, m->fds[i]);
	r = r < 0 ? r : flush_all(l);
	lane_done(l);
	return r < 0 ? err_errno(e, r, "worker: files") : 0;
}

int collect_serve(int fd, struct err *e)
{
	auto_free struct collect *c = xcalloc(1, sizeof(*c));
	struct layer_feed feed = { c, next_layer, layer_ended };
	int r;

	c->fd = fd;
	for (size_t i = 0; i < ARRAY_LEN(c->lane); i++) {
		c->lane[i].c = c;
		c->lane[i].fd = -1;
	}
	for (size_t i = 0; i < analyzer_count; i++)
		c->programs |= (uint64_t)analyzers[i].executables << i;
	r = layers_read(&feed, LANES, e);
	for (size_t i = 0; i < ARRAY_LEN(c->lane); i++)
		lane_done(&c->lane[i]);
	return r < 0 ? r : c->failure;
}
