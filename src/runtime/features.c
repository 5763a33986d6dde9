/* features: what this runtime can, and a configuration to begin with. See features.h. */
#include "runtime/features.h"

#include <unistd.h>

#include "base/capability.h"
#include "runtime/config.h"
#include "runtime/hidden.h"
#include "runtime/mount.h"

static void words(struct json_out *w, const char *key, const char *const *list)
{
	json_out_key_array(w, key);
	for (; *list; list++)
		json_out_str(w, str_c(*list));
	json_out_end_array(w);
}

static void enabled(struct json_out *w, const char *key, bool value)
{
	json_out_key_object(w, key);
	json_out_key_bool(w, "enabled", value);
	json_out_end_object(w);
}

/* ---- features ---- */

static const char *const hooks[] = {
	"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop", NULL
};
static const char *const actions[] = {
	"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO",  "SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
	"SCMP_ACT_LOG",	  "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP",		NULL
};
static const char *const operators[] = { "SCMP_CMP_EQ", "SCMP_CMP_GE",	      "SCMP_CMP_GT", "SCMP_CMP_LE",
					 "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE", NULL };
static const char *const archs[] = { "SCMP_ARCH_AARCH64",  "SCMP_ARCH_ARM",	    "SCMP_ARCH_MIPS",
				     "SCMP_ARCH_MIPS64",   "SCMP_ARCH_MIPS64N32",   "SCMP_ARCH_MIPSEL",
				     "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
				     "SCMP_ARCH_PPC64",	   "SCMP_ARCH_PPC64LE",	    "SCMP_ARCH_RISCV64",
				     "SCMP_ARCH_S390",	   "SCMP_ARCH_S390X",	    "SCMP_ARCH_X32",
				     "SCMP_ARCH_X86",	   "SCMP_ARCH_X86_64",	    NULL };
static const char *const flags[] = { "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
				     "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", NULL };
static const char *const memory_modes[] = {
	"MPOL_BIND",	  "MPOL_DEFAULT",	 "MPOL_INTERLEAVE",	     "MPOL_LOCAL",
	"MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE", NULL
};
static const char *const memory_flags[] = { "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES",
					    NULL };

static void mount_options(struct json_out *w)
{
	const char *name;

	json_out_key_array(w, "mountOptions");
	for (size_t i = 0; (name = mount_option_name(i)); i++)
		json_out_str(w, str_c(name));
	json_out_end_array(w);
}

static void namespaces(struct json_out *w)
{
	json_out_key_array(w, "namespaces");
	for (unsigned int i = 0; i < NS_KINDS; i++)
		json_out_str(w, str_c(oci_namespace_name(i)));
	json_out_end_array(w);
}

static void linux_part(struct json_out *w)
{
	namespaces(w);
	capability_write(w, "capabilities", UINT64_MAX);
	json_out_key_object(w, "cgroup");
	json_out_key_bool(w, "v1", true);
	json_out_key_bool(w, "v2", true);
	json_out_key_bool(w, "systemd", true);
	json_out_key_bool(w, "systemdUser", true);
	json_out_key_bool(w, "rdma", true);
	json_out_end_object(w);
	json_out_key_object(w, "seccomp");
	json_out_key_bool(w, "enabled", true);
	words(w, "actions", actions);
	words(w, "operators", operators);
	words(w, "archs", archs);
	words(w, "knownFlags", flags);
	words(w, "supportedFlags", flags);
	json_out_end_object(w);
	enabled(w, "apparmor", true);
	enabled(w, "selinux", true);
	enabled(w, "intelRdt", access("/sys/fs/resctrl/schemata", F_OK) == 0);
	json_out_key_object(w, "memoryPolicy");
	words(w, "modes", memory_modes);
	words(w, "flags", memory_flags);
	json_out_end_object(w);
	json_out_key_object(w, "mountExtensions");
	enabled(w, "idmap", true);
	json_out_end_object(w);
	enabled(w, "netDevices", true);
}

void features_write(struct json_out *w)
{
	json_out_object(w);
	json_out_key_str(w, "ociVersionMin", STR("1.0.0"));
	json_out_key_str(w, "ociVersionMax", STR(RUNTIME_SPEC_VERSION));
	words(w, "hooks", hooks);
	mount_options(w);
	json_out_key_object(w, "linux");
	linux_part(w);
	json_out_end_object(w);
	json_out_key_object(w, "annotations");
	json_out_key_str(w, "org.yagura.run.version", STR(YAGURA_VERSION));
	json_out_end_object(w);
	json_out_end_object(w);
}

/* ---- a configuration to begin with ---- */

static const struct {
	const char *destination, *type, *source;
	const char *options[8];
	bool rootless_other; /* another row is for users without rights */
	bool rootless_only;
} mounts[] = {
	{ "/proc", "proc", "proc", { NULL }, false, false },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" }, false, false },
	{ "/dev/pts",
	  "devpts",
	  "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" },
	  true,
	  false },
	{ "/dev/pts",
	  "devpts",
	  "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" },
	  false,
	  true },
	{ "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" }, false, false },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" }, false, false },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" }, true, false },
	{ "/sys", "none", "/sys", { "rbind", "nosuid", "noexec", "nodev", "ro" }, false, true },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" }, true, false },
};

static const char *const args[] = { "sh", NULL };
static const char *const env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm",
				   NULL };
static const char *const caps[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE", NULL };

static void spec_process(struct json_out *w)
{
	json_out_key_object(w, "process");
	json_out_key_bool(w, "terminal", true);
	json_out_key_object(w, "user");
	json_out_key_u64(w, "uid", 0);
	json_out_key_u64(w, "gid", 0);
	json_out_end_object(w);
	words(w, "args", args);
	words(w, "env", env);
	json_out_key_str(w, "cwd", STR("/"));
	json_out_key_object(w, "capabilities");
	words(w, "bounding", caps);
	words(w, "effective", caps);
	words(w, "permitted", caps);
	json_out_end_object(w);
	json_out_key_array(w, "rlimits");
	json_out_object(w);
	json_out_key_str(w, "type", STR("RLIMIT_NOFILE"));
	json_out_key_u64(w, "hard", 1024);
	json_out_key_u64(w, "soft", 1024);
	json_out_end_object(w);
	json_out_end_array(w);
	json_out_key_bool(w, "noNewPrivileges", true);
	json_out_end_object(w);
}

static void spec_mounts(struct json_out *w, bool rootless)
{
	json_out_key_array(w, "mounts");
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
		if (rootless ? mounts[i].rootless_other : mounts[i].rootless_only)
			continue;
		json_out_object(w);
		json_out_key_str(w, "destination", str_c(mounts[i].destination));
		json_out_key_str(w, "type", str_c(mounts[i].type));
		json_out_key_str(w, "source", str_c(mounts[i].source));
		if (mounts[i].options[0])
			words(w, "options", mounts[i].options);
		json_out_end_object(w);
	}
	json_out_end_array(w);
}

static void spec_mapping(struct json_out *w, const char *key, uint32_t id)
{
	json_out_key_array(w, key);
	json_out_object(w);
	json_out_key_u64(w, "containerID", 0);
	json_out_key_u64(w, "hostID", id);
	json_out_key_u64(w, "size", 1);
	json_out_end_object(w);
	json_out_end_array(w);
}

static void spec_resources(struct json_out *w)
{
	json_out_key_object(w, "resources");
	json_out_key_array(w, "devices");
	json_out_object(w);
	json_out_key_bool(w, "allow", false);
	json_out_key_str(w, "access", STR("rwm"));
	json_out_end_object(w);
	json_out_end_array(w);
	json_out_end_object(w);
}

static void spec_namespaces(struct json_out *w, bool rootless, bool unified)
{
	/* A control group namespace goes without saying (strict mode); with --compat, as runc, only where all are v2.
	 */
	static const enum oci_namespace kinds[] = { NS_PID, NS_NETWORK, NS_IPC, NS_UTS, NS_MOUNT, NS_CGROUP };
	size_t n = ARRAY_LEN(kinds) - !unified;

	json_out_key_array(w, "namespaces");
	for (size_t i = 0; i < n; i++) {
		enum oci_namespace kind = rootless && kinds[i] == NS_NETWORK ? NS_USER : kinds[i];

		json_out_object(w);
		json_out_key_str(w, "type", str_c(oci_namespace_name(kind)));
		json_out_end_object(w);
	}
	json_out_end_array(w);
}

void oci_spec_write(struct json_out *w, bool unified, bool rootless, uint32_t uid, uint32_t gid)
{
	json_out_object(w);
	json_out_key_str(w, "ociVersion", STR(RUNTIME_SPEC_VERSION));
	spec_process(w);
	json_out_key_object(w, "root");
	json_out_key_str(w, "path", STR("rootfs"));
	json_out_key_bool(w, "readonly", true);
	json_out_end_object(w);
	json_out_key_str(w, "hostname", STR("yagura"));
	spec_mounts(w, rootless);
	json_out_key_object(w, "linux");
	if (rootless) {
		spec_mapping(w, "uidMappings", uid);
		spec_mapping(w, "gidMappings", gid);
	} else {
		spec_resources(w);
	}
	spec_namespaces(w, rootless, unified);
	words(w, "maskedPaths", hidden_masked);
	words(w, "readonlyPaths", hidden_read_only);
	json_out_end_object(w);
	json_out_end_object(w);
}
