/* uml: User-Mode Linux as a container's machine. See tier.h.
 *
 * The kernel is an ordinary program: its memory a file on a tmpfs, its processes traced children of it. Nothing but one
 * descriptor (frames) and its console connects it with us; disks are files. */
#include "runtime/tier/parts.h"

#include <dirent.h>

#define UML_PROGRAM "/usr/bin/linux.uml"
#define UML_MODULES "/usr/lib/uml/modules"
#define BOOT_MS 30000 /* a second or two on an idle machine */

const struct machine_costs uml_costs = {
	.memory = 32u << 20,
	.pids = 16,
	.pid_per_process = true,
	.memory_min = 48u << 20,
};

/* The directory of the one version that the package installs: the last when there are several. */
static const char *find_modules(struct arena *a)
{
	DIR *dir = opendir(UML_MODULES);
	struct str best = STR_NONE;

	for (struct dirent *d; dir && (d = readdir(dir));)
		if (d->d_name[0] != '.' && (!best.n || str_cmp(str_c(d->d_name), best) > 0))
			best = arena_str(a, str_c(d->d_name));
	if (dir)
		closedir(dir);
	return best.n ? arena_fmt(a, UML_MODULES "/" STR_FMT, STR_ARG(best)).p : NULL;
}

static void arguments(struct machine_build *m)
{
	static const char *const fixed[] = {
		"initrd=/initramfs",
		"ssl0=fd:3,fd:4",
		"ssl=null",
		"con0=null,fd:2",
		"con=null",
		"ubd0rd=/root.img",
		/* A panic ends the machine and is not waited over; no file system of the host's is for the guest. */
		"panic=-1",
		"noreboot",
		"hostfs=/nothing",
		"quiet",
		/* 512 devices, for each of which its kernel tries to run a program that is not there: a process of the
		 * host's every time, and most of what it takes to boot. */
		"pty.legacy_count=0",
		"selinux=0",
		"apparmor=0",
		"uml_dir=/tmp/",
		"umid=machine",
		"yagura_channel=ttyS0",
		"yagura_disk=ubd",
	};

	machine_arg(m, "/linux");
	machine_arg(m, "mem=%lluK", (unsigned long long)(m->memory >> 10));
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		machine_arg(m, "%s", fixed[i]);
	if (m->writable)
		machine_arg(m, "ubd1d=/layer.img");
	else
		machine_arg(m, "yagura_layer=no");
	/* Places have fixed numbers, and `d` reads no header that could name another file. */
	m->first_volume = 2;
	for (size_t i = 0; i < m->volumes.n; i++)
		machine_arg(m, "ubd%zu%s=/" VOLUME_PATH, i + 2, m->volumes.v[i].writable ? "d" : "rd", i);
}

int uml_build(struct machine_build *m, struct err *e)
{
	static const char *const modules[] = { "erofs", "overlay" };
	const char *from = find_modules(m->arena), *shim;
	int r;

	if (!from)
		return err_set(e, -ENOENT, UML_MODULES ": no modules (the package user-mode-linux)");
	r = initramfs_write(m, from, modules, ARRAY_LEN(modules), e);
	r = r < 0 ? r : machine_program(m, UML_PROGRAM, "/linux", e);
	r = r < 0 ? r : machine_own(m, "yagura-uml-xstate.so", &shim, e);
	r = r < 0 ? r : machine_bind(m, shim, "/xstate.so", false, e);
	if (r < 0)
		return r;
	arguments(m);
	*vec_add(&m->env) = "LD_PRELOAD=/xstate.so";
	*vec_add(&m->env) = "TMPDIR=/tmp";
	m->job.machine = MACHINE_UML;
	m->job.boot_ms = BOOT_MS;
	return 0;
}
