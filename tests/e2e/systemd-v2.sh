#!/bin/sh
# --systemd-cgroup with a real systemd: the first process of a virtual machine (tests/e2e/guest) is this machine's systemd, with D-Bus
# and nothing else, on pure cgroup v2. Prints TAP.
#
# usage: [SYSTEMD_ROOT=DIR] tests/e2e/systemd-v2.sh YAGURA_RUN
#
# SYSTEMD_ROOT: the systemd and D-Bus of another release, out of its root file system. Made by hand, for example
#     mmdebstrap --variant=essential --include=systemd,dbus trixie DIR
set -eu

here=$(cd "$(dirname "$0")" && pwd)
skip() {
	echo "1..0 # SKIP $*"
	exit 0
}
[ "$(id -u)" = 0 ] || skip "needs root (for the guest's files)"
from=${SYSTEMD_ROOT-}
for place in "$from/usr/lib/systemd" "$from/lib/systemd"; do
	[ ! -x "$place/systemd" ] || break
done
[ -x "$place/systemd" ] || skip "no systemd here"
for program in systemctl dbus-daemon; do
	[ -x "$from/usr/bin/$program" ] || skip "no $program here"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/units" "$work/other"
for unit in basic sockets sysinit paths timers slices shutdown umount; do
	cp -L "$place/system/$unit.target" "$work/units/"
done
cp -L "$place/system/dbus.service" "$place/system/dbus.socket" "$work/units/"
cat >"$work/units/default.target" <<'UNIT'
[Unit]
Requires=script.service
AllowIsolate=yes
UNIT
cat >"$work/units/script.service" <<'UNIT'
[Unit]
Requires=dbus.socket
After=dbus.socket
[Service]
Environment=PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
ExecStart=/bin/sh /script/serve
UNIT
printf '%s\n' root:x:0:0:root:/root:/bin/sh messagebus:x:100:100::/:/bin/false >"$work/passwd"
printf '%s\n' root:x:0: messagebus:x:100: >"$work/group"
echo 0123456789abcdef0123456789abcdef >"$work/machine-id"

# Of another release: with its own loader and libraries, at their own places.
other() { # PROGRAM
	mkdir -p "$work/other/$(dirname "$1")"
	cp -L "$from/$1" "$work/other/$1"
	for library in $(chroot "$from" /lib64/ld-linux-x86-64.so.2 --list "/$1" | grep -o '/[^ ]*'); do
		[ "$library" = "/$1" ] || [ -e "$work/other/$library" ] || {
			mkdir -p "$work/other/$(dirname "$library")"
			cp -L "$from/$library" "$work/other/$library"
		}
	done
}
# Under both names: it starts itself again by the one it was built with.
programs=
for name in systemd systemd-executor; do
	[ -e "$place/$name" ] || continue
	if [ -n "$from" ]; then
		other "usr/lib/systemd/$name"
	else
		programs="$programs -f $place/$name:/usr/lib/systemd/$name -f $place/$name:/lib/systemd/$name"
	fi
done
for name in dbus-daemon systemctl; do
	if [ -n "$from" ]; then
		other "usr/bin/$name"
	else
		programs="$programs -f $name:/usr/bin/$name"
	fi
done
[ -z "$from" ] || for top in "$work/other"/*; do
	programs="$programs -d $top:/$(basename "$top")"
done

cat >"$work/script" <<'GUEST'
. /lib/tap.sh
said=/out/said
mkdir -p /b/rootfs/bin /b/rootfs/proc /b/rootfs/dev /out
cp /bin/busybox /b/rootfs/bin/
ln -s busybox /b/rootfs/bin/sleep
SCOPE=yagura-c.scope SLICE=yg-test.slice
GROUP=/sys/fs/cgroup/yg.slice/$SLICE/$SCOPE

is() { # GOT WANTED
	[ "$1" = "$2" ] || { echo "it is '$1', not '$2'"; return 1; }
}
run() { yagura-run --root /run/t --systemd-cgroup "$@"; }
property() { systemctl show -P "$1" $SCOPE; }
says() { is "$(property "$1")" "$2"; }      # systemd's own word
holds() { is "$(cat "$GROUP/$1")" "$2"; }   # the kernel's
config() { # RESOURCES
	cat >/b/config.json <<JSON
{ "ociVersion": "1.2.0",
  "process": { "user": { "uid": 0, "gid": 0 }, "args": ["sleep", "1000"], "env": ["PATH=/bin"], "cwd": "/" },
  "root": { "path": "rootfs", "readonly": true },
  "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"] } ],
  "linux": { "cgroupsPath": "$SLICE:yagura:c", "resources": { $1 },
    "namespaces": [ { "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" }, { "type": "cgroup" }, { "type": "network" } ] } }
JSON
}

# Looked at again after whatever systemd is made to do.
knobs() { # WHEN FILE=VALUE...
	when=$1
	shift
	for knob; do
		check "$when: ${knob%%=*} is ${knob#*=}" holds "${knob%%=*}" "${knob#*=}"
	done
	check "$when: verify" verified
}
# A systemd before 253 has no word for memory.oom.group in a scope, and takes it back at its next look.
old() { [ "$(systemctl --version | sed -n '1s/[^0-9]*\([0-9]*\).*/\1/p')" -lt 253 ]; }
verified() {
	run verify c >/out/verify && return
	cat /out/verify
	old && [ "$(grep -c 'NO$' /out/verify)" = 1 ] && grep -q '^unified.memory.oom.group .* NO$' /out/verify
}

disk=$(cat /sys/block/vda/dev)
check "systemd is the first process" grep -q systemd /proc/1/comm
check "the bus is there" soon systemctl is-active dbus.socket
config '"memory": { "limit": 67108864, "reservation": 33554432 }, "pids": { "limit": 40 }, "cpu": { "quota": 50000, "period": 50000, "shares": 512, "cpus": "0" },
	"unified": { "io.weight": "5000", "io.max": "'"$disk"' wbps=1048576" },
	"devices": [ { "allow": false, "access": "rwm" }, { "allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm" } ]'
check "created" run create --no-pivot --bundle /b c
for row in "ActiveState active" "Slice $SLICE" "Delegate yes" "MemoryMax 67108864" "TasksMax 40" "CPUQuotaPerSecUSec 1s" \
	"ControlGroup /yg.slice/$SLICE/$SCOPE"; do
	check "systemctl show: $row" says $row
done
pid=$(cat "$GROUP/cgroup.procs")
check "the container's process is alone in the scope" grep -q "^0::/yg.slice/$SLICE/$SCOPE\$" "/proc/$pid/cgroup"
set -- "memory.max=67108864" "memory.high=60395520" "memory.low=33554432" "memory.swap.max=0" "pids.max=40" "cpu.max=50000 50000" \
	"cpu.weight=59" "cpuset.cpus=0" "io.weight=default 5000" "io.max=$disk rbps=max wbps=1048576 riops=max wiops=max"
old || set -- "$@" "memory.oom.group=1"
knobs created "$@"
check "started" run start c
knobs started "$@"
systemctl daemon-reload
knobs "after daemon-reload" "$@"
systemctl daemon-reexec && soon systemctl is-active dbus.socket >/dev/null
knobs "after daemon-reexec" "$@"
# Whatever makes systemd write a controller's files again.
systemctl set-property --runtime $SCOPE CPUAccounting=yes IOAccounting=yes MemoryAccounting=yes TasksAccounting=yes
systemctl set-property --runtime $SLICE CPUWeight=200 MemoryMax=1G TasksMax=1000 CPUQuota=150%
knobs "after properties of scope and slice" "$@"

check "exec" run exec c /bin/busybox true
check "exec goes into the scope" run exec c /bin/busybox sh -c 'grep -q "^0::/$" /proc/self/cgroup'
check "pause" run pause c
check "resume" run resume c
check "update" run update --memory 33554432 --memory-reservation 16777216 --pids-limit 20 --cpu-quota 25000 --cpu-period 50000 --cpuset-cpus 1 --cpu-share 2048 c
for row in "MemoryMax 33554432" "TasksMax 20" "CPUQuotaPerSecUSec 500ms"; do
	check "update: systemctl show: $row" says $row
done
set -- "memory.max=33554432" "memory.low=16777216" "memory.swap.max=0" "pids.max=20" "cpu.max=25000 50000" "cpu.weight=174" "cpuset.cpus=1"
knobs updated "$@"
systemctl daemon-reload
systemctl set-property --runtime $SCOPE CPUAccounting=yes MemoryAccounting=yes
knobs "updated, after daemon-reload" "$@"

check "deleted" run delete --force c
check "the group is gone" [ ! -e "$GROUP" ]
check "the scope is forgotten" is "$(systemctl show -P LoadState $SCOPE)" not-found
check "nothing has failed" is "$(systemctl list-units --failed --plain --no-legend)" ""

# BFQ's weight, which systemd writes too, in its own measure. Ubuntu's kernel for virtual machines comes without it:
# linux-modules-extra.
set -- 10 100 300 1000
modprobe bfq || {
	skip BFQ "no module bfq beside this kernel"
	set --
}
[ $# = 0 ] || echo bfq >/sys/block/vda/queue/scheduler
for weight; do
	config '"blockIO": { "weight": '"$weight"' }'
	check "BFQ: created" run create --no-pivot --bundle /b c
	systemctl daemon-reload
	systemctl set-property --runtime $SCOPE IOAccounting=yes
	knobs "BFQ, after daemon-reload" "io.bfq.weight=default $weight"
	check "BFQ: deleted" run delete --force c
done

config '"pids": { "limit": 10 }'
check "run: to its end" sh -c "sed -i 's/\"1000\"/\"0\"/' /b/config.json && yagura-run --root /run/t --systemd-cgroup run --no-pivot --bundle /b c"
check "run: the scope is forgotten" soon sh -c "[ \$(systemctl show -P LoadState $SCOPE) = not-found ]"
config '"pids": { "limit": 10 }'
check "the same name again" run create --no-pivot --bundle /b c
check "a name that is taken is refused" sh -c "! yagura-run --root /run/other --systemd-cgroup create --no-pivot --bundle /b c"
check "and the one that has it stays" run start c
kill -9 "$(cat "$GROUP/cgroup.procs")"
check "killed from outside: the scope ends by itself" soon sh -c "[ \$(systemctl show -P LoadState $SCOPE) = not-found ]"
check "killed from outside: deleted" run delete c
config '"memory": { "limit": 67108864 }, "unified": { "memory.high": "1" , "no.such": "1" }'
check "a limit that is not there: refused" sh -c "! yagura-run --root /run/t --systemd-cgroup create --no-pivot --bundle /b c"
check "refused: no scope is left" is "$(systemctl show -P LoadState $SCOPE)" not-found
echo "1..$number"
GUEST
status=0
"$here/guest" -f "$here/tap.sh:/lib/tap.sh" -m 512 -b 16 -t 280 -i /usr/lib/systemd/systemd -d "$work/units:/etc/systemd/system" -d "$from/usr/share/dbus-1:/usr/share/dbus-1" \
	-f "$work/passwd:/etc/passwd" -f "$work/group:/etc/group" -f "$work/machine-id:/etc/machine-id" \
	$programs \
	-f "$1:/bin/yagura-run" ${GUEST_OPTIONS-} "$work/script" || status=$?
[ $status != 77 ] || skip "no virtual machine here"
exit $status
