/* bpf: the bpf(2) calls and instructions that the runtime writes by hand (cgroup-device, net-bpf).
 *
 * Document: Linux Documentation/bpf/standardization/instruction-set.rst; include/uapi/linux/bpf.h. */
#ifndef RUNTIME_BPF_H
#define RUNTIME_BPF_H

#include <linux/bpf.h>

#include "base/fd.h"

/* Instructions, named as in the kernel's include/linux/filter.h. */
#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (int16_t)(o), .imm = (int32_t)(i) })
#define INSN_MOV(dst, src) INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define INSN_MOVI(dst, imm) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define INSN_ALUI(op, dst, imm) INSN(BPF_ALU64 | (op) | BPF_K, dst, 0, 0, imm)
#define INSN_ALUR(op, dst, src) INSN(BPF_ALU64 | (op) | BPF_X, dst, src, 0, 0)
#define INSN_LOAD(size, dst, src, off) INSN(BPF_LDX | BPF_MEM | (size), dst, src, off, 0)
#define INSN_STORE(size, dst, src, off) INSN(BPF_STX | BPF_MEM | (size), dst, src, off, 0)
#define INSN_JUMPI(op, dst, imm, off) INSN(BPF_JMP | (op) | BPF_K, dst, 0, off, imm)
#define INSN_JUMPR(op, dst, src, off) INSN(BPF_JMP | (op) | BPF_X, dst, src, off, 0)
#define INSN_CALLF(helper) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define INSN_RET() INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* A program's descriptor, or a negative errno; with a verifier's complaint its last line is in the message. */
int bpf_load(enum bpf_prog_type type, enum bpf_attach_type expected, const char *name, const struct bpf_insn *insns,
	     size_t n, struct err *e) must_check;
/* Attaches a program to a cgroup beside others (BPF_F_ALLOW_MULTI), and takes those away that are in `old`. */
int bpf_attach(int cgroup, int program, enum bpf_attach_type type) must_check;
int bpf_detach(int cgroup, int program, enum bpf_attach_type type) must_check;

/* Programs attached to this very group: ids, at most `max`; returns how many. */
int bpf_query(int cgroup, enum bpf_attach_type type, uint32_t *ids, size_t max) must_check;
int bpf_by_id(uint32_t id) must_check; /* a descriptor */

#define BPF_TAG_BYTES 8
struct bpf_about {
	uint8_t tag[BPF_TAG_BYTES]; /* a hash of its instructions */
	char name[BPF_OBJ_NAME_LEN];
	uint32_t id;
};
int bpf_about(int program, struct bpf_about *ret) must_check;

/* A map of one element, and its value. */
int bpf_map_array(uint32_t value_bytes, const char *name) must_check;
int bpf_map_set(int map, uint32_t key, const void *value) must_check;
/* The value in the first map of a program. */
int bpf_program_map(int program, uint32_t key, void *ret, size_t size) must_check;

#endif
