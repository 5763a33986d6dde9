#!/bin/bash
# Ubuntu's mirror as a feed, from `yagura db update` to the findings of a scan: an archive with the pockets of noble, made and
# signed here, named in a deb822 list as Ubuntu 24.04 has it.      usage: mirror-ubuntu.sh YAGURA
. "$(dirname "$0")/archive-lib.sh"
yagura=$(realpath "$1")
needs python3 gpg gpgv xz dpkg jq
make_key ubuntu
make_key stranger
export YAGURA_DATA=$tmp/data YAGURA_CACHE=$tmp/cache PYTHONPATH=$lib_here/../cases/tools PYTHONDONTWRITEBYTECODE=1
www=$tmp/www/ubuntu
mkdir -p "$www"
log=$tmp/www/log

# source_of POCKET COMPONENT NAME VERSION TEXT [OLDER-VERSION TEXT]...: its changelog in a package, its paragraph among the sources
source_of() {
	local pocket=$1 component=$2 name=$3 version=$4 dir=pool/$2/${3:0:1}/$3
	mkdir -p "$www/$dir" "$tmp/tree/debian" "$www/dists/$pocket/$component/source"
	: >"$tmp/tree/debian/changelog"
	shift 3
	for (( ; $#; )); do
		entry "$name" "$1" "$pocket" "$2" >>"$tmp/tree/debian/changelog"
		shift 2
	done
	tar -C "$tmp/tree" -cJf "$www/$dir/${name}_${version#*:}.debian.tar.xz" debian
	package "$dir" "$name" "$version" "${name}_${version#*:}.debian.tar.xz" >>"$www/dists/$pocket/$component/source/Sources"
}
publish() { # POCKET DATE [KEY]
	local component
	for component in main universe; do
		mkdir -p "$www/dists/$1/$component/source"
		touch "$www/dists/$1/$component/source/Sources"
		rm -f "$www/dists/$1/$component/source/Sources.xz"
	done
	sign "$www/dists/$1" "${3:-ubuntu}" main universe <<-END
		Origin: Ubuntu
		Label: Ubuntu
		Suite: $1
		Version: 24.04
		Codename: noble
		Date: $2
		Architectures: amd64
		Components: main restricted universe multiverse
	END
}

source_of noble main glibc 2.39-0ubuntu8 "New upstream version; fixes CVE-2024-0001"
source_of noble-security main glibc 2.39-0ubuntu8.2 "SECURITY UPDATE: overflow - CVE-2024-0002" \
	2.39-0ubuntu8.1 "SECURITY UPDATE: CVE-2024-0003, CVE-2024-0004" 2.39-0ubuntu8 "New upstream version; fixes CVE-2024-0001"
source_of noble-security main openssl 3.0.13-0ubuntu3.1 "SECURITY UPDATE: CVE-2024-0005" 3.0.13-0ubuntu3 "Nothing"
source_of noble-security universe redis 5:7.0.15-1ubuntu0.24.04.1 "SECURITY UPDATE: CVE-2024-0006" 5:7.0.15-1 "Nothing"
source_of noble-updates main glibc 2.39-0ubuntu8.3 "Build again" 2.39-0ubuntu8.2 "SECURITY UPDATE: overflow - CVE-2024-0002" \
	2.39-0ubuntu8.1 "SECURITY UPDATE: CVE-2024-0003, CVE-2024-0004" 2.39-0ubuntu8 "New upstream version; fixes CVE-2024-0001"
source_of noble-updates universe tool 1.0-1ubuntu2 "Fix CVE-2024-0007"
for pocket in noble noble-updates noble-security; do
	publish $pocket 'Tue, 17 Nov 2026 00:00:00 UTC'
done
serve "$tmp/www"
url=$url/ubuntu
cat >"$tmp/ubuntu.sources" <<END
# as /etc/apt/sources.list.d/ubuntu.sources
Types: deb
URIs: $url/
Suites: noble noble-updates
Components: main universe
Signed-By: $tmp/ubuntu.gpg

Types: deb
URIs: $url
Suites: noble-security
Components: main universe
Signed-By: $tmp/ubuntu.gpg
END
echo "mirror all" >"$tmp/conf"
python3 - "$tmp/root" <<'END'
import sys
from image import *
noble = 'PRETTY_NAME="Ubuntu 24.04 LTS"\nID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n'
root = pathlib.Path(sys.argv[1])
for info, data in (file("etc/os-release", noble), dpkg(
        ("libc6", "2.39-0ubuntu8.1", "glibc"), ("libc-bin", "2.39-0ubuntu8.3", "glibc"), ("openssl", "3.0.13-0ubuntu3"),
        ("redis-server", "5:7.0.15-1", "redis"), ("tool", "1.0-1ubuntu2"), ("bash", "5.2-1"))):
    (root / info.name).parent.mkdir(parents=True, exist_ok=True)
    (root / info.name).write_bytes(data)
END
update() { "$yagura" db update --config "$tmp/conf" --apt-sources "$tmp/ubuntu.sources" "$@" 2>&1; echo "status $?"; }
findings() {
	"$yagura" scan -q --fail-on none -f json "rootfs:$tmp/root" | jq -r '.findings[] | "\(.package) \(.id) \(.fixed) \(.source.feed)"' | sort
}
statements() { "$yagura" db status -f json | jq -c '[.feeds[] | select(.name == "mirror") | .files[] | [.name, .records]] | sort'; }
echo "TAP version 13"

check "the first update" "$(update)" 'status 0' 'database built from 2 files; 0 are no feeds, 0 could not be read'
check "the release itself is not read" "$(cat "$log")" '/dists/noble-security/InRelease' '/dists/noble-updates/InRelease' \
	'!/dists/noble/InRelease' '!glibc_2.39-0ubuntu8.debian'
check "its files" "$(ls "$YAGURA_DATA/mirror")" '^noble-security.tsv$' '^noble-updates.tsv$' '!^noble.tsv$'
check "of Ubuntu" "$(cat "$YAGURA_DATA"/mirror/*.tsv)" '^ns.ubuntu:24.04$' '!debian' \
	'^fix.5:7.0.15-1ubuntu0.24.04.1.CVE-2024-0006$'
check "each pocket's fixes" "$(grep -hc '^fix' "$YAGURA_DATA"/mirror/*.tsv | paste -sd' ')" '^5 4$'
check "what of them is in the database" "$(statements)" '^\[\["[^"]*noble-security[^"]*",6\],\["[^"]*noble-updates[^"]*",5\]\]$'
findings >"$tmp/found"
cat >"$tmp/want" <<'END'
libc6 CVE-2024-0002 2.39-0ubuntu8.2 mirror:noble-security
openssl CVE-2024-0005 3.0.13-0ubuntu3.1 mirror:noble-security
redis-server CVE-2024-0006 5:7.0.15-1ubuntu0.24.04.1 mirror:noble-security
END
check "what a scan finds" "$(diff "$tmp/want" "$tmp/found" && echo same)" '^same$'
check "nothing new" "$(: >"$log"; update; cat "$log")" 'status 0' '!pool/'

source_of noble-security main bash 5.2-1ubuntu0.1 "SECURITY UPDATE: CVE-2024-0008"
publish noble-security 'Wed, 18 Nov 2026 00:00:00 UTC'
check "one more" "$(: >"$log"; update; cat "$log")" 'status 0' 'bash_5.2-1ubuntu0.1' '!glibc_'
check "is found" "$(findings)" '^bash CVE-2024-0008 5.2-1ubuntu0.1 mirror:noble-security$' '^libc6 CVE-2024-0002'

publish noble-security 'Thu, 19 Nov 2026 00:00:00 UTC' stranger
check "signed by a stranger" "$(update)" 'noble-security: .*(no good signature|not by the key)'
check "what was there stays" "$(findings)" '^bash CVE-2024-0008' '^libc6 CVE-2024-0002'
publish noble-security 'Tue, 17 Nov 2026 00:00:00 UTC'
check "an older one" "$(update)" 'noble-security: .*went back in time'

{
	printf 'Types: deb deb-src\nURIs: %s\nSuites: noble-security noble-updates\nComponents: main\n universe\nSigned-By:\n' "$url"
	sed 's/^$/./; s/^/ /' "$tmp/ubuntu.asc"
} >"$tmp/ubuntu.sources"
rm -rf "$YAGURA_DATA"
check "the key in the list" "$(update)" 'status 0' 'database built from 2 files'
check "the same findings" "$(findings)" '^bash CVE-2024-0008' '^libc6 CVE-2024-0002' '^redis-server CVE-2024-0006'
printf 'Enabled: no\n' >>"$tmp/ubuntu.sources"
rm -rf "$YAGURA_DATA"
check "a list that is switched off" "$(update)" 'status 3' '!database built'
echo "1..$n"
