#!/bin/sh
# A user without rights on pure cgroup v2, to whom a group was given (cgroup-v2.rst, "Delegation"): in a virtual machine (tests/e2e/guest),
# one boot. Prints TAP.
#
# usage: tests/e2e/rootless-v2.sh YAGURA_RUN ATTACKER
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root (for the guest's files)"
	exit 0
fi
script=$(mktemp)
trap 'rm -f "$script"' EXIT
cat >"$script" <<'GUEST'
. /lib/tap.sh
said=/out/said
echo 'user:x:1000:1000::/tmp:/bin/sh' >>/etc/passwd
echo 'user:x:1000:' >>/etc/group
own=/sys/fs/cgroup/own
# Not given is what the group has not: a kernel of 6.12 lets its owner turn on any other, where one of 6.1 refuses cpuset.
echo -cpuset >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p /b/rootfs/bin /b/rootfs/proc /b/rootfs/dev /b/rootfs/tmp /out $own/shell
cp /bin/attacker /b/rootfs/bin/
chown -R 1000:1000 /b /out $own/shell && chmod 755 /bin/yagura-run
echo '+memory +pids +cpu' >$own/cgroup.subtree_control
chown 1000:1000 $own $own/cgroup.procs $own/cgroup.subtree_control $own/cgroup.threads
echo $$ >$own/shell/cgroup.procs
as_user() { su user -c "XDG_RUNTIME_DIR=/out $*" >/out/said 2>&1 </dev/null; }
config() { # RESOURCES
	cat >/b/config.json <<JSON
{ "ociVersion": "1.2.0",
  "process": { "user": { "uid": 0, "gid": 0 }, "args": ["attacker", "fork"], "env": ["PATH=/bin"], "cwd": "/" },
  "root": { "path": "rootfs", "readonly": true },
  "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"] },
    { "destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev"] } ],
  "linux": { "cgroupsPath": "c", "resources": { $1 },
    "uidMappings": [ { "containerID": 0, "hostID": 1000, "size": 1 } ], "gidMappings": [ { "containerID": 0, "hostID": 1000, "size": 1 } ],
    "namespaces": [ { "type": "user" }, { "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" }, { "type": "cgroup" },
      { "type": "network" } ] } }
JSON
}
holds() { [ "$(cat "$own/c/$1")" = "$2" ]; }

config '"memory": { "limit": 67108864 }, "pids": { "limit": 40 }, "cpu": { "quota": 50000, "period": 100000 }'
check "created" as_user yagura-run create --no-pivot --bundle /b c
check "its group is below the one that was given" [ -d $own/c ]
check "memory" holds memory.max 67108864
check "no swap" holds memory.swap.max 0
check "processes" holds pids.max 40
check "CPU" holds cpu.max "50000 100000"
check "every limit reads back" as_user yagura-run verify c
check "started" as_user yagura-run start c
check "a fork bomb is refused" soon grep -q "max [1-9]" $own/c/pids.events
check "and has no more than the limit" [ "$(cat $own/c/pids.current)" -le 40 ]
check "update" as_user yagura-run update --pids-limit 50 c
check "is in force" holds pids.max 50
check "deleted" as_user yagura-run delete --force c
check "the group is gone" [ ! -d $own/c ]
config '"cpu": { "cpus": "0" }'
check "a controller that was not given is an error" sh -c "! su user -c 'XDG_RUNTIME_DIR=/out yagura-run create --no-pivot --bundle /b c' >/out/said 2>&1 && grep -q cpuset /out/said"
check "and nothing is left" [ ! -d $own/c ]
echo "1..$number"
GUEST
status=0
"$here/guest" -f "$here/tap.sh:/lib/tap.sh" -m 512 -t 300 -f "$1:/bin/yagura-run" -f "$2:/bin/attacker" "$script" || status=$?
if [ $status = 77 ]; then
	echo "1..0 # SKIP no virtual machine here"
	exit 0
fi
exit $status
