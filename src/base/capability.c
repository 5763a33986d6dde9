/* capability: names and bits, linux/capability.h. See capability.h. */
#include "base/capability.h"

static const char *const capability_names[] = {
	"CHOWN",
	"DAC_OVERRIDE",
	"DAC_READ_SEARCH",
	"FOWNER",
	"FSETID",
	"KILL",
	"SETGID",
	"SETUID",
	"SETPCAP",
	"LINUX_IMMUTABLE",
	"NET_BIND_SERVICE",
	"NET_BROADCAST",
	"NET_ADMIN",
	"NET_RAW",
	"IPC_LOCK",
	"IPC_OWNER",
	"SYS_MODULE",
	"SYS_RAWIO",
	"SYS_CHROOT",
	"SYS_PTRACE",
	"SYS_PACCT",
	"SYS_ADMIN",
	"SYS_BOOT",
	"SYS_NICE",
	"SYS_RESOURCE",
	"SYS_TIME",
	"SYS_TTY_CONFIG",
	"MKNOD",
	"LEASE",
	"AUDIT_WRITE",
	"AUDIT_CONTROL",
	"SETFCAP",
	"MAC_OVERRIDE",
	"MAC_ADMIN",
	"SYSLOG",
	"WAKE_ALARM",
	"BLOCK_SUSPEND",
	"AUDIT_READ",
	"PERFMON",
	"BPF",
	"CHECKPOINT_RESTORE",
};

const char *capability_name(unsigned int number)
{
	return number < ARRAY_LEN(capability_names) ? capability_names[number] : NULL;
}

void capability_write(struct json_out *w, const char *key, uint64_t set)
{
	char name[64];

	json_out_key_array(w, key);
	for (size_t i = 0; i < ARRAY_LEN(capability_names); i++) {
		snprintf(name, sizeof(name), "CAP_%s", capability_names[i]);
		if (set >> i & 1)
			json_out_str(w, str_c(name));
	}
	json_out_end_array(w);
}

bool capability_bit(struct str name, uint64_t *ret)
{
	if (str_starts(name, STR("CAP_")))
		name = str_from(name, 4);
	for (size_t i = 0; i < ARRAY_LEN(capability_names); i++) {
		if (!str_is(name, capability_names[i]))
			continue;
		*ret = UINT64_C(1) << i;
		return true;
	}
	return false;
}
