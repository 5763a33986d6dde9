/* main: yagura-init. See init.h. */
#include <sys/reboot.h>
#include <unistd.h>

#include "node/init/init.h"
#include "node/init/node.h"
#include "node/layout.h"

static const char *word(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value ? value : otherwise;
}

static int run(struct err *e)
{
	int channel, r = boot_modules("/modules", e);

	r = r < 0 ? r : boot_mounts(e);
	r = r < 0 ? r : boot_loopback(e);
	/* What the container can reach must not bring code into the kernel. */
	if (r == 0)
		(void)knob_write("/proc/sys/kernel/modules_disabled", "1", NULL);
	if (r == 0)
		r = knob_write("/proc/self/oom_score_adj", "-1000", e);
	if (r < 0)
		return r;
	/* The host only wants to know whether it gets here. */
	if (getenv("yagura_probe"))
		return err_set(e, 0, "it runs");
	channel = boot_channel(word("yagura_channel", "ttyS0"), e);
	if (channel < 0)
		return channel;
	r = boot_root(word("yagura_disk", "ubd"), !getenv("yagura_layer"), e);
	r = r < 0 ? r : serve(channel, e);
	close(channel);
	return r;
}

/* A service of the node's own: this program again, by another first word. */
static int service(char *const *argv)
{
	if (str_is(str_c(argv[0]), "net"))
		return net_main(argv + 1);
	if (str_is(str_c(argv[0]), "audit"))
		return auditd_main();
	fputs("yagura-init is the first process of a machine; it is not for the command line\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };

	if (getpid() != 1)
		return service(argc > 1 ? argv + 1 : (char *[]){ argv[0], NULL });
	if (access(NODE_SPEC, F_OK) == 0)
		return node_main();
	if (run(&e) < 0 || e.msg[0])
		fprintf(stderr, "yagura-init: %s\n", e.msg);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
