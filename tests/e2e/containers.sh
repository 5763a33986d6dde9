#!/bin/sh
# Containers as people run them: `yagura run`, ps, logs, stop, stats, rm. Prints TAP. usage: containers.sh YAGURA
#
# Everything happens in mount and network namespaces of the test's own, with a /run of its own.
set -u
. "$(dirname "$0")/tap.sh"
program=$(realpath "$1") || exit 1
tests=57
[ "${YAGURA_TEST_INSIDE-}" ] || echo "TAP version 13"
for need in unshare ip nft curl setfattr; do
	command -v $need >/dev/null || { echo "1..0 # SKIP $need is not installed"; exit 0; }
done
busybox=$(command -v busybox) && ! ldd "$busybox" >/dev/null 2>&1 || { echo "1..0 # SKIP busybox-static is not installed"; exit 0; }
[ -x "$(dirname "$program")/yagura-run" ] || { echo "1..0 # SKIP yagura-run is not beside yagura"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
grep -qw erofs /proc/filesystems || { echo "1..0 # SKIP this kernel has no EROFS"; exit 0; }
if [ "${YAGURA_TEST_INSIDE-}" = "" ]; then
	YAGURA_TEST_INSIDE=1 exec unshare --mount --net --propagation private "$0" "$program"
fi
mount -t tmpfs tmpfs /run && ip link set lo up || exit 1
work=$(mktemp -d) || exit 1
cleanup() {
	for id in $(yagura ps --ids 2>/dev/null); do yagura stop -t 0 "$id"; done >/dev/null 2>&1
	rm -rf "$work"
}
trap cleanup EXIT INT TERM
cd "$work" || exit 1
export YAGURA_DATA=$work/data YAGURA_CACHE=$work/cache
yagura() { "$program" -q "$@"; }
says() { # WANT COMMAND...
	want=$1
	shift
	got=$("$@" 2>said)
	[ "$got" = "$want" ] || { echo "got: $got"; cat said; return 1; }
}
ends() { # STATUS COMMAND...
	want=$1
	shift
	"$@"
	got=$?
	[ $got = "$want" ] || { echo "status $got"; return 1; }
}
fails() { # STATUS TEXT COMMAND...
	status=$1
	text=$2
	shift 2
	"$@" >out 2>err
	got=$?
	[ $got = "$status" ] && grep -q -- "$text" err || { echo "status $got"; cat err; return 1; }
}
within() { # SECONDS COMMAND...: until it succeeds
	left=$(($1 * 10))
	shift
	while ! "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.1
	done
}

# Two layers with a configuration: a docker-archive as `docker save` writes it.
mkdir -p one/bin one/etc one/proc one/sys one/dev one/tmp one/srv two/srv
cp "$busybox" one/bin/busybox
for a in sh cat id echo sleep ls touch httpd nc ps dd env pwd hostname printf mkdir head stty grep; do ln -s busybox one/bin/$a; done
printf 'root:x:0:0::/:/bin/sh\nweb:x:100:101::/srv:/bin/sh\n' >one/etc/passwd
printf 'log:x:200:web\n' >one/etc/group
echo low >one/srv/file
echo gone >one/srv/removed
mkdir one/many # enough for sorting to need memory of its own
for i in $(seq 500); do echo "$i" >one/many/$i; done
echo high >two/srv/file
touch two/srv/.wh.removed
tar -C one -cf one.tar . && tar -C two -cf two.tar . || exit 1
python3 - <<'PY'
import hashlib, json, tarfile
layers = ["one.tar", "two.tar"]
config = {"architecture": "amd64", "os": "linux", "config": {"Env": ["A=image", "B=image"], "Entrypoint": ["/bin/sh", "-c"],
          "Cmd": ["echo from the image"], "WorkingDir": "/srv", "User": "web"},
          "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(open(l, "rb").read()).hexdigest() for l in layers]}}
open("config.json", "w").write(json.dumps(config))
open("manifest.json", "w").write(json.dumps([{"Config": "config.json", "RepoTags": ["test:1"], "Layers": layers}]))
with tarfile.open("image.tar", "w") as t:
    for name in ["manifest.json", "config.json", *layers]:
        t.add(name)
PY
run() { yagura run --admit off "$@"; }
r() { run --rm image.tar "$1"; }

echo "1..$tests"
check "the image's command, user, directory" says "from the image" run --rm image.tar
check "arguments take the place of Cmd" says "/srv uid=100(web) gid=101 groups=200(log)" r 'echo $(pwd) $(id)'
check "layers are laid over each other" says "high" r '[ ! -e removed ] && cat file'
check "a directory of many names" says 500 r 'ls /many | grep -c .'
check "a layer is stored once" says 2 sh -c "ls $work/data/images/layers | wc -l"
check "environment: the image's, and what is given" says "image given" run --rm -e B=given image.tar 'echo $A $B'
check "another user, by numbers" says "7 8" run --rm -u 7:8 image.tar 'echo $(id -u) $(id -g)'
check "another directory" says "/tmp" run --rm -w /tmp image.tar pwd
check "root inside is nobody outside" sh -c "[ \"\$('$program' -q run --admit off --rm -u 0 image.tar 'read a b c </proc/self/uid_map; echo \$c; [ \$b -gt 1000000000 ]; echo \$?; ls -ln /srv/file | { read m l u g r; echo \$u \$g; }' | tr '\n' ' ')\" = '65536 0 0 0 ' ]"
mkdir volume && echo shared >volume/file && chmod 700 volume
check "a volume keeps its owners" says "shared 0" run --rm -u 0 -v "$work/volume:/tmp" image.tar 'echo $(cat /tmp/file) $(id -u); echo x >/tmp/new'
check "the exit status is the container's" ends 7 r 'exit 7'
if command -v linux.uml >/dev/null && command -v mkfs.erofs >/dev/null; then
	check "another kernel" sh -c "got=\$('$program' -q run --admit off --rm --tier uml image.tar 'cat /proc/version /srv/file; id -u') && [ \"\$got\" != \"\${got#Linux*high?100}\" ] && [ \"\${got%%?high*}\" != \"\$(cat /proc/version)\" ]"
	truncate -s 16M volume.ext4 && mke2fs -q -t ext4 volume.ext4
	guest=$(run -d --name guest --tier uml -u 0 -p 18090:80 -p 18091:53/udp --net-in 100M --net-out 100M -v "$work/volume:/shared:ro" -v "$work/volume.ext4:/data:ext4" image.tar \
		'cat /shared/file >/data/index.html; httpd -f -p 80 -h /data')
	check "a port and volumes of a guest" within 20 sh -c '[ "$(curl -s -m 2 http://127.0.0.1:18090/)" = shared ]'
	check "a port of UDP, too: what comes there is taken" says taken python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.5)
s.connect(('127.0.0.1', 18091))
try:
    s.send(b'1')
    s.recv(1)
except TimeoutError:
    print('taken')"
	check "and limits on what comes and goes" sh -c "$(dirname "$program")/yagura-run --root /run/yagura-run/people verify $guest | grep -c '^net.*100000000 *yes' | grep -qx 2"
	check "what it wrote stays" sh -c "'$program' -q stop -t 3 guest && '$program' -q rm guest && [ \"\$(debugfs -R 'cat index.html' volume.ext4 2>/dev/null)\" = shared ]"
else
	for name in "another kernel" "a port and volumes of a guest" "a port of UDP, too: what comes there is taken" "and limits on what comes and goes" "what it wrote stays"; do
		skip "$name" "linux.uml or mkfs.erofs is not installed"
	done
fi
check "standard error stays apart" sh -c "
	'$program' -q run --admit off --rm image.tar 'echo out; echo err >&2' >out 2>err; [ \"\$(cat out)\" = out ] && grep -qx err err"
check "standard input" sh -c "[ \"\$(echo typed | '$program' -q run --admit off --rm image.tar cat)\" = typed ]"
check "nothing can be written without --disk" ends 1 r 'touch /srv/new'
check "with it, so much and no more" says "yes no" run --rm -u 0 --disk 16Mi image.tar \
	'dd if=/dev/zero of=/srv/a bs=1M count=4 2>/dev/null && printf "yes "; dd if=/dev/zero of=/srv/b bs=1M count=40 2>/dev/null || echo no'
check "the root itself is the image's root's" says "0 755" run --rm -u 0 --disk 16Mi image.tar 'echo x >/new && busybox stat -c "%u %a" /'
check "no network, unless asked" says 1 r 'ls /sys/class/net | grep -vc "^lo$" | grep -q 0 && echo 1'
check "a directory as root file system" says "low" run --rm rootfs:one /bin/cat /srv/file
check "an unknown user is one line" fails 3 "nobody-here is not in the image" run --rm -u nobody-here image.tar id
check "an unknown program is one line" fails 3 "no such file or directory" run --rm --user 0 rootfs:one /nope
check "nothing is left of what failed" says "" sh -c "ls $work/data/containers"
check "a refused image is not started" fails 3 "not started" yagura run --rm --admit deny --admit-unassessed image.tar
mkdir policy && printf 'admit = deny\nadmit.unassessed = yes\n[image=rootfs:**]\nadmit = off\n' >policy/a.conf
check "the node's policy refuses" fails 3 "not started" yagura run --rm --policy policy image.tar
check "it cannot be talked round" fails 2 "policy is stricter" yagura run --rm --policy policy --admit warn image.tar
check "it tells images apart" says low run --rm --policy policy rootfs:one /bin/cat /srv/file
check "no network under a second kernel but ports" fails 2 "nothing but what --publish says" run --tier uml --network nat image.tar
check "a volume is for a second kernel" fails 2 "tier uml or vm" run -v "$work/volume.ext4:/data:ext4" image.tar
check "a rate that is none" fails 2 '--net-in: "lots" is no rate' run --net-in lots image.tar
check "sizes in the same words" says yes run --rm -u 0 --memory 64Mi --disk 16m image.tar 'touch /srv/x && echo yes'
check "without data: one line" sh -c "'$program' run --rm image.tar true 2>err; cat err; [ \$(wc -l <err) = 1 ] && grep -q 'yagura db update' err"
check "wrong usage" fails 2 "no port" run -p 99999:1 image.tar

log_bounded() { # much is printed, the newest of it is kept
	run --log-size 128KiB --name chatty image.tar 'i=0; while [ $i -lt 6000 ]; do echo "line $i, and some more to make it longer than it would be"; i=$((i + 1)); done' >/dev/null
	kept=$(cat "$work"/data/containers/*/log "$work"/data/containers/*/log.1 | wc -c)
	[ "$kept" -le 131072 ] && [ "$kept" -gt 60000 ] || { echo "$kept bytes"; return 1; }
	yagura logs chatty | tail -n 1 | grep -q "^line 5999" && yagura rm chatty
}
check "the log is bounded" log_bounded
printf 'log.size <= 200000\n' >policy/b.conf
check "a log larger than the policy allows" fails 2 "allows less" run --policy policy --log-size 1MiB image.tar 'echo no'
check "a log of no sense" fails 2 "--log-size" run --log-size 1KiB image.tar 'echo no'

id=$(run -d --name web -p 18080:80 image.tar 'mkdir /dev/shm/w; echo served >/dev/shm/w/index.html; echo ready; echo to-err >&2; httpd -f -p 80 -h /dev/shm/w')
check "detached: an id is printed" test "${#id}" = 12
check "the published port leads inside" within 10 sh -c '[ "$(curl -s -m 2 http://127.0.0.1:18080/)" = served ]'
check "nothing else does" sh -c '! curl -s -m 1 -o /dev/null http://10.213.0.2:80/'
check "a layer in use is not pruned" says "removed 0 layers of images (0 B)" yagura cache prune --images --all
check "ps" sh -c "'$program' -q ps -f json | grep -A12 '\"id\": \"$id\"' | grep -q '\"state\": \"running\"'"
controls=$(printf '\033[31m\302\233x')
run -d --name bell image.tar ": '$controls'; sleep 1000" >/dev/null
yagura ps >listed
check "ps obeys no image: no controls reach the terminal" sh -c "grep -q 'bell .*?.31m?' listed && ! LC_ALL=C grep -q \"\$(printf '\033\\|\302\233')\" listed"
yagura rm -f bell >/dev/null
check "logs, both kinds" sh -c "'$program' -q logs web >out 2>err; grep -qx ready out && grep -qx to-err err"
check "stats" sh -c "'$program' -q stats --once web | grep '^$id' | grep -q '% .* B\\|% .* kB\\|% .* MB'"
check "stats, logs and stop of nobody" sh -c "! '$program' -q stats nobody && ! '$program' -q logs nobody && ! '$program' -q stop nobody"
check "the last lines of a log" says ready sh -c "'$program' -q logs -n 2 web 2>/dev/null"
check "a port is published once" fails 3 "publish 18080:81: container $id has that port" run --rm -p 18080:81 image.tar 'echo no'
check "a name is taken once" fails 3 "is taken by container $id" run -d --name web image.tar 'sleep 9'
check "stop, and the list says how it ended" sh -c "'$program' -q stop -t 1 web && '$program' -q ps -a | grep '^$id' | grep -q 'ended (1[0-9][0-9])'"
check "rm" sh -c "'$program' -q rm web && ! '$program' -q ps -a | grep -q '^$id'"
run -d --name forced image.tar 'sleep 1000' >/dev/null
check "rm of one that runs: with force" sh -c "! '$program' -q rm forced && '$program' -q rm -f forced && ! '$program' -q ps -a | grep -q forced"
lost=$(run -d --name lost -p 18081:80 image.tar 'sleep 31415926')
pkill -9 -f "$program -q run.*--name lost"
check "what a killed process leaves is taken away by the next command" within 10 sh -c "
	'$program' -q ps >/dev/null; ! ip netns list | grep -q '$lost' && ! nft list tables | grep -q '$lost' && ! pgrep -f '[s]leep 31415926' >/dev/null"
check "what was used just now is not pruned" says "removed 0 layers of images (0 B)" yagura cache prune --images
check "more than the size is" sh -c "'$program' cache prune --images --size 0 | grep -q '^removed 2 layers of images'"
