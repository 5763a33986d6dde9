#!/bin/sh
# A node's agent by vsock, with the client: in a virtual machine (tests/e2e/guest) whose kernel has vsock's loopback, as a machine
# without /dev/vhost-vsock gives its guests none. Prints TAP.
#
# usage: tests/e2e/node-vsock.sh YAGURA YAGURA_AGENT YAGURA_RUN
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root (for the guest's files)"
	exit 0
fi
curl=$(ldconfig -p | sed -n 's/.*libcurl\.so\.4 .*=> //p' | head -n 1)
crypto=$(ldconfig -p | sed -n 's/.*libcrypto\.so\.3 .*=> //p' | head -n 1)
if [ -z "$curl" ] || [ -z "$crypto" ]; then
	echo "1..0 # SKIP libcurl.so.4 or libcrypto.so.3 is not installed"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/layer/bin" "$work/image"
echo "a file of a layer" >"$work/layer/file"
tar -C "$work/layer" -cf "$work/image/layer.tar" .
layer=$(sha256sum "$work/image/layer.tar" | cut -d' ' -f1)
cat >"$work/image/config.json" <<JSON
{ "architecture": "amd64", "os": "linux", "config": { "Cmd": ["/bin/none"] }, "rootfs": { "type": "layers", "diff_ids": ["sha256:$layer"] } }
JSON
echo '[{ "Config": "config.json", "RepoTags": ["box:1"], "Layers": ["layer.tar"] }]' >"$work/image/manifest.json"
tar -C "$work/image" -cf "$work/image.tar" manifest.json config.json layer.tar
cat >"$work/script" <<'GUEST'
. /lib/tap.sh
said=/tmp/said
modprobe vsock_loopback
export YAGURA_DATA=/tmp/yagura YAGURA_CACHE=/tmp/cache
mkdir -p /lib/yagura /tmp/node
echo '{ "version": 1, "name": "demo", "release": "1.0", "agent": { "vsock": 1024 } }' >/lib/yagura/spec.json
no() { ! "$@"; }
node() { command=$1; shift; yagura -q node "$command" --node vsock:1:1024 "$@"; }
start() {
	yagura-agent --data /tmp/node/data --run /run/yagura --lib /lib/yagura --verify-once --init-pid $asked "$@" >/tmp/agent 2>&1 &
	agent=$!
}
says() { # WHAT COMMAND...: its answer has it
	what=$1
	shift
	"$@" >/tmp/answer 2>&1
	cat /tmp/answer
	grep -q "$what" /tmp/answer
}
sh -c 'trap "echo reboot >/tmp/asked" TERM; while :; do sleep 0.1; done' &
asked=$!
start --vsock-peer 1
check "the agent answers by vsock" soon node status
check "who it is" says '"name": "demo"' node status
check "an image is brought" node import --name demo/box /image.tar
check "and is there" says '"demo/box"' node images
echo 'hostname: tower' >/tmp/settings; echo 'version: 1' >>/tmp/settings
check "settings are taken" node settings /tmp/settings
check "and kept" says tower node settings
check "a pod is taken" node apply /pod.yaml
check "and told of" says '"name": "web"' node pods
check "a log" says "" node logs
check "what is wrong is told by the node" says "the node says 404" node pods none
check "a reboot" node reboot
check "is asked of the first process" soon test -s /tmp/asked
kill $agent; wait $agent
start --unix /tmp/s
check "started again, it answers elsewhere" soon yagura -q node status --node unix:/tmp/s
check "by vsock to the host alone, which this is not" no node status
check "it goes on" yagura -q node status --node unix:/tmp/s
kill $agent $asked
echo "1..$number"
GUEST
cat >"$work/pod.yaml" <<'YAML'
apiVersion: v1
kind: Pod
metadata: { name: web }
spec: { containers: [{ name: main, image: demo/box }] }
YAML
run() {
	"$here/guest" -f "$here/tap.sh:/lib/tap.sh" -m 768 -t 240 -f "$1:/bin/yagura" -f "$2:/bin/yagura-agent" -f "$3:/bin/yagura-run" -f "$curl:$curl" -f "$crypto:$crypto" \
		-f "$work/image.tar:/image.tar" -f "$work/pod.yaml:/pod.yaml" "$work/script" 2>"$work/err"
}
echo "TAP version 13"
status=0
run "$@" || status=$?
if [ $status = 77 ]; then
	echo "1..0 # SKIP $(cat "$work/err")"
elif [ $status != 0 ]; then
	sed 's/^/# /' "$work/err"
	echo "Bail out! the guest ended with $status"
fi
