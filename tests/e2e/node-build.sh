#!/bin/sh
# The build of a node: outputs that other programs find sound, the same bytes again, bad specifications in one line.
# usage: node-build.sh YAGURA
set -u
yagura=$1
here=$(cd "$(dirname "$0")" && pwd)
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
HOME=$t
YAGURA_DATA=$t/data
# The kernel is built once a machine, and kept where the user's cache is.
YAGURA_CACHE=${YAGURA_CACHE:-${XDG_CACHE_HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)/.cache}/yagura}
export HOME YAGURA_CACHE YAGURA_DATA
n=0

echo "TAP version 13"
is() { # NAME COMMAND...
	name=$1
	shift
	n=$((n + 1))
	if "$@" >"$t/log" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$t/log"
	fi
}
end() {
	echo "1..$n"
	exit 0
}
[ -e /usr/src/linux-source-6.12.tar.xz ] || {
	echo "1..0 # SKIP no linux-source-6.12 here: not every release has it"
	exit 0
}
for need in veritysetup mcopy sbsign sbverify sgdisk jq openssl apparmor_parser; do
	command -v "$need" >/dev/null || PATH=$PATH:/usr/sbin:/sbin
	command -v "$need" >/dev/null || {
		echo "not ok 1 - $need is not installed"
		echo "1..1"
		exit 0
	}
done

openssl genpkey -algorithm ed25519 -out "$t/node.key" 2>/dev/null

# ---- what is wrong is told in one line, and nothing is written ----
refused() { # TEXT MESSAGE
	printf '%s' "$1" >"$t/bad.yaml"
	"$yagura" -q node build "$t/bad.yaml" -o "$t/bad" --key "$t/node.key" 2>"$t/err"
	status=$?
	cat "$t/err"
	[ $status = 3 ] && [ "$(wc -l <"$t/err")" = 1 ] && grep -qF -- "$2" "$t/err" && [ ! -e "$t/bad/manifest.json" ] &&
		[ ! -e "$t/bad/.part" ]
}
head='version: 1
name: x
release: "1"
'
is "refused: empty" refused "" "must be an object"
is "refused: no YAML" refused "a: [" "line 2"
is "refused: an alias" refused "a: &x 1" "anchors and tags are not taken"
is "refused: unknown member" refused "${head}color: red" "\"color\" is not known"
is "refused: a weaker sysctl" refused "${head}sysctl: { kernel.kptr_restrict: \"0\" }" "may not be weakened"
is "refused: root on the command line" refused "${head}kernel: { command_line: [\"root=/dev/vda\"] }" "would weaken"
is "refused: a file that is not there" refused "${head}files: [ { path: /x, source: none } ]" "No such file"
is "refused: a file below a file" refused "${head}files: [ { path: /etc/passwd/x, source: bad.yaml } ]" "both"
is "refused: a file that is ours" refused "${head}files: [ { path: /sbin/yagura-init, source: bad.yaml } ]" "both"
is "refused: a pod that is not there" refused "${head}pods: [ none.yaml ]" "No such file"
usage() {
	"$yagura" node build "$@"
	[ $? = 2 ]
}
keyless() { # no key is made for a specification that is none, none that is wrong is found out late
	printf '%s' "$head" >"$t/good.yaml"
	env -u XDG_CONFIG_HOME "$yagura" -q node build "$t/bad.yaml" -o "$t/bad" 2>"$t/err"
	[ $? = 3 ] && [ ! -e "$t/.config/yagura" ] || return 1
	"$yagura" -q node build "$t/good.yaml" -o "$t/bad" --key "$t/good.yaml" 2>"$t/err"
	[ $? = 3 ] && [ "$(wc -l <"$t/err")" = 1 ] && grep -qF "no secret Ed25519 key" "$t/err" || return 1
	"$yagura" -q node build "$t/good.yaml" -o "$t/bad" --key "$t/node.key" --sb-key "$t/none" --sb-cert "$t/none" 2>"$t/err"
	[ $? = 3 ] && [ "$(wc -l <"$t/err")" = 1 ] && grep -qF "$t/none: No such file" "$t/err"
}
is "keys are looked at before anything is built" keyless
is "usage: no directory" usage "$t/bad.yaml"
is "usage: a key without its certificate" usage "$t/bad.yaml" -o "$t/bad" --sb-key x

# ---- a build ----
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$t/sb.key" -out "$t/sb.crt" -subj /CN=node -days 2 2>/dev/null
d=$t/demo
cat >"$t/demo.yaml" <<X
version: 1
name: demo
release: "1.0"
epoch: 7
network: [ { interface: eth0, dhcp: true } ]
sysctl: { net.ipv4.ip_forward: "1" }
firewall: [ { proto: tcp, port: 8080 } ]
images: [ { name: demo/one, source: "oci:$t/images/layout:one" } ]
pods: [ pod.yaml ]
services: [ { name: idle, command: [/usr/lib/idle], user: 1000, memory: 32Mi } ]
files: [ { path: /usr/lib/idle, source: idle, mode: "0755" } ]
data: { size: 64Mi }
X
echo idle >"$t/idle"
mkdir "$t/images"
python3 "$here/image-make.py" "$t/images" >/dev/null
cat >"$t/pod.yaml" <<X
apiVersion: v1
kind: Pod
metadata: { name: web }
spec:
  containers:
  - { name: web, image: demo/one, command: [/bin/x] }
X
build() {
	"$yagura" -q node build "$t/demo.yaml" -o "$d" --key "$t/node.key" --sb-key "$t/sb.key" --sb-cert "$t/sb.crt" "$@"
}
is "builds" build # and compiles the kernel where there is none in the cache
# Half an hour is not to be had here: it is interrupted where the source is unpacked. What that leaves, the next one removes.
compiles() {
	"$yagura" node build "$t/demo.yaml" -o "$d" --key "$t/node.key" --verify-kernel 2>"$t/again" &
	for _ in $(seq 1200); do
		grep -q "unpacking the kernel's source" "$t/again" && break
		kill -0 $! || break
		sleep 0.1
	done
	kill $!
	wait $!
	cat "$t/again"
	grep -q "building again" "$t/again" && [ "$(tail -n1 "$t/again")" = "unpacking the kernel's source" ] && [ -d "$d"/.verify/kernel/* ]
}
is "--verify-kernel takes no kernel from the cache" compiles
build --verify >"$t/out" 2>"$t/err"
status=$?
[ $status = 0 ] || sed 's/^/# /' "$t/out" "$t/err"
is "builds, and again to the same bytes" test $status = 0
[ $status = 0 ] || end
sed 's/^/# /' "$t/out"
is "all files are the same" grep -q "built again      12 files, all the same" "$t/out"
is "nothing else is left" test "$(ls -A "$d" | wc -l)" = 12

m() { jq -r "$1" "$d/manifest.json"; }
signed() { openssl pkeyutl -verify -pubin -inkey "$d/manifest.pub" -rawin -in "$1" -sigfile "$d/manifest.sig"; }
is "the manifest is signed" signed "$d/manifest.json"
sed 's/"epoch": 7/"epoch": 8/' "$d/manifest.json" >"$t/changed.json"
not() { ! "$@"; }
is "a changed manifest is not" not signed "$t/changed.json"
is "the manifest names the kernel" test "$(m .kernel.digest)" = "sha256:$(sha256sum "$d/kernel" | cut -d' ' -f1)"
is "the manifest names the root" test "$(m .root.image)" = "sha256:$(sha256sum "$d/root.img" | cut -d' ' -f1)"
# "1 DEVICE DEVICE 4096 4096 BLOCKS START sha256 HASH SALT ..."
table() { m .command_line | sed 's/.* verity \([^"]*\)".*/\1/' | cut -d' ' -f"$1"; }
data=$(($(table 6) * 4096))
hash=$(m .root.hash)
hash=${hash#sha256:}
verity() {
	veritysetup verify --no-superblock --format=1 --hash=sha256 --data-block-size=4096 --hash-block-size=4096 \
		--data-blocks=$((data / 4096)) --hash-offset="$data" --salt="$(table 10)" "$1" "$1" "$hash"
}
is "veritysetup finds the tree right" verity "$d/root.img"
cp "$d/root.img" "$t/flipped.img"
printf X | dd of="$t/flipped.img" bs=1 seek=$((data - 1)) conv=notrunc 2>/dev/null
is "veritysetup finds a changed byte" not verity "$t/flipped.img"
if command -v fsck.erofs >/dev/null; then
	head -c "$data" "$d/root.img" >"$t/erofs.img"
	is "fsck.erofs finds the root sound" fsck.erofs "$t/erofs.img"
fi
is "the partition table is sound" sgdisk --verify "$d/disk.img"
part() { sgdisk --info="$1" "$d/disk.img" | sed -n "s/^$2: //p"; }
is "partitions have their names" test "$(part 1 'Partition name') $(part 2 'Partition name') $(part 3 'Partition name') $(
	part 4 'Partition name')" = "'esp' 'root-a' 'root-b' 'data'"
uuid=$(part 2 'Partition unique GUID' | tr A-F a-f)
is "the root hash begins with the slot's UUID" test "$(echo "$uuid" | tr -d -)" = "$(echo "$hash" | cut -c1-32)"
start=$(part 2 'First sector' | cut -d' ' -f1)
slot() { dd if="$d/disk.img" bs=512 skip="$start" count=$(($(m .root.size) / 512)) 2>/dev/null | cmp - "$d/root.img"; }
is "the first slot holds the root" slot
esp=$(part 1 'First sector' | cut -d' ' -f1)
loader() { mcopy -i "$d/disk.img@@$((esp * 512))" ::/EFI/BOOT/BOOTX64.EFI "$t/boot.efi" && cmp "$t/boot.efi" "$d/uki.efi"; }
is "the boot partition holds the UKI" loader
is "the UKI is signed" sbverify --cert "$t/sb.crt" "$d/uki.efi"
section() { objcopy -O binary --only-section="$1" "$d/uki.efi" /dev/stdout; }
uki_line() { [ "$(section .cmdline | tr -d '\0')" = "$(m .command_line)" ]; }
is "the UKI has the manifest's command line" uki_line
is "the command line names the root" sh -c "jq -r .command_line '$d/manifest.json' | grep -q 'PARTUUID=$uuid PARTUUID=$uuid'"
is "the command line panics on corruption" sh -c "jq -r .command_line '$d/manifest.json' | grep -q 'panic_on_corruption'"
files=$(jq '[.files[] | select(.type == "file")] | length' "$d/provenance.json")
is "the SBOM has every file" test "$(jq '.files | length' "$d/sbom.spdx.json")" = "$files"
is "the SBOM's relationships lead somewhere" jq -e '([.packages[].SPDXID, .files[].SPDXID, .SPDXID]) as $ids |
	all(.relationships[]; (.spdxElementId | IN($ids[])) and (.relatedSpdxElement | IN($ids[])))' "$d/sbom.spdx.json"
listed() { jq -e --arg path "$1" 'any(.files[]; .path == $path)' "$d/provenance.json"; }
is "the pod is on the root" listed /usr/lib/yagura/pods/00-pod.json
is "the image's layers are on the root, by their hash" test "$(jq '[.files[] | select(.path |
	test("^/usr/lib/yagura/images/layers/[0-9a-f]{64}$"))] | length' "$d/provenance.json")" = 2
is "the image's record is on the root" listed "/usr/lib/yagura/images/records/$(printf demo/one | sha256sum | cut -d' ' -f1).json"
is "every file has an origin" jq -e 'all(.files[]; .from.kind and .from.name)' "$d/provenance.json"
is "the lock names every input by digest" jq -e '(.inputs | length) > 10 and all(.inputs[]; .sha256 | test("^[0-9a-f]{64}$"))' "$d/lock.json"
# As they are compiled here, by hand.
profiles() {
	for profile in "$here"/../../data/apparmor/yagura-*; do
		want=$(apparmor_parser -QKS --config-file /dev/null -M "$here/../../data/apparmor/features" "$profile" | sha256sum | cut -d' ' -f1)
		jq -e --arg path "/usr/lib/yagura/apparmor/${profile##*/}" --arg digest "$want" \
			'any(.files[]; .path == $path and .sha256 == $digest and .mode == "0444")' "$d/provenance.json" || return
	done
	jq -e '.apparmor_profiles == 4' "$d/report.json"
}
is "AppArmor's profiles are on the root" profiles
is "no set-user-id file, no module" jq -e '.setuid_files == 0 and .kernel_modules == 0' "$d/report.json"
# The agent has all of libcrypto.a in it: 3.5's is larger by almost 3 MB.
most=16
dpkg --compare-versions "$(dpkg-query -f '${Version}' -W libssl-dev)" lt 3.5 || most=20
is "image without containers below $most MB" jq -e ".image_bytes < ${most}000000" "$d/report.json"
is "hardening of the kernel: 243 OK, 16 FAIL or better" jq -e '.score_kernel.ok >= 243 and .score_kernel.fail <= 16' "$d/report.json"
is "hardening together: 339 OK, 24 FAIL or better" jq -e '.score_together.ok >= 339 and .score_together.fail <= 24' "$d/report.json"

locked() {
	"$yagura" -q node build "$t/demo.yaml" -o "$t/other" --key "$t/node.key" --lock "$d/lock.json"
}
is "the lock is kept to" locked
is "the same lock gives the same root and kernel" sh -c "cmp '$d/root.img' '$t/other/root.img' && cmp '$d/kernel' '$t/other/kernel'"
echo other >"$t/idle"
other_input() {
	locked 2>"$t/err"
	[ $? = 3 ] && grep -q "other inputs" "$t/err"
}
is "another input is told" other_input
end
