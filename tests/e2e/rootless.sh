#!/bin/sh
# `yagura run` of a user without rights: ids by newuidmap, layers unpacked once, pasta for the network. Prints TAP. usage: rootless.sh YAGURA
#
# The user exists only in here: /etc is laid over in a mount namespace of the test's own.
set -u
. "$(dirname "$0")/tap.sh"
program=$(realpath "$1") || exit 1
tests=17
user=yagura-test uid=45678
[ "${YAGURA_TEST_INSIDE-}" ] || echo "TAP version 13"
for need in unshare newuidmap setpriv curl; do
	command -v $need >/dev/null || { echo "1..0 # SKIP $need is not installed"; exit 0; }
done
busybox=$(command -v busybox) && ! ldd "$busybox" >/dev/null 2>&1 || { echo "1..0 # SKIP busybox-static is not installed"; exit 0; }
[ -x "$(dirname "$program")/yagura-run" ] || { echo "1..0 # SKIP yagura-run is not beside yagura"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root, to become a user that is not there otherwise"; exit 0; }
if [ "${YAGURA_TEST_INSIDE-}" = "" ]; then
	YAGURA_TEST_INSIDE=1 exec unshare --mount --propagation private "$0" "$program"
fi
work=$(mktemp -d) || exit 1
trap 'as_user "$program" -q ps --ids | while read -r id; do as_user "$program" stop -t 0 "$id"; done >/dev/null 2>&1; unshare --map-auto --map-root-user true 2>/dev/null; rm -rf "$work"' EXIT INT TERM
mkdir "$work/etc" "$work/home" "$work/run" "$work/bin" && chmod 755 "$work" || exit 1
for file in passwd group subuid subgid; do
	cat /etc/$file >"$work/etc/$file" 2>/dev/null
done
echo "$user:x:$uid:$uid::$work/home:/bin/sh" >>"$work/etc/passwd"
echo "$user:x:$uid:" >>"$work/etc/group"
echo "$user:1200000000:65536" | tee -a "$work/etc/subuid" >>"$work/etc/subgid"
mount -t overlay overlay -o "lowerdir=$work/etc:/etc" /etc || { echo "1..0 # SKIP no overlay over /etc"; exit 0; }
# as udev makes it: any user may have an interface in a namespace of its own
[ ! -c /dev/net/tun ] || { mknod -m 666 "$work/tun" c 10 200 && mount --bind "$work/tun" /dev/net/tun; }
# where the user may come to them
cp "$program" "$(dirname "$program")/yagura-run" "$work/bin/" && ln -s yagura-run "$work/bin/yagura-run-uml"
program=$work/bin/yagura
chown -R $uid:$uid "$work/home" "$work/run"
as_user() {
	setpriv --reuid $uid --regid $uid --clear-groups env -i PATH="$PATH" HOME="$work/home" XDG_RUNTIME_DIR="$work/run" \
		YAGURA_DATA="$work/home/data" YAGURA_CACHE="$work/home/cache" "$@"
}
yagura() { as_user "$program" -q "$@"; }
cd "$work/home" || exit 1
said=$work/log
says() { # WANT COMMAND...
	want=$1
	shift
	got=$("$@" 2>"$work/said")
	[ "$got" = "$want" ] || { echo "got: $got"; cat "$work/said"; return 1; }
}
fails() { # STATUS TEXT COMMAND...
	status=$1
	text=$2
	shift 2
	"$@" >"$work/out" 2>"$work/err"
	got=$?
	[ $got = "$status" ] && grep -q -- "$text" "$work/err" || { echo "status $got"; cat "$work/err"; return 1; }
}
within() { # SECONDS COMMAND...: until it succeeds
	end=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt $end ] || return 1
		sleep 0.2
	done
}

# Two layers: the second takes a file away, replaces a directory's content, links.
mkdir -p one/bin one/etc one/old one/srv one/proc one/sys one/dev one/tmp two/etc two/old
cp "$busybox" one/bin/busybox
for applet in sh cat id ls echo sleep stat touch nc ip wget kill; do ln -s busybox one/bin/$applet; done
printf 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:44:web:/srv:/bin/sh\n' >one/etc/passwd
printf 'root:x:0:\nweb:x:44:\n' >one/etc/group
echo below >one/old/below
echo gone >one/etc/gone
echo mine >one/srv/mine && ln one/srv/mine one/srv/linked
chown 33:44 one/srv/mine && chmod 4750 one/srv/mine
touch two/etc/.wh.gone two/old/.wh..wh..opq
echo above >two/old/above
tar cf one.tar -C one . && tar cf two.tar -C two . || exit 1
layers=$(for layer in one two; do printf '%s"%s.tar"' "${comma-}" $layer; comma=,; done)
ids=$(for layer in one two; do printf '%s"sha256:%s"' "${comma2-}" "$(sha256sum <$layer.tar | cut -d' ' -f1)"; comma2=,; done)
printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' "$ids" >config.json
printf '[{"Config":"config.json","RepoTags":["test:1"],"Layers":[%s]}]' "$layers" >manifest.json
tar cf image.tar config.json manifest.json one.tar two.tar && chown -R $uid:$uid .
run() { yagura run --admit off "$@"; }

check "a command runs" says "hello" run --rm image.tar echo hello
check "root inside is the user outside" says "$uid" run --rm image.tar sh -c 'stat -c %u /proc/self/ >/dev/null; cat /proc/self/uid_map | { read a b c; echo $b; }'
check "another of the image's users" says "uid=33(web) gid=44(web)" run --rm -u web image.tar id
check "owners and modes as the image has them" says "33 44 4750" run --rm image.tar stat -c '%u %g %a' /srv/mine
check "hard links stay" says "2" run --rm image.tar stat -c %h /srv/linked
check "what a layer takes away is gone, a directory it replaces is new" says "above" run --rm image.tar sh -c 'ls /old; ls /etc | { while read f; do [ $f != gone ] || echo $f; done; }'
check "the root cannot be written to" fails 1 "ead-only" run --rm image.tar touch /there
check "it was unpacked once" says "1" sh -c "ls $work/home/data/images/trees | wc -l"
ends() { # STATUS COMMAND...
	want=$1
	shift
	"$@"
	[ $? = "$want" ]
}
check "exit status" ends 7 run --rm image.tar sh -c 'exit 7'
mkdir vol && chown $uid:$uid vol
made() {
	run --rm -v "$work/home/vol:/v" image.tar touch /v/made && [ "$(stat -c %u vol/made)" = $uid ]
}
check "a volume: what root inside makes is the user's" made
check "a layer of limited size is refused with the reason" fails 3 "disk.size" run --rm --disk 64Mi image.tar echo no
check "a second kernel is refused with the reason" fails 3 "needs the rights of root" run --rm --tier uml image.tar echo no
listed_and_stopped() {
	run -d --name back image.tar sleep 1000 && yagura ps | grep -q back && yagura stop -t 1 back && ! yagura ps | grep -q back
}
check "in the background: listed, stopped" listed_and_stopped
if command -v pasta >/dev/null && [ -c /dev/net/tun ]; then
	yagura run --admit off -d --name server -p 127.0.0.1:18080:80 image.tar sh -c 'while true; do printf "HTTP/1.0 200 OK\r\n\r\nhi" | nc -l -p 80; done' >/dev/null 2>"$work/err" || sed "s/^/# /" "$work/err"
	check "a published port leads in" within 10 sh -c "[ \"\$(curl -s --max-time 2 --http0.9 http://127.0.0.1:18080/)\" = hi ]"
	yagura stop -t 1 server >/dev/null
	on_terminal() { # a line typed on it is answered, with a way out there
		script -qec "env -i PATH=$PATH HOME=$work/home XDG_RUNTIME_DIR=$work/run YAGURA_DATA=$work/home/data YAGURA_CACHE=$work/home/cache \
			setpriv --reuid $uid --regid $uid --clear-groups $program -q run --admit off -t --rm --network nat image.tar sh -c 'tty; ip route; exit 3'" /dev/null >"$work/out" 2>&1
		[ $? = 3 ] && grep -q /dev/pts/ "$work/out" && grep -q "default via" "$work/out" || { cat "$work/out"; return 1; }
	}
	check "a network and a terminal" on_terminal
else
	for name in "a published port leads in" "a network and a terminal"; do skip "$name" "pasta or /dev/net/tun is not there"; done
fi
pruned() {
	run -d --name holds image.tar sleep 1000 && yagura cache prune --images --all | grep -qx 'removed 0 layers of images (0 B)' && [ -d "$(echo "$work"/home/data/images/trees/sha256-*)" ] || return 1
	yagura stop -t 0 holds && mkdir "$work/home/data/images/trees/.left.4194303" && chown $uid "$work/home/data/images/trees/.left.4194303"
	yagura cache prune --images --all | grep -qx 'removed 2 layers of images (.*), 2 unpacked images (.*)' && [ -z "$(ls -A "$work/home/data/images/trees")" ]
}
check "an unpacked image is pruned when nobody uses it, and what is left of a killed command" pruned
check "and unpacked again" says "hello" run --rm image.tar echo hello
echo "1..$tests"
