#!/bin/bash
# `yagura image build`: archives made and signed here, good and hostile, then this machine's own mirror.
#           usage: image-build.sh YAGURA
. "$(dirname "$0")/archive-lib.sh"
yagura=$(realpath "$1")
needs python3 gpg gpgv xz jq dpkg-deb
make_key archive
make_key stranger
export PYTHONPATH=$lib_here/../cases/tools PYTHONDONTWRITEBYTECODE=1
export YAGURA_CACHE=$tmp/cache YAGURA_DATA=$tmp/data TMPDIR=$tmp
www=$tmp/www
python3 "$lib_here/image-archive.py" "$tmp/debs" || { echo "Bail out! no packages"; exit 1; }

# publish DATE [KEY]: the three suites of bookworm from what $www has
publish() {
	local suite archive
	for suite in bookworm bookworm-updates bookworm-security; do
		archive=$www/debian
		[ $suite = bookworm-security ] && archive=$www/debian-security
		python3 "$lib_here/image-archive.py" --index "$archive" "$suite" "$1" >"$tmp/Release" || return 1
		gpg --batch --quiet --yes --pinentry-mode loopback --passphrase '' --local-user "${2:-archive}@example.org" \
			--clearsign -o "$archive/dists/$suite/InRelease" "$tmp/Release" 2>/dev/null
	done
}
# archive NAME...: these packages, nothing else, in the release
archive() {
	local name
	rm -rf "$www/debian" "$www/debian-security"
	mkdir -p "$www/debian/pool" "$www/debian-security/pool"
	for name; do cp "$tmp/debs/$name.deb" "$www/debian/pool/"; done
	publish 'Tue, 17 Nov 2026 00:00:00 UTC'
}
good="base-files ca-certificates netbase tzdata libgood_1"
archive $good
serve "$www"

build() { # DIR OPTION...
	local to=$1
	shift
	"$yagura" -q image build "$@" -o "$tmp/$to" --mirror "$url/debian" --keyring "$tmp/archive.gpg" 2>&1
	echo "status $?"
}
static() { build "$1" debian:12:static "${@:2}"; }
digest() { jq -r '.manifests[0].digest' "$tmp/$1/index.json"; }
layer() { jq -r '.layers[0].digest' "$tmp/$1/blobs/sha256/$(digest "$1" | cut -d: -f2)" | cut -d: -f2; }
content() { tar tvzf "$tmp/$1/blobs/sha256/$(layer "$1")" 2>&1; }
echo "TAP version 13"

check "a static image" "$(static a --include libgood)" '^debian:12:static sha256:[0-9a-f]{64}$' 'status 0'
check "what is in it" "$(content a)" 'etc/passwd$' 'home/nonroot/$' 'usr/lib/libgood.so$' 'etc/ssl/certs/ca-certificates.crt$' \
	'lib -> usr/lib$' 'var/lib/dpkg/status.d/libgood$' 'var/lib/dpkg/status.d/libgood.md5sums$' 'usr/share/doc/libgood/copyright$' \
	'!changelog' '!usr/share/man/'
check "certificates in one file" "$(tar xOzf "$tmp/a/blobs/sha256/$(layer a)" etc/ssl/certs/ca-certificates.crt)" '^ONE$' '^TWO$'
check "the lock" "$(cat "$tmp/a/image.lock")" '"name": "libgood"' '"source": "good"' '"digest": "sha256:' '"suite": "bookworm-security"'
check "skopeo reads it" "$(skopeo inspect "oci:$tmp/a:debian:12:static" 2>&1)" "$(digest a)" 'yagura.image.lock'
check "the scanner sees each package" "$("$yagura" -q scan --no-cache -f json "oci:$tmp/a" 2>/dev/null | jq -c '[.packages[].name]')" \
	'^\["base-files","ca-certificates","libgood","netbase","tzdata"\]$'
(umask 077; TZ=Asia/Tokyo LC_ALL=C.UTF-8 static b --include libgood >"$tmp/said")
check "again, elsewhere: the same bytes" "$(cat "$tmp/said"; diff -r "$tmp/a" "$tmp/b" && echo same)" 'status 0' '^same$'
check "an image over another" "$(static b; content b)" 'status 0' '!libgood'
mkdir "$tmp/full"; touch "$tmp/full/x"
check "not over something else" "$(static full; ls "$tmp/full")" 'is no OCI layout' 'status 3' '^x$'
check "nothing is left behind" "$(ls -A "$tmp" "$YAGURA_CACHE/store")" '!tmp-'

cp "$tmp/debs/libgood_2.deb" "$www/debian-security/pool/"
publish 'Wed, 18 Nov 2026 00:00:00 UTC'
check "a security update is taken" "$(static c --include libgood; cat "$tmp/c/image.lock")" 'status 0' '"version": "2"'
check "the lock builds what it says" "$(build d --lock "$tmp/a/image.lock"; diff -r "$tmp/a" "$tmp/d" && echo same)" 'status 0' '^same$'

# -------- refresh
refresh() { "$yagura" -q image refresh "$tmp/$1" --mirror "$url/debian" --keyring "$tmp/archive.gpg" "${@:2}" 2>&1; echo "status $?"; }
mkdir "$tmp/feeds"
python3 -c 'import sys; from image import *; print(json.dumps(tracker(good={"CVE-2026-0001": {"12": "2"}, "CVE-2026-0002": {"12": "9"}})))' \
	>"$tmp/feeds/tracker.json"
cp -r "$tmp/a" "$tmp/old"
check "there is something newer" "$(refresh old --check)" '^changed libgood 1 to 2$' 'no vulnerability database' 'status 1'
"$yagura" -q db build --from "$tmp/feeds"
check "and what it fixes" "$(refresh old --check)" '^changed libgood 1 to 2$' '^fixes CVE-2026-0001 in libgood' '!fixes CVE-2026-0002' \
	'^1 vulnerabilities fixed, 0 new, 1 left$' 'status 1'
check "only told: nothing changed" "$(diff -r "$tmp/a" "$tmp/old" && echo same)" '^same$'
check "it is built" "$(refresh old)" '^fixes CVE-2026-0001' '^debian:12:static sha256:' 'status 0'
check "as it would have been at once" "$(diff -r "$tmp/c" "$tmp/old" && echo same)" '^same$'
check "and then is up to date" "$(refresh old; refresh old --check)" 'up to date' '!changed' '!status 1'

rm -rf "$www/debian/pool"
check "from the store, when the archive has moved on" \
	"$(build d --lock "$tmp/a/image.lock"; diff -r "$tmp/a" "$tmp/d" && echo same)" 'status 0' '^same$'
stored=$(find "$YAGURA_CACHE/store" -type f -size -3k | head -1)
for f in "$YAGURA_CACHE"/store/*/*; do printf x >>"$f"; done
check "a damaged store is not believed" "$(build e --lock "$tmp/a/image.lock"; ls "$tmp/e" "$stored" 2>&1)" 'status 404' 'status 3' \
	'!blobs'
archive $good
check "and mended" "$(build e --lock "$tmp/a/image.lock"; diff -r "$tmp/a" "$tmp/e" && echo same)" 'status 0' '^same$'

sed 's/"digest": "sha256:..../"digest": "sha256:0000/' "$tmp/a/image.lock" >"$tmp/bad.lock"
check "a lock of other digests" "$(build e --lock "$tmp/bad.lock")" 'not the one that was named' 'status 3'
check "no lock at all" "$(echo '{}' >"$tmp/bad.lock"; build e --lock "$tmp/bad.lock")" 'bad.lock: lock: ' 'status 3'
check "an unknown image" "$(build e debian:99)" 'debian:12' 'status 2'
check "an unknown package" "$(static e --include nothing)" 'no package nothing' 'status 3'
check "a package nobody has" "$(archive $good needy; static e --include needy)" 'needy needs "absent' 'status 3'
check "two of the same file" "$(archive $good rival; static e --include libgood --include rival)" 'is brought by libgood and by rival' 'status 3'

hostile() { # NAME PATTERN
	archive $good "$1"
	check "hostile: $1" "$(static hostile --include "$1"; ls "$tmp/hostile" 2>&1)" "$2" 'status 3' '!blobs'
}
hostile cut 'cut short'
hostile dotdot 'leads out'
hostile linkout 'etc/debian_version is brought by base-files and by linkout'
hostile hardout 'hard link'
hostile bomb 'more than [0-9]* bytes of files'
hostile other 'it says to be'
hostile device 'brings the device usr/lib/null'
hostile nodata 'data.tar'

archive $good
publish 'Tue, 17 Nov 2026 00:00:00 UTC' stranger
check "signed by a stranger" "$(static e)" 'no good signature' 'status 3'
publish 'Tue, 17 Nov 2026 00:00:00 UTC'
for f in "$www"/debian/dists/bookworm/main/binary-*/Packages.xz; do printf 'Package: evil\n' | xz >"$f"; done
rm -rf "$YAGURA_CACHE/store"
check "an index nobody signed" "$(static e)" 'not the file that InRelease names' 'status 3'
rm -r "$www/debian-security"
publish 'Tue, 17 Nov 2026 00:00:00 UTC' 2>/dev/null
rm -rf "$www/debian-security"
check "no security suite" "$(static e)" 'bookworm-security' 'status 3'
# Of the two distributions the one that this is not.
other=ubuntu:24.04
[ ! -e /usr/share/keyrings/ubuntu-archive-keyring.gpg ] || other=debian:12
check "no keys" "$("$yagura" -q image build $other -o "$tmp/e" --mirror "$url/nothing" 2>&1; echo "status $?")" 'status 3' \
	'there are no keys' '--keyring'
echo "1..$n"
