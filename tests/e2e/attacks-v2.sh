#!/bin/sh
# The attacks of attacks.py in a short form on cgroup v2: in a virtual machine (tests/e2e/guest), one boot. Prints TAP.
#
# usage: tests/e2e/attacks-v2.sh YAGURA_RUN ATTACKER
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
said=/tmp/log
modprobe loop; modprobe ext4; modprobe overlay; modprobe ifb numifbs=0; modprobe veth
modprobe sch_tbf; modprobe sch_ingress; modprobe cls_u32; modprobe act_mirred
mkdir -p /var/tmp /b/rootfs/bin /b/rootfs/tmp /b/rootfs/proc /b/rootfs/dev /out
mkfs.ext4 -q /dev/vda && mkdir -p /var/lib/yagura/layers && mount /dev/vda /var/lib/yagura/layers
cp /bin/attacker /b/rootfs/bin/
# busybox has applets of these names, and its shell prefers them
ip() { /usr/local/sbin/ip "$@"; }
tc() { /usr/local/sbin/tc "$@"; }
nsenter() { /usr/local/sbin/nsenter "$@"; }
MEMORY=67108864
mappings= user=

run() { yagura-run --root /run/t "$@"; }
group() { echo "/sys/fs/cgroup/t/$1/$2"; }
key() { sed -n "s/^$3 //p" "$(group "$1" "$2")" | head -n 1; }
some() { [ "$(key "$@")" -gt 0 ] 2>/dev/null; }
said() { sed -n "s/^$2 \([0-9]*\) .*/\1/p" "/out/$1" | tail -n 1; }
has_said() { [ -n "$(said "$1" "$2")" ]; }
peak_holds() { [ "$(cat "$(group "$1" memory.peak)")" -le $MEMORY ]; }

attack() { # NAME ANNOTATIONS READONLY NETNS WAY...
	name=$1 annotations=$2 readonly=$3 netns=$4
	shift 4
	args=$(printf '"%s",' attacker "$@")
	cat >/b/config.json <<JSON
{ "ociVersion": "1.2.0",
  "process": { "user": { "uid": 0, "gid": 0 }, "args": [${args%,}], "env": ["PATH=/bin"], "cwd": "/",
    "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 }] },
  "root": { "path": "rootfs", "readonly": $readonly },
  "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"] },
    { "destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev"] },
    { "destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev"] } ],
  "annotations": { $annotations },
  "linux": { $mappings "cgroupsPath": "/t/$name", "resources": { "memory": { "limit": $MEMORY }, "pids": { "limit": 64 },
      "cpu": { "quota": 100000, "period": 100000 } },
    "namespaces": [ $user { "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" }, { "type": "cgroup" },
      { "type": "network"${netns:+, \"path\": \"$netns\"} } ] } }
JSON
	run create --no-pivot --bundle /b "$name" >"/out/$name" 2>&1 </dev/null && run start "$name" ||
		{ sed 's/^/# /' "/out/$name"; return 1; }
}
end() { # NAME LABEL: its limits still read back, the neighbour goes on, it is gone
	run verify "$1" >/out/verify 2>&1 || { grep -q "not running" /out/verify || sed 's/^/# /' /out/verify; }
	check "$2: verify" sh -c "! grep -q NO /out/verify"
	before=$(tail -n 1 /out/neighbour)
	check "$2: the neighbour goes on" soon sh -c "[ \$(tail -n 1 /out/neighbour) -ge $((before + 5)) ]"
	run delete --force "$1" || check "$2: deleted" false
}

attack neighbour "" true "" work /tmp/x || check "the neighbour starts" false
soon test -s /out/neighbour

attack fork "" true "" fork
check "fork bomb: refused" soon some fork pids.events max
check "fork bomb: no more than the limit" [ "$(cat "$(group fork pids.current)")" -le 64 ]
end fork "fork bomb"

# memory.high slows it down before it comes to the limit
attack heap "" true "" heap
check "heap: slowed down" soon some heap memory.events high
check "heap: no more than the limit" peak_holds heap
end heap heap
attack memfd "" true "" memfd
check "memfd: out of memory in its own group" soon some memfd memory.events oom_kill
check "memfd: the whole container ends" some memfd memory.events oom_group_kill
check "memfd: no more than the limit" peak_holds memfd
end memfd memfd

attack tmpfs '"yagura.tmpfs.size": "8Mi"' true "" fill /tmp/x
check "tmpfs: full" soon has_said tmpfs wrote
check "tmpfs: at its size" [ "$(said tmpfs wrote)" -le 8388608 ]
end tmpfs tmpfs
attack shm '"yagura.shm.size": "8Mi"' true "" fill /dev/shm/x
check "shm: full" soon has_said shm wrote
check "shm: at its size" [ "$(said shm wrote)" -le 8388608 ]
end shm shm

attack map '"yagura.disk.size": "256Mi"' false "" map /x 134217728
check "shared map: it gets round" soon has_said map round
check "shared map: no more than the limit" peak_holds map
end map "shared map"

attack full '"yagura.disk.size": "32Mi"' false "" fill /x
check "disk full: ENOSPC" soon grep -q "errno 28" /out/full
check "disk full: at its size" [ "$(said full wrote)" -le 33554432 ]
end full "disk full"
attack log '"yagura.disk.size": "16Mi"' false "" log /x.log
check "log bomb: ENOSPC" soon grep -q "errno 28" /out/log
end log "log bomb"
attack inodes '"yagura.disk.size": "64Mi", "yagura.disk.inodes": "1000"' false "" inodes /
check "inode bomb: ENOSPC" soon grep -q "errno 28" /out/inodes
check "inode bomb: as many as allowed" [ "$(said inodes made)" -le 1000 ]
end inodes "inode bomb"

device() { run verify "$1" | sed -n 's/.*\/ on \([0-9]*:[0-9]*\).*/\1/p' | head -n 1; }
count() { tr ' ' '\n' <<WORDS | sed -n "s/^$2=//p"
$(grep "^$(device "$1") " "$(group "$1" io.stat)")
WORDS
}
now_ms() { awk '{ print int($1 * 1000) }' /proc/uptime; }
more_than() { [ "$(count "$1" "$2")" -gt "$3" ] 2>/dev/null; }
storm() { # NAME ANNOTATION WAY COUNTER A-SECOND
	attack "$1" "\"yagura.disk.size\": \"64Mi\", $2" false "" "$3" /x
	check "$1: something reaches the device" soon more_than "$1" "$4" $(($5 / 4))
	first=$(count "$1" "$4") begin=$(now_ms)
	sleep 3
	done=$(($(count "$1" "$4") - first)) took=$(($(now_ms) - begin))
	echo "# $1: $((done * 1000 / took)) of $5 a second"
	check "$1: no more than the rate" [ "$done" -le $(($5 * (took + 1000) / 1000)) ]
	end "$1" "$1"
}
storm buffered '"yagura.disk.write-bps": "2Mi"' buffered wbytes 2097152
storm direct '"yagura.disk.write-iops": "50"' direct wios 50

attack fd "" true "" fd
check "descriptor bomb: refused" soon sh -c "grep -q descriptors /out/fd || grep -q 'oom_kill [1-9]' $(group fd memory.events)"
check "descriptor bomb: no more memory than the limit" peak_holds fd
end fd "descriptor bomb"
for way in groups namespaces; do
	attack $way "" true "" $way
	check "nesting: $way" soon has_said $way $way
	check "nesting: no $way of its own" [ "$(said $way $way)" = 0 ]
	end $way "nesting $way"
done

unshare -n sleep 1000 &
holder=$!
soon sh -c "[ \$(readlink /proc/$holder/ns/net) != \$(readlink /proc/self/ns/net) ]"
ip link add y0 type veth peer name y1 netns $holder
ip addr add 10.9.8.1/24 dev y0 && ip link set y0 up
nsenter -t $holder -n /usr/local/sbin/ip addr add 10.9.8.2/24 dev y1 && nsenter -t $holder -n /usr/local/sbin/ip link set y1 up
attack udp '"kubernetes.io/egress-bandwidth": "4M", "kubernetes.io/ingress-bandwidth": "8M"' true /proc/$holder/ns/net udp 10.9.8.1
ifb=$(ls /sys/class/net | grep ^yg)
sent() { tc -s qdisc show dev "$ifb" | sed -n 's/^ *Sent \([0-9]*\) bytes.*/\1/p' | head -n 1; }
dropped() { tc -s qdisc show dev "$ifb" | grep -q "dropped [1-9]"; }
check "udp flood: packets are dropped" soon dropped
first=$(sent) begin=$(now_ms)
sleep 3
done=$(($(sent) - first)) took=$(($(now_ms) - begin))
echo "# udp flood: $((done * 8000 / took)) of 4000000 bits a second"
check "udp flood: no more than the rate" [ "$done" -le $((500000 * (took + 1000) / 1000)) ]
end udp "udp flood"
check "udp flood: the intermediate device is gone" sh -c "! ls /sys/class/net | grep -q ^yg"
kill $holder

# the same where the file system has project quotas, which a user namespace keeps from being given away
row='[{ "containerID": 0, "hostID": 100000, "size": 65536 }]'
mappings="\"uidMappings\": $row, \"gidMappings\": $row," user='{ "type": "user" },'
modprobe xfs
layers=/var/lib/yagura/layers
projects=$layers/projects
make_ext4() { mkfs.ext4 -q -F -O quota,project "$1"; }
make_xfs() { mkfs.xfs -q -f "$1"; }
chown 100000:100000 /b/rootfs
for kind in ext4 xfs; do
	quota="project quota of $kind"
	# Ubuntu's kernel for virtual machines comes without it: linux-modules-extra.
	if [ $kind = ext4 ] && ! modprobe quota_v2; then
		skip "$quota" "no module quota_v2 beside this kernel"
		continue
	fi
	truncate -s 320M $layers/image
	check "$quota: a file system with them" make_$kind $layers/image
	check "$quota: mounted" mount -o loop,prjquota $layers/image $layers
	mkdir -p $projects/1500000000/left && ln -s /nowhere $projects/1500000000.owner
	attack full$kind '"yagura.disk.size": "32Mi"' false "" fill /x
	check "$quota: verify names it" sh -c "yagura-run --root /run/t verify full$kind | grep -q '^disk.size .* by project quota .* yes'"
	check "$quota: full" soon grep -q "errno [0-9]" /out/full$kind
	check "$quota: at its size" sh -c "[ $(said full$kind wrote) -le 33554432 ] && [ $(said full$kind wrote) -gt 30000000 ]"
	check "$quota: what a killed command left is gone" [ "$(ls $projects | grep -c owner)" = 1 ]
	(cd $projects/[0-9]*/upper && for i in $(seq 150); do mkdir d 2>/dev/null && cd d || break; done)
	end full$kind "$quota, full"
	attack files$kind '"yagura.disk.size": "64Mi", "yagura.disk.inodes": "1000"' false "" inodes /
	check "$quota: no more files" soon grep -q "errno [0-9]" /out/files$kind
	check "$quota: as many as allowed" [ "$(said files$kind made)" -le 1000 ]
	end files$kind "$quota, files"
	check "$quota: nothing is left" [ -z "$(ls $projects)" ]
	umount $layers
done

run delete --force neighbour
check "no group is left" sh -c "! ls -d /sys/fs/cgroup/t/*/ 2>/dev/null | grep -q ."
check "no loop device is left" soon sh -c "! ls /sys/block/loop*/loop/backing_file 2>/dev/null | grep -q ."
echo "1..$number"
GUEST
status=0
"$here/guest" -f "$here/tap.sh:/lib/tap.sh" -m 768 -b 1024 -t 560 -f "$1:/bin/yagura-run" -f "$2:/bin/attacker" -f ip:/usr/local/sbin/ip -f tc:/usr/local/sbin/tc \
	-f nsenter:/usr/local/sbin/nsenter -f mkfs.ext4 -f mkfs.xfs "$script" || status=$?
if [ $status = 77 ]; then
	echo "1..0 # SKIP no virtual machine here"
	exit 0
fi
exit $status
