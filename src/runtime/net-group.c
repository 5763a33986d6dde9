/* net-group: a token bucket in BPF on a container's v2 group, for containers in the host's network. See net.h.
 *
 * The bucket is one number, the time at which it would be full again (a virtual scheduling clock): a packet moves it on
 * by its length over the rate, and is dropped when it lies further ahead than the burst lasts. Two processors may both
 * see it before the other moves it, but neither step is lost (an atomic add), so the long-term rate holds. */
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/bpf.h"
#include "runtime/net.h"

#define NAME_IN "yagura_net_in"
#define NAME_OUT "yagura_net_out"
#define PROGRAMS_MAX 32
#define NS 1000000000ull
#define DROP_SLOWER 2 /* of egress programs: dropped, and TCP is told to send more slowly */

static const struct {
	const char *name;
	enum bpf_attach_type attach;
} ways[2] = { { NAME_IN, BPF_CGROUP_INET_INGRESS }, { NAME_OUT, BPF_CGROUP_INET_EGRESS } };

/* The map's one value: the clock, then the rate in bytes a second for who reads it back. */
struct bucket_value {
	uint64_t clock_ns;
	uint64_t bytes_per_s;
};

#define WIDE(dst, src, v) \
	INSN(BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, (uint32_t)(v)), INSN(0, 0, 0, 0, (uint32_t)((uint64_t)(v) >> 32))

static int load(const char *name, enum bpf_attach_type attach, int map, uint64_t bytes_per_s, struct err *e)
{
	uint64_t burst_ns = NET_BURST_MIN * NS / bytes_per_s;
	const uint64_t least_ns = NET_BURST_MS * 1000000ull;
	const struct bpf_insn insns[] = {
		INSN_LOAD(BPF_W, 6, 1, offsetof(struct __sk_buff, len)),
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
		INSN_MOV(2, 10),
		INSN_ALUI(BPF_ADD, 2, -4),
		WIDE(1, BPF_PSEUDO_MAP_FD, map),
		INSN_CALLF(BPF_FUNC_map_lookup_elem),
		INSN_JUMPI(BPF_JNE, 0, 0, 2),
		INSN_MOVI(0, 0), /* cannot be: an array has its element */
		INSN_RET(),
		INSN_MOV(7, 0),
		INSN_CALLF(BPF_FUNC_ktime_get_ns),
		INSN_MOV(8, 0),		    /* now */
		INSN_LOAD(BPF_DW, 9, 7, 0), /* the clock */
		WIDE(2, 0, NS),		    /* cost = len * NS / rate */
		INSN_ALUR(BPF_MUL, 6, 2),   /* at most 64 KiB * 1e9: 46 bits */
		WIDE(2, 0, bytes_per_s),
		INSN_ALUR(BPF_DIV, 6, 2),
		INSN_JUMPR(BPF_JGT, 9, 8, 4),
		INSN_ALUR(BPF_ADD, 8, 6), /* the clock is behind: it begins again now */
		INSN_STORE(BPF_DW, 7, 8, 0),
		INSN_MOVI(0, 1),
		INSN_RET(),
		INSN_ALUR(BPF_SUB, 9, 8), /* how far it is ahead */
		WIDE(2, 0, burst_ns > least_ns ? burst_ns : least_ns),
		INSN_MOVI(0, attach == BPF_CGROUP_INET_EGRESS ? DROP_SLOWER : 0),
		INSN_JUMPR(BPF_JGT, 9, 2, 2),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 7, 6, 0, BPF_ADD),
		INSN_MOVI(0, 1),
		INSN_RET(),
	};

	return bpf_load(BPF_PROG_TYPE_CGROUP_SKB, attach, name, insns, ARRAY_LEN(insns), e);
}

static int make_map(uint64_t bytes_per_s, struct err *e)
{
	struct bucket_value v = { 0, bytes_per_s };
	auto_close int map = bpf_map_array(sizeof(v), "yagura_bucket");
	int r = map < 0 ? map : bpf_map_set(map, 0, &v);

	return r < 0 ? err_errno(e, r, "limit net: no BPF map") : take_fd(&map);
}

static int limit_way(int dir, size_t way, uint64_t bits, struct err *e)
{
	uint64_t rate = bits / 8;
	auto_close int map = -1, program = -1;
	int r;

	if (!rate)
		return 0;
	map = make_map(rate, e);
	program = map < 0 ? map : load(ways[way].name, ways[way].attach, map, rate, e);
	if (program < 0)
		return program;
	r = bpf_attach(dir, program, ways[way].attach);
	return r < 0 ? err_errno(e, r, "limit net: %s cannot be attached to the group", ways[way].name) : 0;
}

int net_limit_group(const struct cgroup *c, uint64_t in_bps, uint64_t out_bps, struct err *e)
{
	int dir = cgroup_dir(c, CG_UNIFIED, NULL);
	int r;

	if (dir < 0)
		return err_set(e, -ENOTSUP, "limit net: in the host's network it needs a cgroup v2 hierarchy");
	r = limit_way(dir, 0, in_bps, e);
	return r < 0 ? r : limit_way(dir, 1, out_bps, e);
}

/* The rate of our program on a group. */
static uint64_t rate_in_force(int dir, size_t way)
{
	uint32_t ids[PROGRAMS_MAX];
	int n = bpf_query(dir, ways[way].attach, ids, PROGRAMS_MAX);

	for (int i = 0; i < n; i++) {
		auto_close int program = bpf_by_id(ids[i]);
		struct bpf_about about;
		struct bucket_value v;

		if (program >= 0 && bpf_about(program, &about) == 0 && !strcmp(about.name, ways[way].name) &&
		    bpf_program_map(program, 0, &v, sizeof(v)) == 0)
			return v.bytes_per_s * 8;
	}
	return 0;
}

int net_read_group(const struct cgroup *c, uint64_t *ret_in, uint64_t *ret_out, struct err *e)
{
	int dir = cgroup_dir(c, CG_UNIFIED, NULL);

	if (dir < 0)
		return err_set(e, -ENOENT, "limit net: no cgroup v2 hierarchy");
	*ret_in = rate_in_force(dir, 0);
	*ret_out = rate_in_force(dir, 1);
	return 0;
}
