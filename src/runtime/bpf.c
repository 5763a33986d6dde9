/* bpf: raw bpf(2). See bpf.h. */
#include "runtime/bpf.h"

#include <sys/syscall.h>
#include <unistd.h>

#define LOG_BYTES 65536

static int call(enum bpf_cmd cmd, union bpf_attr *attr, size_t size)
{
	long r = syscall(SYS_bpf, cmd, attr, size);

	return r < 0 ? -errno : (int)r;
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* The verifier's last words. */
static struct str last_line(const char *log)
{
	struct str s = str_trim(str_c(log));
	ptrdiff_t at;

	if (str_starts(str_from(s, (size_t)(str_rfind(s, '\n') + 1)), STR("processed ")))
		s = str_trim(str_head(s, (size_t)(str_rfind(s, '\n') + 1)));
	at = str_rfind(s, '\n');
	return str_from(s, (size_t)(at + 1));
}

int bpf_load(enum bpf_prog_type type, enum bpf_attach_type expected, const char *name, const struct bpf_insn *insns,
	     size_t n, struct err *e)
{
	union bpf_attr attr = { 0 };
	auto_free char *log = NULL;
	int r;

	attr.prog_type = type;
	attr.expected_attach_type = expected;
	attr.insns = pointer(insns);
	attr.insn_cnt = (uint32_t)n;
	attr.license = pointer("Apache-2.0");
	snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", name);
	r = call(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (r >= 0)
		return r;
	if (r != -EACCES && r != -EINVAL)
		return err_errno(e, r, "cannot load the BPF program %s", name);
	log = xcalloc(1, LOG_BYTES);
	attr.log_buf = pointer(log);
	attr.log_size = LOG_BYTES;
	attr.log_level = 1;
	r = call(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (r >= 0)
		return r;
	return err_errno(e, r, "cannot load the BPF program %s (" STR_FMT ")", name, STR_ARG(last_line(log)));
}

int bpf_attach(int cgroup, int program, enum bpf_attach_type type)
{
	union bpf_attr attr = { 0 };

	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = type;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	return call(BPF_PROG_ATTACH, &attr, sizeof(attr));
}

int bpf_detach(int cgroup, int program, enum bpf_attach_type type)
{
	union bpf_attr attr = { 0 };

	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = type;
	return call(BPF_PROG_DETACH, &attr, sizeof(attr));
}

int bpf_query(int cgroup, enum bpf_attach_type type, uint32_t *ids, size_t max)
{
	union bpf_attr attr = { 0 };
	int r;

	attr.query.target_fd = (uint32_t)cgroup;
	attr.query.attach_type = type;
	attr.query.prog_ids = pointer(ids);
	attr.query.prog_cnt = (uint32_t)max;
	r = call(BPF_PROG_QUERY, &attr, sizeof(attr));
	return r < 0 ? r : (int)attr.query.prog_cnt;
}

int bpf_by_id(uint32_t id)
{
	union bpf_attr attr = { 0 };

	attr.prog_id = id;
	return call(BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
}

int bpf_about(int program, struct bpf_about *ret)
{
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr = { 0 };
	int r;

	attr.info.bpf_fd = (uint32_t)program;
	attr.info.info_len = sizeof(info);
	attr.info.info = pointer(&info);
	r = call(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
	if (r < 0)
		return r;
	memcpy(ret->tag, info.tag, sizeof(ret->tag));
	memcpy(ret->name, info.name, sizeof(ret->name));
	ret->name[sizeof(ret->name) - 1] = 0;
	ret->id = info.id;
	return 0;
}

int bpf_map_array(uint32_t value_bytes, const char *name)
{
	union bpf_attr attr = { 0 };

	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = sizeof(uint32_t);
	attr.value_size = value_bytes;
	attr.max_entries = 1;
	snprintf(attr.map_name, sizeof(attr.map_name), "%s", name);
	return call(BPF_MAP_CREATE, &attr, sizeof(attr));
}

int bpf_map_set(int map, uint32_t key, const void *value)
{
	union bpf_attr attr = { 0 };

	attr.map_fd = (uint32_t)map;
	attr.key = pointer(&key);
	attr.value = pointer(value);
	return call(BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr));
}

static int first_map(int program)
{
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr = { 0 };
	uint32_t id = 0;
	int r;

	info.nr_map_ids = 1;
	info.map_ids = pointer(&id);
	attr.info.bpf_fd = (uint32_t)program;
	attr.info.info_len = sizeof(info);
	attr.info.info = pointer(&info);
	r = call(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
	if (r < 0 || !info.nr_map_ids)
		return r < 0 ? r : -ENOENT;
	attr = (union bpf_attr){ .map_id = id };
	return call(BPF_MAP_GET_FD_BY_ID, &attr, sizeof(attr));
}

int bpf_program_map(int program, uint32_t key, void *ret, size_t size)
{
	auto_close int map = first_map(program);
	struct bpf_map_info info = { 0 };
	union bpf_attr attr = { 0 };
	int r;

	if (map < 0)
		return map;
	attr.info.bpf_fd = (uint32_t)map;
	attr.info.info_len = sizeof(info);
	attr.info.info = pointer(&info);
	r = call(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
	if (r < 0 || info.value_size != size)
		return r < 0 ? r : -EBADMSG;
	attr = (union bpf_attr){ 0 };
	attr.map_fd = (uint32_t)map;
	attr.key = pointer(&key);
	attr.value = pointer(ret);
	return call(BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr));
}
