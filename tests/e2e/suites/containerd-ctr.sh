#!/bin/bash
# containerd and its own client, ctr, with the runtime in place of runc. There is no suite of others for this: the checks are below. SOURCE
# is any directory (nothing of it is used); containerd is Debian's.
. "$(dirname "$0")/lib.sh"
isolate "$@"

need containerd ctr containerd-shim-runc-v2 python3 script
image=localhost/suite:1
cat >"$SUITE_WORK/containerd.toml" <<END
version = 2
root = "$SUITE_WORK/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "/run/containerd/containerd.sock"
END
containerd -c "$SUITE_WORK/containerd.toml" >"$SUITE_WORK/containerd.log" 2>&1 &
busybox_rootfs "$SUITE_WORK/image"
tar -C "$SUITE_WORK/image" -cf "$SUITE_WORK/layer.tar" .
python3 - "$SUITE_WORK/layer.tar" "$SUITE_WORK/image.tar" "$image" <<'END'
import hashlib, io, json, sys, tarfile
layer = open(sys.argv[1], "rb").read()
blobs = {}

def put(data):
    digest = hashlib.sha256(data).hexdigest()
    blobs[digest] = data
    return {"digest": "sha256:" + digest, "size": len(data)}

def put_json(value):
    return put(json.dumps(value).encode())

kind = "application/vnd.oci.image."
config = put_json({"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
                   "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}})
manifest = put_json({"schemaVersion": 2, "mediaType": kind + "manifest.v1+json", "config": {"mediaType": kind + "config.v1+json", **config},
                     "layers": [{"mediaType": kind + "layer.v1.tar", **put(layer)}]})
index = {"schemaVersion": 2, "manifests": [{"mediaType": kind + "manifest.v1+json", **manifest, "platform": {"architecture": "amd64", "os": "linux"},
         "annotations": {"io.containerd.image.name": sys.argv[3], "org.opencontainers.image.ref.name": "1"}}]}
with tarfile.open(sys.argv[2], "w") as out:
    def add(name, data):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        out.addfile(info, io.BytesIO(data))
    add("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    add("index.json", json.dumps(index).encode())
    for digest, data in blobs.items():
        add("blobs/sha256/" + digest, data)
END
for try in $(seq 100); do
	ctr version >/dev/null 2>&1 && break
	sleep 0.1
done
ctr images import "$SUITE_WORK/image.tar" >>"$LOG" 2>&1 || die "ctr images import: $(tail -2 "$LOG")"

count=0
out= status=0
run() { # COMMAND...: its output and status
	status=0
	out=$(timeout -k 5 60 "$@" 2>&1 </dev/null) || status=$?
	printf '# %s\n# status %d: %s\n' "$*" "$status" "${out//$'\n'/$'\n'# }" >>"$LOG"
}
ok() { # NAME TEST...
	local name=$1 word=ok
	shift
	"$@" || word="not ok"
	echo "$word $((++count)) - $name" >>"$LOG"
}
has() { # WORD...: each in the output
	local word
	for word; do
		[[ $out == *"$word"* ]] || return 1
	done
}
ends() { [ "$status" = "$1" ]; } # STATUS
fails() { [ "$status" != 0 ]; }
cont() { run ctr run --runc-binary "$RUNTIME" "$@"; }
knob() { cat "/sys/fs/cgroup/$1/default/$2/$3" 2>/dev/null || true; } # CONTROLLER ID FILE
waits() { # SECONDS COMMAND...: until it succeeds
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}
is() { # ID STATE
	ctr task ls | grep -Eq "^$1 .*$2"
}
gone() { ! ctr task ls | grep -q "^$1 " && [ ! -d "/sys/fs/cgroup/pids/default/$1" ]; } # ID

cont --rm $image a echo hello
ok "run: output" has hello
ok "run: status 0" ends 0
ok "run: nothing is left" gone a
cont --rm $image a sh -c 'exit 7'
ok "run: the process's status" ends 7
cont --rm $image a sh -c 'kill -9 $$; sleep 1; exit 3'
ok "run: the first process is not killed by its own signal" ends 3
cont --rm $image a nope
ok "run: a missing command fails" fails
ok "run: a missing command, the reason" has "executable file not found in \$PATH"
cont --rm $image a /nope
ok "run: a missing path, the reason" has "no such file or directory"
cont --rm $image a /etc
ok "run: a directory, the reason" has "ermission denied"
ok "run: nothing is left of what failed" gone a
out=$(echo through | timeout -k 5 60 ctr run --rm --runc-binary "$RUNTIME" $image a sh -c "read x; echo got \$x" 2>&1)
ok "run: input" has "got through"
cont --rm --env A=b --cwd /usr $image a sh -c 'echo $A; pwd'
ok "run: environment and directory" has b /usr
cont --rm --read-only $image a touch /x
ok "run: a read-only root" has "Read-only"
cont --rm $image a sh -c 'cat /proc/self/status; hostname; ls -l /dev'
ok "run: no new privileges" has "NoNewPrivs:	1"
ok "run: devices" has null zero urandom ptmx
cont --rm --seccomp $image a unshare -U true
ok "run: containerd's seccomp profile" fails
cont --rm --cap-add CAP_SYS_TIME $image a sh -c 'grep CapEff /proc/self/status'
ok "run: a capability added" has 00000000aa
cont --rm --mount type=bind,src=/etc,dst=/host,options=rbind:ro $image a sh -c 'ls /host; touch /host/x'
ok "run: a bind mount, read-only" has passwd "Read-only"
cont --rm --net-host $image a ls /sys/class/net
ok "run: host network" has lo
cont --rm --device /dev/fuse $image a ls -l /dev/fuse
ok "run: a device" has /dev/fuse
cont --rm --privileged $image a sh -c 'grep CapBnd /proc/self/status'
ok "run: privileged" ends 0
out=$(script -qec "timeout -k 5 60 ctr run --rm -t --runc-binary '$RUNTIME' $image a sh -c 'tty; stty size; echo on tty'" /dev/null </dev/null 2>&1)
printf '# tty: %s\n' "${out//$'\n'/ }" >>"$LOG"
ok "run: a terminal" has /dev/ "on tty"

cont -d --memory-limit 100000000 --cpus 0.5 $image b sleep 1000
ok "detached: starts" ends 0
ok "detached: is running" is b RUNNING
ok "limits: memory" [ "$(knob memory b memory.limit_in_bytes)" = 99999744 ]
ok "limits: cpu quota" [ "$(knob cpu b cpu.cfs_quota_us)" = 50000 ]
run ctr task exec --exec-id e1 b echo inside
ok "exec: output" has inside
run ctr task exec --exec-id e2 b sh -c 'exit 9'
ok "exec: status" ends 9
run ctr task exec --exec-id e3 b nope
ok "exec: a missing command, the reason" has "executable file not found in \$PATH"
run ctr task exec --exec-id e4 --user 1000 b id -u
ok "exec: user" has 1000
run ctr task exec --exec-id e5 --cwd /usr b pwd
ok "exec: directory" has /usr
out=$(script -qec "timeout -k 5 60 ctr task exec -t --exec-id e6 b sh -c 'tty; echo on tty'" /dev/null </dev/null 2>&1)
ok "exec: a terminal" has /dev/pts "on tty"
run ctr task exec -d --exec-id e7 b sleep 500
run ctr task ps b
ok "ps: both processes" [ "$(grep -c '^[0-9]' <<<"$out")" = 2 ]
run ctr task metrics b
ok "metrics" has memory.usage
run ctr task pause b
ok "pause" is b PAUSED
run ctr task resume b
ok "resume" is b RUNNING
run ctr task kill --exec-id e7 -s KILL b
ok "kill: an exec" ends 0
run ctr task rm b
ok "delete: a running task is refused" fails
run ctr task kill -s KILL b
ok "kill: KILL" waits 5 is b STOPPED
run ctr task kill -s KILL b
ok "kill: of a stopped task is 'not found'" has "not found"
run ctr task rm b
ok "delete: the status" has 137
ok "delete: nothing is left" gone b
run ctr containers rm b

ctr events >"$SUITE_WORK/events" 2>&1 &
cont --rm --memory-limit 20000000 $image c sh -c 'tail /dev/zero'
ok "memory: the process is killed" fails
ok "memory: the event" waits 5 grep -q /tasks/oom "$SUITE_WORK/events"
cont -d $image d sh -c 'sleep 1000 & sleep 1001'
run ctr task kill -a -s KILL d
ok "kill: all" waits 5 is d STOPPED
run ctr task rm d
run ctr containers rm d
cont --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 $image u sh -c 'cat /proc/self/uid_map'
ok "user namespace" has 100000
ok "events of every step" grep -q /tasks/exit "$SUITE_WORK/events"
ok "mounts: none is left" [ "$(grep -c "/run/containerd/.*rootfs" /proc/mounts)" = 0 ]
ok "processes: none is left" [ "$(pgrep -c -x sleep)" = 0 ]
cat "$SUITE_WORK/containerd.log" | sed 's/^/# /' >>"$LOG"
kill %1 2>/dev/null || true
verdict
