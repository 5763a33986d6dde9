#!/bin/bash
# The update of feed files: conditional, resumed, failing, one at a time.      usage: update.sh PROGRAM
. "$(dirname "$0")/archive-lib.sh"
program=$1
needs python3

www=$tmp/www
mkdir "$www" "$tmp/data"
serve "$www"
data=$tmp/data
head -c 400000 /dev/urandom >"$www/big"
echo one >"$www/a.json"
echo two >"$www/b.json"
{
	echo "mirror off"
	echo "feed small $url/{a,b}.json"
	echo "feed big $url/big"
} >"$tmp/conf"
run() { "$program" "$data" "$tmp/conf" "$@"; }
echo "TAP version 13"

check "all new" "$(run 1000)" '^feeds/small/a.json new bytes=4 fetched=1970-01-01T00:16:40Z failed= ' '^feeds/small/b.json new' \
	'^feeds/big/big new bytes=400000'
check "byte for byte" "$(cmp "$www/big" "$data/feeds/big/big" && cat "$data/feeds/small/a.json" && echo same)" 'one' 'same'
check "unchanged" "$(run 2000)" 'a.json unchanged bytes=0 fetched=1970-01-01T00:16:40Z' 'big unchanged bytes=0'
echo three >"$www/a.json"
check "one changed" "$(run 3000)" 'a.json new bytes=6 fetched=1970-01-01T00:50:00Z' 'b.json unchanged'
rm "$www/b.json"
check "one failed" "$(run 4000)" 'b.json failed bytes=0 fetched=1970-01-01T00:16:40Z failed=1970-01-01T01:06:40Z .*status 404' \
	'a.json unchanged'
check "what was there stays" "$(cat "$data/feeds/small/b.json")" '^two$'
echo four >"$www/b.json"
check "and recovers" "$(run 5000)" 'b.json new bytes=5 fetched=1970-01-01T01:23:20Z failed= $'
rm "$data/feeds/small/a.json"
check "a file that was lost comes again" "$(run 6000)" 'a.json new bytes=6'

head -c 400000 /dev/urandom >"$www/big"
echo 50000 >"$www/limit"
check "a transfer that breaks off" "$(run 7000)" 'big failed bytes=200000 fetched=1970-01-01T00:16:40Z'
check "nothing half-written" "$(cmp "$www/big" "$data/feeds/big/big" >/dev/null || stat -c %s "$data/feeds/big/big")" '^400000$'
rm "$www/limit" "$www/log"
check "the rest is asked for" "$(run 8000; cat "$www/log")" 'big new bytes=200000 ' '/big bytes=200000- None'
check "and fits" "$(cmp "$www/big" "$data/feeds/big/big" && echo same)" same
echo 50000 >"$www/limit"
head -c 400000 /dev/urandom >"$www/big"
run 9000 >/dev/null
rm "$www/limit"
head -c 300000 /dev/urandom >"$www/big"
check "the rest of something else is not taken" "$(run 10000)" 'big new bytes=300000 '
check "but the new one is" "$(cmp "$www/big" "$data/feeds/big/big" && echo same)" same
check "no leftovers" "$(ls -A "$data/state" "$data/feeds"/*)" '!part' '!\.tmp-'

exec 9>"$data/update.lock"
flock 9
check "one at a time" "$(run 11000)" 'error -16 another update is running'
(sleep 0.5; exec 9>&-) &
exec 9>&-
check "or one after the other" "$(run 11000 wait)" 'a.json unchanged'

{
	echo "mirror off"
	echo "feed gone http://does-not-exist.invalid/{1,2,3,4,5,6}.json"
	echo "feed refused http://127.0.0.1:1/{1,2}.json"
	echo "feed small $url/{a,b}.json"
} >"$tmp/conf"
check "nobody there" "$(run 12000)" 'gone/1.json failed .*does-not-exist' 'gone/6.json failed .*does-not-exist' \
	'refused/2.json failed' 'a.json unchanged'
echo "bogus" >"$tmp/conf"
check "a bad configuration" "$(run 13000)" 'error -74 .*line 1: "bogus"'

echo "not a database" >"$tmp/x.db"
check "import of something else" "$("$program" "$data" import vuln.db "$tmp/x.db"; ls "$data")" '^-(74|95) .*x.db' '!vuln.db'
check "export of nothing" "$("$program" "$data" export vuln.db "$tmp/y.db"; ls "$tmp")" '^-2 ' '!y.db'
echo "1..$n"
