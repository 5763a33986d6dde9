/* record: what system calls a container really makes. See record.h. */
#include "runtime/record.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES (WATCH_CALLS * sizeof(uint32_t))

/* Between the filter and the program, and at the end of any: a profile without them starts nothing. */
static const int always[] = { SYS_execve,	   SYS_exit_group, SYS_exit,   SYS_rt_sigreturn,
			      SYS_restart_syscall, SYS_read,	   SYS_capset, SYS_prctl };

#if defined(__x86_64__)
#define ARCH_NAME "SCMP_ARCH_X86_64"
#else
#define ARCH_NAME "SCMP_ARCH_AARCH64"
#endif

int recorder_init(struct recorder *r, struct err *e)
{
	void *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return err_errno(e, -errno, "profile record");
	*r = (struct recorder){ .calls = p };
	return 0;
}

void recorder_done(struct recorder *r)
{
	if (r->pid)
		kill(r->pid, SIGKILL); /* its calls then fail: nothing may go on unrecorded */
	if (r->calls)
		munmap(r->calls, BYTES);
	*r = (struct recorder){ 0 };
}

int recorder_program(bool strict, struct seccomp_program *ret, struct err *e)
{
	static const struct oci_seccomp everything = { .set = true, .default_action = "SCMP_ACT_ALLOW" };
	int r = seccomp_compile(&everything, strict ? SECCOMP_STRICT : SECCOMP_AS_GIVEN, -1, ret, e);

	if (r < 0)
		return r;
	filter_record(&ret->bytes);
	ret->flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	ret->watched = true;
	return 0;
}

int recorder_taken(void *arg, int listener, struct err *e)
{
	struct recorder *r = arg;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGINT, SIG_IGN); /* of the terminal: the container's to answer */
		_exit(watch_record(listener, r->calls) < 0);
	}
	close(listener);
	if (pid < 0)
		return err_errno(e, -errno, "profile record: fork");
	r->pid = pid;
	return 0;
}

int recorder_finish(struct recorder *r, struct err *e)
{
	int status = 0;

	while (r->pid && waitpid(r->pid, &status, 0) < 0) {
		if (errno == EINTR)
			continue;
		break; /* reaped already, with the others the container left */
	}
	r->pid = 0;
	if (status)
		return err_set(e, -EIO, "profile record: the recorder ended with status %d", status);
	for (size_t i = 0; i < WATCH_CALLS; i++) {
		if (r->calls[i])
			return 0;
	}
	return err_set(e, -ENODATA, "profile record: no system call was seen");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool is_used(const uint32_t calls[WATCH_CALLS], int nr)
{
	bool used = calls[nr] > 0;

	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		used |= always[i] == nr;
	return used;
}

static void write_names(const uint32_t calls[WATCH_CALLS], struct json_out *j)
{
	static char names[WATCH_CALLS][SECCOMP_CALL_NAME_MAX];
	size_t n = 0;

	for (int nr = 0; nr < WATCH_CALLS; nr++) {
		/* One without a name does not exist here: it was answered with ENOSYS, and will be. */
		if (is_used(calls, nr) && !is_digit(*seccomp_call_name(nr, names[n])))
			n++;
	}
	qsort(names, n, sizeof(*names), by_name);
	json_out_array(j);
	for (size_t i = 0; i < n; i++)
		json_out_str(j, str_c(names[i]));
	json_out_end_array(j);
}

void recorder_profile(const uint32_t calls[WATCH_CALLS], struct json_out *j)
{
	json_out_object(j);
	json_out_key_str(j, "defaultAction", STR("SCMP_ACT_ERRNO"));
	json_out_key_u64(j, "defaultErrnoRet", EPERM);
	json_out_key_array(j, "architectures");
	json_out_str(j, STR(ARCH_NAME));
	json_out_end_array(j);
	json_out_key_array(j, "syscalls");
	json_out_object(j);
	json_out_key(j, "names");
	write_names(calls, j);
	json_out_key_str(j, "action", STR("SCMP_ACT_ALLOW"));
	json_out_end_object(j);
	json_out_end_array(j);
	json_out_end_object(j);
}
