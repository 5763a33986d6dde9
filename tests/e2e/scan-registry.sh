#!/bin/bash
# `yagura scan` of images in registries and daemons: every way to log in, what is fetched and what is not, and registries
# that misbehave.      usage: scan-registry.sh YAGURA
yagura=$(realpath "$1")
command=("$yagura" scan -q -f json)
. "$(dirname "$0")/registry-lib.sh"
export YAGURA_CACHE=$tmp/cache YAGURA_DATA=$tmp/data
# Without a database a scan ends with 3; this one knows of no package.
"$yagura" -q db build --from "$YAGURA_SOURCE/tests/cases/tools/feeds"
python3 "$here/image-make.py" "$tmp" || { echo "Bail out! no test images"; exit 1; }
. "$tmp/digests"
cd "$tmp" || exit 1
hello='(.packages | length == 1 and .[0].name == "hello" and .[0].version == "2.10-3")'
one="($hello and .target.manifest == \"$AMD\" and (.target.layers | length) == 2)"
two='([.packages[].name] == ["hello", "left-pad"] or [.packages[].name] == ["left-pad", "hello"])'
arm="($hello and .target.manifest == \"$ARM\")"
blob_of() { # IMAGE LAYER: the digest of a layer in the layout
	local manifest
	manifest=$(jq -r ".manifests[] | select(.annotations[\"org.opencontainers.image.ref.name\"] == \"$1\").digest" layout/index.json)
	jq -r ".layers[$2].digest" "layout/blobs/sha256/${manifest#sha256:}"
}
base=$(blob_of one 0) top=$(blob_of one 1) other=$(blob_of two 1)
cold() { rm -rf "$YAGURA_CACHE"; }

# asked NAME FILE PATTERN COUNT...: how often the access log FILE has a line with the pattern; then the log is emptied
asked() {
	local name=$1 file=$2 ok=0
	shift 2
	cp "$file" out
	for ((; $# > 1; )); do
		[ "$(grep -c -- "$1" "$file")" = "$2" ] || { ok=1; echo "# not $2 times: $1"; }
		shift 2
	done
	: >"$file"
	result $ok "$name"
}

# -------- a hostile registry; the slow one first, beside all others
serve hostile "$tmp"
at=127.0.0.1:$port
slow_done=$tmp/slow
(
	tmp=$tmp/apart
	mkdir "$tmp"
	started=$SECONDS
	seconds=200 fails "a layer that trickles" "layer 1: $at: .*too slow" --no-cache "registry:$at/trickle:one"
	[ $((SECONDS - started)) -lt 150 ]
	result $? "... is given up in time"
) >"$slow_done" 2>&1 &
slow=$!

opens "a good registry" "$one" "registry:$at/good:one"
asked "each layer is fetched once" requests "good/blobs/$base" 1 "good/blobs/$top" 1
cp out cold.log
"${command[@]}" "registry:$at/good:one" >warm.json 2>err
cold
: >requests
"${command[@]}" "registry:$at/good:one" >cold.json 2>err
cmp cold.json warm.json >out 2>&1
result $? "cold and warm, the same bytes"
: >requests
opens "the same image again" "$one" "registry:$at/good:one"
asked "no layer is fetched again" requests "good/blobs/$base" 0 "good/blobs/$top" 0 "good/manifests/" 1
opens "an image with another top layer" "$two" "registry:$at/good:two"
asked "only that layer is fetched" requests "good/blobs/$base" 0 "good/blobs/$other" 1
opens "layers under another name, and as skopeo writes references" "$one" "docker://$at/other-name:one"
asked "are known by their digests" requests "other-name/blobs/$base" 0 "other-name/blobs/$top" 0
jq -S 'del(.target.name, .target.reference, .target.kind, .target.base_name)' warm.json >a.json
cold
"${command[@]}" oci:layout:one 2>err | jq -S 'del(.target.name, .target.reference, .target.kind, .target.base_name)' >b.json
diff a.json b.json >out
result $? "from a registry or from a directory, the same"

cold
: >requests
fails "no such image" "404: manifest unknown" "registry:$at/good:nothing"
fails "an endless manifest" "limit\|longer" "$at/endless-manifest:one"
fails "an endless config" "limit\|longer" "$at/endless-config:one"
fails "an endless layer" "layer [01]: .*longer" "$at/endless-blob:one"
fails "a manifest of a terabyte" "limit" "$at/huge-manifest:one"
fails "redirects in a circle" "redirects" "$at/redirect-loop:one"
fails "another manifest than was asked for" "another manifest" "$at/other-manifest@$AMD"
fails "another config" "the bytes are another's" "$at/other-config:one"
fails "other layers" "layer [01]: the manifest says" "$at/other-blob:one"
fails "a layer too short" "layer [01]: the blob is .* bytes long, not" "$at/short-blob:one"
fails "500, always" "one: layer [01]: the registry answered 500" "$at/fails:one"
[ ! -e "$YAGURA_CACHE/layers" ] || [ -z "$(find "$YAGURA_CACHE/layers" -type f)" ]
result $? "none of that came into the cache"
fails "Content-Length says more than comes" "layer [01]: $at: " "$at/long-claim:one"
: >requests
opens "503 twice, then well" "$one" --no-cache "$at/flaky:one"
: >requests
opens "a layer that breaks off" "$one" --no-cache "$at/breaks:one"
asked "is asked for its rest" requests "breaks/blobs/$top bytes=" 1 "breaks/blobs/$top" 2
opens "layers at another host" "$one" --no-cache --user u:p "$at/elsewhere:one"
grep -q sha256 elsewhere && ! grep -v ' nothing$' elsewhere >out
result $? "that host is not told the password"
: >requests
opens "a token that runs out between layers" "$one" --no-cache "$at/expires:one"
asked "is renewed" requests "/v2/token/x/one" 2
fails "a password is wanted" "no credential file has any" "$at/elsewhere:one"
fails "nobody there" "127.0.0.1" "127.0.0.1:$(free_port)/x:1"

# -------- a daemon
serve daemon "$tmp"
DOCKER_HOST=unix://$tmp/socket opens "docker's socket" "$hello and .target.kind == \"docker\"" docker:local/x:1
CONTAINER_HOST=unix://$tmp/socket opens "podman's socket" "$hello and .target.kind == \"podman\"" podman:local/x:1
DOCKER_HOST=unix://$tmp/socket fails "no such image at the daemon" "no such image" docker:other
DOCKER_HOST=unix://$tmp/nothing fails "no daemon" "nothing" docker:x

# -------- Debian's registry
registries() {
	local auth
	make_certificates
	registry plain </dev/null
	push --dest-tls-verify=false
	opens "docker-registry, no TLS" "$one" "registry:$at/a/one:1"
	opens "docker-registry, index" "$arm" --platform linux/arm64 "$at/a/multi:1"
	fails "docker-registry, no such tag" "404" "$at/a/one:2"
	fails "docker-registry, no such platform" "there is: linux/amd64" --platform linux/s390x "$at/a/multi:1"
	cold
	opens "docker-registry, cold" "$one" "$at/a/one:1"
	: >plain.log
	opens "docker-registry, warm" "$one" "$at/a/one:1"
	asked "docker-registry is not asked for a layer" plain.log "GET /v2/a/one/blobs/$base" 0 "GET /v2/a/one/blobs/$top" 0 \
		"GET /v2/a/one/manifests/1" 1
	opens "docker-registry, one layer changed" "$two" "$at/a/two:1"
	asked "docker-registry is asked for that one" plain.log "GET /v2/a/two/blobs/$base" 0 "GET /v2/a/two/blobs/$other" 1

	registry tls <<END
  tls: { certificate: $tmp/site.pem, key: $tmp/site.key }
END
	push --dest-tls-verify=false
	opens "TLS with the CA given" "$one" --no-cache --ca-file ca.pem "$at/a/one:1"
	opens "TLS, not verified" "$one" --no-cache --insecure "$at/a/one:1"
	fails "TLS with a CA nobody knows" "ertificate" "$at/a/one:1"
	CURL_CA_BUNDLE=ca.pem opens "TLS with the CA of the environment" "$one" --no-cache "$at/a/one:1"

	htpasswd -Bbn u p >htpasswd
	registry basic <<END
auth: { htpasswd: { realm: basic, path: $tmp/htpasswd } }
END
	push --dest-tls-verify=false --dest-creds u:p
	opens "basic login" "$one" --no-cache --user u:p "$at/a/one:1"
	auth=$(printf u:p | base64)
	echo "{\"auths\":{\"$at\":{\"auth\":\"$auth\"}}}" >auth.json
	opens "basic login from a file" "$one" --no-cache --authfile auth.json "$at/a/one:1"
	fails "basic login, none" "no credential file has any" "$at/a/one:1"
	fails "basic login, wrong" "refused the credentials" --user u:q "$at/a/one:1"

	serve token "$tmp"
	registry token <<END
auth: { token: { realm: "http://127.0.0.1:$port/token", service: test, issuer: test, rootcertbundle: $tmp/token.pem } }
END
	push --dest-tls-verify=false --dest-creds u:p
	opens "token login" "$one" --no-cache --user u:p "$at/a/one:1"
	opens "token login, index" "$arm" --no-cache --platform linux/arm64 --user u:p "$at/a/multi:1"
	fails "token login, none" "no credential file has any" "$at/a/one:1"
}
have_registry && registries

wait $slow
while read -r line; do
	case $line in
	ok*) n=$((n + 1)) && echo "ok $n ${line#ok * }" ;;
	not\ ok*) n=$((n + 1)) && echo "not ok $n ${line#not ok * }" ;;
	*) echo "$line" ;;
	esac
done <"$slow_done"
echo "1..$n"
