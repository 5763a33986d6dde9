#!/bin/sh
# Profiles of AppArmor for containers and for what joins them, on a kernel that has it: in a virtual machine (tests/e2e/guest), one boot.
# Prints TAP.
#
# usage: tests/e2e/apparmor.sh YAGURA_RUN
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root (for the guest's files)"
	exit 0
fi
PATH=$PATH:/usr/sbin:/sbin
command -v apparmor_parser >/dev/null || {
	echo "1..0 # SKIP no apparmor_parser here"
	exit 0
}
script=$(mktemp)
trap 'rm -f "$script"' EXIT
cat >"$script" <<'GUEST'
. /lib/tap.sh
said=/tmp/said
mkdir -p /b/rootfs/bin /b/rootfs/proc /b/rootfs/dev /b/rootfs/tmp
cp /bin/busybox /b/rootfs/bin/
for applet in sh cat sleep touch; do ln -s busybox /b/rootfs/bin/$applet; done
for name in one other; do
	echo "profile $name flags=(attach_disconnected,mediate_deleted) { file, capability, signal, deny /tmp/$name wl, }" >/tmp/$name
	apparmor_parser -K --config-file /dev/null -r /tmp/$name
done
run() { yagura-run --root /run/t "$@"; }
config() { # MORE OF THE PROCESS
	cat >/b/config.json <<JSON
{ "ociVersion": "1.2.0",
  "process": { "user": { "uid": 0, "gid": 0 }, "args": ["sleep", "1000"], "env": ["PATH=/bin"], "cwd": "/", $1 "noNewPrivileges": true },
  "root": { "path": "rootfs" },
  "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" }, { "destination": "/tmp", "type": "tmpfs", "source": "tmpfs" } ],
  "linux": { "cgroupsPath": "/t/c", "namespaces": [ { "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" },
    { "type": "cgroup" }, { "type": "network" } ] } }
JSON
}
process() { # MORE: a process.json that asks what it is held to
	echo "{ $1 \"user\": { \"uid\": 0, \"gid\": 0 }, \"args\": [\"cat\", \"/proc/self/attr/apparmor/current\"], \"env\": [\"PATH=/bin\"], \"cwd\": \"/\" }"
}
holds() { # PROFILE COMMAND...: it says that it is held to PROFILE
	want=$1
	shift
	got=$("$@" </dev/null 2>&1)
	echo "$got"
	[ "$got" = "$want (enforce)" ]
}
with_process() { # MORE
	process "$1" >/tmp/process.json
	run exec --process /tmp/process.json c
}
refused() { # WORD COMMAND...: status 1 or more, one line that has WORD
	word=$1
	shift
	! "$@" >/tmp/refused 2>&1 </dev/null || return
	cat /tmp/refused
	[ "$(wc -l </tmp/refused)" = 1 ] && grep -q "$word" /tmp/refused
}
denied() { # FILE
	refused "Permission denied" run exec c touch "$1"
}

check "this kernel has AppArmor, and the profiles" grep -q '^one (enforce)' /sys/kernel/security/apparmor/profiles
for compat in "" --compat; do
	config '"apparmorProfile": "one",'
	check "created ${compat:-strict}" run $compat create --no-pivot --bundle /b c
	check "started" run start c
	pid=$(run state c | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
	check "the container is held to its profile" holds one cat "/proc/$pid/attr/apparmor/current"
	check "what is executed in it, too" holds one run exec c cat /proc/self/attr/apparmor/current
	check "what the profile denies is denied" denied /tmp/one
	check "what it does not deny is not" run exec c touch /tmp/other
	check "a process.json that names no profile has the container's" holds one with_process ""
	check "one that names another has that" holds other with_process '"apparmorProfile": "other",'
	check "exec --apparmor" holds other run exec --apparmor other c cat /proc/self/attr/apparmor/current
	check "exec: a profile that is not loaded is an error" refused '"none"' run exec --apparmor none c cat /proc/self/attr/apparmor/current
	check "process.json: the same" refused '"none"' with_process '"apparmorProfile": "none",'
	check "deleted" run delete --force c
	config '"apparmorProfile": "none",'
	check "a container of a profile that is not loaded is refused" refused '"none"' run $compat create --no-pivot --bundle /b c
	check "and nothing is left of it" [ ! -e /run/t/c ]
	config '"apparmorProfile": "one", "selinuxLabel": "a:b:c:s0",'
	check "a profile and a label exclude each other" refused "exclude each other" run $compat create --no-pivot --bundle /b c
done
config ""
check "without a profile" run run -d --no-pivot --bundle /b c
check "nothing is held to one" sh -c '[ "$(yagura-run --root /run/t exec c cat /proc/self/attr/apparmor/current)" = unconfined ]'
check "but what asks for it" holds other with_process '"apparmorProfile": "other",'
run delete --force c
echo "1..$number"
GUEST
status=0
"$here/guest" -f "$here/tap.sh:/lib/tap.sh" -a "apparmor=1 security=apparmor" -t 300 -f "$1:/bin/yagura-run" -f apparmor_parser "$script" || status=$?
if [ $status = 77 ]; then
	echo "1..0 # SKIP no virtual machine here"
	exit 0
fi
exit $status
