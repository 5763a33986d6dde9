#!/bin/sh
# Runs the HTTP client against a server that misbehaves.      usage: http.sh CLIENT_TEST
set -eu
here=$(dirname "$0")
command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not here"; exit 0; }
tmp=$(mktemp -d)
python3 "$here/http-server.py" "$tmp/socket" >"$tmp/ports" &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$tmp"' EXIT
i=0
while ! [ -s "$tmp/ports" ]; do
	i=$((i + 1))
	[ $i -lt 200 ] || { echo "Bail out! the server did not start"; exit 1; }
	sleep 0.05
done
read -r port other <"$tmp/ports"
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY || true
YAGURA_TEST_URL=http://127.0.0.1:$port YAGURA_TEST_SOCKET=$tmp/socket "$1"
