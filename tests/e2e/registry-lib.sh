# What image.sh and scan-registry.sh share: checks, servers, and Debian's registry with its certificates and logins. To be read by
# a shell that has set $command (an array: what to run before options and target). Makes a directory $tmp with a home in it.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for need in python3 openssl jq; do
	command -v $need >/dev/null || { echo "1..0 # SKIP $need is not here"; exit 0; }
done
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY REGISTRY_AUTH_FILE DOCKER_HOST DOCKER_CONFIG
unset CONTAINER_HOST XDG_CONFIG_HOME
tmp=$(mktemp -d)
export HOME=$tmp/home XDG_RUNTIME_DIR=$tmp/run
mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
pids=()
finish() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT
n=0

result() { # STATUS NAME
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" && return
	echo "not ok $n - $2"
	sed 's/^/# /' "$tmp/out" "$tmp/err"
}

# opens NAME JQ-FILTER OPTIONS... TARGET: must work, and the filter must say true of the answer
opens() {
	local name=$1 filter=$2
	shift 2
	timeout "${seconds:-60}" "${command[@]}" "$@" >"$tmp/out" 2>"$tmp/err" && jq -e "$filter" "$tmp/out" >/dev/null
	result $? "$name"
}

# fails NAME PATTERN OPTIONS... TARGET: must end with status 3 and one line that has the pattern in it
fails() {
	local name=$1 pattern=$2
	shift 2
	timeout "${seconds:-60}" "${command[@]}" "$@" >"$tmp/out" 2>"$tmp/err"
	[ $? = 3 ] && [ "$(wc -l <"$tmp/err")" = 1 ] && grep -q -- "$pattern" "$tmp/err"
	result $? "$name"
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# serve WHAT ARGUMENTS...: starts a server of image-server.py; $port is where
serve() {
	rm -f "$tmp/port"
	python3 "$here/image-server.py" "$@" >"$tmp/port" 2>"$tmp/server.log" &
	pids+=($!)
	for _ in $(seq 200); do
		[ -s "$tmp/port" ] && break
		sleep 0.05
	done
	port=$(cat "$tmp/port")
}

# Debian's registry and what fills it are here; else one skipped test says so.
have_registry() {
	command -v docker-registry >/dev/null && command -v skopeo >/dev/null && command -v htpasswd >/dev/null && return
	n=$((n + 1))
	echo "ok $n - docker-registry # SKIP docker-registry, skopeo or htpasswd is not here"
	return 1
}

# registry NAME: starts docker-registry with what stdin adds to its configuration; $at is where
registry() {
	local port
	port=$(free_port)
	at=localhost:$port
	{
		printf 'version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: %s } }\n' "$tmp/$1"
		printf 'http:\n  addr: 127.0.0.1:%s\n' "$port"
		cat
	} >"$tmp/$1.yml"
	docker-registry serve "$tmp/$1.yml" >"$tmp/$1.log" 2>&1 &
	pids+=($!)
	for _ in $(seq 200); do
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
		sleep 0.05
	done
}

# push SKOPEO-OPTIONS...: the layout's images as a/NAME:1
push() {
	local name
	for name in one two multi; do
		skopeo copy -q --all "$@" "oci:layout:$name" "docker://$at/a/$name:1" >"$tmp/out" 2>"$tmp/err" || break
	done
	result $? "pushed"
}

# ca.pem, and site.pem for localhost by it; token.pem for a token server
make_certificates() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout site.key -out site.csr 2>/dev/null
	printf 'subjectAltName=DNS:localhost\n' >site.ext
	openssl x509 -req -in site.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile site.ext -out site.pem 2>/dev/null
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=token -keyout token.key -out token.pem 2>/dev/null
}
