/* agent-main: `yagura-agent`, a service of a node. */
#include <stdio.h>

#include "cmd/option.h"
#include "node/agent/agent.h"
#include "node/agent/front.h"
#include "node/layout.h"
#include "sandbox/worker.h"

static struct str arg_data = STR(NODE_DATA), arg_run = STR(NODE_RUN), arg_lib = STR(NODE_LIB);
static struct str arg_unix, arg_address = STR("0.0.0.0"), arg_profile = STR(NODE_PROFILE_POD);
static uint64_t arg_init = 1, arg_peer = AGENT_VSOCK_HOST;
static bool arg_verify_once;

static const struct option agent_options[] = {
	{ "data", 0, OPTION_TEXT, &arg_data, "DIR",
	  "Where images, pods, logs and settings are kept. Default: " NODE_DATA ".", NULL },
	{ "run", 0, OPTION_TEXT, &arg_run, "DIR", "Where what ends with a boot is. Default: " NODE_RUN ".", NULL },
	{ "lib", 0, OPTION_TEXT, &arg_lib, "DIR", "The specification and its images. Default: " NODE_LIB ".", NULL },
	{ "unix", 0, OPTION_TEXT, &arg_unix, "PATH", "A socket to listen on besides what the specification says.",
	  NULL },
	{ "address", 0, OPTION_TEXT, &arg_address, "IP", "Where to listen for TLS. Default: everywhere.", NULL },
	{ "vsock-peer", 0, OPTION_NUMBER, &arg_peer, "CID", "Who may connect by vsock. Default: 2, the host.", NULL },
	{ "init-pid", 0, OPTION_NUMBER, &arg_init, "PID", "Whom a reboot is asked of. Default: 1.", NULL },
	{ "profile", 0, OPTION_TEXT, &arg_profile, "NAME",
	  "AppArmor's profile of containers; empty: none, for a kernel without it. Default: " NODE_PROFILE_POD ".",
	  NULL },
	{ "verify-once", 0, OPTION_FLAG, &arg_verify_once, NULL,
	  "Check layers when they are mounted instead of each block as it is read: for a kernel without dm-verity.",
	  NULL },
	{ NULL },
};

static int agent_main(const struct invocation *in unused_arg)
{
	const struct agent_config c = {
		.data_path = arg_data.p,
		.run_path = arg_run.p,
		.lib_path = arg_lib.p,
		.unix_path = arg_unix.n ? arg_unix.p : NULL,
		.tcp_address = arg_address.p,
		.vsock_peer = (uint32_t)arg_peer,
		.init_pid = (int)arg_init,
		.profile = arg_profile.n ? arg_profile.p : NULL,
		.verify_once = arg_verify_once,
	};
	struct err e = { 0 };

	if (agent_run(&c, &e) == 0)
		return 0;
	fprintf(stderr, "yagura-agent: %s\n", e.msg);
	return 3;
}

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "yagura-agent",
		.summary = "the API, pods and images of a node",
		.options = agent_options,
		.version = YAGURA_VERSION,
		.section = 8,
		.run = agent_main,
	};
	struct err e = { 0 };

	if (argc == 3 && strcmp(argv[1], WORKER_ARG) == 0 && strcmp(argv[2], FRONT_ROLE) == 0) {
		if (front_serve(WORKER_SOCKET_FD, &e) == 0)
			return 0;
		fprintf(stderr, "yagura-agent: %s\n", e.msg);
		return 3;
	}
	return option_main(&program, argc, argv);
}
