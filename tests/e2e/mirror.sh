#!/bin/bash
# The package mirror as a feed, against a repository made and signed here, good and tampered with; then one suite of this
# machine's own mirror.      usage: mirror.sh PROGRAM
. "$(dirname "$0")/archive-lib.sh"
program=$1
now=1795000000 # 2026-11-18
needs python3 gpg gpgv xz dpkg
make_key archive
make_key stranger

www=$tmp/www
suite=$www/dists/bookworm-security
pool=$www/pool/updates/main
mkdir -p "$suite/main/source" "$pool"

{ entry pkg 1.0-1+deb12u2 bookworm-security "Fix CVE-2026-1002"; entry pkg 1.0-1+deb12u1 bookworm-security "Fix CVE-2026-1001"; } >"$tmp/quilt"
{ entry pkg 2.1 bookworm-security "Fix CVE-2026-2001"; entry pkg 2.0 bookworm-security "Nothing"; } >"$tmp/native"
mkdir -p "$tmp/a/debian/patches" "$tmp/b/native-2.1/debian"
cp "$tmp/quilt" "$tmp/a/debian/changelog"
cp "$tmp/native" "$tmp/b/native-2.1/debian/changelog"
tar -C "$tmp/a" -cJf "$pool/quilt_1.0-1+deb12u2.debian.tar.xz" debian
tar -C "$tmp/b" -czf "$pool/native_2.1.tar.gz" native-2.1
head -c 100000 /dev/zero | tar -C "$tmp" -cJf "$pool/other_1.tar.xz" quilt

# publish [KEY [DATE [ORIGIN]]]
publish() {
	local key=${1:-archive} date=${2:-Tue, 17 Nov 2026 00:00:00 UTC} origin=${3:-Debian}
	{
		package pool/updates/main quilt 1.0-1+deb12u2 quilt_1.0-1+deb12u2.debian.tar.xz
		package pool/updates/main native 2.1 native_2.1.tar.gz
		package pool/updates/main other 1 other_1.tar.xz
	} >"$suite/main/source/Sources"
	sign "$suite" "$key" main <<-END
		Origin: $origin
		Suite: oldstable-security
		Version: 12
		Codename: bookworm-security
		Date: $date
		Valid-Until: Tue, 24 Nov 2026 00:00:00 UTC
	END
}
publish

serve "$www"

echo "deb [signed-by=$tmp/archive.gpg] $url bookworm-security main" >"$tmp/apt.list"
run() { "$program" "$tmp/data" "$tmp/apt.list" - "${when:-$now}" all "$@"; }
fresh() { rm -rf "$tmp/data"; mkdir "$tmp/data"; }
data() { cat "$tmp/data/mirror/bookworm-security.tsv" 2>/dev/null; }
echo "TAP version 13"

fresh
check "a good repository" "$(run)" 'status 0 packages 3 fetched 3 reused 0 missing 0 unreadable 1' 'other: no debian/changelog'
good=$(data)
check "its statements" "$good" '^ns.debian:12$' '^date.2026-11-17T00:00:00Z$' '^missing.0$' \
	'^source.quilt.1.0-1\+deb12u2$' '^fix.1.0-1\+deb12u2.CVE-2026-1002$' '^fix.1.0-1\+deb12u1.CVE-2026-1001$' \
	'^source.native.2.1$' '^fix.2.1.CVE-2026-2001$' '^unreadable.no debian/changelog$'
check "nothing new" "$(run)" 'status 0 unchanged' 'fetched 0'
publish archive 'Wed, 18 Nov 2026 00:00:00 UTC'
check "what is known is not fetched again" "$(run)" 'status 0 packages 3 fetched 0 reused 3'
publish
check "an older InRelease" "$(run)" 'status -74' 'went back in time'
check "the data stays" "$(data)" '^date.2026-11-18' '^fix.2.1.CVE-2026-2001$'

publish archive 'Thu, 19 Nov 2026 00:00:00 UTC'
when=1795600000
check "expired: a note" "$(run)" 'status 0' "note: the mirror's data expired 1 days ago"
check "expired: an error when asked for" "$(run strict)" 'status -74' 'expired 1 days ago'
when=$now
fresh

cp "$suite/main/source/Sources.xz" "$tmp/keep"
printf x >>"$suite/main/source/Sources.xz"
check "Sources with a byte more" "$(run)" 'status -7' 'Sources.xz|longer than|limit'
printf 'Package: evil\n' | xz >"$suite/main/source/Sources.xz"
check "another Sources" "$(run)" 'status -74' 'not the file that InRelease names'
cp "$tmp/keep" "$suite/main/source/Sources.xz"

cp "$pool/native_2.1.tar.gz" "$tmp/keep"
tr '\1-\5' '\2-\6' <"$tmp/keep" >"$pool/native_2.1.tar.gz"
check "a tampered source package" "$(run)" 'status 0 packages 3 fetched 2 reused 0 missing 1 unreadable 2'
check "says nothing" "$(data)" '!CVE-2026-2001' '^missing.1$' 'CVE-2026-1001'
cp "$tmp/keep" "$pool/native_2.1.tar.gz"
check "and is fetched when it is right again" "$(run)" 'fetched 1 reused 2 missing 0'
fresh

sed -i 's/^Origin: Debian/Origin: Debiam/' "$suite/InRelease"
check "a changed InRelease" "$(run)" 'status -74' 'InRelease: bad signature'
publish stranger
check "signed by a stranger" "$(run)" 'status -74' 'no good signature'
publish archive
{ echo "Origin: Debian"; cat "$suite/InRelease"; } >"$tmp/keep"
sed 's/Version: 12/Version: 13/' "$tmp/Release" | cat - "$tmp/keep" >"$suite/InRelease"
check "text around the signed part does not count" "$(run)$(data)" '!debian:13'
cp "$tmp/Release" "$suite/InRelease"
check "not signed at all" "$(run)" 'status -74' 'no good signature'
publish archive '' Example
fresh
publish archive 'Tue, 17 Nov 2026 00:00:00 UTC' Example
check "a third party's repository" "$(run)" 'status -95' 'a repository of Example'
publish
head -c 50000000 /dev/zero | tr '\0' 'x' >"$suite/InRelease"
check "an endless InRelease" "$(run)" 'status -7' 'limit is'
publish

fresh
{
	printf 'Types: deb\nURIs: %s\nSuites: bookworm-security\nComponents: main\nSigned-By:\n' "$url"
	sed 's/^$/./; s/^/ /' "$tmp/archive.asc"
} >"$tmp/apt.sources"
check "a key in the list itself" "$("$program" "$tmp/data" "$tmp/apt.sources" - $now all)" 'status 0 packages 3'
fresh
fingerprint=$(gpg --batch --with-colons --list-keys archive@example.org 2>/dev/null | awk -F: '/^fpr/{print $10; exit}')
echo "deb [signed-by=$fingerprint] $url bookworm-security main" >"$tmp/apt.list"
check "a key by its fingerprint" "$("$program" "$tmp/data" "$tmp/apt.list" "$tmp/archive.asc" $now all)" 'status 0 packages 3'
fresh
echo "deb [signed-by=${fingerprint//[0-9]/A}] $url bookworm-security main" >"$tmp/apt.list"
check "another fingerprint" "$("$program" "$tmp/data" "$tmp/apt.list" "$tmp/archive.gpg" $now all)" 'status -74' 'not by the key'
echo "deb http://127.0.0.1:1/debian bookworm-security main" >"$tmp/apt.list"
check "nobody there" "$(run)" 'status -111' '127.0.0.1'
echo "deb $url stable-proposed-updates main" >"$tmp/apt.list"
check "no such suite" "$(run)" 'error -2'

# This machine's mirror: the suite with the fewest packages.
. /etc/os-release
uri=$(grep -rhsoE '(https?://[^ ]*/(debian|ubuntu))/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d | head -1 | tr -d ' ')
if [ -z "$uri" ] || ! curl -sfm 5 --retry 2 -o /dev/null "$uri/dists/${VERSION_CODENAME:-none}-updates/InRelease"; then
	echo "# this machine's mirror: no mirror of Debian or Ubuntu can be reached"
else
	fresh
	echo "deb $uri ${VERSION_CODENAME}-updates main" >"$tmp/apt.list"
	mode=budget
	[ "$ID" = debian ] || mode=installed
	check "this machine's mirror" "$("$program" "$tmp/data" "$tmp/apt.list" - "$(date +%s)" $mode)" \
		"^${VERSION_CODENAME}-updates: status 0"
fi
echo "1..$n"
