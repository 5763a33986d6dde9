#!/bin/sh
# oracle: what `yagura scan` says of real targets, held against tests/e2e/oracle/oracle.py, which shares no code with it.
#
# usage: oracle.sh YAGURA        prints TAP; needs ../shared (YAGURA_SHARED)
set -u
. "$(dirname "$0")/tap.sh"
yagura=$1
here=$(dirname "$0")/oracle
shared=${YAGURA_SHARED:-$here/../../../../shared}
[ -d "$shared/feeds" ] || { echo '1..0 # SKIP ../shared is not here'; exit 0; }
python3 -c "import yaml" 2>/dev/null || { echo "1..0 # SKIP python3-yaml is not installed"; exit 0; }
for tool in python3 zstd dpkg-query; do
	command -v "$tool" >/dev/null || { echo "1..0 # SKIP $tool is not installed"; exit 0; }
done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT INT TERM
export YAGURA_DATA="$work/data" YAGURA_CACHE="$work/cache" HOME="$work" LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
said=$work/said

# LABEL FAMILY RELEASE TARGET-OF-THE-ORACLE [inferred] -- SCAN ARGUMENTS
agree()
{
	label=$1 family=$2 release=$3 target=$4
	shift 4
	more=
	[ "$1" = -- ] || { more=$1; shift; }
	shift
	python3 "$here/oracle.py" "$family" "$shared/feeds" "$release" "$target" $more >"$work/want" &&
		"$yagura" scan -q --fail-on none -f json "$@" >"$work/report" &&
		python3 "$here/oracle.py" compare "$work/want" "$work/report" "$work/rejected" >"$work/differences"
	result=$?
	sed 's/^\([^#]\)/# \1/' "$work/differences"
	point $result "$label"
}

echo TAP version 13
"$yagura" db build -q --from "$shared/feeds" >"$said" 2>&1
point $? "the database is built from ../shared/feeds"
python3 "$here/oracle.py" rejected "$shared/feeds" >"$work/rejected"
for version in 3.12.12 3.18.9 3.20.3; do
	archive=$shared/images/alpine/alpine-minirootfs-$version-x86_64.tar.gz
	mkdir "$work/$version"
	tar -C "$work/$version" -xzf "$archive" ./lib/apk ./etc 2>/dev/null
	agree "alpine $version, own branch" alpine "${version%.*}" "$work/$version" -- --no-inferred "$archive"
done
agree "alpine 3.12.12, inferred from newer branches" alpine 3.12 "$work/3.12.12" inferred -- \
	"$shared/images/alpine/alpine-minirootfs-3.12.12-x86_64.tar.gz"
agree "rocky 9.3" rocky 9 "$shared/images/rpm/rocky-9.3-synth.expected.tsv" -- --no-inferred \
	"$shared/images/rpm/rocky-9.3-synth.tar.zst"
# The same packages as if none had ever been updated: everything the errata name is found.
PYTHONPATH=$here/../../cases/tools python3 - "$shared/images/rpm/rocky-9.3-synth.expected.tsv" "$work" <<'END'
import sys
from image import *
rows = [line.split("\t") for line in pathlib.Path(sys.argv[1]).read_text().splitlines()]
rows = [[r[0], r[1], "0.1", "1.el9", *r[4:]] for r in rows]
root = pathlib.Path(sys.argv[2]) / "aged"
pathlib.Path(sys.argv[2], "aged.tsv").write_text("".join("\t".join(r) + "\n" for r in rows))
(root / "etc").mkdir(parents=True)
(root / "etc" / "os-release").write_text('ID=rocky\nVERSION_ID="9.3"\n')
(root / "var/lib/rpm").mkdir(parents=True)
_, database = rpm(*[{"name": r[0], "evr": f"{r[1]}:{r[2]}-{r[3]}", "arch": r[4], "source": r[5], "vendor": r[7]} for r in rows])
(root / "var/lib/rpm/rpmdb.sqlite").write_bytes(database)
END
agree "rocky 9.3, never updated" rocky 9 "$work/aged.tsv" -- --no-inferred "rootfs:$work/aged"
[ -s "$work/want" ]
point $? "the oracle expects something there"

# Made-up inventories of everything a feed knows, in versions around its fixes.
drawn()
{
	label=$1 family=$2 release=$3 ecosystem=$4
	shift 4
	root=$work/$family-$release
	python3 "$here/draw.py" rpm "$@" "$ecosystem" "$(printf 'ID="%s"\nVERSION_ID="%s"\n' "$family" "$release")" "$root"
	agree "$label" "$family" "$release" "$root.tsv" -- --no-inferred "rootfs:$root"
}
for version in 8 9 10; do
	drawn "almalinux $version, drawn" almalinux $version AlmaLinux:$version "$shared"/feeds/osv/AlmaLinux_*/all.zip
done
drawn "sles 15.3, drawn" sles 15.3 "SUSE:Linux Enterprise Server 15 SP3" "$shared"/feeds/suse/*/all.zip
python3 "$here/draw.py" oval "$shared"/feeds/redhat-family/redhat/*RHEL9.xml.bz2 "$(printf 'ID="rhel"\nVERSION_ID="9.0"\n')" "$work/rhel"
agree "rhel 9 by OVAL, drawn" rhel 9 "$work/rhel.tsv" -- --no-inferred "rootfs:$work/rhel"
[ "$(wc -l <"$work/want")" -gt 1000 ]
point $? "the oracle expects something there"
# What is not repaired, and Red Hat's VEX, of which the feeds beside the project have nothing: made-up documents, and their statuses.
# LABEL MAKER [FAMILY]
made_up()
{
	label=$1 maker=$here/$2
	shift 2
	rm -rf "$work/made" "$work/made-data"
	python3 "$maker" make "$@" "$work/made" &&
		"$yagura" --data "$work/made-data" db build -q --from "$work/made/feeds" &&
		"$yagura" --data "$work/made-data" scan -q --fail-on none -f json "rootfs:$work/made/root" >"$work/report" &&
		python3 "$maker" compare "$@" "$work/made" "$work/report" >"$work/differences"
	result=$?
	sed 's/^\([^#]\)/# \1/' "$work/differences"
	point $result "$label"
}
made_up "rhel, what is not repaired, by OVAL" unfixed.py rhel
made_up "ubuntu, what is not repaired, by OVAL" unfixed.py ubuntu
made_up "rhel by VEX" vex.py
set -- "$shared/feeds/osv/PyPI/all.zip" "$shared/feeds/osv/Go/all.zip" "$shared/feeds/osv/crates.io/all.zip" \
	"$shared/feeds/osv/GHSA-subset/all.zip" "$shared"/feeds/lang/*.tar.zst "$shared"/feeds/lang/retire/*.json.zst
python3 "$here/draw.py" languages "$@" "$work/languages" &&
	"$yagura" scan -q --fail-on none -f json "rootfs:$work/languages" >"$work/report" &&
	python3 "$here/languages.py" "$work/languages.tsv" "$work/report" "$work/rejected" "$@" >"$work/differences"
result=$?
sed 's/^\([^#]\)/# \1/' "$work/differences"
point $result "PyPI, Go, crates.io, Maven, npm, RubyGems, Packagist and NuGet, drawn"

# This host's own package database, when its release is one of those in the feeds.
id=$(. /etc/os-release && echo "$ID:${VERSION_ID:-}")
case $id in
debian:1[0-3]|ubuntu:22.04|ubuntu:24.04)
	mkdir -p "$work/host/etc" "$work/host/var/lib/dpkg/info"
	cp -L /etc/os-release "$work/host/etc/os-release"
	cp /var/lib/dpkg/status "$work/host/var/lib/dpkg/status"
	agree "this host, $id" "${id%:*}" "${id#*:}" "$work/host" -- "rootfs:$work/host"
	;;
*)
	skip "this host" "$id is not in the feeds"
	;;
esac
echo "1..$number"
