/* job: what a monitor is told. See job.h. */
#include "guest/job.h"

#include "base/rd.h"

static void write_list(struct buf *out, const struct plan_list *l)
{
	buf_varint(out, l->n);
	for (size_t i = 0; i < l->n; i++)
		buf_var_str(out, str_c(l->v[i]));
}

void job_write(struct buf *out, const struct job *j)
{
	buf_varint(out, j->machine);
	buf_varint(out, j->boot_ms);
	buf_varint(out, j->silent_ms);
	buf_varint(out, j->terminal);
	write_list(out, &j->args);
	write_list(out, &j->env);
	buf_var_str(out, j->plan);
	buf_varint(out, j->port_count);
	for (size_t i = 0; i < j->port_count; i++) {
		buf_varint(out, j->ports[i].number);
		buf_varint(out, j->ports[i].udp);
	}
}

static void read_list(struct rd *r, struct arena *a, struct plan_list *ret)
{
	uint64_t n = rd_varint(r);

	if (n > JOB_ARGS_MAX)
		r->bad = true;
	ret->n = r->bad ? 0 : (size_t)n;
	ret->v = arena_array(a, const char *, ret->n + 1);
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i] = arena_str(a, rd_var_str(r)).p;
}

static void read_ports(struct rd *r, struct job *j)
{
	uint64_t n = rd_varint(r);

	if (n > JOB_PORTS_MAX)
		r->bad = true;
	for (; !r->bad && j->port_count < n; j->port_count++) {
		uint64_t port = rd_varint(r), udp = rd_varint(r);

		if (!port || port > UINT16_MAX || udp > 1)
			r->bad = true;
		j->ports[j->port_count] = (struct job_port){ (uint16_t)port, udp == 1 };
	}
}

int job_parse(struct str bytes, struct arena *a, struct job *ret, struct err *e)
{
	struct rd r = rd_of(bytes);
	struct job j = { 0 };
	uint64_t machine, boot_ms, silent_ms, terminal;

	machine = rd_varint(&r);
	boot_ms = rd_varint(&r);
	silent_ms = rd_varint(&r);
	terminal = rd_varint(&r);
	read_list(&r, a, &j.args);
	read_list(&r, a, &j.env);
	j.plan = rd_var_str(&r);
	read_ports(&r, &j);
	if (!rd_ok(&r) || rd_left(&r) || machine >= MACHINE_KINDS || boot_ms > INT32_MAX || silent_ms > INT32_MAX ||
	    terminal > 1 || !j.args.n)
		return err_set(e, -EBADMSG, "job: malformed");
	j.machine = (enum machine)machine;
	j.boot_ms = (uint32_t)boot_ms;
	j.silent_ms = (uint32_t)silent_ms;
	j.terminal = terminal == 1;
	*ret = j;
	return 0;
}
