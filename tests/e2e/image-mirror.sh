#!/bin/bash
# `yagura image build` from this machine's own mirror: each variant, twice where that says something, to the same bytes; other
# releases; what a scan says of them with the mirror as its feed.      usage: image-mirror.sh YAGURA
. "$(dirname "$0")/archive-lib.sh"
yagura=$(realpath "$1")
needs gpgv jq mmdebstrap dpkg-deb
. /etc/os-release
own=$ID:$VERSION_ID
uri=$(grep -rhsoE '(https?://[^ ]*/(debian|ubuntu))/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d | head -1 | tr -d ' ')
if [ -z "$uri" ] || ! curl -sfm 10 --retry 2 -o /dev/null "$uri/dists/${VERSION_CODENAME:-none}-updates/InRelease"; then
	echo "1..0 # SKIP no mirror of Debian or Ubuntu can be reached"
	exit 0
fi
export YAGURA_CACHE=$tmp/cache YAGURA_DATA=$tmp/data TMPDIR=$tmp
build() { # DIR IMAGE OPTION...
	"$yagura" -q image build "${@:2}" -o "$tmp/$1" 2>&1
	echo "status $?"
}
again() { build "$2" --lock "$tmp/$1/image.lock"; diff -r "$tmp/$1" "$tmp/$2" && echo same; }
layer() { jq -r '.layers[0].digest' "$tmp/$1/blobs/sha256/$(jq -r '.manifests[0].digest' "$tmp/$1/index.json" | cut -d: -f2)" | cut -d: -f2; }
content() { tar tzf "$tmp/$1/blobs/sha256/$(layer "$1")"; }
scan() { "$yagura" -q scan --fixed-only -f json "oci:$tmp/$1" >"$tmp/report.json" 2>"$tmp/err"; echo "status $?"; }
packages() { jq '.packages | length' "$1"; }
echo "TAP version 13"

check "static" "$(build static "$own:static" --include libc6)" 'status 0'
check "static, again: the same bytes" "$(TZ=Asia/Tokyo again static static2)" 'status 0' '^same$'
check "minimal" "$(build minimal "$own:minimal")" 'status 0'
check "minimal, again: the same bytes" "$(umask 077; TZ=Asia/Tokyo again minimal minimal2)" 'status 0' '^same$'
check "what is in it" "$(content minimal)" '^usr/bin/(ba)?sh$' '^var/lib/dpkg/status$' '!^usr/bin/apt$' '!^dev/.' '!^var/lib/apt/lists/.' '!mmdebstrap' \
	'!^etc/(hostname|resolv.conf|machine-id)$' '!^usr/share/man/.'
check "full" "$(build full "$own")" 'status 0'
check "what is in that" "$(content full)" '^usr/bin/apt$' "^etc/apt/sources.list.d/$ID.sources\$" '!^var/cache/apt/.' '!^var/log/.*[.]log$'
mkdir "$tmp/root"
tar xzf "$tmp/full/blobs/sha256/$(layer full)" -C "$tmp/root" 2>"$tmp/err"
check "dpkg finds nothing amiss" "$(dpkg --root="$tmp/root" --audit 2>&1; echo "status $?")" '^status 0$' '!.*half|reinst'
check "the vulnerability data" "$("$yagura" -q db update --only mirror --mirror installed 2>&1; echo "status $?")" 'status 0'
for image in static minimal full; do
	check "$image: nothing that could be repaired" "$(scan $image; jq -c '[.findings[] | [.package, .id]]' "$tmp/report.json")" 'status 0' '^\[\]$'
	check "$image: each package was found" "$(packages "$tmp/report.json")" "^$(packages "$tmp/$image/image.lock")\$"
done
check "refreshed: nothing newer" "$("$yagura" -q image refresh "$tmp/static" 2>&1; echo "status $?")" 'up to date' 'status 0'

# Another release than this machine's; with it come the keys of Ubuntu, which Debian 12 does not have.
ubuntu=${uri%/debian}/ubuntu
if [ "$ID" = debian ]; then
	check "debian:13" "$(build trixie debian:13:static --include libc6 --include ubuntu-keyring)" 'status 0'
	check "ubuntu:24.04, nobody knows where" "$(build noble ubuntu:24.04:static)" '--mirror' 'status 3'
	keys=$tmp/keys.gpg
	tar xzOf "$tmp/trixie/blobs/sha256/$(layer trixie)" usr/share/keyrings/ubuntu-archive-keyring.gpg >"$keys" 2>"$tmp/err"
	if [ -s "$keys" ] && curl -sfm 20 -o /dev/null "$ubuntu/dists/noble/InRelease"; then
		check "ubuntu:24.04" "$(build noble ubuntu:24.04:static --include libc6 --mirror "$ubuntu" --keyring "$keys"; content noble)" \
			'status 0' '^etc/os-release$' 'libc.so.6$'
		check "ubuntu:24.04:full" "$(build noble-full ubuntu:24.04:full --mirror "$ubuntu" --keyring "$keys"; content noble-full)" \
			'status 0' '^usr/bin/apt$' '^usr/bin/bash$' '^etc/apt/sources.list.d/ubuntu.sources$' '!^dev/.'
	else
		echo "# this machine's mirror has no Ubuntu"
	fi
fi
echo "1..$n"
