#!/bin/bash
# `yagura db`: from feeds on a server to a database that is there at every moment, whatever is broken, killed or done twice.
# usage: db.sh YAGURA
set -u
yagura=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
for need in python3 jq; do
	command -v $need >/dev/null || { echo "1..0 # SKIP $need is not here"; exit 0; }
done
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
tmp=$(mktemp -d)
server=
trap '[ -n "$server" ] && kill $server 2>/dev/null; rm -rf "$tmp"' EXIT
export HOME=$tmp/home YAGURA_DATA=$tmp/data YAGURA_CACHE=$tmp/cache PYTHONPATH=$here/../cases/tools PYTHONDONTWRITEBYTECODE=1
mkdir -p "$HOME" "$tmp/www"
cd "$tmp" || exit 1
n=0

result() { # STATUS NAME
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" && return
	echo "not ok $n - $2"
	sed 's/^/# /' out err
}
ends() { # STATUS NAME ARGUMENTS...
	local status=$1 name=$2
	shift 2
	timeout 100 "$yagura" "$@" >out 2>err
	[ $? = "$status" ]
	result $? "$name"
}
runs() { # NAME ARGUMENTS...
	ends 0 "$@"
}
fails() { # NAME PATTERN ARGUMENTS...: status 3 and one line
	local name=$1 pattern=$2
	shift 2
	timeout 100 "$yagura" "$@" >out 2>err
	[ $? = 3 ] && [ "$(wc -l <err)" = 1 ] && grep -q -- "$pattern" err
	result $? "$name"
}
says() { # NAME PATTERN...: the last command said each of these
	local name=$1 ok=0
	shift
	for p; do
		cat out err | grep -qE -- "$p" || { ok=1; echo "# missing: $p"; }
	done
	result $ok "$name"
}
same() { # NAME FILE FILE
	cmp "$2" "$3" >out 2>&1
	result $? "$1"
}
scan() { # FILE: the image's report into it
	"$yagura" scan -q --fail-on none -f json oci:img >"$1" 2>err
}
# What depends on when the database was made, and not on what it says.
judged() {
	scan full.json && jq -S '[.packages, .findings, .not_assessed]' full.json >"$1"
}

# feeds VERSION: five feeds on the server, of which the second version knows one vulnerability more
feeds() {
	python3 - "$1" <<'END'
import gzip, io, json, sys, zipfile
from image import *
two = sys.argv[1] == "2"
cves = {"CVE-2024-0001": {"12": "9.0-1"}, **({"CVE-2024-0002": {"12": "9.0-1"}} if two else {})}
open("www/tracker.json", "w").write(json.dumps(tracker(bash=cves)))
secdb = {"apkurl": "x", "archs": ["x86_64"], "reponame": "main", "urlprefix": "x", "distroversion": "v3.18", "packages": [
    {"pkg": {"name": "bash", "secfixes": {"5.2.21-r0": ["CVE-2024-0003"]}}}]}
for repo in ("main", "community"):
    open(f"www/{repo}.json", "w").write(json.dumps({**secdb, "reponame": repo}))
out = io.BytesIO()
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
    for i in range(3000 if two else 2000):
        z.writestr(zipfile.ZipInfo(f"PYSEC-{i}.json"), json.dumps({
            "id": f"PYSEC-2024-{i}", "modified": "2024-01-01T00:00:00Z", "affected": [{
                "package": {"ecosystem": "PyPI", "name": f"p{i}"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.0"}]}]}]}))
open("www/all.zip", "wb").write(out.getvalue())
kev = {"catalogVersion": "2024.01.01", "dateReleased": "2024-01-01T00:00:00Z", "count": 1, "vulnerabilities": [
    {"cveID": "CVE-2024-0001", "dateAdded": "2024-01-02", "vulnerabilityName": "x"}]}
open("www/kev.json", "w").write(json.dumps(kev))
epss = "#model_version:v1,score_date:2024-01-03T00:00:00+0000\ncve,epss,percentile\nCVE-2024-0001,0.5,0.9\n"
open("www/epss.csv.gz", "wb").write(gzip.compress(epss.encode(), mtime=0))
END
}
feeds 1
python3 - <<'END'
from image import *
oci("img", [layer(directory("etc"), file("etc/os-release", DEBIAN_12), dpkg(("bash", "5.2.15-2")))])
END
python3 "$here/file-server.py" www >port &
server=$!
for _ in $(seq 200); do [ -s port ] && break; sleep 0.05; done
url=http://127.0.0.1:$(cat port)
conf() { # FEED-LINES...
	printf '%s\n' "mirror off" "feed debian-tracker $url/tracker.json" "feed alpine-secdb $url/{main,community}.json" \
		"feed osv $url/all.zip" "feed kev $url/kev.json" "feed epss $url/epss.csv.gz" "$@" >conf
}
conf
update=(db update --config conf)

# -------- fetching
fails "no database" "no database yet" db status
fails "no feeds" "no feed files: run .yagura db update" db build
sed "s,$url,http://127.0.0.1:9," conf >none
ends 3 "no feed can be fetched, and none was" db update --config none
says "which is said" "kev: .*Failed to connect" "no feed files: none could be fetched, and none is there from before"
runs "first update" "${update[@]}"
says "all are new" "feeds: 6 new, 0 unchanged, 0 failed"
judged one.json
jq -e '.findings | length == 1 and .[0].id == "CVE-2024-0001" and .[0].kev != null and .[0].epss != null' full.json >out
result $? "one finding with what KEV and EPSS say of it"
runs "second update" "${update[@]}"
says "nothing is new" "feeds: 0 new, 6 unchanged, 0 failed; 0 bytes fetched|feeds: 0 new, 6 unchanged, 0 failed; 0 B"
judged two.json
same "and the report is the same" one.json two.json
runs "status" db status
says "one row a feed" "^alpine-secdb +2 " "^osv +1 .*$url/all.zip" "^kev +1 2024-01-02"
[ "$(grep -c . out)" -lt 12 ]
result $? "and no more"
runs "status, all" db status --all
says "each file" "^  alpine-secdb:main " "^  alpine-secdb:community "
runs "status for programs" db status -f json
jq -e '.schema_version == 1 and ([.feeds[] | select(.name == "alpine-secdb").files[].name] | length == 2)
	and all(.feeds[]; .fetched)' out >/dev/null
result $? "the same as JSON"
fetched=$(jq -r '.feeds[0].fetched' out)
runs "built again" db build
runs "status of that" db status -f json
[ "$(jq -r '.feeds[0].fetched' out)" = "$fetched" ]
result $? "it still knows when the feeds were fetched"

# -------- what breaks
mv www/kev.json www/epss.csv.gz .
feeds 2
rm www/kev.json
echo '{"this": "is' >www/tracker.json
runs "one feed gone, one broken" "${update[@]}"
says "are named" "2 failed" "kev: .*404" "debian-tracker: .*no format"
judged broken.json
jq -e '.[1] | length == 1 and .[0].id == "CVE-2024-0001"' broken.json >out
result $? "what they said before still counts"
runs "status" db status
says "named there too" "failed: kev .*404" "failed: debian-tracker .*no format"
jq -e . <<<"$("$yagura" scan -q --fail-on none -f json oci:img)" >out
result $? "a scan works all the same"
mv kev.json www
feeds 2
conf "feed more $url/nothing.json"
runs "a feed that never was there" "${update[@]}"
runs "status" db status
says "is named" "failed: more/nothing.json .*404.*nothing of it is in the database"
conf
runs "taken out of the configuration" "${update[@]}"
runs "status" db status
[ "$(grep -c failed out)" = 0 ]
result $? "it is named no more"
judged two.json
jq -e '.[1] | length == 2' two.json >out
result $? "the new data count"

head -c 400000 /dev/urandom | base64 >noise
python3 - <<'END'
import zipfile
with zipfile.ZipFile("www/all.zip", "a") as z:
    z.writestr(zipfile.ZipInfo("README.md"), open("noise").read())
END
echo 50000 >www/limit
: >www/log
runs "a transfer that breaks off" "${update[@]}"
says "is named" "osv: "
judged broken.json
same "the data before it stay" two.json broken.json
rm www/limit
: >www/log
runs "the next one" "${update[@]}"
says "has it" "feeds: 1 new, 5 unchanged, 0 failed"
grep -q "/all.zip bytes=" www/log && cmp www/all.zip data/feeds/osv/all.zip >out
result $? "asked for the rest, and has the whole"
echo 0.4 >www/pause
feeds 1
"$yagura" -q "${update[@]}" >out1 2>err1 &
first=$!
sleep 0.2
fails "two updates at once" "another update is running" "${update[@]}"
fails "a build beside an update" "another update is running" db build
runs "the second waits" "${update[@]}" --wait
wait $first
result $? "the first ends well"
rm www/pause
kill $server
wait $server 2>/dev/null
server=
ends 3 "the server is away" "${update[@]}"
says "all are named" "feeds: 0 new, 0 unchanged, 6 failed" "127.0.0.1" "no feed could be fetched: the data are as they were"
judged away.json
same "and the data are there" one.json away.json

# -------- out and in
runs "export" db export copy.db
before=$YAGURA_DATA
export YAGURA_DATA=$tmp/elsewhere
runs "import elsewhere" db import "$tmp/copy.db"
judged import.json
same "the same report" one.json import.json
scan a.json
damage() { # NAME PATTERN PYTHON: what is done to the bytes d
	python3 -c "
d = bytearray(open('copy.db', 'rb').read())
$3
open('bad.db', 'wb').write(d)"
	fails "import: $1" "$2" db import bad.db
	scan b.json
	same "... and the old one stays" a.json b.json
}
damage "cut in half" "bad.db" "d = d[:len(d) // 2]"
damage "cut by one byte" "bad.db" "d = d[:-1]"
damage "one byte changed" "bad.db" "d[len(d) // 2] ^= 1"
damage "nothing" "bad.db" "d = b''"
damage "something else" "bad.db" "d = b'x' * 100000"
damage "another format" "bad.db" "d[8] ^= 0x40"
fails "import: not there" "none.db" db import none.db
fails "import: a directory" "www" db import www
runs "verify" db verify
python3 -c "
d = bytearray(open('copy.db', 'rb').read())
d[len(d) * 2 // 3] ^= 1
open('$YAGURA_DATA/vuln.db', 'wb').write(d)"
fails "verify: one byte flipped" "seal" db verify
head -c 100 copy.db >"$YAGURA_DATA/vuln.db"
fails "a database without its end" "vuln.db" db status
fails "... for a scan" "vuln.db" scan oci:img
runs "import repairs it" db import copy.db
export YAGURA_DATA=$before

# -------- build from directories
mkdir empty garbage
head -c 100000 /dev/urandom >garbage/noise
echo '{"a": 1}' >garbage/other.json
fails "build from an empty directory" "no feed" db build --from empty
fails "build from none" "nowhere" db build --from nowhere
fails "build from garbage" "no feed" db build --from garbage
echo '{"apkurl": "", "archs": [], "reponame": "main", "urlprefix": "x", "packages": [{' >garbage/main.json
fails "build from broken feeds" "none of 1 feed" db build --from garbage
judged after.json
same "the old database stays" one.json after.json

# -------- at any moment
python3 "$here/file-server.py" www >port2 2>/dev/null &
server=$!
for _ in $(seq 200); do [ -s port2 ] && break; sleep 0.05; done
url=http://127.0.0.1:$(cat port2)
conf
feeds 2
"$yagura" -q "${update[@]}" && judged two.json
feeds 1
"$yagura" -q "${update[@]}" && judged one.json
(for i in 2 1 2 1 2 1; do feeds $i; "$yagura" -q "${update[@]}" || exit 1; done) >out1 2>&1 &
updates=$!
bad=0 scans=0
while kill -0 $updates 2>/dev/null; do
	judged now.json || bad=$((bad + 1))
	cmp -s now.json one.json || cmp -s now.json two.json || bad=$((bad + 1))
	scans=$((scans + 1))
done
wait $updates && [ $bad = 0 ] && [ $scans -gt 5 ]
result $? "scans while the database changes: the old one or the new one"

bad=0
for i in $(seq 51); do
	export YAGURA_CACHE=$tmp/cache$((i % 3))
	case $((i % 3)) in
	0) feeds $((i % 2 + 1)); job=("${update[@]}") ;;
	1) job=(db build) ;;
	2) job=(scan --fail-on none oci:img); rm -rf "$YAGURA_CACHE" ;;
	esac
	"$yagura" -q "${job[@]}" >out1 2>&1 &
	pid=$!
	sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	"$yagura" db verify >out 2>err || bad=$((bad + 1))
	judged now.json || bad=$((bad + 1))
	cmp -s now.json one.json || cmp -s now.json two.json || bad=$((bad + 1))
done 2>/dev/null
[ $bad = 0 ]
result $? "51 times killed: a database is there, and the old one or the new one"
feeds 1
runs "the next update" "${update[@]}" --wait
judged now.json
same "is right" one.json now.json
find data cache* -name '*.tmp-*' -o -name '*.part' -o -path '*/tmp/*' >out
[ ! -s out ]
result $? "and nothing is left of the killed"
echo "1..$n"
