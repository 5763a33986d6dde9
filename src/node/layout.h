/* layout: where things lie on a node; builder, init and agent agree on these names (docs/node.md). */
#ifndef NODE_LAYOUT_H
#define NODE_LAYOUT_H

/* On the verified root. */
#define NODE_INIT "/sbin/yagura-init"
#define NODE_AGENT "/usr/bin/yagura-agent"
#define NODE_RUNTIME "/usr/bin/yagura-run"
#define NODE_LIB "/usr/lib/yagura"
#define NODE_SPEC NODE_LIB "/spec.json"	       /* that it is there is what makes a machine a node */
#define NODE_IMA_POLICY NODE_LIB "/ima-policy" /* the first file the kernel loads: it pins LoadPin to the root */
#define NODE_PROFILES NODE_LIB "/apparmor"     /* of AppArmor, compiled; all of them are loaded */
#define NODE_PROFILE_POD "yagura-pod"	       /* what containers of pods are held to */

/* Made anew at every boot. */
#define NODE_RUN "/run/yagura"
#define NODE_STATE NODE_RUN "/state.json"   /* what init did and sees; for the agent */
#define NODE_RESOLV NODE_RUN "/resolv.conf" /* /etc/resolv.conf leads here */

/* Kept, on the data partition. */
#define NODE_DATA "/data"
#define NODE_DATA_PARTITION "data" /* its name in the partition table */
#define NODE_LOG NODE_DATA "/log"
#define NODE_HOME NODE_DATA "/home"
#define NODE_SETTINGS NODE_DATA "/settings/settings.json"

/* Directories that the root must have, as mount points; the root's own /etc is copied into the tmpfs that covers it. */
#define NODE_MOUNT_POINTS "/data", "/dev", "/etc", "/home", "/proc", "/run", "/sys", "/tmp", "/var/log"

/* Signals to PID 1, from root: what a reboot is asked for with. */
#define NODE_SIGNAL_REBOOT SIGTERM
#define NODE_SIGNAL_POWER_OFF SIGUSR2

#endif
